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

// lastProbe is when a host was probed last: a time that always moves, and so stands
// in no status.
var lastProbe = prometheus.NewDesc("quobyte_host_last_probe_timestamp_seconds",
	"When the prober of a host reported last, in seconds since 1970.", []string{"cluster", "host"}, nil)

// probeTimes collects lastProbe when somebody asks.
type probeTimes struct{ fleet *Fleet }

// Describe implements prometheus.Collector.
func (c probeTimes) Describe(ch chan<- *prometheus.Desc) { ch <- lastProbe }

// Collect implements prometheus.Collector.
func (c probeTimes) Collect(ch chan<- prometheus.Metric) {
	for cluster, hosts := range c.fleet.LastProbes() {
		for host, at := range hosts {
			ch <- prometheus.MustNewConstMetric(lastProbe, prometheus.GaugeValue, float64(at.UnixMilli())/1000, cluster.String(), host)
		}
	}
}

// NewMetrics registers the metrics.
func NewMetrics(registerer prometheus.Registerer, fleet *Fleet) *Metrics {
	m := &Metrics{passes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "quobyte_cluster_pass_seconds",
		Help:    "Time that one pass over a QuobyteCluster took.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
	}, []string{"cluster"})}
	registerer.MustRegister(m.passes, probeTimes{fleet})
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
