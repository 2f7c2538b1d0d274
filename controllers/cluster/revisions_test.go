package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

var storageQuobyte = types.NamespacedName{Namespace: "storage", Name: "quobyte"}

// revisionStore is as much of an API server as ControllerRevisions take, by name.
type revisionStore struct {
	client.Client
	stored map[string]*appsv1.ControllerRevision
}

func newRevisionStore() *revisionStore {
	return &revisionStore{stored: map[string]*appsv1.ControllerRevision{}}
}

func (s *revisionStore) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	var asked client.ListOptions
	asked.ApplyOptions(options)
	for _, name := range slices.Sorted(maps.Keys(s.stored)) {
		r := s.stored[name]
		if r.Namespace == asked.Namespace && asked.LabelSelector.Matches(labels.Set(r.Labels)) {
			into := list.(*appsv1.ControllerRevisionList)
			into.Items = append(into.Items, *r.DeepCopy())
		}
	}
	return nil
}

func (s *revisionStore) Create(_ context.Context, o client.Object, _ ...client.CreateOption) error {
	if s.stored[o.GetName()] != nil {
		return apierrors.NewAlreadyExists(appsv1.Resource("controllerrevisions"), o.GetName())
	}
	s.stored[o.GetName()] = o.(*appsv1.ControllerRevision).DeepCopy()
	return nil
}

func (s *revisionStore) Delete(_ context.Context, o client.Object, _ ...client.DeleteOption) error {
	if s.stored[o.GetName()] == nil {
		return apierrors.NewNotFound(appsv1.Resource("controllerrevisions"), o.GetName())
	}
	delete(s.stored, o.GetName())
	return nil
}

// put stores what another operator has written.
func (s *revisionStore) put(service, hash, content string) {
	name := fmt.Sprintf("quobyte-%s-%s", service, hash)
	s.stored[name] = &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Namespace: "storage", Name: name,
			Labels: map[string]string{labelCluster: "quobyte", labelService: service, labelHash: hash}},
		Data: runtime.RawExtension{Raw: []byte(content)}, Revision: 1,
	}
}

func (s *revisionStore) load(t *testing.T) *revisions {
	t.Helper()
	r, err := loadRevisions(t.Context(), s, s, storageQuobyte)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// dataOf is the data service's spec of a version.
func dataOf(version string) quobyte.Spec {
	c := reservingCluster()
	c.Spec.Version = version
	return quobyte.SpecOf(c, quobyte.Data)
}

func keyOf(spec quobyte.Spec) plan.SpecKey {
	return plan.SpecKey{Service: spec.Service, Hash: spec.Hash()}
}

func (r *revisions) mustStore(t *testing.T, spec quobyte.Spec) (wrote bool) {
	t.Helper()
	wrote, err := r.store(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return wrote
}

func TestStoredSpecsComeBackWhole(t *testing.T) {
	store := newRevisionStore()
	r := store.load(t)
	for _, version := range []string{"1.1.5", "1.1.6"} {
		if !r.mustStore(t, dataOf(version)) || r.mustStore(t, dataOf(version)) {
			t.Errorf("%s is not written once", version)
		}
	}
	restarted := store.load(t).specs()
	if len(restarted) != 2 {
		t.Fatalf("%d specs, want 2", len(restarted))
	}
	for key, spec := range restarted {
		if keyOf(spec) != key {
			t.Errorf("%s comes back as %s", key, keyOf(spec))
		}
	}
	if got := store.stored["quobyte-data-"+dataOf("1.1.6").Hash()].Revision; got != 2 {
		t.Errorf("the second is number %d", got)
	}
}

// TestRevisionsOfALaterOperator: the operator was downgraded. What it cannot read
// keeps it from nothing, and what it reads in part is not taken for the whole.
func TestRevisionsOfALaterOperator(t *testing.T) {
	store := newRevisionStore()
	own := dataOf("1.1.5")
	store.load(t).mustStore(t, own)
	store.put("data", "laterlater22", `{"service":"data","image":"quobyte-server","version":"2.0","cgroup":"own"}`)
	store.put("quota", "quotaquota22", `{"service":"quota","image":"quobyte-server","version":"2.0"}`)
	store.put("metadata", "oddoddoddodd", `{"service":"metadata","memMiB":"much"}`)
	store.put("s3", "emptyempty22", ``)

	r := store.load(t)
	later := plan.SpecKey{Service: quobyte.Data, Hash: "laterlater22"}
	specs := r.specs()
	if len(specs) != 2 || specs[later].Version != "2.0" {
		t.Fatalf("known are %+v", specs)
	}
	if keyOf(specs[later]) == later {
		t.Error("a spec that was read in part passes for the whole")
	}
	if key := keyOf(own); keyOf(specs[key]) != key {
		t.Error("the own spec does not pass")
	}
	// What it makes of the part is another spec, which gets an object of its own.
	if !r.mustStore(t, specs[later]) || r.specs()[later].Version != "2.0" {
		t.Error("the part was stored as the whole")
	}
}

// history stores so many versions of the data service, from 1.0.1.
func history(t *testing.T, n int) (*revisionStore, *observation) {
	store := newRevisionStore()
	r := store.load(t)
	for i := range n {
		r.mustStore(t, dataOf(versionNumber(i+1)))
	}
	return store, &observation{key: storageQuobyte, cluster: reservingCluster(),
		snapshot: &mesosbridge.Snapshot{Tasks: map[string]*mesosbridge.Task{}}, member: &member{revisions: store.load(t)}}
}

func versionNumber(i int) string { return fmt.Sprintf("1.0.%d", i) }

// keptOf are the numbers of the versions that are still stored.
func keptOf(t *testing.T, store *revisionStore) []int {
	t.Helper()
	var kept []int
	for key, rev := range store.load(t).known {
		if rev.spec.Version != versionNumber(int(rev.number)) {
			t.Errorf("%s is number %d and version %s", key, rev.number, rev.spec.Version)
		}
		kept = append(kept, int(rev.number))
	}
	slices.Sort(kept)
	return kept
}

func TestPruningKeepsWhatIsNeeded(t *testing.T) {
	store, seen := history(t, 16)
	seen.cluster.Spec.Version = versionNumber(1) // wanted, though nothing runs it yet
	id := quobyte.NewTaskID(quobyte.Data, "node1", dataOf(versionNumber(2)).Hash(), "n1")
	seen.snapshot.Tasks[id] = &mesosbridge.Task{ID: id}
	seen.cluster.Status.Good = &v1alpha1.GoodRevision{Version: versionNumber(4), Specs: []v1alpha1.SpecRevision{
		{Service: "registry", Hash: dataOf(versionNumber(3)).Hash()}, // of another service
		{Service: "data", Hash: dataOf(versionNumber(4)).Hash()},
	}}
	if err := seen.pruneRevisions(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []int{1, 2, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	if got := keptOf(t, store); !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	if got := len(seen.member.revisions.specs()); got != len(want) {
		t.Errorf("%d are known, %d stored", got, len(want))
	}

	// A good revision that is superseded is history like any other.
	seen.cluster.Status.Good = nil
	if err := seen.pruneRevisions(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := keptOf(t, store); slices.Contains(got, 4) || !slices.Contains(got, 1) || !slices.Contains(got, 2) {
		t.Errorf("kept %v without a good revision", got)
	}
}

func TestShortHistoryIsKept(t *testing.T) {
	store, seen := history(t, revisionsKept)
	if err := seen.pruneRevisions(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := keptOf(t, store); len(got) != revisionsKept {
		t.Errorf("kept %v", got)
	}
}

func TestTeardownForgetsAllRevisions(t *testing.T) {
	store, seen := history(t, 3)
	store.put("data", "laterlater22", `{"service":"data","image":"quobyte-server","version":"2.0","cgroup":"own"}`)
	seen.member.revisions = store.load(t)
	if err := seen.member.revisions.prune(t.Context(), nil, true); err != nil {
		t.Fatal(err)
	}
	if len(store.stored) > 0 {
		t.Errorf("left are %v", slices.Sorted(maps.Keys(store.stored)))
	}
}
