package endtoend

import (
	"context"
	"fmt"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// awaitDevice watches a QuobyteDevice until it is as the test wants it.
func (w *world) awaitDevice(name, what string, is func(*v1alpha1.QuobyteDevice) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	changes, err := w.api.Client().Watch(ctx, &v1alpha1.QuobyteDeviceList{},
		client.InNamespace(w.namespace), client.MatchingFields{"metadata.name": name})
	if err != nil {
		w.t.Fatalf("watch device %s: %v", name, err)
	}
	defer changes.Stop()
	var last *v1alpha1.QuobyteDevice
	for change := range changes.ResultChan() {
		device, ok := change.Object.(*v1alpha1.QuobyteDevice)
		if !ok {
			continue
		}
		if change.Type == watch.Deleted {
			device = nil
		}
		if last = device; is(device) {
			return
		}
	}
	w.t.Fatalf("waited in vain for device %s: %s; it is %+v", name, what, last)
}

// resourceVersions of all that the operator writes in the test's namespace,
// events and its lease aside.
func (w *world) resourceVersions() map[string]string {
	w.t.Helper()
	versions := map[string]string{}
	for _, list := range []client.ObjectList{&v1alpha1.QuobyteClusterList{}, &v1alpha1.QuobyteDeviceList{}} {
		if err := w.api.Client().List(w.t.Context(), list, client.InNamespace(w.namespace)); err != nil {
			w.t.Fatalf("list: %v", err)
		}
		switch list := list.(type) {
		case *v1alpha1.QuobyteClusterList:
			for _, o := range list.Items {
				versions["cluster "+o.Name] = o.ResourceVersion
			}
		case *v1alpha1.QuobyteDeviceList:
			for _, o := range list.Items {
				versions["device "+o.Name] = o.ResourceVersion
			}
		}
	}
	return versions
}

// awaitQuiet waits until nothing was written and nothing called for a second
// and a half: longer than any write is held back.
func (w *world) awaitQuiet() {
	w.t.Helper()
	look := func() string { return fmt.Sprint(w.resourceVersions(), maps.Clone(w.mesos.Calls())) }
	deadline := time.Now().Add(patience)
	for last, since := look(), time.Now(); time.Since(since) < 1500*time.Millisecond; {
		if time.Now().After(deadline) {
			w.t.Fatal("the operator does not come to rest")
		}
		time.Sleep(100 * time.Millisecond)
		if now := look(); now != last {
			last, since = now, time.Now()
		}
	}
}
