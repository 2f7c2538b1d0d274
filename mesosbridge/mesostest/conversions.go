package mesostest

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// conversion is what an operation takes from an agent's resources and what it
// puts in its place.
type conversion struct{ consumed, converted resources }

// conversionsOf says what an operation does, or what is wrong with it, in the
// words of master/validation.cpp. There is one conversion for each resource that
// it names (getResourceConversions in common/resources_utils.cpp).
func conversionsOf(a *acceptance, op *mesos.Offer_Operation) (list []conversion, problem string) {
	named, check, convert := operands(a, op)
	if op.Type == mesos.Offer_Operation_RESERVE && len(op.GetReserve().GetSource()) > 0 {
		return nil, "Operation attempted with invalid resources: " +
			"Reservation updates are not yet implemented for the scheduler API."
	}
	for i := range named {
		parsed, foreign := parseResources(named[i:i+1], a.role)
		if foreign != "" || len(parsed) != 1 {
			return nil, "Operation attempted with invalid resources: " +
				"they are allocated to role '" + foreign + "', the offer to role '" + a.role + "'"
		}
		if problem := check(parsed[0]); problem != "" {
			return nil, problem + "; on agent " + a.agent.id + " at " + a.agent.pid() + " (" + a.agent.host + ")"
		}
		list = append(list, convert(parsed[0]))
	}
	return list, ""
}

// operands are the resources that an operation names, what has to be true of
// each, and what becomes of it.
func operands(a *acceptance, op *mesos.Offer_Operation) (
	named []mesos.Resource, check func(quantity) string, convert func(quantity) conversion,
) {
	switch op.Type {
	case mesos.Offer_Operation_RESERVE:
		return op.GetReserve().GetResources(), a.mayReserve,
			func(q quantity) conversion { return conversion{resources{q.unreserved()}, resources{q}} }
	case mesos.Offer_Operation_UNRESERVE:
		return op.GetUnreserve().GetResources(), a.mayUnreserve,
			func(q quantity) conversion { return conversion{resources{q}, resources{q.unreserved()}} }
	case mesos.Offer_Operation_CREATE:
		return op.GetCreate().GetVolumes(), a.mayCreate,
			func(q quantity) conversion { return conversion{resources{q.withoutVolume()}, resources{q}} }
	default:
		return op.GetDestroy().GetVolumes(), a.mayDestroy,
			func(q quantity) conversion { return conversion{resources{q}, resources{q.withoutVolume()}} }
	}
}

func (a *acceptance) mayReserve(q quantity) string {
	if !q.dynamic() {
		return "Resource " + q.text(a.role) + " is not dynamically reserved"
	}
	if q.role() != a.role {
		return "A reserve operation was attempted for a resource with role '" + q.role() +
			"', but the resource was allocated to role '" + a.role + "'"
	}
	principal := a.fw.info.Principal
	if principal == nil {
		return ""
	}
	reserver := q.reservations[len(q.reservations)-1].Principal
	if reserver == nil {
		return "A reserve operation was attempted by principal '" + *principal +
			"', but there is a reserved resource in the request with no principal set"
	}
	if *reserver != *principal {
		return "A reserve operation was attempted by authenticated principal '" + *principal +
			"', which does not match a reserved resource in the request with principal '" + *reserver + "'"
	}
	return ""
}

func (a *acceptance) mayUnreserve(q quantity) string {
	if !q.dynamic() {
		return "Resource " + q.text(a.role) + " is not dynamically reserved"
	}
	if q.volume.GetPersistence() != nil {
		return "A dynamically reserved persistent volume " + q.text(a.role) + " cannot be unreserved directly. " +
			"Please destroy the persistent volume first then unreserve the resource"
	}
	return ""
}

func (a *acceptance) mayCreate(q quantity) string {
	if problem := notVolume(q, a.role); problem != "" {
		return problem
	}
	for _, other := range a.agent.total {
		if other.volume.GetPersistence().GetID() == q.volume.Persistence.ID && other.role() == q.role() {
			return "Persistence ID '" + q.volume.Persistence.ID + "' is not unique"
		}
	}
	principal, creator := a.fw.info.Principal, q.volume.Persistence.Principal
	switch {
	case principal == nil:
	case creator == nil:
		return "Create volume operation attempted by principal '" + *principal +
			"', but there is a volume in the operation with no principal set in 'disk.persistence'"
	case *creator != *principal:
		return "Create volume operation attempted by authenticated principal '" + *principal +
			"', which does not match a volume in the operation with principal '" + *creator +
			"' set in 'disk.persistence'"
	}
	return ""
}

func (a *acceptance) mayDestroy(q quantity) string {
	if problem := notVolume(q, a.role); problem != "" {
		return problem
	}
	if !a.agent.total.contains(resources{q}) {
		return "Persistent volumes not found"
	}
	for _, t := range a.agent.tasks {
		if !t.released && t.resources.contains(resources{q}) {
			return "Persistent volumes in use"
		}
	}
	return ""
}

// notVolume is resource::validatePersistentVolume.
func notVolume(q quantity, role string) string {
	const prefix = "Not a persistent volume: "
	switch {
	case q.volume == nil:
		return prefix + "Resource " + q.text(role) + " does not have DiskInfo"
	case q.volume.Persistence == nil:
		return prefix + "'persistence' is not set in DiskInfo"
	case q.volume.Volume == nil:
		return prefix + "Expecting 'volume' to be set for persistent volume"
	case q.volume.Volume.GetMode() == mesos.RO:
		return prefix + "Read-only persistent volume not supported"
	}
	return ""
}
