package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// amounts of resources by their name, in thousandths; ports count 1 each.
type amounts map[string]int64

// stock is amounts by the role that they are reserved for; "" is nobody. What is
// reserved dynamically stands under "role!service" when it is ours, and under
// "role?" when somebody else did it.
type stock map[string]amounts

func (s stock) add(other stock, sign int64) {
	for role, a := range other {
		if s[role] == nil {
			s[role] = amounts{}
		}
		for name, n := range a {
			s[role][name] += sign * n
		}
	}
}

func (s stock) empty() bool {
	for _, a := range s {
		for _, n := range a {
			if n != 0 {
				return false
			}
		}
	}
	return true
}

// resources are a stock as an offer to a role has them.
func (s stock) resources(role string) []mesos.Resource {
	var out []mesos.Resource
	for _, owner := range slices.Sorted(maps.Keys(s)) {
		add := func(r mesos.Resource) {
			switch _, service, ours := strings.Cut(owner, "!"); {
			case ours:
				r = labelled("storage/quobyte", quobyte.Service(service), r)
			case strings.HasSuffix(owner, "?"):
				r = dynamic(nil, r)
			case owner != "":
				r = reserved(owner, r)
			}
			r.AllocationInfo = &mesos.Resource_AllocationInfo{Role: &role}
			out = append(out, r)
		}
		for _, name := range slices.Sorted(maps.Keys(s[owner])) {
			n := s[owner][name]
			var port uint64
			switch _, err := fmt.Sscanf(name, "port%d", &port); {
			case n == 0:
			case err == nil:
				add(portRange(port, port))
			default:
				add(scalar(name, float64(n)/1000))
			}
		}
	}
	return out
}

// stockOf reads resources back.
func stockOf(resources []mesos.Resource) stock {
	s := stock{}
	for _, r := range resources {
		owner := ""
		if n := len(r.Reservations); n > 0 {
			last := r.Reservations[n-1]
			owner = *last.Role
			if *last.Type == mesos.Resource_ReservationInfo_DYNAMIC {
				by, ok := quobyte.OwnerOf(last.Labels)
				owner += "?"
				if ok && by.Cluster == "storage/quobyte" {
					owner = *last.Role + "!" + string(by.Service)
				}
			}
		}
		a := amounts{}
		if r.Scalar != nil {
			a[r.Name] += int64(r.Scalar.Value*1000 + 0.5)
		}
		for _, x := range r.GetRanges().GetRange() {
			for port := x.Begin; port <= x.End; port++ {
				a[fmt.Sprintf("port%d", port)]++
			}
		}
		s.add(stock{owner: a}, 1)
	}
	return s
}

func (s stock) total() amounts {
	sum := amounts{}
	for _, a := range s {
		for name, n := range a {
			if n != 0 {
				sum[name] += n
			}
		}
	}
	return sum
}

// needed is what a service needs, from the manifest.
func needed(c *v1alpha1.QuobyteCluster, s quobyte.Service) amounts {
	if s == quobyte.ProberService {
		return amounts{"cpus": 100, "mem": 256_000, "disk": 150_000}
	}
	r := c.Spec.Services.Of(string(s)).Resources
	a := amounts{"cpus": r.CPUs.MilliValue(), "mem": r.Memory.Value() >> 20 * 1000, "disk": r.Disk.Value() >> 20 * 1000}
	if s == quobyte.Client {
		return a
	}
	index := int64(slices.Index([]string{"registry", "metadata", "data", "api", "webconsole", "s3"}, string(s)))
	ports := []int64{int64(c.Spec.Ports.Base) + 2*index, int64(c.Spec.Ports.Base) + 2*index + 1}
	switch s {
	case quobyte.API:
		ports = append(ports, int64(c.Spec.Ports.API))
	case quobyte.Webconsole:
		ports = append(ports, int64(c.Spec.Ports.Webconsole))
	case quobyte.S3:
		ports = append(ports, int64(c.Spec.Ports.S3))
	}
	for _, port := range ports {
		a[portName(uint64(port))] = 1
	}
	return a
}

func portName(port uint64) string { return fmt.Sprintf("port%d", port) }

func plenty() stock {
	a := amounts{"cpus": 20_000, "mem": 40_000_000, "disk": 1_000_000}
	for _, port := range allPorts() {
		a[port] = 1
	}
	return stock{"": a}
}

func allPorts() []string {
	list := []string{"port80", "port8888", "port8889"}
	for port := 21000; port < 21012; port++ {
		list = append(list, fmt.Sprintf("port%d", port))
	}
	return list
}

// conversion is what an operation takes, and what it makes of that.
func conversion(op *mesos.Offer_Operation) (from, to stock) {
	named := op.GetReserve().GetResources()
	if op.Type == mesos.Offer_Operation_UNRESERVE {
		named = op.GetUnreserve().GetResources()
	}
	popped := slices.Clone(named)
	for i := range popped {
		popped[i].Reservations = popped[i].Reservations[:len(popped[i].Reservations)-1]
	}
	if op.Type == mesos.Offer_Operation_UNRESERVE {
		return stockOf(named), stockOf(popped)
	}
	return stockOf(popped), stockOf(named)
}
