package device

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/plan"
)

func newQueue(t *testing.T) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	t.Cleanup(queue.ShutDown)
	return queue
}

// The two controllers start side by side, and a pass may publish first.
func TestViewsPublishedBeforeTheControllerStartsWakeIt(t *testing.T) {
	views, queue := NewViews(clock.RealClock{}), newQueue(t)
	views.Publish(types.NamespacedName{Namespace: "ns", Name: "quobyte"}, map[string]plan.DeviceView{"d": {Summary: "in use"}}, inventory.Result{})
	views.WakeInto(queue)
	woken := make(chan reconcile.Request, 1)
	go func() {
		request, _ := queue.Get()
		woken <- request
	}()
	select {
	case request := <-woken:
		if request.Name != "d" || request.Namespace != "ns" {
			t.Errorf("woken for %s", request)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing wakes the controller")
	}
}

func TestUnchangedViewsWakeNobody(t *testing.T) {
	views, queue := NewViews(clock.RealClock{}), newQueue(t)
	cluster := types.NamespacedName{Namespace: "ns", Name: "quobyte"}
	views.Publish(cluster, map[string]plan.DeviceView{"d": {Summary: "in use"}}, inventory.Result{})
	views.WakeInto(queue)
	if request, _ := queue.Get(); request.Name != "d" {
		t.Fatalf("woken for %s", request)
	}
	queue.Done(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "d"}})
	views.Publish(cluster, map[string]plan.DeviceView{"d": {Summary: "in use"}}, inventory.Result{})
	views.Publish(cluster, map[string]plan.DeviceView{"d": {Summary: "in use"}, "e": {}}, inventory.Result{})
	if request, _ := queue.Get(); request.Name != "e" {
		t.Errorf("woken for %s, whose view is as before", request)
	}
}

// While many objects are to be made their statuses wait, and no longer than that.
func TestStatusesWaitForObjectsThatAreToBeMade(t *testing.T) {
	views, queue := NewViews(clock.RealClock{}), newQueue(t)
	views.WakeInto(queue)
	cluster := types.NamespacedName{Namespace: "ns", Name: "quobyte"}
	var many inventory.Result
	for i := range crowd + 1 {
		d := &v1alpha1.QuobyteDevice{}
		d.Name = fmt.Sprint("new-", i)
		many.Discovered = append(many.Discovered, d)
	}
	next := func() string {
		request, _ := queue.Get()
		queue.Done(request)
		return request.Name
	}
	views.Publish(cluster, map[string]plan.DeviceView{"d": {Summary: "in use"}}, many)
	for range crowd + 1 {
		if name := next(); name == "d" {
			t.Fatal("a status is written before the objects are made")
		}
	}
	views.Publish(cluster, map[string]plan.DeviceView{"d": {Summary: "in use"}}, inventory.Result{})
	if name := next(); name != "d" {
		t.Errorf("%s is woken, want d", name)
	}
}
