package quobyte

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestTaskIDsStayAsTheyAre: a later version must read what this one wrote. A
// changed line here means that after an upgrade no running task is known.
func TestTaskIDsStayAsTheyAre(t *testing.T) {
	long := strings.Repeat("rack-7.", 40) + "corp"
	cut := strings.Repeat("rack-7.", 14) + "rack-~qneujybltlqi7n2w"
	for _, golden := range []struct {
		service           Service
		host, hash, nonce string
		id, hostKey       string
	}{
		{Registry, "node1", "hqpbwmzcvl2a", "n1", "quobyte.registry.hqpbwmzcvl2a.n1.node1", "node1"},
		{Data, "Node-1.rack.Corp", "hqpbwmzcvl2a", "6f6e0b0e-3d1c-4ad0-8a54-1f8a4d3a9f10",
			"quobyte.data.hqpbwmzcvl2a.6f6e0b0e-3d1c-4ad0-8a54-1f8a4d3a9f10.Node-1.rack.Corp", "Node-1.rack.Corp"},
		{S3, "fe80::1", "h", "n", "quobyte.s3.h.n.fe80--1~nvw4cufb3ymrofax", "fe80--1~nvw4cufb3ymrofax"},
		{Webconsole, long, "h", "n", "quobyte.webconsole.h.n." + cut, cut},
		{Client, "node1", "h", "0tbgq60-89abcdef", "quobyte.client.h.0tbgq60-89abcdef.node1", "node1"},
		{ProberService, "node1", "h", "0tbgq60-89abcdef", "quobyte.prober.h.0tbgq60-89abcdef.node1", "node1"},
	} {
		id := NewTaskID(golden.service, golden.host, golden.hash, golden.nonce)
		if id != golden.id {
			t.Errorf("%s on %s: got %q, want %q", golden.service, golden.host, id, golden.id)
		}
		want := TaskID{Service: golden.service, HostKey: golden.hostKey, Hash: golden.hash, Nonce: golden.nonce}
		if parsed, ok := ParseTaskID(golden.id); !ok || parsed != want {
			t.Errorf("%q is read as %+v, %v, want %+v", golden.id, parsed, ok, want)
		}
	}
}

func TestTaskIDsOfTheEarlierFramework(t *testing.T) {
	for id, want := range map[string]TaskID{
		"quobyte-registry-node1":              {Service: Registry, HostKey: "node1"},
		"quobyte-metadata-data-3.corp":        {Service: Metadata, HostKey: "data-3.corp"},
		"quobyte-data-quobyte-data-x":         {Service: Data, HostKey: "quobyte-data-x"},
		"quobyte-api-Node1":                   {Service: API, HostKey: "Node1"},
		"quobyte-webconsole-10.0.0.7":         {Service: Webconsole, HostKey: "10.0.0.7"},
		"quobyte-s3--":                        {Service: S3, HostKey: "-"},
		"quobyte-client-node1":                {Service: Client, HostKey: "node1"},
		"quobyte-device-prober-node1.dc-2":    {Service: ProberService, HostKey: "node1.dc-2"},
		"quobyte-registry-device-prober-node": {Service: Registry, HostKey: "device-prober-node"},
		"quobyte-data-fe80::1":                {Service: Data, HostKey: HostKey("fe80::1")},
	} {
		want.Legacy = true
		if got, ok := ParseTaskID(id); !ok || got != want {
			t.Errorf("%q is read as %+v, %v, want %+v", id, got, ok, want)
		}
	}
}

func TestTaskIDsThatCannotBeRead(t *testing.T) {
	for _, id := range []string{
		"", ".", "..", "quobyte", "quobyte.", "quobyte-", "quobyte-data", "quobyte-data-", "quobyte-device-prober-",
		"quobyte-device-node1", "quobyte-prober-node1", "quobyte-quota-node1", "quobyte-Data-node1", "Quobyte-data-node1",
		"quobyte.data.h.n", "quobyte.data.h.n.", "quobyte.data..n.node1", "quobyte.data.h..node1",
		"quobyte.quota.h.n.node1", "quobyte.Data.h.n.node1", "marathon.data.h.n.node1",
		"quobyte.data.h_1.n.node1", "quobyte.data.h.n.no/de", "quobyte.data.h.n.no~de", "quobyte.data.h.n.node 1",
		"quobyte.data.h.n.~", "quobyte.data.h.n." + strings.Repeat("a", maxHostKey+1),
		"quobyte.data." + strings.Repeat("a", maxHash+1) + ".n.node1", "quobyte.data.h." + strings.Repeat("a", maxNonce+1) + ".node1",
	} {
		if got, ok := ParseTaskID(id); ok {
			t.Errorf("%q is read as %+v", id, got)
		}
	}
}

// anyHost draws host names as they are, and as they should not be.
func anyHost() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-z0-9]([-a-z0-9.]{0,60}[a-z0-9])?`),
		rapid.StringMatching(`[-A-Za-z0-9._~]{0,300}`),
		rapid.StringMatching(`quobyte[-.](data|device-prober|s3)[-.][a-z0-9.-]{0,40}`),
		rapid.StringMatching(`[a-z.]{97,107}~[a-z2-7]{15,17}`),
		rapid.StringN(0, 100, 400),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 300), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.String(), HostKey), // a host that is named like the key of another
	)
}

func TestTaskIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := anyHost().Draw(t, "host")
		want := TaskID{
			Service: rapid.SampledFrom(append(Services(), ProberService)).Draw(t, "service"),
			HostKey: HostKey(host),
			Hash:    rapid.StringMatching(`[-A-Za-z0-9]{1,20}`).Draw(t, "hash"),
			Nonce:   rapid.StringMatching(`[-A-Za-z0-9]{1,36}`).Draw(t, "nonce"),
		}
		id := NewTaskID(want.Service, host, want.Hash, want.Nonce)
		if got, ok := ParseTaskID(id); !ok || got != want {
			t.Fatalf("%q is read as %+v, %v, want %+v", id, got, ok, want)
		}
		checkMesosAccepts(t, id)
	})
}

func TestLongestTaskIDStaysInBounds(t *testing.T) {
	for _, s := range Services() {
		id := NewTaskID(s, strings.Repeat("h", 255), strings.Repeat("a", maxHash), strings.Repeat("n", maxNonce))
		if len(id) > MaxTaskID {
			t.Errorf("%q has %d bytes", id, len(id))
		}
	}
}

// checkMesosAccepts holds the rules by which a master refuses ids, and those of
// this design.
func checkMesosAccepts(t *rapid.T, id string) {
	if len(id) > MaxTaskID {
		t.Fatalf("%q has %d bytes", id, len(id))
	}
	if id == "." || id == ".." || id == "" {
		t.Fatalf("%q is no id", id)
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c >= 0x7f || c == '/' || c == '\\' || c == ':' {
			t.Fatalf("%q contains %q", id, c)
		}
	}
}

func TestDifferentHostsHaveDifferentKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := anyHost().Draw(t, "one")
		other := rapid.OneOf(
			anyHost(),
			rapid.Just(one+"x"),
			rapid.Just("x"+one),
			rapid.Just(strings.ToUpper(one)),
			rapid.Just(strings.ReplaceAll(one, ":", "-")),
			rapid.Just(HostKey(one)),
		).Draw(t, "other")
		same := HostKey(one) == HostKey(other)
		// A name that is itself a cut key is cut again, and so differs from it.
		if same != (one == other) {
			t.Fatalf("%q and %q have the keys %q and %q", one, other, HostKey(one), HostKey(other))
		}
	})
}

func TestLegacyAndNewIDsAgreeOnTheHost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := anyHost().Filter(func(h string) bool { return h != "" }).Draw(t, "host")
		service := rapid.SampledFrom(Services()).Draw(t, "service")
		legacy, ok := ParseTaskID("quobyte-" + string(service) + "-" + host)
		if !ok || !legacy.Legacy || legacy.Service != service || legacy.HostKey != HostKey(host) {
			t.Fatalf("got %+v, %v for %s on %q", legacy, ok, service, host)
		}
	})
}

func TestNewTaskIDRefusesWhatCouldNotBeRead(t *testing.T) {
	for _, bad := range []struct {
		service     Service
		hash, nonce string
	}{
		{"quota", "h", "n"},
		{"teapot", "h", "n"},
		{Data, "", "n"},
		{Data, "h", ""},
		{Data, "h.1", "n"},
		{Data, "h", "n/1"},
		{Data, strings.Repeat("h", maxHash+1), "n"},
		{Data, "h", strings.Repeat("n", maxNonce+1)},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was accepted", bad)
				}
			}()
			NewTaskID(bad.service, "node1", bad.hash, bad.nonce)
		}()
	}
}
