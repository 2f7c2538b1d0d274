// The benchmark: how long the operator takes to bring a storage system up,
// beside what plain clients need for the same number of tasks and objects, in
// the same run and on the same servers; then what it costs while nothing
// happens, and how fast it replaces a task that has failed. Devices are declared,
// or else found by simulated probers. The load stands in load.yaml, what it is held against in bounds.yaml.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
)

type options struct {
	load, bounds string
	out          string
	manager      string
	scenario     string
	agents       string
	idle         time.Duration
	check        bool
	profile      bool
}

func main() {
	var o options
	flag.StringVar(&o.load, "load", "hack/bench/load.yaml", "File that describes the load.")
	flag.StringVar(&o.bounds, "bounds", "hack/bench/bounds.yaml", "File with the goals.")
	flag.StringVar(&o.out, "out", "bin/bench", "Folder for the results (results.json), logs and profiles. It is emptied first.")
	flag.StringVar(&o.manager, "manager", "bin/manager", "The operator's binary.")
	flag.StringVar(&o.scenario, "scenario", "", "Scenario of the load to run: declared or found. Empty: both.")
	flag.StringVar(&o.agents, "agents", "", "Stages of the load to run, by their numbers of agents, separated by commas. Empty: all.")
	flag.DurationVar(&o.idle, "idle", 0, "How long to watch the idle cluster. 0: as the load says.")
	flag.BoolVar(&o.check, "check", false, "Fail when a goal is missed.")
	flag.BoolVar(&o.profile, "profile", false, "Take profiles of the operator, CPU and heap, while it starts all, and while tasks fail or probers report.")
	flag.Parse()
	ctrl.SetLogger(logr.Discard()) // What fails comes back as an error.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	missed, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "the benchmark failed:", err)
		os.Exit(1)
	}
	if o.check && missed > 0 {
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (missed int, err error) {
	load, err := readLoad(o.load)
	if err != nil {
		return 0, err
	}
	if load.Stages, err = chosen(load.Stages, o.scenario, o.agents); err != nil {
		return 0, err
	}
	bounds, err := readBounds(o.bounds)
	if err != nil {
		return 0, err
	}
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		return 0, err
	}
	if err := os.RemoveAll(o.out); err != nil {
		return 0, err
	}
	for _, path := range []*string{&o.out, &o.manager} {
		if *path, err = filepath.Abs(*path); err != nil {
			return 0, err
		}
	}
	var results []*result
	for _, stage := range load.Stages {
		if o.idle > 0 {
			stage.Idle.Duration = o.idle
		}
		if err := load.check(stage); err != nil {
			return 0, fmt.Errorf("%s, %d agents: %w", stage.Scenario, stage.Agents, err)
		}
		b := &bench{load: load, stage: stage, root: root, manager: o.manager, profile: o.profile,
			dir: filepath.Join(o.out, stage.folder()), began: time.Now()}
		r, err := b.run(ctx)
		if err != nil {
			return 0, fmt.Errorf("%s, %d agents: %w", stage.Scenario, stage.Agents, err)
		}
		results = append(results, r)
		// After each stage, so that nothing is lost when a later one fails.
		if err := writeResults(filepath.Join(o.out, "results.json"), results); err != nil {
			return 0, err
		}
	}
	printTable(os.Stdout, results)
	for _, miss := range bounds.misses(results) {
		fmt.Println("missed:", miss)
		missed++
	}
	return missed, nil
}

// chosen picks stages by their scenario and their numbers of agents.
func chosen(stages []stage, scenario, agents string) ([]stage, error) {
	if scenario != "" && scenario != declared && scenario != found {
		return nil, fmt.Errorf("-scenario is %q, it must be %s or %s", scenario, declared, found)
	}
	stages = slices.DeleteFunc(slices.Clone(stages), func(s stage) bool { return scenario != "" && s.Scenario != scenario })
	if agents == "" {
		return stages, nil
	}
	var picked []stage
	for word := range strings.SplitSeq(agents, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("-agents: %w", err)
		}
		before := len(picked)
		for _, s := range stages {
			if s.Agents == n {
				picked = append(picked, s)
			}
		}
		if len(picked) == before {
			return nil, fmt.Errorf("-agents: the load has no stage of %d", n)
		}
	}
	return picked, nil
}

func writeResults(path string, results []*result) error {
	content, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}
