// Package apidouble stands in for a Kubernetes API server where a real one would be
// too slow, and where its failures are to be chosen: objects in memory with what a
// controller relies on (resource versions and conflicts, the status subresource,
// generations, finalizers, merge patches, the defaults of the CRDs), and caches that
// are behind by as much as the test wants. It validates nothing: what is put into it
// is the test's own, or was written by code that is tested on a real one.
package apidouble

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Server holds the objects. Its methods may be called from any goroutine.
type Server struct {
	scheme   *runtime.Scheme
	defaults Defaults

	mu      sync.Mutex
	objects map[key]client.Object // never changed in place
	version int64
	created int64
	caches  []*Cache
	kinds   map[reflect.Type]kind
	onWrite func(Write)
}

// Write is a change that was made.
type Write struct {
	Type   watch.EventType
	Object client.Object // as it is then; must not be changed
	Before client.Object // nil when it is new
}

// kind of object, with what the server does for it.
type kind struct {
	schema.GroupVersionKind
	resource schema.GroupResource
	// status: it has the subresource, and a generation.
	status bool
}

type key struct {
	kind string
	types.NamespacedName
}

// New returns a server without objects.
func New(scheme *runtime.Scheme, defaults Defaults) *Server {
	return &Server{scheme: scheme, defaults: defaults, objects: map[key]client.Object{}, kinds: map[reflect.Type]kind{}}
}

// OnWrite has f called with each change, with the server locked: it must not call it.
func (s *Server) OnWrite(f func(Write)) { s.onWrite = f }

func (s *Server) kindOf(o runtime.Object) kind {
	t := reflect.TypeOf(o)
	if k, ok := s.kinds[t]; ok {
		return k
	}
	gvk, err := apiutil.GVKForObject(o, s.scheme)
	if err != nil {
		panic(fmt.Sprintf("apidouble: %v", err)) // A mistake of the test.
	}
	gvk.Kind = strings.TrimSuffix(gvk.Kind, "List")
	k := kind{GroupVersionKind: gvk, status: s.defaults[gvk.Kind] != nil,
		resource: schema.GroupResource{Group: gvk.Group, Resource: strings.ToLower(gvk.Kind) + "s"}}
	s.kinds[t] = k
	return k
}

func keyOf(k kind, o client.Object) key {
	return key{k.Kind, client.ObjectKeyFromObject(o)}
}

// get copies an object.
func (s *Server) get(name types.NamespacedName, into client.Object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kindOf(into)
	have := s.objects[key{k.Kind, name}]
	if have == nil {
		return apierrors.NewNotFound(k.resource, name.Name)
	}
	copyInto(have, into)
	return nil
}

// list copies all that are selected.
func (s *Server) list(into client.ObjectList, opts *client.ListOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kindOf(into)
	var found []client.Object
	for at, o := range s.objects {
		if at.kind == k.Kind {
			found = append(found, o)
		}
	}
	return fill(into, found, opts, true)
}

// create makes an object, and shows in it what the server made of it.
func (s *Server) create(o client.Object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kindOf(o)
	at := keyOf(k, o)
	if s.objects[at] != nil {
		return apierrors.NewAlreadyExists(k.resource, o.GetName())
	}
	fresh, err := s.defaults.apply(k, o)
	if err != nil {
		return err
	}
	if k.status {
		copyStatus(emptyLike(fresh), fresh)
		fresh.SetGeneration(1)
	}
	s.created++
	fresh.SetUID(types.UID(fmt.Sprintf("uid-%d", s.created)))
	fresh.SetCreationTimestamp(metav1.NewTime(time.Now().Truncate(time.Second)))
	fresh.SetDeletionTimestamp(nil)
	s.store(at, fresh, watch.Added)
	copyInto(fresh, o)
	return nil
}

// change is a write of an object that exists.
type change struct {
	// status: the status is written, and nothing else; otherwise all else is.
	status bool
	// version that the object must have; empty: any.
	version string
	// apply returns the object as it is to be, from what it is.
	apply func(have client.Object) (client.Object, error)
}

// update changes an object, and shows in it what the server made of it.
func (s *Server) update(o client.Object, c change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kindOf(o)
	at := keyOf(k, o)
	have := s.objects[at]
	if have == nil {
		return apierrors.NewNotFound(k.resource, o.GetName())
	}
	if uid := o.GetUID(); uid != "" && uid != have.GetUID() {
		return apierrors.NewConflict(k.resource, o.GetName(), fmt.Errorf("the UID is %s, not %s", have.GetUID(), uid))
	}
	if c.version != "" && c.version != have.GetResourceVersion() {
		return s.conflict(k, o.GetName())
	}
	next, err := c.apply(have)
	if err != nil {
		return err
	}
	if next, err = s.merge(k, have, next, c.status); err != nil {
		return err
	}
	same := sameObject
	if c.status {
		same = sameStatus
	}
	if same(have, next) {
		copyInto(have, o)
		return nil
	}
	if next.GetDeletionTimestamp() != nil && len(next.GetFinalizers()) == 0 {
		s.remove(at, next)
	} else {
		s.store(at, next, watch.Modified)
	}
	copyInto(next, o)
	return nil
}

// merge takes from next what the request may write.
func (s *Server) merge(k kind, have, next client.Object, status bool) (client.Object, error) {
	merged := have.DeepCopyObject().(client.Object)
	if status {
		// As it comes out of the server: times are cut, empty lists are no lists.
		raw, err := json.Marshal(field(next, "Status").Addr().Interface())
		if err != nil {
			return nil, fmt.Errorf("write the status of %T as JSON: %w", next, err)
		}
		written := field(merged, "Status")
		written.SetZero()
		if err := json.Unmarshal(raw, written.Addr().Interface()); err != nil {
			return nil, fmt.Errorf("read the status of %T from JSON: %w", next, err)
		}
		return merged, nil
	}
	wanted, err := s.defaults.apply(k, next)
	if err != nil {
		return nil, err
	}
	if k.status {
		copyStatus(have, wanted)
	}
	wanted.SetUID(have.GetUID())
	wanted.SetCreationTimestamp(have.GetCreationTimestamp())
	wanted.SetDeletionTimestamp(have.GetDeletionTimestamp())
	wanted.SetGeneration(have.GetGeneration())
	wanted.SetResourceVersion(have.GetResourceVersion())
	if k.status && !sameSpec(have, wanted) {
		wanted.SetGeneration(have.GetGeneration() + 1)
	}
	return wanted, nil
}

// delete removes an object, or marks it when it has finalizers.
func (s *Server) delete(o client.Object, p *metav1.Preconditions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kindOf(o)
	at := keyOf(k, o)
	have := s.objects[at]
	if have == nil {
		return apierrors.NewNotFound(k.resource, o.GetName())
	}
	if p != nil && (p.UID != nil && *p.UID != have.GetUID() || p.ResourceVersion != nil && *p.ResourceVersion != have.GetResourceVersion()) {
		return s.conflict(k, o.GetName())
	}
	if len(have.GetFinalizers()) == 0 {
		s.remove(at, have.DeepCopyObject().(client.Object))
		return nil
	}
	if have.GetDeletionTimestamp() != nil {
		return nil
	}
	next := have.DeepCopyObject().(client.Object)
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	next.SetDeletionTimestamp(&now)
	next.SetGeneration(next.GetGeneration() + 1)
	s.store(at, next, watch.Modified)
	return nil
}

func (s *Server) conflict(k kind, name string) error {
	return apierrors.NewConflict(k.resource, name, fmt.Errorf("the object has been modified; please apply your changes to the latest version and try again"))
}

func (s *Server) store(at key, o client.Object, what watch.EventType) {
	s.version++
	o.SetResourceVersion(strconv.FormatInt(s.version, 10))
	before := s.objects[at]
	s.objects[at] = o
	s.tell(at, what, o, before)
}

func (s *Server) remove(at key, o client.Object) {
	s.version++
	o.SetResourceVersion(strconv.FormatInt(s.version, 10))
	before := s.objects[at]
	delete(s.objects, at)
	s.tell(at, watch.Deleted, o, before)
}

func (s *Server) tell(at key, what watch.EventType, o, before client.Object) {
	for _, c := range s.caches {
		c.hear(at, what, o)
	}
	if s.onWrite != nil {
		s.onWrite(Write{Type: what, Object: o, Before: before})
	}
}

func copyInto(from, into client.Object) {
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(from.DeepCopyObject()).Elem())
}

func emptyLike(o client.Object) client.Object {
	return reflect.New(reflect.TypeOf(o).Elem()).Interface().(client.Object)
}

func field(o client.Object, name string) reflect.Value {
	return reflect.ValueOf(o).Elem().FieldByName(name)
}

func copyStatus(from, into client.Object) {
	field(into, "Status").Set(field(from.DeepCopyObject().(client.Object), "Status"))
}

func sameSpec(a, b client.Object) bool {
	return sameJSON(field(a, "Spec").Interface(), field(b, "Spec").Interface())
}

func sameStatus(a, b client.Object) bool {
	return sameJSON(field(a, "Status").Interface(), field(b, "Status").Interface())
}

func sameObject(a, b client.Object) bool {
	return reflect.DeepEqual(a, b) || sameJSON(a, b)
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func roundTrip(o client.Object) (client.Object, error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("write %T as JSON: %w", o, err)
	}
	fresh := emptyLike(o)
	if err := json.Unmarshal(raw, fresh); err != nil {
		return nil, fmt.Errorf("read %T from JSON: %w", o, err)
	}
	return fresh, nil
}

// fill puts the selected objects into the list, by name.
func fill(into client.ObjectList, found []client.Object, opts *client.ListOptions, copies bool) error {
	items := reflect.ValueOf(into).Elem().FieldByName("Items")
	found = slices.DeleteFunc(found, func(o client.Object) bool { return !selected(o, opts) })
	slices.SortFunc(found, func(a, b client.Object) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	list := reflect.MakeSlice(items.Type(), len(found), len(found))
	for i, o := range found {
		if copies {
			o = o.DeepCopyObject().(client.Object)
		}
		list.Index(i).Set(reflect.ValueOf(o).Elem())
	}
	items.Set(list)
	return nil
}
