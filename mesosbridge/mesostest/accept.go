package mesostest

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// acceptance is an ACCEPT at work: what is left of the offers' resources.
type acceptance struct {
	fw    *framework
	agent *agent
	role  string
	left  resources
	// converted is what operations have made of a part of left.
	converted resources
}

// accept handles ACCEPT. What the operations do not use is refused, as if it had
// been declined.
func (c *Cluster) accept(fw *framework, call *scheduler.Call_Accept) {
	offers, problem := c.takeOffers(fw, call.OfferIDs)
	if problem != "" {
		// The valid ones come again, without a filter (accept-invalid-offer).
		for _, o := range offers {
			c.withdraw(o, false)
		}
		c.dropAll(fw, call.Operations, problem)
		return
	}
	if len(offers) == 0 {
		return
	}
	a := &acceptance{fw: fw, agent: offers[0].agent, role: offers[0].role}
	for _, o := range offers {
		c.remove(o)
		a.left = a.left.plus(o.resources)
	}
	// The offers' parts become one part for each task and one for the rest.
	c.unallot(fw, a.role, a.left)
	for i := range call.Operations {
		c.perform(a, &call.Operations[i])
	}
	if len(a.left) > 0 {
		a.agent.available = a.agent.available.plus(a.left)
		// What operations have made is offered again without a filter
		// (reservation-and-volume).
		c.refuse(fw, a.role, a.agent, a.left.minus(a.converted), call.Filters)
		c.allocateSoon()
	}
}

// launchAccepted launches a task on what is left of the offers, or says what is
// wrong with it.
func (c *Cluster) launchAccepted(a *acceptance, info mesos.TaskInfo) {
	need, own, problem := c.validateTask(a, &info)
	if problem != "" {
		status := c.masterStatus(info.TaskID.Value, &info.AgentID, mesos.REASON_TASK_INVALID)
		setState(status, mesos.TASK_ERROR.Enum(), problem)
		c.sendStatus(a.fw, status)
		return
	}
	a.left, a.converted = a.left.minus(need), a.converted.minus(need)
	c.allot(a.fw, a.role, need)
	if len(own) > 0 {
		a.left = a.left.minus(own)
		c.allot(a.fw, a.role, own)
	}
	c.launch(a.fw, a.agent, info, a.role, need, own)
}

// takeOffers finds offers; what is wrong with them is said in the words of
// master/validation.cpp, and the valid ones are returned with it.
func (c *Cluster) takeOffers(fw *framework, ids []mesos.OfferID) (offers []*offer, problem string) {
	seen := map[string]bool{}
	complain := func(text string) {
		if problem == "" {
			problem = text
		}
	}
	for _, id := range ids {
		o := c.master.offers[id.Value]
		switch {
		case seen[id.Value]:
			complain("Duplicate offer " + id.Value + " in offer list")
			continue
		case o == nil:
			complain("Offer " + id.Value + " is no longer valid")
			continue
		case o.fw != fw:
			complain("Offer " + id.Value + " has invalid framework " + o.fw.id +
				" while framework " + fw.id + " is expected")
			continue
		}
		seen[id.Value] = true
		offers = append(offers, o)
		if first := offers[0]; first.role != o.role {
			complain("Aggregated offers must be allocated to the same role. Offer " + id.Value +
				" uses role '" + o.role + " but another is using role '" + first.role)
		} else if first.agent != o.agent {
			complain("Aggregated offers must belong to one single agent. Offer " + id.Value +
				" uses agent " + o.agent.id + " and agent " + first.agent.id)
		}
	}
	return offers, problem
}

// dropAll tells of tasks that are not launched, and operations that are not done,
// because of their offers.
func (c *Cluster) dropAll(fw *framework, ops []mesos.Offer_Operation, problem string) {
	for i := range ops {
		if ops[i].Type != mesos.Offer_Operation_LAUNCH {
			c.dropOperation(fw, &ops[i], "Operation attempted with invalid offers: "+problem)
			continue
		}
		for _, info := range ops[i].GetLaunch().GetTaskInfos() {
			status := c.masterStatus(info.TaskID.Value, &info.AgentID, mesos.REASON_INVALID_OFFERS)
			setState(status, fw.lost(mesos.TASK_DROPPED), "Task launched with invalid offers: "+problem)
			c.sendStatus(fw, status)
		}
	}
}
