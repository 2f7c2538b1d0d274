package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// printTable prints a column for each stage.
func printTable(w io.Writer, results []*result) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer t.Flush()
	row := func(name string, cell func(*result) string) {
		fmt.Fprintf(t, "%s\t", name)
		for _, r := range results {
			fmt.Fprintf(t, "%s\t", cell(r))
		}
		fmt.Fprintln(t)
	}
	number := func(name, format string, value func(*result) float64) {
		row(name, func(r *result) string { return fmt.Sprintf(format, value(r)) })
	}
	row("agents", func(r *result) string { return fmt.Sprint(r.Agents) })
	row("tasks", func(r *result) string { return fmt.Sprint(r.Tasks) })
	number("plain Mesos client, s", "%.2f", func(r *result) float64 { return r.PlainMesos })
	number("plain Kubernetes client, s", "%.2f", func(r *result) float64 { return r.PlainKubernetes })
	number("apply to Ready, s", "%.2f", func(r *result) float64 { return r.Ready })
	number("ratio", "%.2f", func(r *result) float64 { return r.Ratio })
	number("apply to the last device's status, s", "%.2f", func(r *result) float64 { return r.Settled })
	number("operator's CPU, s", "%.2f", func(r *result) float64 { return r.CPU })
	number("operator's peak memory, MiB", "%.0f", func(r *result) float64 { return float64(r.PeakMemory) / (1 << 20) })
	number("per agent, KiB", "%.1f", func(r *result) float64 { return r.MemoryPerAgent / 1024 })
	number("writes to the API server", "%.0f", func(r *result) float64 { return float64(sum(r.Writes)) })
	number("per device", "%.2f", func(r *result) float64 { return r.WritesPerObject })
	number("calls to Mesos per task", "%.2f", func(r *result) float64 { return r.CallsPerTask })
	number("idle for, s", "%.0f", func(r *result) float64 { return r.Idle.Seconds })
	number("idle writes but the lease", "%.0f", func(r *result) float64 { return float64(r.Idle.Writes) })
	number("idle CPU, % of a core", "%.2f", func(r *result) float64 { return r.Idle.CPU * 100 })
	number("failure to launch, p50, ms", "%.1f", func(r *result) float64 { return r.Relaunch.P50 })
	number("failure to launch, p99, ms", "%.1f", func(r *result) float64 { return r.Relaunch.P99 })
}
