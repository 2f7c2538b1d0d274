package mesostest

import (
	"net/http"
	"time"

	inverseoffers "github.com/mesos/mesos-go/api/v1/lib/allocator"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// CallRecord is a call that the master has answered.
type CallRecord struct {
	Time        time.Time
	FrameworkID string
	Call        *scheduler.Call
	// Status of the HTTP response; 200 for SUBSCRIBE, 202 for others that were
	// taken. The client may not have seen it, see DropNext.
	Status int
	// Text of the response, which says what was wrong.
	Text string
}

// OnCall has f called after each call that was well-formed, before its answer is
// sent, on the goroutine that serves it.
func (c *Cluster) OnCall(f func(CallRecord)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onCall = append(c.onCall, f)
}

// called counts a call and tells those who asked.
func (c *Cluster) called(id string, call *scheduler.Call, status int, text string) {
	record := CallRecord{FrameworkID: id, Call: call, Status: status, Text: text}
	var hooks []func(CallRecord)
	c.change(func() {
		record.Time = c.now()
		if status < 300 {
			c.history.framework(id).Calls[call.Type]++
		}
		hooks = c.onCall
	})
	for _, f := range hooks {
		f(record)
	}
}

// serveCall handles all calls but SUBSCRIBE.
func (c *Cluster) serveCall(call *scheduler.Call, principal string, header http.Header) (status int, text string) {
	c.change(func() {
		fw, refused := c.callingFramework(call, principal, header)
		if refused != nil {
			status, text = refused.status, refused.text
			return
		}
		status = c.dispatch(fw, call)
	})
	c.called(call.FrameworkID.Value, call, status, text)
	return status, text
}

// callingFramework checks who calls, in the order and words of master/http.cpp.
func (c *Cluster) callingFramework(call *scheduler.Call, principal string, header http.Header) (*framework, *httpError) {
	fw := c.master.frameworks[call.FrameworkID.Value]
	if fw == nil {
		return nil, badRequest("Framework cannot be found")
	}
	if principal != "" && principal != fw.info.GetPrincipal() {
		return nil, badRequest("Authenticated principal '" + principal + "' does not match principal '" +
			fw.info.GetPrincipal() + "' set in `FrameworkInfo`")
	}
	if fw.stream == nil {
		return nil, &httpError{http.StatusForbidden, "Framework is not subscribed"}
	}
	id := header.Get(streamIDHeader)
	if id == "" {
		return nil, badRequest("All non-subscribe calls should include the 'Mesos-Stream-Id' header")
	}
	if id != fw.stream.id {
		return nil, badRequest("The stream ID '" + id + "' included in this request " +
			"didn't match the stream ID currently associated with framework ID " + fw.id)
	}
	return fw, nil
}

// dispatch does what a call asks for.
func (c *Cluster) dispatch(fw *framework, call *scheduler.Call) (status int) {
	switch call.Type {
	case scheduler.Call_TEARDOWN:
		c.removeFramework(fw)
	case scheduler.Call_ACCEPT:
		c.accept(fw, call.Accept)
	case scheduler.Call_DECLINE:
		c.decline(fw, call.Decline)
	case scheduler.Call_REVIVE:
		c.revive(fw, call.GetRevive().GetRoles())
	case scheduler.Call_SUPPRESS:
		c.suppress(fw, call.GetSuppress().GetRoles())
	case scheduler.Call_KILL:
		c.kill(fw, call.Kill)
	case scheduler.Call_ACKNOWLEDGE:
		c.acknowledge(fw, call.Acknowledge)
	case scheduler.Call_SHUTDOWN:
		if e := c.executorOf(fw, &call.Shutdown.AgentID, call.Shutdown.ExecutorID); e != nil {
			c.shutDownExecutor(e)
		}
	case scheduler.Call_MESSAGE:
		if e := c.executorOf(fw, &call.Message.AgentID, call.Message.ExecutorID); e != nil {
			c.messageExecutor(e, call.Message.Data)
		}
	case scheduler.Call_RECONCILE:
		c.reconcile(fw, call.Reconcile.Tasks)
	case scheduler.Call_ACCEPT_INVERSE_OFFERS:
		c.answerInverse(fw, call.AcceptInverseOffers.InverseOfferIDs,
			inverseoffers.InverseOfferStatus_ACCEPT, call.AcceptInverseOffers.Filters)
	case scheduler.Call_DECLINE_INVERSE_OFFERS:
		c.answerInverse(fw, call.DeclineInverseOffers.InverseOfferIDs,
			inverseoffers.InverseOfferStatus_DECLINE, call.DeclineInverseOffers.Filters)
	case scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS:
		c.acknowledgeOperation(fw, call.AcknowledgeOperationStatus)
	case scheduler.Call_RECONCILE_OPERATIONS:
		c.reconcileOperations(fw, call.ReconcileOperations.Operations)
	case scheduler.Call_UPDATE_FRAMEWORK:
		// The one call that is answered 200 (updateFramework in master/http.cpp).
		c.updateFramework(fw, call.UpdateFramework.FrameworkInfo, call.UpdateFramework.SuppressedRoles)
		return http.StatusOK
	}
	return http.StatusAccepted
}
