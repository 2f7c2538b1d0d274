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
	Agents         int              `json:"agents"`
	Ratio          *float64         `json:"ratio,omitempty"`
	IdleWrites     *float64         `json:"idleWrites,omitempty"`
	IdleCPU        *float64         `json:"idleCPU,omitempty"`
	RelaunchP99    *metav1.Duration `json:"relaunchP99,omitempty"`
	MemoryPerAgent *float64         `json:"memoryPerAgent,omitempty"`
}

func readBounds(path string) (bounds, error) {
	var b bounds
	return b, readYAML(path, &b)
}

// misses says what is beyond its bound.
func (b bounds) misses(results []*result) (misses []string) {
	for _, r := range results {
		for _, bound := range b {
			if bound.Agents == r.Agents {
				misses = append(misses, bound.misses(r)...)
			}
		}
	}
	return misses
}

func (b bound) misses(r *result) (misses []string) {
	held := func(what string, is float64, most *float64) {
		if most != nil && is > *most {
			misses = append(misses, fmt.Sprintf("%d agents: %s is %.4g, the goal is at most %.4g", r.Agents, what, is, *most))
		}
	}
	held("the ratio of the time to Ready", r.Ratio, b.Ratio)
	held("idle writes", float64(r.Idle.Writes), b.IdleWrites)
	held("idle CPU in cores", r.Idle.CPU, b.IdleCPU)
	held("memory per agent in bytes", r.MemoryPerAgent, b.MemoryPerAgent)
	if b.RelaunchP99 != nil {
		most := float64(b.RelaunchP99.Duration) / float64(time.Millisecond)
		held("p99 from failure to launch in ms", r.Relaunch.P99, &most)
	}
	return misses
}
