package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// printTable prints a table for each scenario, with a column for each stage.
func printTable(w io.Writer, results []*result) {
	for _, scenario := range []string{declared, found} {
		var of []*result
		for _, r := range results {
			if r.Scenario == scenario {
				of = append(of, r)
			}
		}
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(w, "devices %s\n", scenario)
		t := &table{tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight), of}
		if scenario == found {
			t.found()
		} else {
			t.declared()
		}
		_ = t.Flush() // as with all that is printed
	}
}

type table struct {
	*tabwriter.Writer
	results []*result
}

func (t *table) number(name, format string, value func(*result) float64) {
	fmt.Fprintf(t, "%s\t", name)
	for _, r := range t.results {
		fmt.Fprintf(t, format+"\t", value(r))
	}
	fmt.Fprintln(t)
}

func (t *table) declared() {
	t.number("agents", "%.0f", func(r *result) float64 { return float64(r.Agents) })
	t.number("tasks", "%.0f", func(r *result) float64 { return float64(r.Tasks) })
	t.number("plain Mesos client, s", "%.2f", func(r *result) float64 { return r.PlainMesos })
	t.number("plain Kubernetes client, s", "%.2f", func(r *result) float64 { return r.PlainKubernetes })
	t.number("apply to Ready, s", "%.2f", func(r *result) float64 { return r.Ready })
	t.number("ratio", "%.2f", func(r *result) float64 { return r.Ratio })
	t.number("apply to the last device's status, s", "%.2f", func(r *result) float64 { return r.Settled })
	t.costs()
	t.idle()
	t.number("failure to launch, p50, ms", "%.1f", func(r *result) float64 { return r.Relaunch.P50 })
	t.number("failure to launch, p99, ms", "%.1f", func(r *result) float64 { return r.Relaunch.P99 })
}

func (t *table) found() {
	t.number("agents", "%.0f", func(r *result) float64 { return float64(r.Agents) })
	t.number("devices", "%.0f", func(r *result) float64 { return float64(r.Objects) })
	t.number("tasks, probers among them", "%.0f", func(r *result) float64 { return float64(r.Tasks) })
	t.number("plain Kubernetes client, s", "%.2f", func(r *result) float64 { return r.PlainKubernetes })
	t.number("apply to all listed, s", "%.2f", func(r *result) float64 { return r.Found.Listed })
	t.number("apply to all Online, s", "%.2f", func(r *result) float64 { return r.Found.Online })
	t.number("apply to Ready, s", "%.2f", func(r *result) float64 { return r.Ready })
	t.number("ratio", "%.2f", func(r *result) float64 { return r.Ratio })
	t.number("apply to the last device's status, s", "%.2f", func(r *result) float64 { return r.Settled })
	t.costs()
	t.idle()
	t.number("reports of probers a second", "%.1f", func(r *result) float64 { return r.Probing.PerSecond })
	t.number("writes but the lease meanwhile", "%.0f", func(r *result) float64 { return float64(r.Probing.Writes) })
	t.number("CPU above idle, % of a core", "%.2f", func(r *result) float64 { return r.Probing.CPUAboveIdle * 100 })
}

// costs of bringing it up.
func (t *table) costs() {
	t.number("operator's CPU, s", "%.2f", func(r *result) float64 { return r.CPU })
	t.number("operator's peak memory, MiB", "%.0f", func(r *result) float64 { return float64(r.PeakMemory) / (1 << 20) })
	t.number("per agent, KiB", "%.1f", func(r *result) float64 { return r.MemoryPerAgent / 1024 })
	t.number("writes to the API server", "%.0f", func(r *result) float64 { return float64(sum(r.Writes)) })
	t.number("per device", "%.2f", func(r *result) float64 { return r.WritesPerObject })
	t.number("calls to Mesos per task", "%.2f", func(r *result) float64 { return r.CallsPerTask })
}

func (t *table) idle() {
	t.number("idle for, s", "%.0f", func(r *result) float64 { return r.Idle.Seconds })
	t.number("idle writes but the lease", "%.0f", func(r *result) float64 { return float64(r.Idle.Writes) })
	t.number("idle CPU, % of a core", "%.2f", func(r *result) float64 { return r.Idle.CPU * 100 })
}
