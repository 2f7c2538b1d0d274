package mesosbridge_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

func scalarResource(name string, amount float64) mesos.Resource {
	return mesos.Resource{Name: name, Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: amount},
		AllocationInfo: &mesos.Resource_AllocationInfo{Role: str("quobyte")}}
}

func reserved(r mesos.Resource) mesos.Resource {
	r.Reservations = []mesos.Resource_ReservationInfo{{Type: mesos.Resource_ReservationInfo_DYNAMIC.Enum(), Role: str("quobyte"),
		Labels: &mesos.Labels{Labels: []mesos.Label{{Key: "service", Value: str("registry")}}}}}
	return r
}

func volumeOn(r mesos.Resource) mesos.Resource {
	r.Disk = &mesos.Resource_DiskInfo{Persistence: &mesos.Resource_DiskInfo_Persistence{ID: "v"},
		Volume: &mesos.Volume{ContainerPath: "data", Mode: mesos.RW.Enum()}}
	return r
}

func operation(id string, kind mesos.Offer_Operation_Type, named ...mesos.Resource) mesosbridge.Operation {
	o := mesosbridge.Operation{ID: id, Offer_Operation: mesos.Offer_Operation{Type: kind}}
	switch kind {
	case mesos.Offer_Operation_RESERVE:
		o.Reserve = &mesos.Offer_Operation_Reserve{Resources: named}
	case mesos.Offer_Operation_UNRESERVE:
		o.Unreserve = &mesos.Offer_Operation_Unreserve{Resources: named}
	case mesos.Offer_Operation_CREATE:
		o.Create = &mesos.Offer_Operation_Create{Volumes: named}
	case mesos.Offer_Operation_DESTROY:
		o.Destroy = &mesos.Offer_Operation_Destroy{Volumes: named}
	}
	return o
}

// use accepts all offers of a host.
func (b *bridge) use(host string, operations []mesosbridge.Operation, tasks ...mesos.TaskInfo) {
	b.w.Helper()
	b.untilReady(host)
	a := b.agent(host)
	accept := mesosbridge.Accept{AgentID: a.ID, Operations: operations, Tasks: tasks}
	for _, o := range a.Offers {
		accept.OfferIDs = append(accept.OfferIDs, o.ID)
	}
	if err := b.Accept(accept); err != nil {
		b.w.Fatal(err)
	}
}

// untilEnded waits for the end of an operation.
func (b *bridge) untilEnded(id string, want mesos.OperationState) *mesosbridge.OperationState {
	b.w.Helper()
	var found *mesosbridge.OperationState
	b.w.until(id+" ends", func() bool {
		ended := b.Snapshot().EndedOperations
		if i := slices.IndexFunc(ended, func(o *mesosbridge.OperationState) bool { return o.ID == id }); i >= 0 {
			found = ended[i]
		}
		return found != nil
	})
	if found.State != want {
		b.w.Errorf("%s: %v (%s), want %v", id, found.State, found.Message, want)
	}
	return found
}

// offersVolume says whether the offers of a host hold a persistent volume.
func (b *bridge) offersVolume(host string) bool {
	for _, o := range b.agent(host).Offers {
		for _, r := range o.Resources {
			if r.GetDisk().GetPersistence() != nil {
				return true
			}
		}
	}
	return false
}

// The life of a volume, as in reservation-and-volume.jsonl, but for the task, which
// is launched with the call that makes what it needs.
func TestReserveCreateLaunchDestroyUnreserve(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.untilReady("node1")
		cpus, mem, disk := reserved(scalarResource("cpus", 1)), reserved(scalarResource("mem", 64)), reserved(scalarResource("disk", 64))
		task := taskInfo(b.agent("node1").ID, "t1")
		task.Resources = []mesos.Resource{cpus, mem, volumeOn(disk)}
		b.use("node1", []mesosbridge.Operation{
			operation("reserve", mesos.Offer_Operation_RESERVE, cpus, mem, disk),
			operation("create", mesos.Offer_Operation_CREATE, volumeOn(disk)),
		}, task)
		if snap := b.Snapshot(); len(snap.Operations) != 2 || snap.Tasks["t1"] == nil || len(b.agent("node1").Offers) != 0 {
			w.Errorf("not in the snapshot before the call: %+v", snap)
		}
		created := b.untilEnded("create", mesos.OPERATION_FINISHED)
		b.untilEnded("reserve", mesos.OPERATION_FINISHED)
		if created.Type != mesos.Offer_Operation_CREATE || created.AgentID != b.agent("node1").ID || len(b.Snapshot().Operations) != 0 {
			w.Errorf("%+v; on their way: %v", created, b.Snapshot().Operations)
		}
		b.untilState("t1", mesos.TASK_RUNNING)
		w.until("the ends are acknowledged", func() bool {
			return w.count(ofType(scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS)) == 2
		})
		w.rest(time.Hour)
		if n := w.count(ofType(scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS)); n != 2 {
			w.Errorf("%d acknowledgements", n)
		}
		b.Kill("t1")
		b.untilState("t1", mesos.TASK_KILLED)
		w.until("the volume comes back", func() bool { return b.offersVolume("node1") })
		b.use("node1", []mesosbridge.Operation{
			operation("destroy", mesos.Offer_Operation_DESTROY, volumeOn(disk)),
			operation("unreserve", mesos.Offer_Operation_UNRESERVE, cpus, mem, disk),
		})
		b.untilEnded("destroy", mesos.OPERATION_FINISHED)
		b.untilEnded("unreserve", mesos.OPERATION_FINISHED)
		b.untilReady("node1")
		for _, o := range b.agent("node1").Offers {
			for _, r := range o.Resources {
				if len(r.Reservations) > 0 {
					w.Errorf("%v is reserved", r)
				}
			}
		}
		_ = b.end()
	})
}

// What depends on an operation that fails fails with it; the rest is done.
func TestOperationFails(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.untilReady("node1")
		tooMuch, disk := reserved(scalarResource("disk", 1e6)), reserved(scalarResource("disk", 64))
		task := taskInfo(b.agent("node1").ID, "t1")
		task.Resources = append(task.Resources, volumeOn(tooMuch))
		b.use("node1", []mesosbridge.Operation{
			operation("too much", mesos.Offer_Operation_RESERVE, tooMuch),
			operation("volume", mesos.Offer_Operation_CREATE, volumeOn(tooMuch)),
			operation("fits", mesos.Offer_Operation_RESERVE, disk),
		}, task)
		if failed := b.untilEnded("too much", mesos.OPERATION_ERROR); failed.Message == "" {
			w.Error("nobody says what was wrong")
		}
		b.untilEnded("volume", mesos.OPERATION_ERROR)
		b.untilEnded("fits", mesos.OPERATION_FINISHED)
		b.untilState("t1", mesos.TASK_ERROR)
		w.rest(time.Minute)
		if n := w.count(ofType(scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS)); n != 1 {
			w.Errorf("%d acknowledgements: what has no uuid wants none", n)
		}
		b.untilReady("node1")
		_ = b.end()
	})
}

// The answer to the ACCEPT is lost, with the call or without: the operations end
// as what they came to.
func TestOperationsAreAskedForAfterAReconnect(t *testing.T) {
	for when, want := range map[mesostest.When]mesos.OperationState{
		mesostest.Before: mesos.OPERATION_UNKNOWN, mesostest.After: mesos.OPERATION_FINISHED,
	} {
		inWorld(t, two(), func(w *world) {
			b := w.start(w.config(&identity{}))
			b.untilReady("node1")
			w.mesos.DropNext(scheduler.Call_ACCEPT, when)
			b.use("node1", []mesosbridge.Operation{operation("op", mesos.Offer_Operation_RESERVE, reserved(scalarResource("disk", 64)))})
			w.until("the fault has happened", func() bool { return w.count(ofType(scheduler.Call_SUBSCRIBE)) == 2 })
			b.untilEnded("op", want)
			// Of one that is done Mesos may tell again before it is asked.
			if n := w.count(ofType(scheduler.Call_RECONCILE_OPERATIONS)); n > 1 || n == 0 && when == mesostest.Before {
				w.Errorf("%d reconciliations", n)
			}
			_ = b.end()
		})
	}
}

// The agent does the operation and is away before anybody hears of it. It ends
// when the agent is back, whoever leads then.
func TestOperationOnAnAgentThatIsAway(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.untilReady("node1")
		b.launchWhileStalled("node1", "op")
		w.mesos.StopAgent("node1")
		w.mesos.FailoverMaster(mesostest.FailoverOptions{})
		w.mesos.StallStreams(false) // not before, or the end is told after all
		w.until("the new master knows the agent by name", func() bool {
			o := b.Snapshot().Operations["op"]
			return o != nil && o.State == mesos.OPERATION_RECOVERING
		})
		w.until("it is given up", func() bool {
			o := b.Snapshot().Operations["op"]
			return o != nil && o.State == mesos.OPERATION_UNREACHABLE
		})
		w.mesos.StartAgent("node1")
		b.untilEnded("op", mesos.OPERATION_FINISHED)
		_ = b.end()
	})
}

// launchWhileStalled starts an operation of whose end nobody hears yet.
func (b *bridge) launchWhileStalled(host, id string) {
	b.w.Helper()
	b.w.mesos.StallStreams(true)
	b.use(host, []mesosbridge.Operation{operation(id, mesos.Offer_Operation_RESERVE, reserved(scalarResource("disk", 64)))})
	b.w.until("the master has it", func() bool { return b.w.count(ofType(scheduler.Call_ACCEPT)) == 1 })
	if b.Snapshot().Operations[id] == nil {
		b.w.Fatal("the operation has ended already")
	}
}

func TestOperationOnAnAgentThatIsGone(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.untilReady("node1")
		b.launchWhileStalled("node1", "op")
		w.mesos.MarkGone("node1")
		w.mesos.BreakStreams()
		w.mesos.StallStreams(false)
		synctest.Wait()
		b.untilEnded("op", mesos.OPERATION_GONE_BY_OPERATOR)
		_ = b.end()
	})
}
