package checker

import (
	"maps"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// order in which services start; they stop in the reverse order.
var order = []string{"registry", "metadata", "data", "s3", "api", "webconsole", "client"}

// glance is how old what a decision rests on may be: a word that came a moment before
// a call may have come too late for it.
const glance = time.Second

// kills judges a KILL, when it is the first of its task. The master refuses what comes
// with the stream of a subscription that another one has followed.
func (c *check) kills(e *Entry, s *session, id string) {
	t := c.tasks[id]
	if t == nil || c.isKilled(t) || s != c.last {
		return
	}
	was := t.available
	t.killed, t.killer = c.now, e.Operator
	c.judgeTask(t)
	if t.service == "prober" {
		return
	}
	// A kill that was decided on before is sent again at the begin of a session.
	resent := c.now.Sub(s.began) <= glance
	if !s.implicit && !resent {
		c.violate("15", "%s is killed before anybody asked what runs", id)
	}
	if w := &c.wishes; w.orphaned.now() && (longSince(w.orphaned, c.heardSince()) || !c.mayBeAsked(t) && !w.stopped.sinceThen(c.heardSince())) {
		c.violate("16", "%s is killed, and the cluster was deleted with Orphan", id)
	}
	if longSince(c.wishes.suspended, c.heardSince()) {
		c.violate("suspend", "%s is killed, and the cluster is suspended", id)
	}
	if w := &c.wishes; w.stopped.sinceThen(c.heardSince()) || w.teardown.sinceThen(c.heardSince()) {
		c.stopsInOrder(t)
		return
	}
	if !resent && (t.heard != s || !t.doubtful.IsZero() && c.now.Sub(t.doubtful) > glance) {
		c.violate("15", "%s is killed, and nobody has heard of it in this session, or that it can be reached", id)
	}
	c.isInstructed(t)
	if was {
		c.passesGate(t)
	}
}

// heardSince is the time of which all words have been heard.
func (c *check) heardSince() time.Time { return c.now.Add(-c.Hearing) }

// stopsInOrder is the order of state Stopped and Teardown: what needs others goes
// before them.
func (c *check) stopsInOrder(t *task) {
	w := &c.wishes
	if !w.stopped.now() && !w.teardown.now() {
		return // it may have been an update, too
	}
	if !longSince(w.stopped, c.heardSince()) && !longSince(w.teardown, c.heardSince()) && c.mayBeAsked(t) {
		return // and here
	}
	at := slices.Index(order, t.service)
	for _, other := range c.tasks {
		truth := c.truth[other.id]
		if slices.Index(order, other.service) <= at || truth == nil || !truth.Alive() && !truth.Ended.After(c.now) || other.ended {
			continue
		}
		if other.state == mesos.TASK_RUNNING && c.reachable(other) {
			c.violate("stop order", "%s is stopped, and %s runs", t.id, other.id)
		}
	}
}

// reachable says that the barrier of the task's agent is open in the present session.
func (c *check) reachable(t *task) bool {
	return c.last != nil && c.last.behind[t.agent]
}

// isInstructed is rule 12: what is bound to devices stops only at a person's word, or
// because it was sick.
func (c *check) isInstructed(t *task) {
	if !bound(t.service) {
		return
	}
	if c.isAsked(t) {
		return
	}
	if t.sick.IsZero() {
		c.violate("12", "%s is killed, and nobody asked for it", t.id)
		return
	}
	c.isHealed(t)
}

// mayBeAsked says that there is a reason to stop the task, beside that all stops.
func (c *check) mayBeAsked(t *task) bool {
	if c.asks(t) || !t.sick.IsZero() {
		return true
	}
	if bound(t.service) {
		return false
	}
	least, most := c.wishes.floating(t.service, c.heardSince())
	live := 0
	for _, other := range c.tasks {
		if other.service == t.service && c.isLive(other) {
			live++
		}
	}
	return least != most || live > most
}

// isAsked says that there is a reason to stop the task, beside that it is sick.
func (c *check) isAsked(t *task) bool {
	w, since := &c.wishes, t.launched.Add(-c.Hearing)
	return w.stopped.sinceThen(since) || w.teardown.sinceThen(since) || c.asks(t)
}

// asks is isAsked for what concerns not the whole cluster.
func (c *check) asks(t *task) bool {
	since := t.launched.Add(-c.Hearing)
	w := &c.wishes
	switch {
	// An instance that has to start while an update waits may start as it was.
	case w.spec[t.service].After(c.specs[specOf(t.id)].Add(-c.Hearing)), w.touched[instance{t.service, t.host}].After(since), w.touched[instance{t.service, ""}].After(since),
		w.rollsBack && !w.spec[t.service].IsZero(),
		w.planned[t.host], t.state == mesos.TASK_STAGING, t.state == mesos.TASK_STARTING:
		return true
	}
	for _, d := range w.devices {
		if d.host == t.host && !d.inService && slices.Contains(d.types, t.service) {
			return true
		}
	}
	return false
}

// isHealed: of registries that are sick not several are restarted at once. They need
// each other, and look sick when most of them are.
func (c *check) isHealed(t *task) {
	if t.service != "registry" {
		return
	}
	for _, other := range c.healed {
		if other != t && c.isKilled(other) && c.now.Sub(other.killed) < glance {
			c.violate("health", "%s is restarted for its health together with %s", t.id, other.id)
		}
	}
	c.healed = append(c.healed, t)
}

// passesGate is rule 11: what serves is stopped only when enough others serve.
func (c *check) passesGate(t *task) {
	down := 0
	who := ""
	note := func(host string) {
		down++
		who += " " + t.service + " on " + host
	}
	if bound(t.service) {
		for host := range c.members(t.service, c.heardSince()) {
			if host != t.host && !c.servesLong(t.service, host) && !c.awaited(t.service, host) && !c.wishes.leftOut(host, c.heardSince()) {
				note(host)
			}
		}
	} else {
		least, _ := c.wishes.floating(t.service, c.heardSince())
		n := 1 // this one served
		for _, other := range c.tasks {
			if other != t && other.service == t.service && c.servesTask(other) {
				n++
			}
		}
		for range least - n {
			note("some host")
		}
	}
	if most := c.wishes.maxUnavailable(t.service, c.heardSince()); down >= most {
		c.violate("11", "%s is stopped, and these do not serve already:%s; %d may", t.id, who, most)
	}
	if t.service == "registry" {
		c.keepsMajority(t)
	}
}

// members are the hosts that are to have the service, as can be known. Of a device that
// came to a host with a maintenance window nothing is known before the window is over:
// no prober is started there.
func (c *check) members(service string, before time.Time) map[string]bool {
	hosts := c.wishes.hosts(service, before)
	maps.DeleteFunc(hosts, func(host string, _ bool) bool {
		return c.wishes.planned[host] && !c.servedSince(service, host)
	})
	return hosts
}

// servedSince says that the service was started on the host since one of the devices
// came that ask for it.
func (c *check) servedSince(service, host string) bool {
	for _, d := range c.wishes.devices {
		if d.host == host && d.inService && slices.Contains(d.types, service) && c.launchedSince(service, host, d.since.Add(-c.Hearing)) {
			return true
		}
	}
	return false
}

// votesElsewhere says that the registry of a disk that was carried to the host still
// runs where the disk was: it has a vote all the same.
func (c *check) votesElsewhere(host, not string, members map[string]bool) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(c.wishes.devices)), func(d *device) bool {
		return d.inService && d.host == host && d.from != "" && d.from != not && !members[d.from] &&
			slices.Contains(d.types, "registry") && c.serves("registry", d.from)
	})
}

// awaited says that all disks that ask for the service on the host were carried there,
// and that it was not started for them yet.
func (c *check) awaited(service, host string) bool {
	for _, d := range c.wishes.devices {
		if d.host == host && d.inService && slices.Contains(d.types, service) && (d.from == "" || c.launchedSince(service, host, d.since)) {
			return false
		}
	}
	return true
}

func (c *check) launchedSince(service, host string, since time.Time) bool {
	for _, t := range c.tasks {
		if t.service == service && t.host == host && t.launched.After(since) {
			return true
		}
	}
	return false
}

// serves says that the service serves on the host, or did until a moment ago.
func (c *check) serves(service, host string) bool {
	for _, t := range c.tasks {
		if t.service == service && t.host == host && c.servesTask(t) {
			return true
		}
	}
	return false
}

// servesLong says that the service serves on the host, and has for minReady.
func (c *check) servesLong(service, host string) bool {
	since := c.now.Add(glance - c.wishes.minReady(c.heardSince()))
	for _, t := range c.tasks {
		if t.service == service && t.host == host && c.servesTask(t) && (!t.available || !t.since.After(since)) {
			return true
		}
	}
	return false
}

func (c *check) servesTask(t *task) bool {
	return t.available || c.now.Sub(t.since) < glance && !t.launched.Equal(t.since) && !c.isKilled(t)
}

// keepsMajority: of three registries or more, most serve after the stop.
func (c *check) keepsMajority(t *task) {
	// Those that were declared just now may be known, or not.
	known, all := c.members("registry", c.heardSince()), c.members("registry", c.now)
	if serve, kept := c.majorityServes(t, known); !kept {
		if _, kept := c.majorityServes(t, all); !kept {
			c.violate("11", "%s is stopped, and only %d of %d registries serve", t.id, serve, len(known))
		}
	}
}

// majorityServes says how many registries serve without this one, and whether they are
// most of the members. One that runs on though its device's object vanished is one.
func (c *check) majorityServes(t *task, members map[string]bool) (serve int, kept bool) {
	for _, d := range c.wishes.devices {
		if d.lost && d.inService && !members[d.host] && slices.Contains(d.types, "registry") && c.serves("registry", d.host) {
			members = maps.Clone(members)
			members[d.host] = true
		}
	}
	for host := range members {
		if host != t.host && (c.serves("registry", host) || c.votesElsewhere(host, t.host, members)) {
			serve++
		}
	}
	return serve, !members[t.host] || len(members) < 3 || serve > len(members)/2
}
