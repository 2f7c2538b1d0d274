package main

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// bounds of all stages.
type bounds []bound

// bound is what the result of one stage is held against; nil: it is not.
type bound struct {
	Scenario       string           `json:"scenario"`
	Agents         int              `json:"agents"`
	Ratio          *float64         `json:"ratio,omitempty"`
	IdleWrites     *float64         `json:"idleWrites,omitempty"`
	IdleCPU        *float64         `json:"idleCPU,omitempty"`
	ProbingCPU     *float64         `json:"probingCPU,omitempty"`
	ProbingWrites  *float64         `json:"probingWrites,omitempty"`
	RelaunchP99    *metav1.Duration `json:"relaunchP99,omitempty"`
	MemoryPerAgent *float64         `json:"memoryPerAgent,omitempty"`
}

func readBounds(path string) (bounds, error) {
	var b bounds
	if err := readYAML(path, &b); err != nil {
		return nil, err
	}
	for i := range b {
		if b[i].Scenario != declared && b[i].Scenario != found {
			return nil, fmt.Errorf("%s: [%d].scenario is %q, it must be %s or %s", path, i, b[i].Scenario, declared, found)
		}
	}
	return b, nil
}

// misses says what is beyond its bound.
func (b bounds) misses(results []*result) (misses []string) {
	for _, r := range results {
		for _, bound := range b {
			if bound.Scenario == r.Scenario && bound.Agents == r.Agents {
				misses = append(misses, bound.misses(r)...)
			}
		}
	}
	return misses
}

func (b bound) misses(r *result) (misses []string) {
	held := func(what string, is float64, most *float64) {
		if most != nil && is > *most {
			misses = append(misses, fmt.Sprintf("%s, %d agents: %s is %.4g, the goal is at most %.4g", r.Scenario, r.Agents, what, is, *most))
		}
	}
	held("the ratio to the plain clients' time", r.Ratio, b.Ratio)
	held("idle writes", float64(r.Idle.Writes), b.IdleWrites)
	held("idle CPU in cores", r.Idle.CPU, b.IdleCPU)
	held("memory per agent in bytes", r.MemoryPerAgent, b.MemoryPerAgent)
	if p := r.Probing; p != nil {
		held("CPU in cores for reports of probers", p.CPUAboveIdle, b.ProbingCPU)
		held("writes while probers report that nothing changed", float64(p.Writes), b.ProbingWrites)
	}
	if b.RelaunchP99 != nil {
		most := float64(b.RelaunchP99.Duration) / float64(time.Millisecond)
		held("p99 from failure to launch in ms", r.Relaunch.P99, &most)
	}
	return misses
}
