package mesosbridge

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// maintenanceRecord is a line of the recording of a real master.
type maintenanceRecord struct {
	Kind string          `json:"kind"`
	Ms   int             `json:"t_ms"`
	Body json.RawMessage `json:"body"`
}

func readMaintenance(t *testing.T) []maintenanceRecord {
	t.Helper()
	f, err := os.Open("mesostest/testdata/recordings/maintenance.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var records []maintenanceRecord
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r maintenanceRecord
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("line %d: %v", len(records)+1, err)
		}
		records = append(records, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

// windowView is what a snapshot says of the recorded node1.
type windowView struct {
	window  bool
	said    int // milliseconds after the beginning
	inverse string
	offers  []string
}

// The whole dialogue of maintenance.jsonl: what the master said is told to the
// state, what the recorded scheduler did is asked of it, and the state has to send
// the calls that were recorded.
func TestMaintenanceAsRecorded(t *testing.T) {
	p := play(t)
	p.s.out = nil
	began := p.now
	scheduled := mesos.Unavailability{Start: mesos.TimeInfo{Nanoseconds: 1795230071743048400},
		Duration: &mesos.DurationInfo{Nanoseconds: int64(time.Minute)}}
	node1 := func() (v windowView) {
		a := p.s.snapshot().Agents["5999771f-18d5-4913-951e-29202cd4bd59-S0"]
		if a == nil {
			return v
		}
		if v.window = a.Unavailability.Equal(&scheduled); !v.window && a.Unavailability != nil {
			t.Errorf("a window that was not scheduled: %v", a.Unavailability)
		}
		if v.window {
			v.said = int(a.UnavailabilitySaid.Sub(began) / time.Millisecond)
		}
		for _, i := range a.InverseOffers {
			v.inverse += shortID(i.ID)
		}
		for _, o := range a.Offers {
			v.offers = append(v.offers, shortID(o.ID))
		}
		return v
	}
	want := []windowView{
		{offers: []string{"O89"}}, // of both nodes
		{},                        // the launch
		{true, 199, "O92", nil},
		{true, 199, "", nil},                 // declined
		{true, 1335, "", []string{"O93"}},    // an offer tells of it
		{true, 2338, "O94", []string{"O93"}}, // asked again
		{true, 2338, "", []string{"O93"}},    // accepted
		{true, 2543, "", nil},                // the offer, which told of it until now, is declined
		{true, 3151, "", []string{"O96"}},    // REVIVE brings it again,
		{true, 3151, "O97", []string{"O96"}}, // and the inverse offer
		{true, 3151, "O97", nil},             // the offer is rescinded
		{},                                   // and the inverse offer
		{offers: []string{"O98"}},
	}
	var views []windowView
	for _, r := range readMaintenance(t) {
		p.now = began.Add(time.Duration(r.Ms) * time.Millisecond)
		switch r.Kind {
		case "event":
			p.recordedEvent(r.Body)
		case "call":
			p.recordedCall(r.Body)
		}
		if v, n := node1(), len(views); n == 0 || !sameView(views[n-1], v) {
			views = append(views, v)
		}
	}
	if !slices.EqualFunc(views[1:], want, sameView) { // before the first offer it is empty
		t.Errorf("node1 is, one after the other,\n%+v, want\n%+v", views[1:], want)
	}
	if len(p.s.out) > 0 || len(p.s.notes) > 0 {
		t.Errorf("left over: %v, %v", p.s.out, p.s.notes)
	}
	if a := p.s.agents["5999771f-18d5-4913-951e-29202cd4bd59-S1"]; a.Unavailability != nil || len(a.InverseOffers) > 0 {
		t.Errorf("node2 has no window: %+v", a)
	}
}

func shortID(id string) string { return id[len(id)-3:] }

func sameView(a, b windowView) bool {
	return a.window == b.window && a.said == b.said && a.inverse == b.inverse && slices.Equal(a.offers, b.offers)
}

// recordedEvent has the state take in an event.
func (p *player) recordedEvent(body []byte) {
	p.Helper()
	var named struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(body, &named); err != nil {
		p.Fatal(err)
	}
	if named.Type == scheduler.Event_SUBSCRIBED.String() || named.Type == scheduler.Event_HEARTBEAT.String() {
		return // mesos-go cannot read the JSON of the former; play has subscribed
	}
	var e scheduler.Event
	if err := json.Unmarshal(body, &e); err != nil {
		p.Fatal(err)
	}
	p.s.event(&e, p.now)
}

// recordedCall asks the state for what the recorded scheduler did, and compares the
// call that it wants sent. Launches are another matter; their calls are not compared.
func (p *player) recordedCall(body []byte) {
	p.Helper()
	var c scheduler.Call
	if err := json.Unmarshal(body, &c); err != nil {
		p.Fatal(err)
	}
	refuse := func(f *mesos.Filters) time.Duration {
		return time.Duration(f.GetRefuseSeconds() * float64(time.Second))
	}
	var matters func(c *scheduler.Call) any
	switch c.Type {
	case scheduler.Call_ACCEPT:
		p.s.withdraw(c.Accept.OfferIDs[0].Value)
		return
	case scheduler.Call_ACKNOWLEDGE: // sent by the event
		matters = func(c *scheduler.Call) any { return c.Acknowledge }
	case scheduler.Call_DECLINE:
		p.s.decline(offerNames(c.Decline.OfferIDs), refuse(c.Decline.Filters), p.now)
		matters = func(c *scheduler.Call) any { return c.Decline }
	case scheduler.Call_DECLINE_INVERSE_OFFERS:
		p.s.answerInverse(offerNames(c.DeclineInverseOffers.InverseOfferIDs), false, refuse(c.DeclineInverseOffers.Filters), p.now)
		matters = func(c *scheduler.Call) any { return c.DeclineInverseOffers }
	case scheduler.Call_ACCEPT_INVERSE_OFFERS:
		p.s.answerInverse(offerNames(c.AcceptInverseOffers.InverseOfferIDs), true, refuse(c.AcceptInverseOffers.Filters), p.now)
		matters = func(c *scheduler.Call) any { return c.AcceptInverseOffers }
	case scheduler.Call_REVIVE: // of all roles
		p.s.revive([]string{"quobyte"}, p.now)
		matters = func(c *scheduler.Call) any { return c.Type }
	case scheduler.Call_TEARDOWN:
		p.s.teardown(p.now)
		matters = func(c *scheduler.Call) any { return c.Type }
	default:
		return // SUBSCRIBE
	}
	sent := p.sent(c.Type)
	if len(sent) != 1 {
		p.Fatalf("%d calls for the recorded %v", len(sent), &c)
	}
	got, err := json.Marshal(matters(sent[0].call))
	if err != nil {
		p.Fatal(err)
	}
	if want, err := json.Marshal(matters(&c)); err != nil || string(got) != string(want) {
		p.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}
