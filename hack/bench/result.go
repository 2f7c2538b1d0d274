package main

// result of one stage. Times are in seconds where nothing else is said.
type result struct {
	Scenario string `json:"scenario"`
	Agents   int    `json:"agents"`
	// Tasks are the device-bound services and the probers, Objects the devices.
	Tasks   int `json:"tasks"`
	Objects int `json:"objects"`
	// PlainMesos is the time in which a plain client launches the tasks (found: not
	// measured), and PlainKubernetes the one in which one creates the objects and writes the
	// status of each once.
	PlainMesos      float64 `json:"plainMesosSeconds"`
	PlainKubernetes float64 `json:"plainKubernetesSeconds"`
	// Ready is the time from apply to Ready, Settled the time until the status of
	// every device is written too.
	Ready   float64 `json:"readySeconds"`
	Settled float64 `json:"settledSeconds"`
	// Found is nil in the scenario declared.
	Found *foundResult `json:"found,omitempty"`
	// Ratio is Ready over the larger of the plain clients' times; found: the time
	// until all devices are Online and all services run, over PlainKubernetes.
	Ratio float64 `json:"ratio"`

	// Of the operator, from its start until all is settled.
	CPU            float64 `json:"cpuSeconds"`
	PeakMemory     int64   `json:"peakMemoryBytes"` // until the end of the stage
	MemoryPerAgent float64 `json:"memoryPerAgentBytes"`
	// Writes to the API server by the operator, by kind, its lease aside.
	Writes          map[string]int `json:"writes"`
	WritesPerObject float64        `json:"writesPerObject"`
	// Calls to Mesos by the operator, by type.
	Calls        map[string]int `json:"calls"`
	CallsPerTask float64        `json:"callsPerTask"`

	Idle idleResult `json:"idle"`
	// Probing is nil in the scenario declared.
	Probing  *probingResult `json:"probing,omitempty"`
	Relaunch relaunchResult `json:"relaunch"`
}

// foundResult are times from apply.
type foundResult struct {
	// Listed: all objects exist; Online: all are in that phase; All: and all services
	// run too.
	Listed float64 `json:"listedSeconds"`
	Online float64 `json:"onlineSeconds"`
	All    float64 `json:"allSeconds"`
}

// probingResult is what the operator did while probers reported what it knew.
type probingResult struct {
	idleResult
	// CPUAboveIdle is what CPU is more than that of the idle cluster, in cores.
	CPUAboveIdle float64 `json:"cpuAboveIdleCores"`
	Reports      int64   `json:"reports"`
	// PerSecond is how many of them came in a second.
	PerSecond float64 `json:"reportsPerSecond"`
}

// idleResult is what the operator did while nothing happened.
type idleResult struct {
	Seconds float64 `json:"seconds"`
	// Writes to the API server, the lease aside.
	Writes      int `json:"writes"`
	LeaseWrites int `json:"leaseWrites"`
	// CPU in cores.
	CPU float64 `json:"cpuCores"`
	// Calls to Mesos, by type.
	Calls map[string]int `json:"calls"`
}

// relaunchResult is the time from a task's failure to the launch of its
// successor, in milliseconds.
type relaunchResult struct {
	Failures int     `json:"failures"`
	P50      float64 `json:"p50Milliseconds"`
	P99      float64 `json:"p99Milliseconds"`
	Max      float64 `json:"maxMilliseconds"`
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// since returns what has been added to counts since before.
func since(before, now map[string]int) map[string]int {
	added := map[string]int{}
	for kind, n := range now {
		if n > before[kind] {
			added[kind] = n - before[kind]
		}
	}
	return added
}
