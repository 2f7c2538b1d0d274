package mesosbridge

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of all bridges of a process, told apart by the label cluster.
type Metrics struct {
	events        *prometheus.CounterVec
	calls         *prometheus.CounterVec
	subscriptions *prometheus.CounterVec
	connected     *prometheus.GaugeVec
	offers        *prometheus.GaugeVec
	tasks         *prometheus.GaugeVec
}

// NewMetrics makes and registers the metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mesos_bridge_" + name, Help: help}, append([]string{"cluster"}, labels...))
		r.MustRegister(v)
		return v
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "mesos_bridge_" + name, Help: help}, append([]string{"cluster"}, labels...))
		r.MustRegister(v)
		return v
	}
	return &Metrics{
		events:        counter("events_total", "Events received from the Mesos master, by type.", "type"),
		calls:         counter("calls_total", "Calls sent to the Mesos master, by type and result (accepted, refused, unseen, unsent).", "type", "result"),
		subscriptions: counter("subscriptions_total", "Subscriptions that the Mesos master took; all but the first are reconnects."),
		connected:     gauge("connected", "1 while a subscription stands."),
		offers:        gauge("offers", "Offers held."),
		tasks:         gauge("tasks", "Tasks that have not ended, by state.", "state"),
	}
}

// clusterMetrics are those of one bridge. A nil one keeps none.
type clusterMetrics struct {
	*Metrics
	cluster string
	tasks   map[mesos.TaskState]int // as last set
}

func (m *Metrics) forCluster(name string) *clusterMetrics {
	if m == nil {
		return nil
	}
	return &clusterMetrics{Metrics: m, cluster: name, tasks: map[mesos.TaskState]int{}}
}

func (m *clusterMetrics) event(kind string) {
	if m != nil {
		m.events.WithLabelValues(m.cluster, kind).Inc()
	}
}

func (m *clusterMetrics) call(kind string, o outcome) {
	if m != nil {
		m.calls.WithLabelValues(m.cluster, kind, string(o)).Inc()
	}
}

func (m *clusterMetrics) subscribed() {
	if m != nil {
		m.subscriptions.WithLabelValues(m.cluster).Inc()
	}
}

// show sets the gauges; tasks are those of the state, whose lock is held.
func (m *clusterMetrics) show(connected bool, offers int, tasks map[mesos.TaskState]int) {
	if m == nil {
		return
	}
	on := 0.0
	if connected {
		on = 1
	}
	m.connected.WithLabelValues(m.cluster).Set(on)
	m.offers.WithLabelValues(m.cluster).Set(float64(offers))
	for state, n := range tasks {
		if had, ok := m.tasks[state]; !ok || had != n {
			m.tasks[state] = n
			m.Metrics.tasks.WithLabelValues(m.cluster, state.String()).Set(float64(n))
		}
	}
}

// hide takes the gauges away when nobody keeps them current any more.
func (m *clusterMetrics) hide() {
	if m == nil {
		return
	}
	of := prometheus.Labels{"cluster": m.cluster}
	m.connected.DeletePartialMatch(of)
	m.offers.DeletePartialMatch(of)
	m.Metrics.tasks.DeletePartialMatch(of)
	clear(m.tasks)
}
