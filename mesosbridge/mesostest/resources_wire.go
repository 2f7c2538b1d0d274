package mesostest

import (
	"cmp"
	"slices"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// parseResources reads resources from a call. Resources that are of another
// allocation role than allocated, or of none, are returned as they are in
// foreign: nothing that is offered contains them. Those that name no role are
// allocated to the offer's, as "no-allocation-info" in accept-invalid-task shows.
func parseResources(from []mesos.Resource, allocated string) (all resources, foreign string) {
	for i := range from {
		r := &from[i]
		if role := r.GetAllocationInfo().GetRole(); role != "" && role != allocated {
			foreign = role
		}
		q := quantity{kind: kind{name: r.Name}}.reservedAs(reservationsOf(r)).onDisk(r.Disk)
		if r.GetType() == mesos.RANGES {
			q.isRanges = true
			for _, s := range r.GetRanges().GetRange() {
				q.ranges = union(q.ranges, []span{{s.Begin, s.End}})
			}
		} else {
			q.milli = toMilli(r.GetScalar().GetValue())
		}
		if !q.empty() {
			all = appendQuantity(all, q)
		}
	}
	return all, foreign
}

// appendQuantity adds without sorting: messages name resources in the order in
// which the task does.
func appendQuantity(all resources, q quantity) resources {
	if i := all.index(q.kind); i >= 0 {
		all[i].milli += q.milli
		all[i].ranges = union(all[i].ranges, q.ranges)
		return all
	}
	return append(all, q)
}

// reservationsOf also reads the format of frameworks without the capability
// RESERVATION_REFINEMENT: a role, and a reservation when it is dynamic
// (docs/reservation.md).
func reservationsOf(r *mesos.Resource) []mesos.Resource_ReservationInfo {
	if len(r.Reservations) > 0 {
		return r.Reservations
	}
	if r.Role == nil || *r.Role == "*" || *r.Role == "" {
		return nil
	}
	if r.Reservation == nil {
		return staticReservation(*r.Role)
	}
	dynamic := *r.Reservation
	dynamic.Role = r.Role
	dynamic.Type = mesos.Resource_ReservationInfo_DYNAMIC.Enum()
	return []mesos.Resource_ReservationInfo{dynamic}
}

func staticReservation(role string) []mesos.Resource_ReservationInfo {
	return []mesos.Resource_ReservationInfo{{
		Type: mesos.Resource_ReservationInfo_STATIC.Enum(),
		Role: &role,
	}}
}

// reservationText is how the master writes reservations (common/resources.cpp).
func reservationText(reservations []mesos.Resource_ReservationInfo) string {
	var text []string
	for i := range reservations {
		r := &reservations[i]
		parts := []string{r.GetType().String(), r.GetRole()}
		if r.Principal != nil {
			parts = append(parts, *r.Principal)
		}
		if labels := r.GetLabels().GetLabels(); len(labels) > 0 {
			var pairs []string
			for _, l := range labels {
				pairs = append(pairs, l.Key+": "+l.GetValue())
			}
			parts = append(parts, "{"+strings.Join(pairs, ", ")+"}")
		}
		text = append(text, "("+strings.Join(parts, ",")+")")
	}
	return strings.Join(text, ",")
}

// understandsAll is a framework with all capabilities: what an operator is told
// has the same format.
func understandsAll() *framework { return &framework{multiRole: true, refinement: true} }

// portsLast is the order in which an agent tells of its resources.
func (r resources) portsLast() resources {
	sorted := slices.Clone(r)
	slices.SortStableFunc(sorted, func(a, b quantity) int {
		return cmp.Compare(strings.Count(a.name, "ports"), strings.Count(b.name, "ports"))
	})
	return sorted
}

// endpoint writes resources for an operator: with reservations and, when there
// is at most one, in the old format, too (ENDPOINT in common/resources_utils.cpp).
func (r resources) endpoint(role string) []mesos.Resource {
	list := r.proto(understandsAll(), role)
	for i := range list {
		switch reservations := list[i].Reservations; len(reservations) {
		case 0:
			everybody := "*"
			list[i].Role = &everybody
		case 1:
			list[i].Role = reservations[0].Role
			if reservations[0].GetType() == mesos.Resource_ReservationInfo_DYNAMIC {
				list[i].Reservation = &mesos.Resource_ReservationInfo{
					Principal: reservations[0].Principal, Labels: reservations[0].Labels}
			}
		}
	}
	return list
}

// proto writes resources that are allocated to a role as this framework
// understands them: without MULTI_ROLE there is no allocation_info, without
// RESERVATION_REFINEMENT there is a role (reconcile-not-partition-aware).
func (r resources) proto(fw *framework, role string) []mesos.Resource {
	out := make([]mesos.Resource, 0, len(r))
	for _, q := range r {
		res := mesos.Resource{Name: q.name, Type: mesos.SCALAR.Enum(), Disk: q.volume}
		if fw.multiRole && role != "" {
			res.AllocationInfo = &mesos.Resource_AllocationInfo{Role: &role}
		}
		if fw.refinement {
			res.Reservations = q.reservations
		} else {
			reservedFor := "*"
			if q.reserved != "" {
				reservedFor = q.role()
			}
			res.Role = &reservedFor
		}
		if q.isRanges {
			res.Type = mesos.RANGES.Enum()
			res.Ranges = &mesos.Value_Ranges{}
			for _, s := range q.ranges {
				res.Ranges.Range = append(res.Ranges.Range, mesos.Value_Range{Begin: s.begin, End: s.end})
			}
		} else {
			res.Scalar = &mesos.Value_Scalar{Value: toFloat(q.milli)}
		}
		out = append(out, res)
	}
	return out
}
