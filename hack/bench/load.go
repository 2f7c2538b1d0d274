package main

import (
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
	Clients int     `json:"clients"`
	Stages  []stage `json:"stages"`
}

// stage is one size of cluster.
type stage struct {
	// Agents each have one device of all three types, and so three services.
	Agents int `json:"agents"`
	// Idle is how long the cluster is watched while nothing happens.
	Idle metav1.Duration `json:"idle"`
	// Failures is how many tasks fail, one after the other.
	Failures int `json:"failures"`
}

// servicesEach is how many services a host with one device of all types has.
const servicesEach = 3

// tasks is how many tasks the agents run, floating services aside.
func (s stage) tasks() int { return s.Agents * servicesEach }

func readLoad(path string) (load, error) {
	var l load
	if err := readYAML(path, &l); err != nil {
		return l, err
	}
	if l.Clients < 1 || len(l.Stages) == 0 {
		return l, fmt.Errorf("%s: no clients or no stages", path)
	}
	return l, nil
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
