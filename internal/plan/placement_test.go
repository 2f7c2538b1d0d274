package plan

import (
	"fmt"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

func text(name, value string) mesos.Attribute {
	return mesos.Attribute{Name: name, Type: mesos.TEXT, Text: &mesos.Value_Text{Value: value}}
}

func number(name string, value float64) mesos.Attribute {
	return mesos.Attribute{Name: name, Type: mesos.SCALAR, Scalar: &mesos.Value_Scalar{Value: value}}
}

func domain(region, zone string) *mesos.DomainInfo {
	d := &mesos.DomainInfo{FaultDomain: &mesos.DomainInfo_FaultDomain{}}
	d.FaultDomain.Region.Name, d.FaultDomain.Zone.Name = region, zone
	return d
}

// TestAttributes has an agent with attributes of every kind, on which a registry
// may be started or not.
func TestAttributes(t *testing.T) {
	const (
		in, notIn         = v1alpha1.AttributeIn, v1alpha1.AttributeNotIn
		exists, notExists = v1alpha1.AttributeExists, v1alpha1.AttributeDoesNotExist
	)
	attributes := []mesos.Attribute{
		text("rack", "r1"), text("row", "a"), text("row", "b"), number("level", 2), number("load", 1.5), number("fine", 0.0625),
		{Name: "tags", Type: mesos.SET, Set: &mesos.Value_Set{Item: []string{"ssd", "fast"}}},
		{Name: "slots", Type: mesos.RANGES, Ranges: &mesos.Value_Ranges{Range: []mesos.Value_Range{{Begin: 1, End: 4}, {Begin: 9, End: 9}}}},
		text("zone", "of the attribute"),
	}
	tests := []struct {
		attribute string
		operator  v1alpha1.AttributeOperator
		values    []string
		refused   string // empty: it holds
	}{
		{"rack", in, []string{"r2", "r1"}, ""},
		{"rack", in, []string{"r2", "r10"}, "has rack r1; spec.placement.attributes asks for rack in (r2, r10)"},
		{"rack", notIn, []string{"r1"}, "has rack r1; spec.placement.attributes asks for rack not in (r1)"},
		{"rack", notIn, []string{"r2"}, ""},
		{"rack", exists, nil, ""},
		{"rack", notExists, nil, "has rack r1, which spec.placement.attributes excludes"},
		{"Rack", exists, nil, "has no attribute Rack, which spec.placement.attributes asks for"},
		{"Rack", notExists, nil, ""},
		{"Rack", in, []string{""}, "has no attribute Rack; spec.placement.attributes asks for Rack in ()"},
		{"Rack", notIn, []string{"r1"}, ""},
		{"row", in, []string{"b"}, ""},
		{"row", notIn, []string{"b"}, "has row a, b; spec.placement.attributes asks for row not in (b)"},
		{"level", in, []string{"2"}, ""},
		{"level", in, []string{"2.0"}, "has level 2; spec.placement.attributes asks for level in (2.0)"},
		{"load", in, []string{"1.5"}, ""},
		{"fine", in, []string{"0.063"}, ""},
		{"tags", in, []string{"fast"}, ""},
		{"tags", notIn, []string{"fast"}, "has tags ssd, fast; spec.placement.attributes asks for tags not in (fast)"},
		{"slots", in, []string{"3"}, ""},
		{"slots", in, []string{"9"}, ""},
		{"slots", in, []string{"5", "x"}, "has slots 1-4, 9-9; spec.placement.attributes asks for slots in (5, x)"},
		{"region", in, []string{"eu"}, ""},
		{"zone", in, []string{"eu-1"}, ""},
		{"zone", in, []string{"of the attribute"}, "has zone eu-1; spec.placement.attributes asks for zone in (of the attribute)"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.attribute, " ", test.operator, " ", test.values), func(t *testing.T) {
			f := newFixture(t)
			f.device("node1", isRegistry)
			a := f.node("node1")
			a.Attributes, a.Domain = attributes, domain("eu", "eu-1")
			f.cluster.Spec.Placement.Attributes = []v1alpha1.AttributeRequirement{
				{Attribute: "rack", Operator: exists},
				{Attribute: test.attribute, Operator: test.operator, Values: test.values},
			}
			r := f.plan()
			if test.refused == "" {
				wantList(t, "launches", launches(r), "registry node1")
				return
			}
			wantList(t, "launches", launches(r))
			wantText(t, waits(t, r, registry, "node1"), "node1: "+test.refused)
		})
	}
}

// Without a fault domain region and zone are attributes as others are; of an agent
// that is not there nobody says that its attributes are wrong.
func TestAttributesWithoutDomain(t *testing.T) {
	f := newFixture(t)
	f.cluster.Spec.Placement.Attributes = []v1alpha1.AttributeRequirement{{Attribute: "zone", Operator: v1alpha1.AttributeIn, Values: []string{"z"}}}
	f.device("node1", isRegistry)
	f.device("node2", isRegistry)
	f.node("node1").Attributes = []mesos.Attribute{text("zone", "z")}
	r := f.plan()
	wantList(t, "launches", launches(r), "registry node1")
	wantText(t, waits(t, r, registry, "node2"), "node2: no agent with this host name has offered anything (is it registered with Mesos, and is the name right?)")
}

// A host that placement excludes keeps what it has, says so, and Ready stays true.
func TestExcludedHostKeepsItsServices(t *testing.T) {
	const kept = "is not in spec.placement any more: it keeps its services until its devices are decommissioned"
	for name, exclude := range map[string]func(*fixture){
		"by its name": func(f *fixture) { f.cluster.Spec.Placement.Hosts = []string{"node1"} },
		"by an attribute": func(f *fixture) {
			f.snap.Agents["agent-node1"].Attributes = []mesos.Attribute{text("rack", "r1")}
			f.cluster.Spec.Placement.Attributes = []v1alpha1.AttributeRequirement{{Attribute: "rack", Operator: v1alpha1.AttributeExists}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := threeHosts(t)
			exclude(f)
			r := f.plan()
			wantList(t, "kills", kills(r))
			if r.Phase != PhaseReady || len(r.Alerts) > 0 {
				t.Errorf("%s, alerts %v", r.Phase, r.Alerts)
			}
			if len(r.Reasons) != 1 || r.Reasons[0].Count != 2 || r.Reasons[0].Service != "" {
				t.Fatalf("reasons %+v", r.Reasons)
			}
			wantText(t, r.Reasons[0].Message, "node2: "+kept+" (and 1 more)")
			wantText(t, waits(t, r, data, "node3"), "node3: "+kept)
			wantText(t, waits(t, r, data, "node1"), "")

			f.age(data) // could not start again
			r = f.plan()
			wantList(t, "kills of an update", kills(r), "data node1")
			f.devices = f.devices[:1]
			for _, k := range []kind{registry, metadata, data} {
				f.ended(f.find(k, "node2"), mesos.TASK_KILLED, noon)
			}
			f.snap.Ended = nil
			wantText(t, waits(t, f.plan(), webconsole, "node2"),
				"node2: is not in spec.placement any more: it keeps its services until they end, and none is started again there")
			deleting(f.devices[0])
			f.cluster.Spec.State = v1alpha1.StateStopped
			for _, reason := range f.plan().Reasons {
				if reason.Service == "" {
					t.Errorf("while all is stopped: %s", reason.Message)
				}
			}
		})
	}
}

// racks gives hosts their attribute.
func (f *fixture) racks(racks map[string]string) {
	f.cluster.Spec.Placement.SpreadBy = "rack"
	for host, rack := range racks {
		if rack != "" {
			f.snap.Agents["agent-"+host].Attributes = []mesos.Attribute{text("rack", rack)}
		}
	}
}

// spreading has core services on three hosts and room on six.
func spreading(t *testing.T, racks map[string]string) *fixture {
	f := threeHosts(t)
	for _, host := range []string{"node4", "node5", "node6"} {
		f.agent(host)
	}
	for _, a := range f.snap.Agents {
		f.offer(a, "*", large()...)
	}
	f.racks(racks)
	return f
}

func TestSpreadsOverDomains(t *testing.T) {
	racks := map[string]string{"node1": "r1", "node2": "r1", "node3": "r2", "node4": "r2", "node5": "", "node6": ""}
	f := spreading(t, racks)
	f.cluster.Spec.Services.API.Instances = 6 // one runs on node1
	r := f.plan()
	// r2 and the hosts without a rack have no api. When each domain has one, its
	// hosts without a floating task come first.
	wantList(t, "launches", launches(r), "api node3", "api node5", "api node4", "api node6", "api node2")
	again := f.plan()
	wantList(t, "again", launches(again), launches(r)...)

	f.cluster.Spec.Placement.SpreadBy = ""
	wantList(t, "not spread", launches(f.plan()), "api node3", "api node4", "api node5", "api node6", "api node2")
}

// What was declined in an emptier domain is waited for; what is not there is not.
func TestSpreadRevives(t *testing.T) {
	f := spreading(t, map[string]string{"node1": "r1", "node2": "r1", "node3": "r2", "node4": "r2", "node5": "r2", "node6": "r2"})
	f.cluster.Spec.Services.API.Instances = 2
	for _, host := range []string{"node3", "node4", "node5", "node6"} {
		f.snap.Agents["agent-"+host].Offers = nil
	}
	f.snap.Agents["agent-node4"].Declined = map[string][]mesos.Resource{"*": large()}
	r := f.plan()
	wantList(t, "launches", launches(r))
	wantList(t, "revives", r.Revives, "*")
	wantText(t, waits(t, r, api, ""), "waits for resources that were declined to be offered again")

	f.snap.Agents["agent-node4"].Declined, f.snap.Revived = nil, f.now // they come with the next offers
	r = f.plan()
	wantList(t, "launches after the REVIVE", launches(r))
	wantText(t, waits(t, r, api, ""), "waits for resources that were declined to be offered again")
	f.now = f.now.Add(offeredWithin)
	r = f.plan()
	wantList(t, "launches when none has come", launches(r), "api node2")
	wantList(t, "revives", r.Revives)

	f.snap.Agents["agent-node2"].Offers[0].Unavailability = window(noon, time.Hour)
	r = f.plan()
	wantList(t, "launches", launches(r))
	if waits(t, r, api, "") == "" {
		t.Error("nobody says why api waits")
	}
}

func TestRegistriesInOneDomain(t *testing.T) {
	five := []string{"node1", "node2", "node3", "node4", "node5"}
	tests := map[string]struct {
		racks []string // of the registries
		want  string
	}{
		"spread":        {[]string{"r1", "r2", "r3"}, ""},
		"two of three":  {[]string{"r1", "r2", "r1"}, "2 of 3 registries are in rack r1: losing it loses the majority"},
		"two of four":   {[]string{"r1", "r2", "r2", "r3"}, "2 of 4 registries are in rack r2: losing it loses the majority"},
		"two of five":   {[]string{"r1", "r2", "r2", "r1", "r3"}, ""},
		"three of five": {[]string{"r1", "r2", "r2", "r3", "r2"}, "3 of 5 registries are in rack r2: losing it loses the majority"},
		"no attribute":  {[]string{"", "", "r1"}, "2 of 3 registries are on hosts without the attribute rack of spec.placement.spreadBy: one fault may take away the majority"},
		"too few":       {[]string{"r1", "r1"}, ""},
		"away":          {[]string{"r1", "-", "-"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.cluster.Spec.Services.API.Instances, f.cluster.Spec.Services.Webconsole.Instances, f.cluster.Spec.Services.S3.Instances = 0, 0, 0
			racks := map[string]string{}
			for i, rack := range test.racks {
				f.device(five[i], isRegistry)
				f.task(registry, five[i])
				if rack != "-" {
					f.agent(five[i])
					racks[five[i]] = rack
				}
			}
			f.racks(racks)
			r := f.plan()
			var notices, reasons []string
			for _, n := range r.Notices {
				notices = append(notices, n.Message)
			}
			for _, reason := range r.Reasons {
				if reason.Service == "" {
					reasons = append(reasons, reason.Message)
				}
			}
			var want []string
			if test.want != "" {
				want = append(want, test.want)
			}
			wantList(t, "notices", notices, want...)
			wantList(t, "reasons", reasons, want...)
			if len(r.Alerts) > 0 {
				t.Errorf("alerts %v", r.Alerts)
			}
			f.cluster.Spec.Placement.SpreadBy = ""
			if r = f.plan(); len(r.Notices) > 0 {
				t.Errorf("nobody asked, and %v", r.Notices)
			}
		})
	}
}
