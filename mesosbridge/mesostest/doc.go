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
// # Tasks
//
// A task does what Config.Script says, without any process. With Config.Processes
// its command is a real process in a sandbox, with kill policy and health checks,
// and executors of the frameworks' own are real processes, too, which call their
// agent's executor API. Both can be mixed: Processes.ScriptDocker scripts what wants
// Docker, and Config.SimulateExecutor answers for executors in bulk, without a
// process and without HTTP.
//
// # What is not here
//
// GROW_VOLUME, SHRINK_VOLUME, CREATE_DISK and DESTROY_DISK, which are refused,
// and shared volumes; LAUNCH_GROUP; images and isolation; START_MAINTENANCE and
// STOP_MAINTENANCE, quota, weights and the event stream of the operator API,
// which are answered 501; a third master and ZooKeeper. REQUEST is taken and
// comes to nothing, as in a real master.
package mesostest
