package quobyte

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files; of the hashes, missing lines alone")

const hashesFile = "testdata/hashes.golden"

func TestHashesStayAsTheyAre(t *testing.T) {
	golden := readHashes(t)
	var added []string
	check := func(name string, cluster *v1alpha1.QuobyteCluster) {
		for _, s := range Services() {
			spec := SpecOf(cluster, s)
			key, got := name+"\t"+string(s), spec.Hash()+"\t"+string(spec.Canonical())
			want, listed := golden[key]
			switch {
			case !listed && *update:
				added = append(added, key+"\t"+got+"\n")
			case !listed:
				t.Errorf("%s misses the line of %q; run with -update to add it", hashesFile, key)
			case got != want:
				t.Errorf("%s:\n got %s\nwant %s\n%s", key, got, want, changedHash)
			}
			delete(golden, key)
		}
	}
	check("smallest", smallest())
	for _, c := range changes() {
		check(c.name, changed(c))
	}
	for key := range golden {
		t.Errorf("%s: nothing is known of the line of %q", hashesFile, key)
	}
	appendHashes(t, added)
}

const changedHash = `A changed hash restarts every such service of every installation that upgrades to this
version of the operator. -update does not change the line: if that restart is
wanted, delete it by hand, and announce it in the release notes.`

func readHashes(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile(hashesFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	golden := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		service, hashed, _ := strings.Cut(rest, "\t")
		golden[name+"\t"+service] = hashed
	}
	return golden
}

func appendHashes(t *testing.T, lines []string) {
	t.Helper()
	if len(lines) == 0 {
		return
	}
	f, err := os.OpenFile(hashesFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(strings.Join(lines, "")); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyTheServicesConcernedChangeTheirHash(t *testing.T) {
	before := smallest()
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			after := changed(c)
			for _, s := range Services() {
				differs := SpecOf(after, s).Hash() != SpecOf(before, s).Hash()
				if want := slices.Contains(c.restarts, s); differs != want {
					t.Errorf("%s: hash changed: %v, want %v", s, differs, want)
				}
			}
		})
	}
}

// TestHowNobodyChecksDoesNotCount: what a service that is not checked would be checked
// by restarts nothing, and neither does the way in which the check is off.
func TestHowNobodyChecksDoesNotCount(t *testing.T) {
	off := smallest()
	off.Spec.Health.Enabled = false
	otherwise := off.DeepCopy()
	otherwise.Spec.Health = v1alpha1.HealthSpec{Path: "/status", Interval: lasting(time.Minute), Timeout: lasting(time.Second), GracePeriod: lasting(time.Hour)}
	except := smallest()
	except.Spec.Health.Path = "/status"
	for _, s := range Services() {
		except.Spec.Health.Except = append(except.Spec.Health.Except, v1alpha1.ServiceName(s))
	}
	for _, s := range Services() {
		want := SpecOf(off, s).Hash()
		if got := SpecOf(otherwise, s).Hash(); got != want {
			t.Errorf("%s, off with other settings: hash %s, want %s", s, got, want)
		}
		if got := SpecOf(except, s).Hash(); got != want {
			t.Errorf("%s, an exception: hash %s, want %s", s, got, want)
		}
	}
}

func TestOrderOfSetsDoesNotCount(t *testing.T) {
	forth, back := smallest(), smallest()
	env := []v1alpha1.EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}}
	endpoints := []string{"a:1", "b:1"}
	for _, c := range []*v1alpha1.QuobyteCluster{forth, back} {
		c.Spec.Registry.Discovery = v1alpha1.DiscoveryEndpoints
		c.Spec.Registry.Endpoints = slices.Clone(endpoints)
		c.Spec.Services.Data.Env = slices.Clone(env)
		c.Spec.Health.Except = []v1alpha1.ServiceName{"s3", "data"}
	}
	slices.Reverse(back.Spec.Health.Except)
	slices.Reverse(back.Spec.Registry.Endpoints)
	slices.Reverse(back.Spec.Services.Data.Env)
	if a, b := SpecOf(forth, Data).Hash(), SpecOf(back, Data).Hash(); a != b {
		t.Errorf("hashes differ: %s and %s", a, b)
	}
	if back.Spec.Services.Data.Env[0].Name != "B" || back.Spec.Registry.Endpoints[0] != "b:1" {
		t.Error("SpecOf has sorted the cluster's own lists: they belong to a cache")
	}
}

func TestServicesHaveDifferentHashes(t *testing.T) {
	seen := map[string]Service{}
	shape := regexp.MustCompile(fmt.Sprintf("^[a-z2-7]{%d}$", HashLength))
	for _, s := range Services() {
		hash := SpecOf(smallest(), s).Hash()
		if other, taken := seen[hash]; taken {
			t.Errorf("%s and %s share the hash %s", s, other, hash)
		}
		if !shape.MatchString(hash) || !isToken(hash, maxHash) {
			t.Errorf("%s: hash %q is not fit for a task id or an object's name", s, hash)
		}
		seen[hash] = s
	}
}
