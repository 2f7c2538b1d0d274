package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// allServices is how many run in the demo.
const allServices = "13/13"

// tour goes through what an operator of storage is judged by.
func (d *demo) tour(ctx context.Context) error {
	err := d.steps(ctx, []step{
		{"A rolling update.", d.update},
		{"An update that goes wrong: there is no such image. It stops where it failed.", d.failAndPause},
		{"Another one, with onFailure Rollback: its data service crashes.", d.failAndRollBack},
		{"An agent is lost, and comes back.", d.loseAgent},
		{"A maintenance window in the schedule of Mesos.", d.maintain},
	})
	if err == nil {
		fmt.Println("\nThat was all.")
	}
	return err
}

// update shows that one instance after the other is replaced.
func (d *demo) update(ctx context.Context) error {
	if err := d.follow(ctx, "all to run well", isReady); err != nil {
		return err
	}
	if err := d.patch(ctx, `{"spec":{"version":"`+goodVersion+`"}}`); err != nil {
		return err
	}
	if err := d.follow(ctx, "version "+goodVersion, isReady); err != nil {
		return err
	}
	return d.kubectlRun(ctx, "get", "quobyteclusters")
}

// failAndPause: a person looks at what Mesos said, and gives the version up.
func (d *demo) failAndPause(ctx context.Context) error {
	if err := d.patch(ctx, `{"spec":{"version":"`+missingVersion+`","update":{"timeout":"8s"}}}`); err != nil {
		return err
	}
	if err := d.follow(ctx, "the update to fail", updateIs(v1alpha1.UpdateFailed)); err != nil {
		return err
	}
	if err := d.showConditions(ctx); err != nil {
		return err
	}
	d.say("12 of 13 services were not touched; back to %s", goodVersion)
	if err := d.patch(ctx, `{"spec":{"version":"`+goodVersion+`"}}`); err != nil {
		return err
	}
	return d.follow(ctx, "version "+goodVersion, isReady)
}

// failAndRollBack: what was updated goes back by itself.
func (d *demo) failAndRollBack(ctx context.Context) error {
	if err := d.patch(ctx, `{"spec":{"version":"`+crashingVersion+`","update":{"onFailure":"Rollback"}}}`); err != nil {
		return err
	}
	if err := d.follow(ctx, "the rollback", updateIs(v1alpha1.UpdateRolledBack)); err != nil {
		return err
	}
	if err := d.showConditions(ctx); err != nil {
		return err
	}
	if err := d.patch(ctx, `{"spec":{"version":"`+goodVersion+`"}}`); err != nil {
		return err
	}
	return d.follow(ctx, "what the spec asks for", isReady)
}

// loseAgent: services with devices wait for theirs, others move.
func (d *demo) loseAgent(ctx context.Context) error {
	host := d.hostOf("api")
	if err := d.patch(ctx, `{"spec":{"placement":{"unreachableTimeout":"3s"}}}`); err != nil {
		return err
	}
	d.say("the agent of %s is stopped; api runs there", host)
	d.mesos.StopAgent(host)
	err := d.follow(ctx, "another api service", func(*v1alpha1.QuobyteCluster) bool {
		return slices.ContainsFunc(d.mesos.Tasks(), func(t mesostest.TaskRecord) bool {
			return t.Info.Name == "api" && t.Host != host && !t.Running.IsZero()
		})
	})
	if err != nil {
		return err
	}
	d.say("api runs on another host; what has devices on %s waits for it:", host)
	if err := d.kubectlRun(ctx, "get", "quobyteclusters", d.cluster.GetName(),
		"-o", `jsonpath={range .status.reasons[*]}{.service}: {.message}{"\n"}{end}`); err != nil {
		return err
	}
	d.say("the agent is back; of the two api services the returned one is told to stop")
	d.mesos.StartAgent(host)
	return d.follow(ctx, "all to be as before", isReady)
}

// maintain drains a host before its window.
func (d *demo) maintain(ctx context.Context) error {
	const host = "node2"
	from := time.Now().Add(5 * time.Minute)
	d.say("those who run Mesos schedule an hour for %s, in five minutes", host)
	if err := d.schedule(ctx, from, host); err != nil {
		return err
	}
	err := d.follow(ctx, host+" to be drained", func(c *v1alpha1.QuobyteCluster) bool {
		return slices.ContainsFunc(c.Status.Maintenance, func(m v1alpha1.MaintenanceStatus) bool {
			return m.Host == host && m.State == v1alpha1.MaintenanceDrained
		})
	})
	if err != nil {
		return err
	}
	if err := d.kubectlRun(ctx, "get", "quobyteclusters", d.cluster.GetName(),
		"-o", `jsonpath={range .status.maintenance[*]}{.host}: {.state}, from {.start}{"\n"}{end}`); err != nil {
		return err
	}
	if err := d.showMaintenance(ctx, host); err != nil {
		return err
	}
	d.say("the work is done, and the window taken from the schedule: the services return")
	if err := d.schedule(ctx, from); err != nil {
		return err
	}
	return d.follow(ctx, "all to be as before", isReady)
}

// patch changes the cluster, as a person would.
func (d *demo) patch(ctx context.Context, merge string) error {
	return d.kubectlRun(ctx, "patch", "quobytecluster", d.cluster.GetName(), "--type", "merge", "-p", merge)
}

// isReady says that all is as asked, and has been for long enough to be led back to.
func isReady(c *v1alpha1.QuobyteCluster) bool {
	_, ready := readiness(c)
	s := &c.Status
	return ready && s.Summary.Services == allServices && s.Update == nil && s.Good != nil && s.Good.Revision == s.Revision
}

func updateIs(state v1alpha1.UpdateState) func(*v1alpha1.QuobyteCluster) bool {
	return func(c *v1alpha1.QuobyteCluster) bool {
		return c.Status.ObservedGeneration == c.Generation && c.Status.Update != nil && c.Status.Update.State == state
	}
}

// follow prints how the update and the maintenance go on, until it is so.
func (d *demo) follow(ctx context.Context, what string, is func(*v1alpha1.QuobyteCluster) bool) error {
	last := ""
	return d.poll(ctx, what, func() (bool, string, error) {
		cluster := &v1alpha1.QuobyteCluster{}
		if err := d.client.Get(ctx, client.ObjectKeyFromObject(d.cluster), cluster); err != nil {
			return false, "", err
		}
		line := progress(cluster)
		if line != "" && line != last {
			d.say("%s", line)
			last = line
		}
		state, _ := readiness(cluster)
		return is(cluster), state, nil
	})
}

// progress in a line; empty: nothing is known yet.
func progress(cluster *v1alpha1.QuobyteCluster) string {
	s := &cluster.Status
	if s.ObservedGeneration != cluster.Generation {
		return ""
	}
	line := s.Summary.Services + " ready"
	if s.Summary.Update != "" {
		line += "; " + s.Summary.Update
	}
	for _, m := range s.Maintenance {
		line += fmt.Sprintf("; %s: %s", m.Host, strings.ToLower(string(m.State)))
	}
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady); c != nil {
		line = c.Reason + ": " + line
	}
	return line
}

// showConditions prints the conditions that are not as they should be.
func (d *demo) showConditions(ctx context.Context) error {
	if err := d.kubectlRun(ctx, "get", "quobyteclusters"); err != nil {
		return err
	}
	cluster := &v1alpha1.QuobyteCluster{}
	if err := d.client.Get(ctx, client.ObjectKeyFromObject(d.cluster), cluster); err != nil {
		return err
	}
	fmt.Println()
	for _, c := range cluster.Status.Conditions {
		if good := c.Type == v1alpha1.ConditionConnected || c.Type == v1alpha1.ConditionProbing; !good && c.Type != v1alpha1.ConditionReady && c.Status == metav1.ConditionTrue {
			fmt.Printf("       %s, %s: %s\n", c.Type, c.Reason, c.Message)
		}
	}
	return nil
}

// hostOf is where a service runs that has one instance.
func (d *demo) hostOf(service string) string {
	for _, task := range d.mesos.Tasks() {
		if task.Info.Name == service {
			return task.Host
		}
	}
	return ""
}
