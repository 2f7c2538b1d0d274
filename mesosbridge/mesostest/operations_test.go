package mesostest_test

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

func dynamic(r mesos.Resource) mesos.Resource {
	role, principal := "quobyte", "quobyte"
	r.AllocationInfo = &mesos.Resource_AllocationInfo{Role: &role}
	r.Reservations = []mesos.Resource_ReservationInfo{{
		Type: mesos.Resource_ReservationInfo_DYNAMIC.Enum(), Role: &role, Principal: &principal}}
	return r
}

func disk(size float64) mesos.Resource {
	return mesos.Resource{Name: "disk", Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: size}}
}

func volume(r mesos.Resource, id string) mesos.Resource {
	principal := "quobyte"
	with := mesos.Resource_DiskInfo{
		Persistence: &mesos.Resource_DiskInfo_Persistence{ID: id, Principal: &principal},
		Volume:      &mesos.Volume{ContainerPath: "data", Mode: mesos.RW.Enum()},
	}
	with.Source = r.GetDisk().GetSource()
	r.Disk = &with
	return r
}

func reserve(id string, resources ...mesos.Resource) mesos.Offer_Operation {
	return mesos.Offer_Operation{Type: mesos.Offer_Operation_RESERVE, ID: &mesos.OperationID{Value: id},
		Reserve: &mesos.Offer_Operation_Reserve{Resources: resources}}
}

func create(id string, volumes ...mesos.Resource) mesos.Offer_Operation {
	return mesos.Offer_Operation{Type: mesos.Offer_Operation_CREATE, ID: &mesos.OperationID{Value: id},
		Create: &mesos.Offer_Operation_Create{Volumes: volumes}}
}

func accept(o mesos.Offer, operations ...mesos.Offer_Operation) *scheduler.Call {
	refuse := 0.0
	return &scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: &scheduler.Call_Accept{
		OfferIDs: []mesos.OfferID{o.ID}, Operations: operations, Filters: &mesos.Filters{RefuseSeconds: &refuse}}}
}

func (s *client) operation() mesos.OperationStatus {
	s.t.Helper()
	return s.next(scheduler.Event_UPDATE_OPERATION_STATUS).UpdateOperationStatus.Status
}

func (s *client) reconcileOperation(id string, agent *mesos.AgentID) mesos.OperationStatus {
	s.t.Helper()
	s.call(&scheduler.Call{Type: scheduler.Call_RECONCILE_OPERATIONS,
		ReconcileOperations: &scheduler.Call_ReconcileOperations{
			Operations: []scheduler.Call_ReconcileOperations_Operation{
				{OperationID: mesos.OperationID{Value: id}, AgentID: agent}}}})
	return s.operation()
}

func TestOperationStatusIsRepeatedUntilAcknowledged(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offers("node1", "node2")["node1"]
		s.call(accept(o, reserve("r", dynamic(disk(100)))))
		first, start := s.operation(), time.Now()
		if first.State != mesos.OPERATION_FINISHED || first.UUID == nil {
			t.Fatal(first)
		}
		for _, wait := range []time.Duration{10 * time.Second, 30 * time.Second, 70 * time.Second} {
			again := s.operation()
			if !again.Equal(first) || time.Since(start) != wait {
				t.Errorf("%v came after %v, want %v", again, time.Since(start), wait)
			}
		}
		if known := s.reconcileOperation("r", nil); known.State != mesos.OPERATION_FINISHED || known.UUID != nil {
			t.Error("reconciled:", known)
		}
		// The agent says it again when it is back, whoever leads then.
		c.FailoverMaster(mesostest.FailoverOptions{AgentsReturnAfter: time.Minute})
		s.ends()
		s.subscribe()
		if away := s.reconcileOperation("r", first.AgentID); away.State != mesos.OPERATION_RECOVERING {
			t.Error("before the agent is back:", away)
		}
		if again := s.operation(); !again.Equal(first) {
			t.Errorf("%v after a failover, want %v", again, first)
		}
		s.call(&scheduler.Call{Type: scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS,
			AcknowledgeOperationStatus: &scheduler.Call_AcknowledgeOperationStatus{
				AgentID: first.AgentID, OperationID: *first.OperationID, UUID: first.UUID.Value}})
		s.quiet(scheduler.Event_UPDATE_OPERATION_STATUS, time.Hour)
	})
}

func TestOperationOnALostAgent(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offers("node1", "node2")["node1"]
		s.call(accept(o, reserve("r", dynamic(disk(100)))))
		first := s.operation()
		c.StopAgent("node1")
		if lost := s.operation(); lost.State != mesos.OPERATION_UNREACHABLE || lost.UUID != nil {
			t.Error(lost)
		}
		c.StartAgent("node1")
		if again := s.operation(); !again.Equal(first) {
			t.Error(again)
		}
		c.MarkGone("node1")
		if lost := s.operation(); lost.State != mesos.OPERATION_GONE_BY_OPERATOR {
			t.Error(lost)
		}
	})
}

func mountOf(t *testing.T, o mesos.Offer, root string) mesos.Resource {
	t.Helper()
	for _, r := range o.Resources {
		if r.GetDisk().GetSource().GetMount().GetRoot() == root {
			return r
		}
	}
	t.Fatalf("no disk %s in %v", root, o.Resources)
	return mesos.Resource{}
}

func destroy(id string, volumes ...mesos.Resource) mesos.Offer_Operation {
	return mesos.Offer_Operation{Type: mesos.Offer_Operation_DESTROY, ID: &mesos.OperationID{Value: id},
		Destroy: &mesos.Offer_Operation_Destroy{Volumes: volumes}}
}

func unreserve(id string, resources ...mesos.Resource) mesos.Offer_Operation {
	return mesos.Offer_Operation{Type: mesos.Offer_Operation_UNRESERVE, ID: &mesos.OperationID{Value: id},
		Unreserve: &mesos.Offer_Operation_Unreserve{Resources: resources}}
}

// With a volume on it a disk cannot be unreserved, whatever it is called, nor be
// destroyed in part; and it is used by a task whole or not at all.
func TestVolumeHoldsItsMountDisk(t *testing.T) {
	agent := mesostest.Agents(1)[0]
	agent.Mounts = []mesostest.Mount{{Root: "/mnt/a", Size: 500}}
	run(t, mesostest.Config{Agents: []mesostest.Agent{agent}}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offer("node1")
		mount := mountOf(t, o, "/mnt/a")
		whole := dynamic(mount)
		sized := func(r mesos.Resource, size float64) mesos.Resource {
			r.Scalar = &mesos.Value_Scalar{Value: size}
			return r
		}
		for _, step := range []struct {
			operation mesos.Offer_Operation
			want      mesos.OperationState
		}{
			{reserve("reserve", whole), mesos.OPERATION_FINISHED},
			{create("part", volume(sized(whole, 100), "v")), mesos.OPERATION_ERROR},
			{create("create", volume(whole, "v")), mesos.OPERATION_FINISHED},
			{unreserve("disk", whole), mesos.OPERATION_ERROR},
			{unreserve("volume", volume(whole, "v")), mesos.OPERATION_ERROR},
			{destroy("other", volume(whole, "w")), mesos.OPERATION_ERROR},
			{destroy("part of it", volume(sized(whole, 100), "v")), mesos.OPERATION_ERROR},
			{destroy("destroy", volume(whole, "v")), mesos.OPERATION_FINISHED},
			{unreserve("part of the disk", sized(whole, 100)), mesos.OPERATION_ERROR},
			{unreserve("unreserve", whole), mesos.OPERATION_FINISHED},
		} {
			s.call(accept(o, step.operation))
			status := s.operation()
			if id := status.OperationID.Value; id != step.operation.ID.Value || status.State != step.want {
				t.Errorf("%s: %v (%s), want %v", id, status.State, status.GetMessage(), step.want)
			}
			o = s.offer("node1")
		}
		if again := mountOf(t, o, "/mnt/a"); !again.Equal(mount) {
			t.Errorf("%v, was %v", again, mount)
		}
		task := taskInfo(o, "greedy")
		task.Resources = append(task.Resources, sized(mount, 100))
		s.call(launch(0, task, o))
		s.status(mesos.TASK_ERROR)
	})
}

// A MOUNT disk is offered and used whole, and is one again after its volume.
func TestMountDisk(t *testing.T) {
	agent := mesostest.Agents(1)[0]
	agent.Mounts = []mesostest.Mount{{Root: "/mnt/a", Size: 500}, {Root: "/mnt/b", Size: 500, Role: "quobyte"}}
	run(t, mesostest.Config{Agents: []mesostest.Agent{agent}}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offers("node1")["node1"]
		mount := mountOf(t, o, "/mnt/a")
		if mount.GetDisk().GetSource().Type != mesos.Resource_DiskInfo_Source_MOUNT || mount.GetScalar().GetValue() != 500 || len(mount.Reservations) != 0 {
			t.Errorf("%v", mount)
		}
		if own := mountOf(t, o, "/mnt/b"); own.Reservations[0].GetType() != mesos.Resource_ReservationInfo_STATIC {
			t.Errorf("%v", own)
		}
		part := dynamic(mount)
		part.Scalar = &mesos.Value_Scalar{Value: 100}
		s.call(accept(o, reserve("part", part), reserve("whole", dynamic(mount)),
			create("volume", volume(dynamic(mount), "v")), create("again", volume(dynamic(disk(1)), "v"))))
		for _, want := range []mesos.OperationState{mesos.OPERATION_ERROR, mesos.OPERATION_FINISHED,
			mesos.OPERATION_FINISHED, mesos.OPERATION_ERROR} {
			if status := s.operation(); status.State != want {
				t.Errorf("%v, want %v", status, want)
			}
		}
		o = s.offers("node1")["node1"]
		if got := scalarOf(o, "disk"); got != 100000+500+500 {
			t.Errorf("%v MB of disk are offered", got)
		}
	})
}
