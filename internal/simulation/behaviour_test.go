package simulation

import (
	"fmt"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// behaviour is how tasks do that do not do well, by the name of their service.
type behaviour map[string]mode

// mode is how a task does.
type mode int

const (
	well mode = iota
	failsAtOnce
	failsLater
	hangs // in TASK_STAGING
	neverHealthy
	slow // takes minutes to start
)

func (m mode) String() string {
	return [...]string{"well", "fails at once", "fails later", "hangs", "never healthy", "slow"}[m]
}

// script is what a task does. The cluster is locked.
func (w *world) script(info mesos.TaskInfo) mesostest.Play {
	w.mu.Lock()
	defer w.mu.Unlock()
	upTo := func(d time.Duration) time.Duration { return time.Duration(w.dice.Float64() * float64(d)) }
	play := mesostest.Healthy(info)
	play.DiesAfter = upTo(2 * time.Second)
	if w.dice.Float64() < 0.05 {
		play.DiesAfter = upTo(50 * time.Second)
	}
	play.Steps[0].After = 20*time.Millisecond + upTo(500*time.Millisecond)
	if w.dice.Float64() < 0.1 {
		play.Steps[0].After = upTo(20 * time.Second) // an image is fetched
	}
	if w.healed {
		return play
	}
	switch w.bad[info.Name] {
	case failsAtOnce:
		play.Steps = []mesostest.Step{{After: upTo(time.Second), State: mesos.TASK_FAILED, Message: "Container exited with status 1"}}
	case failsLater:
		play.Steps = append(play.Steps, mesostest.Step{After: upTo(2 * time.Minute), State: mesos.TASK_FAILED, Message: "Container exited with status 2"})
	case hangs:
		play.Steps = nil
	case neverHealthy:
		last := &play.Steps[len(play.Steps)-1]
		if last.Healthy != nil {
			no := false
			last.Healthy = &no
		}
	case slow:
		play.Steps[0].After = upTo(4 * time.Minute)
	}
	return play
}

// misbehave has a service do badly for a while, whenever it is started.
func misbehave(how mode) func(*world, dice) string {
	return func(w *world, d dice) string {
		service, lasts := pick(d, services()[:6]), d.between(10*time.Second, 5*time.Minute)
		set := func(m mode) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.bad == nil {
				w.bad = behaviour{}
			}
			w.bad[service] = m
		}
		set(how)
		w.later(lasts, func() { set(well) })
		return fmt.Sprintf("%s for %s", service, lasts.Round(time.Second))
	}
}
