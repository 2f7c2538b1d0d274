package main

import (
	"cmp"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// load is what is measured.
type load struct {
	Mesos struct {
		AllocationInterval metav1.Duration `json:"allocationInterval"`
	} `json:"mesos"`
	// Clients is how many requests the plain clients have under way at once.
	Clients int `json:"clients"`
	// Probing is how often probers report in the scenario found.
	Probing struct {
		Interval metav1.Duration `json:"interval"`
		// Hosts that report once an interval. A smaller stage reports as often as so
		// many hosts would.
		Hosts int `json:"hosts"`
	} `json:"probing"`
	Stages []stage `json:"stages"`
}

// The scenarios.
const (
	// declared: a manifest for each device, which is all of an agent's types.
	declared = "declared"
	// found: nothing is declared, and probers report what is mounted.
	found = "found"
)

// stage is one size of cluster.
type stage struct {
	// Scenario is declared or found; empty: declared.
	Scenario string `json:"scenario"`
	// Agents have, when declared, one device of all three types each, and so three
	// services; when found, what mounted says.
	Agents int `json:"agents"`
	// Idle is how long the cluster is watched while nothing happens; found: the same
	// time once more while probers report.
	Idle metav1.Duration `json:"idle"`
	// Failures is how many tasks fail, one after the other; found: none.
	Failures int `json:"failures"`
}

// servicesEach is how many services a host with one device of all types has.
const servicesEach = 3

// services is how many device-bound services the agents run.
func (s stage) services() int {
	if s.Scenario == found {
		return s.Agents + 2*coreHosts // metadata and registries
	}
	return s.Agents * servicesEach
}

// tasks are the services and the probers.
func (s stage) tasks() int {
	if s.Scenario == found {
		return s.services() + s.Agents
	}
	return s.services()
}

// objects is how many devices there are.
func (s stage) objects() int {
	if s.Scenario == found {
		return s.Agents * mountsEach
	}
	return s.Agents
}

// folder for the stage's logs and profiles.
func (s stage) folder() string {
	if s.Scenario == found {
		return fmt.Sprintf("%s-%d", s.Scenario, s.Agents)
	}
	return fmt.Sprint(s.Agents)
}

func readLoad(path string) (load, error) {
	var l load
	if err := readYAML(path, &l); err != nil {
		return l, err
	}
	if l.Clients < 1 || len(l.Stages) == 0 {
		return l, fmt.Errorf("%s: no clients or no stages", path)
	}
	for i := range l.Stages {
		l.Stages[i].Scenario = cmp.Or(l.Stages[i].Scenario, declared)
		if err := l.check(l.Stages[i]); err != nil {
			return l, fmt.Errorf("%s: stages[%d]: %w", path, i, err)
		}
	}
	return l, nil
}

// check says what is wrong with a stage.
func (l load) check(s stage) error {
	switch interval := l.Probing.Interval.Duration; {
	case s.Scenario == declared:
		return nil
	case s.Scenario != found:
		return fmt.Errorf("scenario is %q, it must be %s or %s", s.Scenario, declared, found)
	case s.Agents < coreHosts:
		return fmt.Errorf("agents is %d, the scenario %s needs at least %d", s.Agents, found, coreHosts)
	case l.Probing.Hosts < s.Agents:
		return fmt.Errorf("agents is %d, more than probing.hosts, %d", s.Agents, l.Probing.Hosts)
	case s.Idle.Duration+calmAfter > 2*interval:
		// Probers are silent meanwhile, and the operator restarts one that is for long.
		return fmt.Errorf("idle is %s, it must be under two times probing.interval, %s", s.Idle.Duration, interval)
	}
	return nil
}

func readYAML(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
