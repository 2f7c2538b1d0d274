// Package mesostest is a Mesos cluster in memory for tests and the demo: a
// master, a standby master and agents. As net/http/httptest does for HTTP, it is
// a real server on the real wire: the v1 scheduler API over HTTP, with JSON and
// protobuf, RecordIO streams, stream ids and redirects, on loopback or through an
// in-memory transport. What happens behind it (agents, tasks, faults, time) is
// under the test's control.
//
//	c := mesostest.New(mesostest.Config{Agents: mesostest.Agents(3)})
//	if err := c.Start(); err != nil { ... }   // or c.StartInMemory()
//	defer c.Close()
//	... connect to c.URL(), with c.Transport() when started in memory ...
//	c.StopAgent("node2")
//	err := c.Wait(ctx, func() bool { return len(c.Running("node1")) == 5 })
//
// It answers as a real master of version 1.12 does. The recordings of one in
// testdata/recordings are the measure, and a conformance test plays them; where
// they are silent the Mesos documentation and source count, which the comments
// name. Files that are named without more are in src/ of the Mesos source.
//
// # Time
//
// All time is read from Config.Clock, so that a fake clock or the bubble of
// testing/synctest decides when retries, time-outs and scripts happen. One
// goroutine waits for the next of all deadlines; there is none per agent or task.
//
// # What is not here
//
// GROW_VOLUME, SHRINK_VOLUME, CREATE_DISK, DESTROY_DISK (they are refused) and
// shared volumes, LAUNCH_GROUP, executors of the framework's own and MESSAGE to them, inverse
// offers, maintenance, quota and the operator API. Calls and operations for them
// get what a real master answers when it does not know the executor, operation
// or inverse offer that a call names: 202, and nothing comes of it.
package mesostest
