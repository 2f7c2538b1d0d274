package cluster

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// ledger keeps the tasks that may run and that no status lists: those that are being
// launched, which a process that ends now would forget, and those that only the status
// of a cluster listed that was deleted with policy Orphan. Of a task on an agent that is
// away Mesos tells nobody who does not ask for it by its id.
//
// It is the ConfigMap <cluster>-tasks, which has no owner: what runs outlives the object.
// It is written before a launch is sent, and goes when statuses list what was launched.
// Only the passes of its cluster use it, one at a time.
type ledger struct {
	key    types.NamespacedName // of the cluster
	reader client.Reader        // past the cache
	client client.Client
	// writer is what this process signs with.
	writer string

	// tasks are agent ids by task id; stored are those of them that a write has stored.
	tasks  map[string]string
	stored map[string]bool
	// version of what is stored; empty: nothing is.
	version string
	// unsure: what is stored is not known, as a write has failed.
	unsure bool
	// damaged is why what is stored is no ledger; nil: it is one.
	damaged error
	// unsent are tasks that were written down for launches that were not sent, as the
	// write took too long for what they rested on.
	unsent map[launchKey]unsentTask
	// noted is when a task came last, looked when statuses were last searched for them.
	noted, looked time.Time
}

// launchKey says which launches are one, if they are decided again.
type launchKey struct{ service, host, hash, agent string }

type unsentTask struct {
	id string
	at time.Time
}

const (
	// ledgerKey in the ConfigMap: lines of task id and agent id, compressed. Three tasks
	// on each of 10,000 hosts would not fit into a ConfigMap otherwise.
	ledgerKey = "tasks.gz"
	// ledgerMost is how many tasks it holds. With names of hosts that do not compress
	// they take 40 bytes each, of the MiB that a ConfigMap may have.
	ledgerMost = 20000
	// ledgerLooks is how often it is seen whether statuses list all of it, for ledgerRests
	// after the last launch; then ledgerRarely, when a pass comes by.
	ledgerLooks  = 3 * time.Second
	ledgerRests  = 2 * time.Minute
	ledgerRarely = time.Minute
	// unsentFor is how long a launch may take to be decided again.
	unsentFor = 30 * time.Second
	// writtenBy names the process that wrote the ConfigMap.
	writtenBy = "mesos.quobyte.com/written-by"
)

// errTaken: another process writes the ledger, or a person. Which process leads the lease
// says.
var errTaken = errors.New("somebody else has written it")

// openLedger reads what an earlier process has left.
func openLedger(ctx context.Context, reader client.Reader, writer client.Client, cluster types.NamespacedName, sign string) (*ledger, error) {
	l := &ledger{key: cluster, reader: reader, client: writer, writer: sign, tasks: map[string]string{}, stored: map[string]bool{}, unsent: map[launchKey]unsentTask{}}
	return l, l.load(ctx)
}

func (l *ledger) name() types.NamespacedName {
	return types.NamespacedName{Namespace: l.key.Namespace, Name: l.key.Name + "-tasks"}
}

func (l *ledger) get(ctx context.Context) (*corev1.ConfigMap, error) {
	stored := &corev1.ConfigMap{}
	if err := l.reader.Get(ctx, l.name(), stored); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read ConfigMap %s, which keeps the tasks that no status lists: %w", l.name().Name, err)
	}
	return stored, nil
}

// load adds what is stored to what is known. What is no ledger keeps nobody from looking
// after what runs: nothing is launched.
func (l *ledger) load(ctx context.Context) error {
	stored, err := l.get(ctx)
	if err != nil {
		return err
	}
	l.version, l.unsure, l.damaged = stored.ResourceVersion, false, nil
	if l.version == "" {
		return nil
	}
	tasks, err := decodeTasks(stored.BinaryData[ledgerKey])
	switch {
	case stored.Labels[labelCluster] != l.key.Name:
		err = fmt.Errorf("it lacks the label %s=%s", labelCluster, l.key.Name)
	case err == nil:
		maps.Copy(l.tasks, tasks)
		l.noteStored(tasks)
		return nil
	}
	l.damaged = fmt.Errorf("ConfigMap %s, which keeps the tasks that no status lists, is not as the operator wrote it (%w): nothing is launched until it is mended or deleted; "+
		"what it listed on agents that are away is not known", l.name().Name, err)
	return nil
}

// reread finds out what became of a write that failed.
func (l *ledger) reread(ctx context.Context) error {
	stored, err := l.get(ctx)
	switch {
	case err != nil:
		return err
	case stored.ResourceVersion != l.version && stored.ResourceVersion != "" && stored.Annotations[writtenBy] != l.writer:
		return fmt.Errorf("ConfigMap %s: %w", l.name().Name, errTaken)
	}
	l.version, l.unsure = stored.ResourceVersion, false
	return nil
}

// remembered are the tasks that somebody may have launched.
func (l *ledger) remembered() []mesosbridge.RememberedTask {
	tasks := make([]mesosbridge.RememberedTask, 0, len(l.tasks))
	for _, id := range slices.Sorted(maps.Keys(l.tasks)) {
		tasks = append(tasks, mesosbridge.RememberedTask{TaskID: id, AgentID: l.tasks[id]})
	}
	return tasks
}

// room is how many more tasks it takes.
func (l *ledger) room() int { return max(0, ledgerMost-len(l.tasks)) }

// note stores tasks, agent ids by task id. What it returns an error for is not stored, or
// perhaps.
func (l *ledger) note(ctx context.Context, tasks map[string]string, now time.Time) error {
	if len(tasks) == 0 {
		return nil
	}
	maps.Copy(l.tasks, tasks)
	l.noted = now
	return l.write(ctx)
}

// settled says that there is nothing to settle.
func (l *ledger) settled(now time.Time) bool {
	idle := len(l.tasks) == 0 && l.version == "" && !l.unsure && l.damaged == nil
	rarely := now.Sub(l.noted) >= ledgerRests && now.Sub(l.looked) < ledgerRarely
	return idle || rarely && l.damaged == nil || now.Sub(l.looked) < ledgerLooks
}

// settle drops what is to be kept no longer; the next launch will write it. When nothing
// is left the ConfigMap goes. It says when it is to be asked again; zero: when a pass comes
// by.
func (l *ledger) settle(ctx context.Context, over func(taskID string) bool, now time.Time) (again time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	l.looked = now
	switch {
	case l.damaged != nil:
		if err := l.load(ctx); err != nil {
			return 0, err
		}
		if l.damaged == nil && len(l.stored) > 0 {
			// The bridge was started without these tasks, and must ask Mesos for them first.
			return 0, fmt.Errorf("ConfigMap %s, which was damaged: %w", l.name().Name, errTaken)
		}
	case l.unsure:
		if err := l.reread(ctx); err != nil {
			return 0, err
		}
	}
	if l.damaged != nil {
		return 0, l.damaged
	}
	waiting := map[string]bool{}
	for key, t := range l.unsent {
		if now.Sub(t.at) >= unsentFor {
			delete(l.unsent, key)
			continue
		}
		waiting[t.id] = true
	}
	for id := range l.tasks {
		if !waiting[id] && over(id) {
			delete(l.tasks, id)
			delete(l.stored, id)
		}
	}
	// One launch is often followed by the next.
	since := now.Sub(l.noted)
	switch {
	case len(l.tasks) == 0 && l.version != "" && since >= ledgerLooks:
		return 0, l.write(ctx)
	case (len(l.tasks) > 0 || l.version != "") && since < ledgerRests:
		return ledgerLooks, nil
	}
	return 0, nil
}

func (l *ledger) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if l.unsure {
		if err := l.reread(ctx); err != nil {
			return err
		}
	}
	if l.damaged != nil {
		return l.damaged
	}
	if err := l.put(ctx); err != nil {
		l.unsure = true
		return fmt.Errorf("write ConfigMap %s, which keeps the tasks that no status lists: %w", l.name().Name, err)
	}
	return nil
}

// put makes what is stored what is known, unless somebody else has changed it.
func (l *ledger) put(ctx context.Context) error {
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: l.key.Namespace, Name: l.name().Name, ResourceVersion: l.version,
		Labels: map[string]string{labelCluster: l.key.Name}, Annotations: map[string]string{writtenBy: l.writer}}}
	if len(l.tasks) == 0 {
		if l.version == "" {
			return nil
		}
		err := l.client.Delete(ctx, object, client.Preconditions{ResourceVersion: &l.version})
		if client.IgnoreNotFound(err) == nil {
			l.version = ""
			return nil
		}
		return err
	}
	data, err := encodeTasks(l.tasks)
	if err != nil {
		return err
	}
	object.BinaryData = map[string][]byte{ledgerKey: data}
	if l.version == "" {
		err = l.client.Create(ctx, object)
	} else {
		err = l.client.Update(ctx, object)
	}
	if err == nil {
		l.version = object.ResourceVersion
		l.noteStored(l.tasks)
	}
	return err
}

func (l *ledger) noteStored(tasks map[string]string) {
	for id := range tasks {
		l.stored[id] = true
	}
}

func encodeTasks(tasks map[string]string) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(tasks)) {
		if _, err := fmt.Fprintln(w, id, tasks[id]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func decodeTasks(data []byte) (map[string]string, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("binaryData[%s]: %w", ledgerKey, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("binaryData[%s]: %w", ledgerKey, err)
	}
	tasks := map[string]string{}
	for line := range strings.Lines(string(text)) {
		id, agent, _ := strings.Cut(strings.TrimSpace(line), " ")
		tasks[id] = agent
	}
	return tasks, nil
}

// settleLedger drops the tasks that statuses list, as the API server has them, and those
// that do not run, or were never sent.
func (o *observation) settleLedger(ctx context.Context, now time.Time) error {
	l := o.member.ledger
	if l.settled(now) {
		if (len(l.tasks) > 0 || l.version != "") && now.Sub(l.noted) < ledgerRests {
			o.lookAgain(ledgerLooks)
		}
		return nil
	}
	listed := map[string]bool{}
	add := func(tasks []v1alpha1.TaskStatus) {
		for i := range tasks {
			if id := tasks[i].TaskID; l.tasks[id] != "" {
				listed[id] = true
			}
		}
	}
	add(o.cluster.Status.Tasks)
	for _, d := range o.written {
		add(d.Status.Services)
	}
	again, err := l.settle(ctx, func(id string) bool { return listed[id] || o.snapshot.Tasks[id] == nil }, now)
	if again > 0 {
		o.lookAgain(again)
	}
	return err
}

// leaveTasks writes down the tasks that only the status of the cluster lists, before it
// goes.
func (l *ledger) leaveTasks(ctx context.Context, tasks []v1alpha1.TaskStatus, now time.Time) error {
	left := map[string]string{}
	for _, t := range tasks {
		left[t.TaskID] = t.AgentID
	}
	if err := l.note(ctx, left, now); err != nil && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return err
	}
	return nil
}

// dropLedger forgets all of it, when Mesos has removed the framework. A ConfigMap of that
// name that is somebody else's stays.
func dropLedger(ctx context.Context, reader client.Reader, writer client.Client, cluster types.NamespacedName) error {
	l := ledger{key: cluster, reader: reader}
	stored, err := l.get(ctx)
	if err != nil || stored.ResourceVersion == "" || stored.Labels[labelCluster] != cluster.Name {
		return err
	}
	if err := writer.Delete(ctx, stored, client.Preconditions{UID: &stored.UID}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete ConfigMap %s: %w", l.name().Name, err)
	}
	return nil
}
