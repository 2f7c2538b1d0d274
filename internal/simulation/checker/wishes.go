package checker

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// wishes is what the user wants, and since when.
type wishes struct {
	// hearing is History.Hearing.
	hearing time.Duration
	devices map[string]*device
	// floats says how many of a floating service are wanted, the last words first.
	floats map[string][]count
	// spec is when a service's was changed last.
	spec map[string]time.Time
	// stopped, deleting: the times at which they began and ended; the last is open.
	stopped, teardown, orphaned, suspended spans
	// cordoned are the hosts that are or were.
	cordoned map[string]*spans
	// placements, the last word first.
	placements []placement
	// least are the words on minReady, the last one first.
	least []least
	// touched is when something was said of a service on a host.
	touched map[instance]time.Time
	// limits of what may be away, the last word first.
	limits    []limit
	rollsBack bool
	// silent hosts have a prober that says nothing, since when.
	silent map[string]time.Time
	// planned hosts have a maintenance window.
	planned map[string]bool
	// gone agents, as a person says; wronglyGone of them not.
	gone, wronglyGone map[string]bool
	healed            time.Time
}

// instance is a service on a host.
type instance struct{ service, host string }

// device is one as the user knows it.
type device struct {
	types []string
	host  string
	// from is the host that it was carried away from last.
	from string
	// in service: it asks for its services. lost: it is not there, and nobody said that
	// it should not be.
	inService, lost bool
	since           time.Time
}

type limit struct {
	text string
	at   time.Time
}

// of says how many of so many wanted instances it is.
func (l limit) of(wanted int) int {
	percent, is := strings.CutSuffix(l.text, "%")
	n, err := strconv.Atoi(percent)
	if err != nil {
		return 1
	}
	if is {
		n = wanted * n / 100
	}
	return max(1, n)
}

// least is how long what serves must have done so to count.
type least struct {
	d  time.Duration
	at time.Time
}

// placement says which hosts are used; nil: all.
type placement struct {
	hosts []string
	at    time.Time
}

type count struct {
	n  int
	at time.Time
}

// spans are times during which something was so.
type spans []span

type span struct{ from, to time.Time }

func (s *spans) begin(at time.Time) {
	if !s.now() {
		*s = append(*s, span{from: at})
	}
}

func (s *spans) end(at time.Time) {
	if s.now() {
		(*s)[len(*s)-1].to = at
	}
}

func (s *spans) now() bool { return len(*s) > 0 && (*s)[len(*s)-1].to.IsZero() }

// sinceThen says that it has been so at some time since.
func (s *spans) sinceThen(then time.Time) bool {
	return s.now() || len(*s) > 0 && !(*s)[len(*s)-1].to.Before(then)
}

// overSince says that it has been so, and came to its end since.
func (s *spans) overSince(then time.Time) bool {
	return len(*s) > 0 && (*s)[len(*s)-1].to.After(then)
}

func newWishes(hearing time.Duration) wishes {
	return wishes{hearing: hearing, silent: map[string]time.Time{}, devices: map[string]*device{}, floats: map[string][]count{}, spec: map[string]time.Time{},
		touched: map[instance]time.Time{}, cordoned: map[string]*spans{}, planned: map[string]bool{}, gone: map[string]bool{}, wronglyGone: map[string]bool{}}
}

func (w *wishes) act(a *Act, at time.Time) {
	switch a.Kind {
	case SpecChanged:
		for _, s := range a.Services {
			w.spec[s] = at
		}
	case InstancesChanged:
		w.floats[a.Service] = append([]count{{a.Instances, at}}, w.floats[a.Service]...)
	case DeviceAppears, DeviceMoved:
		d := w.devices[a.Device]
		if d == nil {
			d = &device{}
			w.devices[a.Device] = d
		}
		if a.From != "" {
			w.touch(a.Types, a.From, at)
		}
		for _, t := range a.Types {
			// The first one makes its service start, and is no reason to stop it.
			if w.knows(t, a.Host) {
				w.touch([]string{t}, a.Host, at)
			}
		}
		if a.From != "" { // a restart that was asked for goes with it
			w.touch(order[:3], a.Host, at)
		}
		*d = device{types: a.Types, host: a.Host, from: a.From, inService: true, since: at}
	case DeviceLeaves:
		w.touch(a.Types, a.Host, at)
		w.devices[a.Device].inService, w.devices[a.Device].since = false, at
	case DeviceVanishes:
		w.devices[a.Device].lost, w.devices[a.Device].since = true, at
	case ProberSilenced:
		if _, already := w.silent[a.Host]; !already {
			w.silent[a.Host] = at
		}
	case ProberHeard:
		for _, d := range w.devices {
			if w.unheard(d) {
				d.since = at
			}
		}
		delete(w.silent, a.Host)
	case Suspended:
		w.suspended.begin(at)
	case Resumed:
		w.suspended.end(at)
	case Cordoned:
		w.cordon(a.Host, at)
	case Placed:
		w.placements = append([]placement{{a.Hosts, at}}, w.placements...)
	case MinReadyChanged:
		w.least = append([]least{{a.Least, at}}, w.least...)
	case Stopped:
		w.stopped.begin(at)
	case Started:
		w.stopped.end(at)
	case Deleted:
		if a.Teardown {
			w.teardown.begin(at)
		} else {
			w.orphaned.begin(at)
		}
	case Created:
		w.teardown.end(at)
		w.orphaned.end(at)
	case AgentGone:
		w.gone[a.AgentID] = true
	case AgentGoneWrongly:
		w.gone[a.AgentID], w.wronglyGone[a.AgentID] = true, true
	case MaintenancePlanned:
		w.planned[a.Host] = true
	case RestartAsked:
		w.touch(a.Services, a.Host, at)
	case LimitChanged:
		w.limits = append([]limit{{a.Limit, at}}, w.limits...)
	case RollbackAllowed:
		w.rollsBack = true
	case Healed:
		w.healed = at
	}
}

// cordon takes in that this host is cordoned, and no other.
func (w *wishes) cordon(host string, at time.Time) {
	for name, s := range w.cordoned {
		if name != host {
			s.end(at)
		}
	}
	if host == "" {
		return
	}
	if w.cordoned[host] == nil {
		w.cordoned[host] = &spans{}
	}
	w.cordoned[host].begin(at)
}

// leftOut says that the host is not to be used, by any word since. Nobody knows what
// is on such a host.
func (w *wishes) leftOut(host string, since time.Time) bool {
	for _, p := range w.placements {
		if len(p.hosts) > 0 && !slices.Contains(p.hosts, host) {
			return true
		}
		if p.at.Before(since) {
			break
		}
	}
	return false
}

// minReady is the shortest that was asked for, by any word since.
func (w *wishes) minReady(since time.Time) time.Duration {
	shortest := 30 * time.Second // the CRD's default
	for i, l := range w.least {
		if i == 0 {
			shortest = l.d
		}
		shortest = min(shortest, l.d)
		if l.at.Before(since) {
			return shortest
		}
	}
	return min(shortest, 30*time.Second)
}

// knows says that there is or was a device on the host that asked for the service.
func (w *wishes) knows(service, host string) bool {
	for _, d := range w.devices {
		if (d.host == host || d.from == host) && slices.Contains(d.types, service) {
			return true
		}
	}
	return false
}

func (w *wishes) touch(services []string, host string, at time.Time) {
	for _, s := range services {
		w.touched[instance{s, host}] = at
	}
}

// unheard says that the device may have come to its host unheard of, as the host's prober
// says nothing.
func (w *wishes) unheard(d *device) bool {
	since, silent := w.silent[d.host]
	return silent && d.since.After(since.Add(-w.hearing))
}

// bound says that devices say where the service runs.
func bound(service string) bool {
	return service == "registry" || service == "metadata" || service == "data"
}

// hosts on which a device has asked for the service for at least that long.
func (w *wishes) hosts(service string, before time.Time) map[string]bool {
	hosts := map[string]bool{}
	for _, d := range w.devices {
		if d.inService && !d.lost && d.since.Before(before) && !w.unheard(d) && slices.Contains(d.types, service) {
			hosts[d.host] = true
		}
	}
	return hosts
}

// maxUnavailable is how many of the service may be away at a time, by any word since.
func (w *wishes) maxUnavailable(service string, since time.Time) int {
	hosts := map[string]bool{}
	for _, d := range w.devices {
		if slices.Contains(d.types, service) { // those that have gone may count
			hosts[d.host] = true
			if d.from != "" {
				hosts[d.from] = true
			}
		}
	}
	wanted := len(hosts)
	if !bound(service) {
		_, wanted = w.floating(service, since)
	}
	most := 1
	for _, l := range w.limits {
		most = max(most, l.of(wanted))
		if l.at.Before(since) {
			break
		}
	}
	return most
}

// asked says that a device asks for the service on the host, or did not long ago.
func (w *wishes) asked(service, host string, notBefore time.Time) bool {
	for _, d := range w.devices {
		if d.host == host && slices.Contains(d.types, service) && (d.inService || d.since.After(notBefore)) {
			return true
		}
	}
	return w.touched[instance{service, host}].After(notBefore)
}

// range of the number of a floating service that is wanted, since then.
func (w *wishes) floating(service string, since time.Time) (least, most int) {
	list := w.floats[service]
	for i, c := range list {
		if i == 0 {
			least, most = c.n, c.n
		}
		least, most = min(least, c.n), max(most, c.n)
		if c.at.Before(since) {
			break
		}
	}
	return least, most
}
