package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/simulation/checker"
)

// wishes are what the user wants, beside the disks.
type wishes struct {
	version int // 1.1.<version>
	floats  map[string]int
	stopped bool
	// rollsBack: updates that fail do, or did for a while.
	rollsBack bool
	// saved is the manifest of a cluster that was deleted; nil: it is there.
	saved *v1alpha1.QuobyteCluster
}

func services() []string {
	return []string{"registry", "metadata", "data", "s3", "api", "webconsole", "client"}
}

func version(n int) string { return fmt.Sprintf("1.1.%d", n) }

// manifest is that of the README, with an s3 service that may be started.
const manifest = `
metadata: {namespace: storage, name: quobyte}
spec:
  version: %s
  image: quobyte-server
  services:
    s3: {hostname: s3.example.com, instances: 0}
  mesos:
    master: %s,%s
`

// layDown applies the manifests, and mounts the disks.
func (w *world) layDown() {
	for i := range w.plan.layout {
		d := w.plan.layout[i]
		w.addDisk(&d)
	}
	w.wants.version, w.wants.floats = 5, map[string]int{"api": 1, "webconsole": 1, "s3": 0}
	manifest := fmt.Sprintf(manifest, version(w.wants.version), w.mesos.URL(), w.mesos.StandbyURL())
	if w.plan.reserved {
		manifest += "    reservation: Dynamic\n    role: quobyte\n    principal: keeper\n"
	}
	if w.plan.probed {
		manifest += fmt.Sprintf("  prober: {artifactURL: 'http://files.corp/quobyte-prober', interval: %s}\n", w.plan.interval)
	}
	c := &v1alpha1.QuobyteCluster{}
	w.must(w.shared.defaults.Read("QuobyteCluster", []byte(manifest), c))
	w.must(w.user.Create(context.Background(), c))
	w.act(checker.Act{Kind: checker.Created})
	for service, n := range w.wants.floats {
		w.act(checker.Act{Kind: checker.InstancesChanged, Service: service, Instances: n})
	}
}

func (w *world) must(err error) {
	if err != nil {
		panic(fmt.Sprintf("simulation: %v", err)) // A mistake of the simulation.
	}
}

func (w *world) updateVersion(d dice) string {
	next := w.wants.version + 1
	if d.chance(20) && w.wants.version > 5 {
		next = w.wants.version - 1
	}
	if !w.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.Version = version(next) }) {
		return ""
	}
	w.wants.version = next
	w.act(checker.Act{Kind: checker.SpecChanged, Services: services()})
	return version(next)
}

func (w *world) changeResources(d dice) string {
	service := pick(d, services()[:6])
	more := resource.MustParse(fmt.Sprintf("%dMi", 4096+64*d.IntN(16)))
	if service == "metadata" {
		more = resource.MustParse(fmt.Sprintf("%dMi", 8192+64*d.IntN(16)))
	}
	if !w.edit(func(c *v1alpha1.QuobyteCluster) {
		s := &c.Spec.Services
		for name, memory := range map[string]*resource.Quantity{
			"registry": &s.Registry.Resources.Memory, "metadata": &s.Metadata.Resources.Memory, "data": &s.Data.Resources.Memory,
			"s3": &s.S3.Resources.Memory, "api": &s.API.Resources.Memory, "webconsole": &s.Webconsole.Resources.Memory,
		} {
			if name == service {
				*memory = more
			}
		}
	}) {
		return ""
	}
	w.act(checker.Act{Kind: checker.SpecChanged, Services: []string{service}})
	return service + " takes " + more.String()
}

func (w *world) changeEnvironment(d dice) string {
	service := pick(d, services()[:6])
	env := []v1alpha1.EnvVar{{Name: "LOG_LEVEL", Value: fmt.Sprint(d.IntN(1000))}}
	if !w.edit(func(c *v1alpha1.QuobyteCluster) {
		s := &c.Spec.Services
		for name, have := range map[string]*[]v1alpha1.EnvVar{
			"registry": &s.Registry.Env, "metadata": &s.Metadata.Env, "data": &s.Data.Env,
			"s3": &s.S3.Env, "api": &s.API.Env, "webconsole": &s.Webconsole.Env,
		} {
			if name == service {
				*have = env
			}
		}
	}) {
		return ""
	}
	w.act(checker.Act{Kind: checker.SpecChanged, Services: []string{service}})
	return service + " with LOG_LEVEL " + env[0].Value
}

func (w *world) scale(d dice) string {
	service, n := pick(d, []string{"api", "webconsole", "s3"}), d.IntN(min(4, len(w.plan.hosts)))
	if !w.edit(func(c *v1alpha1.QuobyteCluster) {
		switch service {
		case "api":
			c.Spec.Services.API.Instances = int32(n)
		case "webconsole":
			c.Spec.Services.Webconsole.Instances = int32(n)
		default:
			c.Spec.Services.S3.Instances = int32(n)
		}
	}) {
		return ""
	}
	w.wants.floats[service] = n
	w.act(checker.Act{Kind: checker.InstancesChanged, Service: service, Instances: n})
	return fmt.Sprintf("%d of %s", n, service)
}

func (w *world) stop(dice) string {
	if w.wants.stopped || !w.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.State = v1alpha1.StateStopped }) {
		return ""
	}
	w.wants.stopped = true
	w.act(checker.Act{Kind: checker.Stopped})
	return "state Stopped"
}

func (w *world) start(dice) string {
	if !w.wants.stopped || !w.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.State = v1alpha1.StateRunning }) {
		return ""
	}
	w.wants.stopped = false
	w.act(checker.Act{Kind: checker.Started})
	return "state Running"
}

func (w *world) suspend(dice) string {
	c := w.cluster()
	if c == nil {
		return ""
	}
	is := !c.Spec.Suspend
	if !w.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.Suspend = is }) {
		return ""
	}
	w.act(checker.Act{Kind: map[bool]checker.Kind{true: checker.Suspended, false: checker.Resumed}[is]})
	return fmt.Sprint(is)
}

func (w *world) place(d dice) string {
	var hosts []string
	for _, h := range w.plan.hosts {
		if d.chance(70) {
			hosts = append(hosts, h)
		}
	}
	if !w.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.Placement.Hosts = hosts }) {
		return ""
	}
	w.act(checker.Act{Kind: checker.Placed, Hosts: hosts})
	return "on " + strings.Join(hosts, ",") + " alone"
}

// restart asks for a restart of all services, of one, or of those of a device's host.
func (w *world) restart(d dice) string {
	name, asked, now := v1alpha1.AnnotationRestartedAt, services(), time.Now().UTC().Format(time.RFC3339)
	annotate := func(o client.Object) {
		annotations := map[string]string{name: now}
		maps.Copy(annotations, o.GetAnnotations())
		annotations[name] = now
		o.SetAnnotations(annotations)
	}
	if d.chance(30) {
		one := pick(d, w.inService())
		if one == nil {
			return ""
		}
		o := w.object(one)
		if o == nil || o.DeletionTimestamp != nil {
			return ""
		}
		annotate(o)
		if w.user.Update(context.Background(), o) != nil {
			return ""
		}
		w.act(checker.Act{Kind: checker.RestartAsked, Services: asked, Host: one.host})
		return "of " + one.host
	}
	if d.chance(60) {
		asked = []string{pick(d, asked[:6])}
		name += "-" + asked[0]
	}
	if !w.edit(func(c *v1alpha1.QuobyteCluster) { annotate(c) }) {
		return ""
	}
	w.act(checker.Act{Kind: checker.RestartAsked, Services: asked})
	return "of " + strings.Join(asked, ",")
}

// setLimit changes how many instances of a service may be away.
func (w *world) setLimit(d dice) string {
	limit := pick(d, []string{"1", "2", "50%"})
	if !w.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.Update.MaxUnavailable = intstr.Parse(limit) }) {
		return ""
	}
	w.act(checker.Act{Kind: checker.LimitChanged, Limit: limit})
	return limit
}

func (w *world) setMinReady(d dice) string {
	least := d.between(0, 2*time.Minute).Truncate(time.Second)
	if !w.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.Update.MinReady.Duration = least }) {
		return ""
	}
	w.act(checker.Act{Kind: checker.MinReadyChanged, Least: least})
	return least.String()
}

func (w *world) pauseUpdates(d dice) string {
	is := d.chance(60)
	if !w.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.Update.Paused = is }) {
		return ""
	}
	return fmt.Sprint(is)
}

func (w *world) rollBack(dice) string {
	if !w.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.Update.OnFailure = v1alpha1.FailureRollback }) {
		return ""
	}
	w.wants.rollsBack = true
	w.act(checker.Act{Kind: checker.RollbackAllowed})
	return "on failure"
}

func (w *world) cordon(d dice) string {
	host := pick(d, w.plan.hosts)
	if !w.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.Placement.CordonedHosts = []string{host} }) {
		return ""
	}
	w.act(checker.Act{Kind: checker.Cordoned, Host: host})
	return host
}

func (w *world) deleteOrphan(dice) string { return w.delete(v1alpha1.DeletionOrphan) }

func (w *world) deleteTeardown(dice) string { return w.delete(v1alpha1.DeletionTeardown) }

// delete deletes the cluster.
func (w *world) delete(policy v1alpha1.DeletionPolicy) string {
	c := w.cluster()
	// Without a finalizer it would be gone before anybody has heard of it.
	if c == nil || c.DeletionTimestamp != nil || w.wants.saved != nil || len(c.Finalizers) == 0 || w.anyDeleting() {
		return ""
	}
	if c.Spec.DeletionPolicy != policy {
		c.Spec.DeletionPolicy = policy
		w.must(w.user.Update(context.Background(), c))
	}
	w.must(w.user.Delete(context.Background(), c))
	w.wants.saved = c
	w.act(checker.Act{Kind: checker.Deleted, Teardown: policy == v1alpha1.DeletionTeardown})
	return string(policy)
}

// anyDeleting says that a deleted device waits for its services to stop.
func (w *world) anyDeleting() bool {
	return slices.ContainsFunc(w.disks, func(d *disk) bool { return d.deleted && w.object(d) != nil })
}

// recreate applies the manifest of a cluster that has gone.
func (w *world) recreate(dice) string {
	if w.wants.saved == nil || w.cluster() != nil {
		return ""
	}
	c := &v1alpha1.QuobyteCluster{ObjectMeta: metav1.ObjectMeta{Namespace: clusterKey().Namespace, Name: clusterKey().Name}}
	c.Spec, c.Annotations = w.wants.saved.Spec, w.wants.saved.Annotations
	c.Spec.DeletionPolicy = v1alpha1.DeletionOrphan
	w.must(w.user.Create(context.Background(), c))
	w.wants.saved = nil
	w.act(checker.Act{Kind: checker.Created})
	return "again"
}

// configMap that keeps the framework id; empty: there is none.
func (w *world) keptFrameworkID() string {
	m := &corev1.ConfigMap{}
	if err := w.user.Get(context.Background(), client.ObjectKey{Namespace: clusterKey().Namespace, Name: clusterKey().Name + "-framework"}, m); err != nil {
		return ""
	}
	return m.Data["frameworkID"]
}
