package cluster

import (
	"context"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// Labels of the objects that the operator makes for a cluster.
const (
	labelCluster = "mesos.quobyte.com/cluster"
	labelService = "mesos.quobyte.com/service"
	labelHash    = "mesos.quobyte.com/spec-hash"
)

// revisionsKept is how many specs of a service are kept that nothing needs, as
// history.
const revisionsKept = 10

// revisions are the specs that were ever launched, stored as ControllerRevisions
// before their first launch: a task carries only the hash, and a restarted
// operator has to say which version it runs (rule 8). They have no owner, for
// the same reason as the framework's ConfigMap: what runs outlives the object.
type revisions struct {
	cluster types.NamespacedName
	client  client.Client

	mu    sync.Mutex
	known map[plan.SpecKey]revision
}

type revision struct {
	name   string
	spec   quobyte.Spec
	number int64
}

// loadRevisions reads what is stored, past the cache.
func loadRevisions(ctx context.Context, reader client.Reader, writer client.Client, cluster types.NamespacedName) (*revisions, error) {
	r := &revisions{cluster: cluster, client: writer, known: map[plan.SpecKey]revision{}}
	list := &appsv1.ControllerRevisionList{}
	err := reader.List(ctx, list, client.InNamespace(cluster.Namespace), client.MatchingLabels{labelCluster: cluster.Name})
	if err != nil {
		return nil, fmt.Errorf("list the ControllerRevisions: %w", err)
	}
	for i := range list.Items {
		stored := &list.Items[i]
		spec, err := quobyte.ParseSpec(stored.Data.Raw)
		if err != nil {
			// A later operator wrote what this one cannot read. Its tasks run
			// on, of an unknown version.
			continue
		}
		key := plan.SpecKey{Service: quobyte.Service(stored.Labels[labelService]), Hash: stored.Labels[labelHash]}
		r.known[key] = revision{name: stored.Name, spec: spec, number: stored.Revision}
	}
	return r, nil
}

// specs are all that are known, by the hashes that tasks carry.
//
// One that a later operator stored may lack what this one cannot read. It tells which
// version a task runs; launching it would be something else than what ran. Its Hash is
// not the one that it stands under, and by this it is known.
func (r *revisions) specs() map[plan.SpecKey]quobyte.Spec {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[plan.SpecKey]quobyte.Spec, len(r.known))
	for key, rev := range r.known {
		out[key] = rev.spec
	}
	return out
}

// store makes sure that the spec is stored. wrote: it was not before.
func (r *revisions) store(ctx context.Context, spec quobyte.Spec) (wrote bool, err error) {
	hash := spec.Hash()
	key := plan.SpecKey{Service: spec.Service, Hash: hash}
	r.mu.Lock()
	_, have := r.known[key]
	number := int64(1)
	for k, rev := range r.known {
		if k.Service == spec.Service {
			number = max(number, rev.number+1)
		}
	}
	r.mu.Unlock()
	if have {
		return false, nil
	}
	stored := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.cluster.Namespace,
			Name:      fmt.Sprintf("%s-%s-%s", r.cluster.Name, spec.Service, hash),
			Labels:    map[string]string{labelCluster: r.cluster.Name, labelService: string(spec.Service), labelHash: hash},
		},
		Data:     runtime.RawExtension{Raw: spec.Canonical()},
		Revision: number,
	}
	if err := r.client.Create(ctx, stored); err != nil && !apierrors.IsAlreadyExists(err) {
		return false, fmt.Errorf("store the spec as ControllerRevision %s: %w", stored.Name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[key] = revision{name: stored.Name, spec: spec, number: number}
	return true, nil
}

// many says that there is more history than is kept: only then is it worth to
// ask of each task what it runs.
func (r *revisions) many() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.known) > revisionsKept
}

// prune deletes the oldest specs that are not needed, beyond revisionsKept of each
// service; with all, every one.
func (r *revisions) prune(ctx context.Context, needed map[plan.SpecKey]bool, all bool) error {
	r.mu.Lock()
	newest := map[quobyte.Service]int64{}
	for key, rev := range r.known {
		newest[key.Service] = max(newest[key.Service], rev.number)
	}
	doomed := map[plan.SpecKey]string{}
	for key, rev := range r.known {
		if all || (!needed[key] && rev.number <= newest[key.Service]-revisionsKept) {
			doomed[key] = rev.name
		}
	}
	r.mu.Unlock()
	for key, name := range doomed {
		err := r.client.Delete(ctx, &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{
			Namespace: r.cluster.Namespace, Name: name}})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete ControllerRevision %s: %w", name, err)
		}
		r.mu.Lock()
		delete(r.known, key)
		r.mu.Unlock()
	}
	return nil
}

// pruneRevisions drops history that nothing needs, once all runs as wanted.
func (o *observation) pruneRevisions(ctx context.Context) error {
	if o.member == nil || !o.member.revisions.many() {
		return nil
	}
	return o.member.revisions.prune(ctx, o.neededRevisions(), false)
}

// neededRevisions are what tasks run, what a rollback would lead to, and what is wanted.
func (o *observation) neededRevisions() map[plan.SpecKey]bool {
	needed := map[plan.SpecKey]bool{}
	for id := range o.snapshot.Tasks {
		if task, ok := quobyte.ParseTaskID(id); ok {
			needed[plan.SpecKey{Service: task.Service, Hash: task.Hash}] = true
		}
	}
	if good := o.cluster.Status.Good; good != nil {
		for _, spec := range good.Specs {
			needed[plan.SpecKey{Service: quobyte.Service(spec.Service), Hash: spec.Hash}] = true
		}
	}
	for _, service := range quobyte.Services() {
		needed[plan.SpecKey{Service: service, Hash: quobyte.SpecOf(o.cluster, service).Hash()}] = true
	}
	return needed
}
