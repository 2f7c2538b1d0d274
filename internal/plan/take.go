package plan

import (
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// take takes exactly the need out of what is held, reserved resources first, or
// nothing when it does not suffice. What it returns is allocated and reserved as it
// was offered, or as it will be once reserve, which are parts of it, is reserved; a
// need that reserved resources meet in part is split.
func (pool *pool) take(n need) (taken, reserve []mesos.Resource, ok bool) {
	if !pool.fits(n, false) {
		return nil, nil, false
	}
	pool.used = true
	add := func(p *part, r mesos.Resource) {
		if p.owner == nobody && n.kind != nobody && pool.reserver.reservable(p.from, pool.role) {
			r = pool.reserver.reservedFor(r, pool.role, n.kind)
			reserve = merge(reserve, detached(r))
		}
		taken = merge(taken, r)
	}
	for s, missing := range n.scalars {
		for i := range pool.held {
			part := &pool.held[i]
			if missing == 0 {
				break
			}
			if part.scalar != s || part.left == 0 || !pool.mayUse(part, n.kind) {
				continue
			}
			amount := min(missing, part.left)
			part.left -= amount
			missing -= amount
			r := pool.resource(part)
			r.Scalar = &mesos.Value_Scalar{Value: float64(amount) / 1000}
			add(part, r)
		}
	}
	for _, port := range slices.Sorted(slices.Values(n.ports)) {
		i := slices.IndexFunc(pool.held, func(p part) bool { return p.hasPort(port) && pool.mayUse(&p, n.kind) })
		part := &pool.held[i]
		part.ranges = mesos.Ranges(part.ranges).Remove(mesos.Value_Range{Begin: port, End: port})
		r := pool.resource(part)
		r.Ranges = &mesos.Value_Ranges{Range: []mesos.Value_Range{{Begin: port, End: port}}}
		add(part, r)
	}
	return taken, reserve, true
}

// leave takes all that is left of what is reserved for services that do not need
// it, as it was offered.
func (pool *pool) leave(spare func(kind) bool) []mesos.Resource {
	var out []mesos.Resource
	for i := range pool.held {
		part := &pool.held[i]
		if part.owner == nobody || part.left == 0 && len(part.ranges) == 0 || !spare(part.owner) {
			continue
		}
		r := pool.resource(part)
		if part.scalar < scalars {
			r.Scalar = &mesos.Value_Scalar{Value: float64(part.left) / 1000}
		} else {
			r.Ranges = &mesos.Value_Ranges{Range: slices.Clone(part.ranges)}
		}
		part.left, part.ranges = 0, nil
		out = append(out, r)
	}
	return out
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
// two offers of one agent read as one resource. The value of r becomes its own.
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

// detached is the resource with a value of its own.
func detached(r mesos.Resource) mesos.Resource {
	if r.Scalar != nil {
		r.Scalar = &mesos.Value_Scalar{Value: r.Scalar.Value}
	}
	if r.Ranges != nil {
		r.Ranges = &mesos.Value_Ranges{Range: slices.Clone(r.Ranges.Range)}
	}
	return r
}
