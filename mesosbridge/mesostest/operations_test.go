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

// A MOUNT disk is offered and used whole, and is one again after its volume.
func TestMountDisk(t *testing.T) {
	agent := mesostest.Agents(1)[0]
	agent.Mounts = []mesostest.Mount{{Root: "/mnt/a", Size: 500}, {Root: "/mnt/b", Size: 500, Role: "quobyte"}}
	run(t, mesostest.Config{Agents: []mesostest.Agent{agent}}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offers("node1")["node1"]
		var mount mesos.Resource
		for _, r := range o.Resources {
			if r.GetDisk().GetSource().GetMount().GetRoot() == "/mnt/a" {
				mount = r
			}
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
