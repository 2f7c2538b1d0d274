package mesostest

import (
	"math"
	"slices"
	"strconv"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// resources is an amount of resources, at most one entry of a kind, none empty.
// Scalars are fixed-point with three digits, as in common/values.cpp.
type resources []quantity

// quantity is an amount of one kind of resource: a scalar or ranges.
type quantity struct {
	kind
	reservations []mesos.Resource_ReservationInfo
	volume       *mesos.Resource_DiskInfo // nil for all but volumes and disks of their own
	milli        int64
	ranges       []span
	isRanges     bool
}

// kind is what two quantities must share to be added up.
type kind struct {
	name string
	// reserved is the text of the reservations, empty for unreserved resources.
	reserved string
	// disk tells volumes and disks apart, empty for a part of the root disk.
	disk string
}

// span is a range with both ends in it.
type span struct{ begin, end uint64 }

func (q quantity) empty() bool {
	if q.isRanges {
		return len(q.ranges) == 0
	}
	return q.milli <= 0
}

// rank orders resources as the offers of the recordings do: ports first, then
// reserved ones, then cpus, mem and disk.
func (q quantity) rank() int {
	switch {
	case q.reserved == "" && q.name == "ports":
		return 0
	case q.reserved != "":
		return 1
	}
	return 2
}

// dynamic says that the reservation was made by an operation.
func (q quantity) dynamic() bool {
	n := len(q.reservations)
	return n > 0 && q.reservations[n-1].GetType() == mesos.Resource_ReservationInfo_DYNAMIC
}

// reservedAs is q with other reservations.
func (q quantity) reservedAs(reservations []mesos.Resource_ReservationInfo) quantity {
	q.reservations, q.reserved = reservations, reservationText(reservations)
	return q
}

// unreserved is q without its last reservation.
func (q quantity) unreserved() quantity {
	return q.reservedAs(q.reservations[:len(q.reservations)-1])
}

// role that the resources are reserved for, empty when they are not.
func (q quantity) role() string {
	if n := len(q.reservations); n > 0 {
		return q.reservations[n-1].GetRole()
	}
	return ""
}

func (r resources) index(k kind) int {
	return slices.IndexFunc(r, func(q quantity) bool { return q.kind == k })
}

func (r resources) plus(other resources) resources {
	if len(other) == 0 {
		return r
	}
	sum := slices.Clone(r)
	for _, q := range other {
		i := sum.index(q.kind)
		if i < 0 {
			sum = append(sum, q)
			continue
		}
		sum[i].milli += q.milli
		sum[i].ranges = union(sum[i].ranges, q.ranges)
	}
	slices.SortStableFunc(sum, func(a, b quantity) int { return a.rank() - b.rank() })
	return sum
}

// minus is what is left of r; what r does not have is not missed.
func (r resources) minus(other resources) resources {
	rest := make(resources, 0, len(r))
	for _, q := range r {
		if i := other.index(q.kind); i >= 0 {
			q.milli -= other[i].milli
			q.ranges = without(q.ranges, other[i].ranges)
		}
		if !q.empty() {
			rest = append(rest, q)
		}
	}
	return rest
}

func (r resources) contains(other resources) bool {
	for _, q := range other {
		i := r.index(q.kind)
		if i < 0 {
			if q.empty() {
				continue
			}
			return false
		}
		if q.indivisible() && q.milli != r[i].milli {
			return false
		}
		if q.milli > r[i].milli || len(without(q.ranges, r[i].ranges)) > 0 {
			return false
		}
	}
	return true
}

// forRole is the part that may be offered to a role: what is not reserved, and
// what is reserved for it.
func (r resources) forRole(role string) resources {
	part := make(resources, 0, len(r))
	for _, q := range r {
		if q.reserved == "" || q.role() == role {
			part = append(part, q)
		}
	}
	return part
}

// milli is the amount of a scalar, reserved or not.
func (r resources) milli(name string) int64 {
	var sum int64
	for _, q := range r {
		if q.name == name {
			sum += q.milli
		}
	}
	return sum
}

// String is how the master writes resources that are allocated to a role in its
// messages (common/resources.cpp).
func (r resources) String(allocated string) string {
	parts := make([]string, 0, len(r))
	for _, q := range r {
		parts = append(parts, q.text(allocated))
	}
	return strings.Join(parts, "; ")
}

func (q quantity) text(allocated string) string {
	text := q.name
	if allocated != "" {
		text += "(allocated: " + allocated + ")"
	}
	if q.reserved != "" {
		text += "(reservations: [" + q.reserved + "])"
	}
	return text + diskText(q.volume) + ":" + q.value()
}

func (q quantity) value() string {
	if !q.isRanges {
		return strconv.FormatFloat(toFloat(q.milli), 'f', -1, 64)
	}
	spans := make([]string, 0, len(q.ranges))
	for _, s := range q.ranges {
		spans = append(spans, strconv.FormatUint(s.begin, 10)+"-"+strconv.FormatUint(s.end, 10))
	}
	return "[" + strings.Join(spans, ", ") + "]"
}

func toMilli(f float64) int64 { return int64(math.Round(f * 1000)) }
func toFloat(m int64) float64 { return float64(m/1000) + float64(m%1000)/1000 }
func scalar(name string, f float64) quantity {
	return quantity{kind: kind{name: name}, milli: toMilli(f)}
}

// union of two sets of ranges, sorted, touching ones joined.
func union(a, b []span) []span {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y span) int {
		if x.begin < y.begin {
			return -1
		}
		if x.begin > y.begin {
			return 1
		}
		return 0
	})
	joined := all[:1]
	for _, s := range all[1:] {
		last := &joined[len(joined)-1]
		if s.begin > last.end+1 {
			joined = append(joined, s)
		} else if s.end > last.end {
			last.end = s.end
		}
	}
	return joined
}

// without is a minus b.
func without(a, b []span) []span {
	if len(b) == 0 || len(a) == 0 {
		return a
	}
	var rest []span
	for _, s := range a {
		pieces := []span{s}
		for _, cut := range b {
			var next []span
			for _, p := range pieces {
				if cut.end < p.begin || cut.begin > p.end {
					next = append(next, p)
					continue
				}
				if p.begin < cut.begin {
					next = append(next, span{p.begin, cut.begin - 1})
				}
				if p.end > cut.end {
					next = append(next, span{cut.end + 1, p.end})
				}
			}
			pieces = next
		}
		rest = append(rest, pieces...)
	}
	return rest
}
