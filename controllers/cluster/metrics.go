package cluster

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Metrics of the passes.
type Metrics struct {
	passes *prometheus.HistogramVec
}

// NewMetrics registers the metrics.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{passes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "quobyte_cluster_pass_seconds",
		Help:    "Time that one pass over a QuobyteCluster took.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
	}, []string{"cluster"})}
	registerer.MustRegister(m.passes)
	return m
}

func (m *Metrics) pass(cluster types.NamespacedName, took time.Duration) {
	if m != nil {
		m.passes.WithLabelValues(cluster.String()).Observe(took.Seconds())
	}
}

func (m *Metrics) forget(cluster types.NamespacedName) {
	if m != nil {
		m.passes.DeleteLabelValues(cluster.String())
	}
}
