package plan

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// mayStart says that spec.placement lets services be started on the host. What
// runs elsewhere keeps running.
func (p *pass) mayStart(h *host) bool { return p.misplaced(h) == "" }

// misplaced says why spec.placement lets nothing be started on the host; empty: it
// does. Of an agent that has offered nothing yet nobody knows the attributes.
func (p *pass) misplaced(h *host) string {
	if p.allowed != nil && !p.allowed[h.name] {
		return "is not in spec.placement.hosts"
	}
	required := p.in.Cluster.Spec.Placement.Attributes
	if len(required) == 0 || h.agent == nil {
		return ""
	}
	if !h.compared {
		h.compared = true
		for i := range required {
			if values := attributeOf(h.agent, required[i].Attribute); !meets(values, &required[i]) {
				h.lacksAttribute = unmet(values, &required[i])
				break
			}
		}
	}
	return h.lacksAttribute
}

// attributeValues are what an agent says under one name: as Mesos prints them, and
// ranges of numbers.
type attributeValues struct {
	texts  []string
	ranges []mesos.Value_Range
}

func (v *attributeValues) none() bool { return len(v.texts) == 0 && len(v.ranges) == 0 }

// has says that one of the values is the one asked for.
func (v *attributeValues) has(asked string) bool {
	if slices.Contains(v.texts, asked) {
		return true
	}
	if len(v.ranges) == 0 {
		return false
	}
	n, err := strconv.ParseUint(asked, 10, 64)
	return err == nil && slices.ContainsFunc(v.ranges, func(r mesos.Value_Range) bool { return r.Begin <= n && n <= r.End })
}

// attributeOf returns the values of an agent's attribute. "region" and "zone" are
// those of its fault domain, when it has one.
func attributeOf(a *mesosbridge.Agent, name string) attributeValues {
	if domain := a.Domain.GetFaultDomain(); domain != nil {
		switch name {
		case "region":
			return attributeValues{texts: []string{domain.Region.Name}}
		case "zone":
			return attributeValues{texts: []string{domain.Zone.Name}}
		}
	}
	var v attributeValues
	for i := range a.Attributes { // a name may stand there more than once
		at := &a.Attributes[i]
		switch {
		case at.Name != name:
		case at.Text != nil:
			v.texts = append(v.texts, at.Text.Value)
		case at.Scalar != nil:
			v.texts = append(v.texts, printScalar(at.Scalar.Value))
		case at.Set != nil:
			v.texts = append(v.texts, at.Set.Item...)
		case at.Ranges != nil:
			v.ranges = append(v.ranges, at.Ranges.Range...)
		}
	}
	return v
}

// printScalar prints a number as Mesos does: at most three digits after the point,
// none without need (operator<< for Value::Scalar in src/common/values.cpp).
func printScalar(value float64) string {
	return strconv.FormatFloat(math.Round(value*1000)/1000, 'f', -1, 64)
}

// meets compares as Kubernetes does its labels: what is not there is not in any
// list.
func meets(v attributeValues, r *v1alpha1.AttributeRequirement) bool {
	switch r.Operator {
	case v1alpha1.AttributeExists:
		return !v.none()
	case v1alpha1.AttributeDoesNotExist:
		return v.none()
	case v1alpha1.AttributeNotIn:
		return !slices.ContainsFunc(r.Values, v.has)
	}
	return slices.ContainsFunc(r.Values, v.has)
}

// unmet says what an agent has instead of what is required.
func unmet(v attributeValues, r *v1alpha1.AttributeRequirement) string {
	has := "has no attribute " + r.Attribute
	if !v.none() {
		has = "has " + r.Attribute + " " + v.String()
	}
	switch r.Operator {
	case v1alpha1.AttributeExists:
		return has + ", which spec.placement.attributes asks for"
	case v1alpha1.AttributeDoesNotExist:
		return has + ", which spec.placement.attributes excludes"
	}
	words := "in"
	if r.Operator == v1alpha1.AttributeNotIn {
		words = "not in"
	}
	return fmt.Sprintf("%s; spec.placement.attributes asks for %s %s (%s)", has, r.Attribute, words, strings.Join(r.Values, ", "))
}

func (v attributeValues) String() string {
	all := slices.Clone(v.texts)
	for _, r := range v.ranges {
		all = append(all, fmt.Sprintf("%d-%d", r.Begin, r.End))
	}
	return strings.Join(all, ", ")
}

// domainOf is where the host is with regard to spec.placement.spreadBy; empty:
// nobody has said.
func (p *pass) domainOf(h *host) string {
	if h.agent == nil {
		return ""
	}
	v := attributeOf(h.agent, p.in.Cluster.Spec.Placement.SpreadBy)
	return v.String()
}

// placementReasons tell of hosts that hold services and may not any more, and of
// registries that one fault takes away together.
func (p *pass) placementReasons(book *reasonBook) {
	if p.mode == stopping {
		return
	}
	for _, h := range p.active {
		if w := p.leftover(h); w != nil {
			book.add(wholeCluster, w, h.name)
		}
	}
	if message := p.unspread(); message != "" {
		book.add(wholeCluster, &wait{code: codeSpread, message: message}, "")
		p.notice(NoticeNotSpread, message)
	}
}

// leftover says that a host which spec.placement excludes, or cordons, keeps what it
// has; nil: it is not excluded, or has nothing. Starting is what placement is about: taking
// a host off the list is no order to stop what serves data.
func (p *pass) leftover(h *host) *wait {
	cordoned := p.cordoned[h.name]
	if p.mayStart(h) && !cordoned {
		return nil
	}
	bound, floating := false, false
	for k := range kinds {
		if s := &h.slots[k]; s.task != nil && s.wanted {
			bound, floating = bound || !k.floats(), floating || k.floats()
		}
	}
	switch {
	case cordoned && p.mayStart(h) && (bound || floating):
		return waitOn(h, codePlaced, "is cordoned (spec.placement.cordonedHosts): it keeps its services, and none is started here")
	case bound:
		return waitOn(h, codePlaced, "is not in spec.placement any more: it keeps its services until its devices are decommissioned")
	case floating:
		return waitOn(h, codePlaced, "is not in spec.placement any more: it keeps its services until they end, and none is started again there")
	}
	return nil
}

// unspread says that so many registries are in one domain that losing it loses
// the majority; empty: they are spread, or nobody asked, or there are too few.
func (p *pass) unspread() string {
	by := p.in.Cluster.Spec.Placement.SpreadBy
	registries := p.gate.tallies[registry].wanted
	if by == "" || registries < 3 {
		return ""
	}
	counts := map[string]int{}
	for _, h := range p.active {
		// Of an agent that is away nobody knows where it is.
		if h.slots[registry].wanted && h.agent != nil {
			counts[p.domainOf(h)]++
		}
	}
	fullest, most := "", 0
	for domain, n := range counts {
		if n > most || n == most && domain < fullest {
			fullest, most = domain, n
		}
	}
	if registries-most >= majority(registries) {
		return ""
	}
	if fullest == "" {
		return fmt.Sprintf("%d of %d registries are on hosts without the attribute %s of spec.placement.spreadBy: one fault may take away the majority", most, registries, by)
	}
	return fmt.Sprintf("%d of %d registries are in %s %s: losing it loses the majority", most, registries, by, fullest)
}
