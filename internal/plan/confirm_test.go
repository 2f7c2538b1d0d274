package plan

import (
	"testing"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// remembered is a new process over a cluster of which the status remembers a data
// device on node3: nobody has reported.
func remembered(t testing.TB) *fixture {
	f := threeHosts(t)
	f.probed()
	f.cluster.Status.Bootstrapped = true
	f.snap.Since = noon.Add(-time.Minute)
	f.offer(f.snap.Agents["agent-node3"], "*", large()...)
	f.proberTask("node3", f.prober.Hash())
	delete(f.snap.Tasks, f.find(data, "node3").ID)
	f.inventory = f.found().Devices
	for i := range f.inventory {
		f.inventory[i].Confirmed = false
	}
	return f
}

func TestStartsWaitForTheProber(t *testing.T) {
	f := remembered(t)
	r := f.plan()
	wantList(t, "launches", launches(r))
	wantText(t, waits(t, r, data, "node3"), "node3: waits for the word of node3's prober")
	if want := noon.Add(2 * time.Minute); r.Recheck.After(want) || r.Recheck.IsZero() {
		t.Errorf("recheck at %s, want %s at the latest", r.Recheck, want)
	}
	if s := r.Services[data]; s.Wanted != 3 || r.Phase != PhaseStarting {
		t.Errorf("%+v, %s: what is remembered is wanted", s, r.Phase)
	}
	f.inventory[2].Confirmed = true
	wantList(t, "launches", launches(f.plan()), "data node3")
}

func TestMemoryCountsWhenNoProberSpeaks(t *testing.T) {
	f := remembered(t)
	f.now = noon.Add(2 * time.Minute)
	wantList(t, "launches", launches(f.plan()), "data node3")
}

// The prober speaks, and does not see the device: it is not started for all that.
func TestMemoryDoesNotCountAgainstTheProber(t *testing.T) {
	f := remembered(t)
	delete(f.snap.Tasks, proberOn(f, "node3").ID)
	f.reporting("node3")
	f.now = noon.Add(time.Hour)
	f.hosts["node3"].Received = f.now
	r := f.plan()
	wantList(t, "launches", launches(r))
	wantText(t, waits(t, r, data, "node3"), "its prober does not see a usable device of type DATA")
}

// What could not start again is not stopped.
func TestNoUpdateWithoutConfirmation(t *testing.T) {
	f := remembered(t)
	f.inventory[2].Confirmed = true
	f.task(data, "node3")
	f.age(registry)
	for _, host := range []string{"node1", "node2"} {
		f.reporting(host)
	}
	r := f.plan()
	wantList(t, "kills", kills(r), "registry node3")
	wantText(t, waits(t, r, registry, "node1"), "is not stopped for its update, it could not start again")
}

// A slot is confirmed by any of its devices.
func TestOneDeviceConfirms(t *testing.T) {
	f := remembered(t)
	other := found(f.device("node3", v1alpha1.DeviceData))
	f.inventory = append(f.inventory, other)
	wantList(t, "launches", launches(f.plan()), "data node3")
}
