package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// bench runs one stage.
type bench struct {
	load    load
	stage   stage
	root    string // of the repository
	manager string // the operator's binary
	dir     string // for logs and data
	profile bool
	began   time.Time

	api      *controlplane.ControlPlane
	audit    *audit
	client   client.WithWatch
	mesos    *mesostest.Cluster
	probers  *probers // of the scenario found
	operator *operator
	result   *result
}

// Namespaces of the plain client's objects and of the operator's.
const (
	plainNamespace    = "plain"
	operatorNamespace = "operator"
)

func (b *bench) run(ctx context.Context) (_ *result, err error) {
	defer func() { err = errors.Join(err, b.stop()) }()
	b.result = &result{Scenario: b.stage.Scenario, Agents: b.stage.Agents, Tasks: b.stage.tasks(), Objects: b.stage.objects()}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return nil, err
	}
	for _, step := range b.steps() {
		b.say("%s", step.name)
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return b.result, b.sizeUp()
}

// step is one thing that a stage measures, or needs to be measured.
type step struct {
	name string
	do   func(context.Context) error
}

func (b *bench) steps() []step {
	if b.stage.Scenario == found {
		return []step{
			{"start the API server", b.startKubernetes},
			{"write objects by a plain client", b.plainKubernetes},
			{"start the operator", b.startOperator},
			{"apply to found", b.find},
			{"idle", b.idle},
			{"idle while probers report", b.probing},
		}
	}
	return []step{
		{"start the API server", b.startKubernetes},
		{"launch tasks by a plain client", b.plainMesos},
		{"write objects by a plain client", b.plainKubernetes},
		{"start the operator", b.startOperator},
		{"apply to Ready", b.apply},
		{"idle", b.idle},
		{"failures", b.failures},
	}
}

// sizeUp reads the peak of the operator's memory, last.
func (b *bench) sizeUp() error {
	used, err := b.operator.usage()
	if err != nil {
		return err
	}
	b.result.PeakMemory = used.peak
	b.result.MemoryPerAgent = float64(used.peak) / float64(b.stage.Agents)
	return nil
}

// newMesos starts the stage's Mesos cluster anew.
func (b *bench) newMesos() (*mesostest.Cluster, error) {
	config := mesostest.Config{
		Agents:             mesostest.Agents(b.stage.Agents),
		AllocationInterval: b.load.Mesos.AllocationInterval.Duration,
	}
	if b.stage.Scenario == found {
		b.probers = newProbers(b.stage.Agents)
		config.SimulateExecutor = b.probers.simulate
	}
	cluster := mesostest.New(config)
	return cluster, cluster.Start()
}

// stop ends what runs, in reverse order.
func (b *bench) stop() error {
	var errs []error
	if b.operator != nil {
		errs = append(errs, b.operator.process.Stop(10*time.Second))
	}
	if b.mesos != nil {
		b.mesos.Close()
	}
	if b.api != nil {
		errs = append(errs, b.api.Stop())
	}
	return errors.Join(errs...)
}

// say prints a line of progress.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s %6d agents %6.1fs  %s\n", b.stage.Scenario, b.stage.Agents, time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}
