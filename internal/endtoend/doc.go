// Package endtoend tests the operator as a user runs it: its real binary as a
// process, a real API server, and a Mesos cluster in memory on the real wire.
package endtoend
