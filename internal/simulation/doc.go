// Package simulation lives through many clusters in virtual time: the bridge, the
// planner and the controllers on a Mesos cluster and an API server in memory, with a
// user and with faults that a seed chooses. What came of it is judged by package
// checker. docs/simulation.md says how to use it.
package simulation
