package main

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// progress is how far the cluster is.
type progress struct {
	// stage is what it is at: the update's state and service, else the reason of Ready.
	stage string
	// reason of Ready, updated services of wanted ones, the update and the hosts in
	// maintenance, as the status has them.
	reason, updated, update, maintenance string
	// done are the services that are updated, and those of the one that is updated or
	// restarted at present.
	done [2]int
}

// follow prints a line whenever something advances, until it is so. That an instance is
// away for a moment is no news.
func (d *demo) follow(ctx context.Context, what string, is func(*v1alpha1.QuobyteCluster) bool) error {
	last := progress{}
	return d.poll(ctx, what, func() (bool, string, error) {
		cluster := &v1alpha1.QuobyteCluster{}
		if err := d.client.Get(ctx, client.ObjectKeyFromObject(d.cluster), cluster); err != nil {
			return false, "", err
		}
		done := is(cluster)
		now := progressOf(cluster)
		if notBegun := now.stage == v1alpha1.ReasonReady && !done; now.advances(&last) && !notBegun {
			d.say("%s", now.line())
			last = now
		}
		state, _ := readiness(cluster)
		return done, state, nil
	})
}

// progressOf is zero when nothing is known yet of what the spec asks for.
func progressOf(cluster *v1alpha1.QuobyteCluster) progress {
	s := &cluster.Status
	ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	if s.ObservedGeneration != cluster.Generation || ready == nil {
		return progress{}
	}
	p := progress{stage: ready.Reason, reason: ready.Reason, updated: s.Summary.Updated, update: s.Summary.Update}
	if u := s.Update; u != nil {
		p.stage = fmt.Sprintf("%s %s %s", u.State, u.To, u.Service)
		p.done[1] = int(u.Updated)
	}
	for _, service := range s.Services {
		// In a restart each instance counts as updated but for the moment when it is away.
		if s.Update == nil || s.Update.From != s.Update.To {
			p.done[0] += int(service.Updated)
		}
	}
	for _, m := range s.Maintenance {
		p.maintenance += fmt.Sprintf("; %s: %s", m.Host, strings.ToLower(string(m.State)))
	}
	return p
}

// advances says that there is news since the line that was printed last.
func (p *progress) advances(last *progress) bool {
	return p.stage != "" && (p.stage != last.stage || p.maintenance != last.maintenance || p.done[0] > last.done[0] || p.done[1] > last.done[1])
}

// line is what is printed.
func (p *progress) line() string {
	line := p.reason + ": " + p.updated + " updated"
	if p.update != "" {
		line += "; " + p.update
	}
	return line + p.maintenance
}
