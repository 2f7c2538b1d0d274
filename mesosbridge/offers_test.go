package mesosbridge

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/resources"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

func (p *player) offerCPUs(agent, id string, cpus float64) {
	role := "quobyte"
	p.s.event(&scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{Offers: []mesos.Offer{{
		ID: mesos.OfferID{Value: id}, AgentID: mesos.AgentID{Value: agent}, Hostname: agent,
		AllocationInfo: &mesos.Resource_AllocationInfo{Role: &role},
		Resources:      []mesos.Resource{resources.NewCPUs(cpus).Resource}}}}}, p.now)
}

// While a DECLINE is under way, what another task gave back comes as a small
// offer of its own (executor-messages.jsonl). It does not hold what was
// declined, which stays away for the whole of its filter unless it is revived.
// A larger offer does not end the filter either: what an ACCEPT leaves over of it
// is hidden again.
func TestDeclinedUntilRevived(t *testing.T) {
	p := play(t)
	p.offerCPUs("agent", "large", 7)
	p.s.decline([]string{"large"}, time.Hour, p.now)
	declined := func() float64 {
		cpus, _ := resources.CPUs(p.s.agents["agent"].Declined["quobyte"]...)
		return cpus
	}
	for _, later := range []struct {
		offer string
		cpus  float64
	}{{"small", 1}, {"all", 8}} {
		p.offerCPUs("agent", later.offer, later.cpus)
		if got := declined(); got != 7 {
			t.Errorf("after the offer %q %v cpus are declined, want 7", later.offer, got)
		}
	}
	p.s.decline([]string{"all"}, time.Hour, p.now)
	if got := declined(); got != 8 {
		t.Errorf("%v cpus are declined, want the 8 of the larger offer", got)
	}
	p.s.revive([]string{"quobyte"}, p.now)
	if got := declined(); got != 0 {
		t.Errorf("%v cpus are still declined after a REVIVE", got)
	}
}

// REVIVEs that follow each other closely are gathered.
func TestRevivesAreGathered(t *testing.T) {
	p := play(t)
	p.sent(scheduler.Call_REVIVE)
	sends := func(when string, want int) {
		t.Helper()
		if got := len(p.sent(scheduler.Call_REVIVE)); got != want {
			t.Errorf("%s %d REVIVEs are sent, want %d", when, got, want)
		}
	}
	p.s.revive([]string{"quobyte"}, p.now)
	sends("at once", 1)
	p.s.revive([]string{"quobyte"}, p.now)
	p.s.revive([]string{"public"}, p.now)
	sends("a moment later", 0)
	p.tick(p.s.timing.ReviveMin)
	sends("after a while", 1)
	p.tick(p.s.timing.ReviveMin)
	sends("when nobody asks for another one", 0)
}
