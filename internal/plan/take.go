package plan

import (
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// take takes exactly the need out of what is held, reserved resources first, or
// nothing when it does not suffice. What it returns is allocated and reserved as it
// was offered; a need that reserved resources meet in part is split.
func (pool *pool) take(n need) ([]mesos.Resource, bool) {
	if !pool.fits(n, false) {
		return nil, false
	}
	pool.used = true
	var taken []mesos.Resource
	for s, missing := range n.scalars {
		for i := range pool.held {
			part := &pool.held[i]
			if missing == 0 {
				break
			}
			if part.scalar != s || part.left == 0 {
				continue
			}
			amount := min(missing, part.left)
			part.left -= amount
			missing -= amount
			r := pool.resource(part)
			r.Scalar = &mesos.Value_Scalar{Value: float64(amount) / 1000}
			taken = merge(taken, r)
		}
	}
	for _, port := range slices.Sorted(slices.Values(n.ports)) {
		i := slices.IndexFunc(pool.held, func(p part) bool { return p.hasPort(port) })
		part := &pool.held[i]
		part.ranges = mesos.Ranges(part.ranges).Remove(mesos.Value_Range{Begin: port, End: port})
		r := pool.resource(part)
		r.Ranges = &mesos.Value_Ranges{Range: []mesos.Value_Range{{Begin: port, End: port}}}
		taken = merge(taken, r)
	}
	return taken, true
}

// resource is the part without its amount.
func (pool *pool) resource(p *part) mesos.Resource {
	r := *p.from
	r.Scalar, r.Ranges = nil, nil
	if r.AllocationInfo == nil {
		role := pool.role
		r.AllocationInfo = &mesos.Resource_AllocationInfo{Role: &role}
	}
	return r
}

// merge adds a resource to the one of its kind, role and reservations, so that
// two offers of one agent read as one resource.
func merge(all []mesos.Resource, r mesos.Resource) []mesos.Resource {
	for i := range all {
		known := &all[i]
		if !known.Addable(r) {
			continue
		}
		if r.Scalar != nil {
			known.Scalar.Value = float64(fixed(known.Scalar.Value)+fixed(r.Scalar.Value)) / 1000
			return all
		}
		last := &known.Ranges.Range[len(known.Ranges.Range)-1]
		if next := r.Ranges.Range[0]; last.End+1 == next.Begin {
			last.End = next.End
		} else {
			known.Ranges.Range = append(known.Ranges.Range, next)
		}
		return all
	}
	return append(all, r)
}
