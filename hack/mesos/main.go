// Command mesos serves a Mesos cluster in memory for any framework on a laptop:
//
//	go run ./hack/mesos -listen 127.0.0.1:5050 -agents 2 -run-processes
//
// Faults are made on request: POST /admin/agents/node1/stop, /start and /replace,
// and POST /admin/master/restart. docs/mesostest.md says more.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// options are what the flags say.
type options struct {
	listen      string
	agents      int
	ports       string
	interval    time.Duration
	processes   bool
	dir         string
	credentials string
}

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		os.Exit(2) // the flag package has said why
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mesos:", err)
		os.Exit(1)
	}
}

func parse(args []string, output io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("mesos", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:5050", "address of the master")
	flags.IntVar(&o.agents, "agents", 2, "number of agents: node1, node2 and so on")
	flags.StringVar(&o.ports, "ports", "default", "ports that an agent offers: default (8888-8889 and 21000-22999), "+
		"or recorded (node1 has 21000-21999, node2 22000-22999)")
	flags.DurationVar(&o.interval, "allocation-interval", 500*time.Millisecond, "time between rounds of offers")
	flags.BoolVar(&o.processes, "run-processes", false, "run commands and executors as real processes; otherwise tasks only pretend")
	flags.StringVar(&o.dir, "work-dir", "", "directory of sandboxes and volumes; one that goes at the end when empty")
	flags.StringVar(&o.credentials, "credentials", "", "file of the credentials that frameworks need: "+
		"Mesos' JSON, or lines of a principal and a secret")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return o, nil
}

// run serves the cluster until ctx ends.
func (o *options) run(ctx context.Context, output io.Writer) error {
	agents, err := o.describeAgents()
	if err != nil {
		return err
	}
	cfg := mesostest.Config{Agents: agents, AllocationInterval: o.interval, PingTimeout: 15 * time.Second}
	if o.credentials != "" {
		if cfg.Credentials, err = readCredentials(o.credentials); err != nil {
			return err
		}
	}
	if o.processes {
		cfg.Processes = &mesostest.Processes{Dir: o.dir}
	}
	faults := &admin{}
	cfg.Admin = faults.handler()
	cluster := mesostest.New(cfg)
	faults.cluster = cluster
	if err := cluster.StartAt(o.listen); err != nil {
		return err
	}
	defer cluster.Close()
	fmt.Fprintf(output, "The master is at %s, another that redirects to it at %s.\n", cluster.URL(), cluster.StandbyURL())
	fmt.Fprintf(output, "Agents: %d. Ctrl-C ends all.\n", len(agents))
	<-ctx.Done()
	return nil
}
