package endtoend

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testapi"
	"github.com/quobyte/mesos-operator/internal/testapi/child"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// patience bounds what a test waits for. It is long because machines are busy;
// nothing waits that long when it works.
const patience = 90 * time.Second

// forbidden is what RBAC answers; a namespace that is being terminated says it in
// other words.
var forbidden = regexp.MustCompile(`is forbidden: User`)

var (
	shared testapi.Shared
	binary operatorBinary
)

func TestMain(m *testing.M) {
	defer binary.remove()
	shared.Main(m)
}

// operatorBinary is built once, when the first test needs it.
type operatorBinary struct {
	once sync.Once
	dir  string
	err  error
}

func (b *operatorBinary) path(t *testing.T) string {
	t.Helper()
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "operator-"); b.err != nil {
			return
		}
		args := []string{"build", "-o", filepath.Join(b.dir, "manager")}
		if raceEnabled {
			args = append(args, "-race")
		}
		if out, err := exec.Command("go", append(args, "github.com/quobyte/mesos-operator")...).CombinedOutput(); err != nil {
			b.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if b.err != nil {
		t.Fatalf("build the operator: %v", b.err)
	}
	return filepath.Join(b.dir, "manager")
}

func (b *operatorBinary) remove() { _ = os.RemoveAll(b.dir) }

// world is one namespace, one Mesos cluster and the operators of one test.
type world struct {
	t         *testing.T
	api       *testapi.API
	namespace string
	mesos     *mesostest.Cluster
	access    string // the operator's kubeconfig
	dir       string
	operators int
}

// newWorld starts a Mesos cluster and makes a namespace; no operator runs yet.
func newWorld(t *testing.T, config mesostest.Config) *world {
	t.Helper()
	return newWorldOn(t, shared.API(t), config)
}

func newWorldOn(t *testing.T, api *testapi.API, config mesostest.Config) *world {
	t.Helper()
	if config.AllocationInterval == 0 {
		config.AllocationInterval = 100 * time.Millisecond
	}
	w := &world{t: t, api: api, namespace: api.Namespace(t), mesos: mesostest.New(config), dir: t.TempDir()}
	w.access = w.grantRights()
	if err := w.mesos.Start(); err != nil {
		t.Fatalf("start Mesos: %v", err)
	}
	t.Cleanup(w.mesos.Close)
	return w
}

// startOperator runs the operator, for this test's namespace alone. Its log is
// shown when the test fails.
func (w *world) startOperator(flags ...string) *child.Process {
	w.t.Helper()
	w.operators++
	log := filepath.Join(w.dir, fmt.Sprintf("operator-%d.log", w.operators))
	operator, err := child.Start(child.Options{
		Name: "operator", Log: log, Path: binary.path(w.t),
		Args: append([]string{
			"--namespaces=" + w.namespace, "--lease-namespace=" + w.namespace,
			"--metrics-bind-address=0", "--health-probe-bind-address=0", "--artifacts-bind-address=0",
		}, flags...),
		Env: append(os.Environ(), "KUBECONFIG="+w.access, "GORACE=halt_on_error=1"),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := operator.Kill(); err != nil {
			w.t.Error(err)
		}
		content, _ := os.ReadFile(log)
		if strings.Contains(string(content), "DATA RACE") {
			w.t.Errorf("the operator has a data race:\n%s", content)
		} else if w.api == shared.API(w.t) && forbidden.Match(content) {
			// An API server that has just been restarted knows no roles yet.
			w.t.Errorf("the operator's RBAC is too narrow:\n%s", content)
		} else if w.t.Failed() {
			w.t.Logf("%s:\n%s", filepath.Base(log), tail(string(content), 20_000))
		}
	})
	return operator
}

// freeAddress is one on which nobody listens, a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

// startAlone runs an operator that needs no lease.
func (w *world) startAlone() *child.Process {
	w.t.Helper()
	return w.startOperator("--leader-elect=false")
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// smallest is the manifest of the README: all else has defaults, but that nothing
// has to be ready for half a minute before the next is stopped.
const smallest = `
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteCluster
metadata:
  name: quobyte
spec:
  version: "1.1.5"
  image: docker-registry.corp:5000/quobyte-server
  update:
    minReady: 0s
  mesos:
    master: %s
`

// applyCluster applies the smallest manifest, for this test's Mesos.
func (w *world) applyCluster() {
	w.t.Helper()
	w.api.Apply(w.t, w.namespace, fmt.Sprintf(smallest, w.mesos.URL()))
}

// device is a manifest of a QuobyteDevice.
func device(host, path string, types ...v1alpha1.DeviceType) string {
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = string(t)
	}
	return fmt.Sprintf(`
---
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata:
  name: %s-%s
spec:
  clusterRef: {name: quobyte}
  host: %s
  path: /mnt/%s
  types: [%s]
`, host, path, host, path, strings.Join(words, ", "))
}

// applyDevices declares a device of all three types on each of the first n
// hosts for the first three, and of DATA alone for the rest.
func (w *world) applyDevices(n int) {
	w.t.Helper()
	var manifest strings.Builder
	for i := 1; i <= n; i++ {
		host := fmt.Sprintf("node%d", i)
		types := []v1alpha1.DeviceType{v1alpha1.DeviceData}
		if i <= 3 {
			types = append(types, v1alpha1.DeviceRegistry, v1alpha1.DeviceMetadata)
		}
		manifest.WriteString(device(host, "disk1", types...))
	}
	w.api.Apply(w.t, w.namespace, manifest.String())
}

// services is how many instances n hosts with applyDevices ask for, api and
// webconsole included.
func services(n int) int { return n + 2*min(n, 3) + 2 }

// cluster reads the QuobyteCluster.
func (w *world) cluster() *v1alpha1.QuobyteCluster {
	w.t.Helper()
	cluster := &v1alpha1.QuobyteCluster{}
	if err := w.api.Client().Get(w.t.Context(), w.key("quobyte"), cluster); err != nil {
		w.t.Fatalf("get the cluster: %v", err)
	}
	return cluster
}

func (w *world) key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: w.namespace, Name: name}
}

// patch merges into the QuobyteCluster, as kubectl patch does.
func (w *world) patch(merge string) {
	w.t.Helper()
	w.api.Kubectl(w.t, "-n", w.namespace, "patch", "quobytecluster", "quobyte", "--type=merge", "-p", merge)
}

// await watches the QuobyteCluster until it is as the test wants it.
func (w *world) await(what string, is func(*v1alpha1.QuobyteCluster) bool) *v1alpha1.QuobyteCluster {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	var last *v1alpha1.QuobyteCluster
	for ctx.Err() == nil {
		found, seen := w.watchUntil(ctx, is)
		if found {
			return seen
		}
		if seen != nil {
			last = seen
		}
	}
	w.t.Fatalf("waited in vain for %s; the cluster is\n%s", what, describe(last))
	return nil
}

// watchUntil follows one watch, which the API server may end at any time.
func (w *world) watchUntil(ctx context.Context, is func(*v1alpha1.QuobyteCluster) bool) (bool, *v1alpha1.QuobyteCluster) {
	changes, err := w.api.Client().Watch(ctx, &v1alpha1.QuobyteClusterList{}, client.InNamespace(w.namespace))
	if err != nil {
		select { // The API server may be away on purpose.
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
		return false, nil
	}
	defer changes.Stop()
	var last *v1alpha1.QuobyteCluster
	for change := range changes.ResultChan() {
		cluster, ok := change.Object.(*v1alpha1.QuobyteCluster)
		if !ok || change.Type == watch.Deleted {
			continue
		}
		last = cluster
		if is(cluster) {
			return true, cluster
		}
	}
	return false, last
}

func describe(cluster *v1alpha1.QuobyteCluster) string {
	if cluster == nil {
		return "not there"
	}
	var b strings.Builder
	for _, c := range cluster.Status.Conditions {
		fmt.Fprintf(&b, "%s=%s %s (generation %d of %d): %s\n", c.Type, c.Status, c.Reason, c.ObservedGeneration, cluster.Generation, c.Message)
	}
	fmt.Fprintf(&b, "devices: %d\n", cluster.Status.Devices)
	for _, s := range cluster.Status.Services {
		fmt.Fprintf(&b, "%+v\n", s)
	}
	for _, r := range cluster.Status.Reasons {
		fmt.Fprintf(&b, "%+v\n", r)
	}
	return b.String()
}

// has says that a condition holds for the present generation.
func has(cluster *v1alpha1.QuobyteCluster, kind string, status metav1.ConditionStatus, reason string) bool {
	c := meta.FindStatusCondition(cluster.Status.Conditions, kind)
	return c != nil && c.Status == status && c.ObservedGeneration == cluster.Generation &&
		(reason == "" || c.Reason == reason)
}

func (w *world) awaitReady() *v1alpha1.QuobyteCluster {
	w.t.Helper()
	return w.await("Ready", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})
}

// awaitReadyOf waits until the cluster is Ready with that many devices. kubectl applies
// them one by one, and probers find them host by host: with those that came first it may
// be Ready before it has heard of the others.
func (w *world) awaitReadyOf(devices int) *v1alpha1.QuobyteCluster {
	w.t.Helper()
	return w.await(fmt.Sprintf("Ready with %d devices", devices), func(c *v1alpha1.QuobyteCluster) bool {
		return int(c.Status.Devices) == devices && has(c, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	})
}

// awaitMesos waits for something to be so in Mesos.
func (w *world) awaitMesos(what string, is func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if err := w.mesos.Wait(ctx, is); err != nil {
		w.t.Fatalf("waited in vain for %s: %v; tasks:\n%s", what, err, taskList(w.mesos.Tasks()))
	}
}

func taskList(tasks []mesostest.TaskRecord) string {
	var b strings.Builder
	for _, task := range tasks {
		fmt.Fprintf(&b, "%s on %s: %s\n", task.ID, task.Host, task.State)
	}
	return b.String()
}
