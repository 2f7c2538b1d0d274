package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// allServices is how many run in the demo.
const allServices = "13/13"

// tour goes through what an operator of storage is judged by.
func (d *demo) tour(ctx context.Context) error {
	err := d.steps(ctx, []step{
		{"A rolling update, paused halfway.", d.update},
		{"An update that goes wrong: there is no such image. It stops where it failed.", d.failAndPause},
		{"Another one, with onFailure Rollback: its data service crashes.", d.failAndRollBack},
		{"An agent is lost, and comes back.", d.loseAgent},
		{"A maintenance window in the schedule of Mesos.", d.maintain},
		{"The restart of one service, by an annotation.", d.restart},
		{"A host that gets nothing new.", d.cordon},
	})
	if err != nil {
		return err
	}
	fmt.Println()
	d.say("what the tour has set goes back to the defaults")
	if err := d.patch(ctx, `{"spec":{"update":{"timeout":null,"onFailure":null},"placement":{"unreachableTimeout":null}}}`); err != nil {
		return err
	}
	if err := d.follow(ctx, "all to be as asked", isReady); err != nil {
		return err
	}
	fmt.Println("\nThat was all.")
	return nil
}

// update shows that one instance after the other is replaced, and that a person can
// stop that and go on.
func (d *demo) update(ctx context.Context) error {
	if err := d.follow(ctx, "all to run well", isReady); err != nil {
		return err
	}
	if err := d.patch(ctx, `{"spec":{"version":"`+goodVersion+`"}}`); err != nil {
		return err
	}
	err := d.follow(ctx, "the registries to be updated", func(c *v1alpha1.QuobyteCluster) bool {
		return c.Status.Update != nil && c.Status.Update.Service == "metadata"
	})
	if err != nil {
		return err
	}
	if err := d.patch(ctx, `{"spec":{"update":{"paused":true}}}`); err != nil {
		return err
	}
	if err := d.follow(ctx, "the update to be paused", isPaused); err != nil {
		return err
	}
	if err := d.kubectlRun(ctx, "get", "quobyteclusters"); err != nil {
		return err
	}
	if err := d.patch(ctx, `{"spec":{"update":{"paused":false}}}`); err != nil {
		return err
	}
	if err := d.follow(ctx, "version "+goodVersion, isReady); err != nil {
		return err
	}
	return d.kubectlRun(ctx, "get", "quobyteclusters")
}

// failAndPause: a person looks at what Mesos said, and gives the version up.
func (d *demo) failAndPause(ctx context.Context) error {
	before := d.alive("")
	if err := d.patch(ctx, `{"spec":{"version":"`+missingVersion+`","update":{"timeout":"8s"}}}`); err != nil {
		return err
	}
	if err := d.follow(ctx, "the update to fail", updateIs(v1alpha1.UpdateFailed)); err != nil {
		return err
	}
	if err := d.showConditions(ctx); err != nil {
		return err
	}
	after, kept := d.alive(""), 0
	for id := range before {
		if after[id] {
			kept++
		}
	}
	if kept != len(before)-1 {
		return fmt.Errorf("of %d tasks %d run on: the update has not stopped at the first that failed", len(before), kept)
	}
	d.say("%d of %d tasks are those that ran before; back to %s", kept, len(before), goodVersion)
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
	elsewhere := ""
	err := d.follow(ctx, "another api service", func(c *v1alpha1.QuobyteCluster) bool {
		elsewhere = otherHost(c, host)
		return elsewhere != ""
	})
	if err != nil {
		return err
	}
	d.say("api runs on %s; what has devices on %s waits for it:", elsewhere, host)
	if err := d.showReasons(ctx); err != nil {
		return err
	}
	d.say("of the two api services one cannot be reached:")
	if err := d.showTasks(ctx, "api"); err != nil {
		return err
	}
	d.say("the agent of %s is back", host)
	d.mesos.StartAgent(host)
	if err := d.follow(ctx, "all to be as before", d.isAlone("api")); err != nil {
		return err
	}
	if now := d.hostOf("api"); now != elsewhere {
		return fmt.Errorf("api was to go on on %s, and runs on %s", elsewhere, now)
	}
	d.say("the returned api service on %s was told to stop, that on %s goes on:", host, elsewhere)
	return d.showTasks(ctx, "api")
}

// otherHost is where the service api is ready and not on that host; empty: nowhere yet.
func otherHost(c *v1alpha1.QuobyteCluster, host string) string {
	ready := slices.ContainsFunc(c.Status.Services, func(s v1alpha1.ServiceStatus) bool { return s.Name == "api" && s.Ready > 0 })
	for _, task := range c.Status.Tasks {
		if ready && task.Service == "api" && task.Host != host && task.State == "RUNNING" {
			return task.Host
		}
	}
	return ""
}

// isAlone is isReady, and one instance of the service is left.
func (d *demo) isAlone(service string) func(*v1alpha1.QuobyteCluster) bool {
	return func(c *v1alpha1.QuobyteCluster) bool {
		n := 0
		for _, task := range c.Status.Tasks {
			if task.Service == service {
				n++
			}
		}
		return isReady(c) && n == 1 && len(d.alive(service)) == 1
	}
}

// showTasks prints where the instances of a service are that floats.
func (d *demo) showTasks(ctx context.Context, service string) error {
	return d.kubectlRun(ctx, "get", "quobyteclusters", d.cluster.GetName(),
		"-o", `jsonpath={range .status.tasks[?(@.service=="`+service+`")]}{.service} on {.host}: {.state} {.taskID}{"\n"}{end}`)
}

func (d *demo) showReasons(ctx context.Context) error {
	return d.kubectlRun(ctx, "get", "quobyteclusters", d.cluster.GetName(),
		"-o", `jsonpath={range .status.reasons[*]}{.service}{"\t"}{.message}{"\n"}{end}`)
}

// maintain drains a host before its window.
func (d *demo) maintain(ctx context.Context) error {
	const host = "node2"
	from := time.Now().Add(5 * time.Minute)
	d.say("those who run Mesos schedule an hour for %s, in five minutes: that is within spec.maintenance.leadTime (10m), so its services stop at once", host)
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

// restart has all instances of one service restarted, one after the other.
func (d *demo) restart(ctx context.Context) error {
	const service = "metadata"
	before := d.alive(service)
	at := time.Now().UTC().Format(time.RFC3339)
	if err := d.kubectlRun(ctx, "annotate", "--overwrite", "quobytecluster", d.cluster.GetName(),
		v1alpha1.AnnotationRestartedAt+"-"+service+"="+at); err != nil {
		return err
	}
	err := d.follow(ctx, "the restart of "+service, func(c *v1alpha1.QuobyteCluster) bool {
		after := d.alive(service)
		for id := range before {
			if after[id] {
				return false
			}
		}
		return isReady(c)
	})
	if err == nil {
		d.say("%d instances of %s were restarted, one after the other", len(before), service)
	}
	return err
}

// cordon keeps a host as it is.
func (d *demo) cordon(ctx context.Context) error {
	const host = "node1"
	if err := d.patch(ctx, `{"spec":{"placement":{"cordonedHosts":["`+host+`"]}}}`); err != nil {
		return err
	}
	err := d.follow(ctx, host+" to be cordoned", func(c *v1alpha1.QuobyteCluster) bool {
		return c.Status.ObservedGeneration == c.Generation && slices.ContainsFunc(c.Status.Reasons, func(r v1alpha1.Reason) bool {
			return slices.Contains(r.Hosts, host) && strings.Contains(r.Message, "cordoned")
		})
	})
	if err != nil {
		return err
	}
	if err := d.showReasons(ctx); err != nil {
		return err
	}
	if err := d.patch(ctx, `{"spec":{"placement":{"cordonedHosts":null}}}`); err != nil {
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

var isPaused = updateIs(v1alpha1.UpdatePaused)

func updateIs(state v1alpha1.UpdateState) func(*v1alpha1.QuobyteCluster) bool {
	return func(c *v1alpha1.QuobyteCluster) bool {
		return c.Status.ObservedGeneration == c.Generation && c.Status.Update != nil && c.Status.Update.State == state
	}
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

// hostOf is where a service runs that has one instance; empty: it does not.
func (d *demo) hostOf(service string) string {
	for _, task := range d.mesos.Tasks() {
		if task.Info.Name == service && task.Alive() {
			return task.Host
		}
	}
	return ""
}

// alive are the tasks of services that have not ended, by id; of all services when none
// is named. Probers are no services.
func (d *demo) alive(service string) map[string]bool {
	ids := map[string]bool{}
	for _, task := range d.mesos.Tasks() {
		if task.Alive() && task.Info.Name != v1alpha1.ServiceProber && (service == "" || task.Info.Name == service) {
			ids[task.ID] = true
		}
	}
	return ids
}
