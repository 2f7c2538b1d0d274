package v1alpha1_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// refusal is a change to a manifest that works, and what the API server says
// against it: all of it, so that no rule hides behind another.
type refusal struct {
	name   string
	change string
	want   []string
}

func TestWrongClustersAreRefused(t *testing.T) {
	refuse(t, smallestCluster, readRefusals(t, "clusters.txt"))
}

func TestWrongDevicesAreRefused(t *testing.T) {
	refuse(t, smallestDevice, readRefusals(t, "devices.txt"))
}

// TestWrongResourcesAreRefused applies the rules that each service has of its
// own. A memory request can become too small by itself and by its reserve.
func TestWrongResourcesAreRefused(t *testing.T) {
	const (
		cpus   = "services.%[1]s.resources.cpus must be from 1m (0.001) to 10k"
		memory = "services.%[1]s.resources.memory must be from 1Mi to 1Pi"
		disk   = "services.%[1]s.resources.disk must be from 0 to 1Pi"
		kept   = "services.%[1]s.memoryReserve must be from 0 to 1Pi"
		heap   = "services.%[1]s.resources.memory must be above services.%[1]s.memoryReserve: the heap is what remains"
	)
	var refusals []refusal
	for _, service := range serviceNames() {
		for _, r := range []refusal{
			{"cpus", `{resources: {cpus: 0}}`, []string{`.resources.cpus: Invalid value: 0: ` + cpus}},
			{"memory", `{memoryReserve: -2, resources: {memory: -1}}`, []string{`.memoryReserve: Invalid value: -2: ` + kept, `.resources.memory: Invalid value: -1: ` + memory}},
			{"disk", `{resources: {disk: "-1"}}`, []string{`.resources.disk: Invalid value: "-1": ` + disk}},
			{"reserve", `{memoryReserve: -1Mi}`, []string{`.memoryReserve: Invalid value: "-1Mi": ` + kept}},
			{"memory not above reserve", `{memoryReserve: 1Gi, resources: {memory: 1024Mi}}`, []string{`.resources.memory: Invalid value: ` + heap}},
			{"reserve above memory", `{memoryReserve: 9Gi}`, []string{`.resources.memory: Invalid value: ` + heap}},
		} {
			for i, want := range r.want {
				r.want[i] = "spec.services." + service + strings.ReplaceAll(want, "%[1]s", service)
			}
			refusals = append(refusals, refusal{
				name:   service + " " + r.name,
				change: fmt.Sprintf("spec: {services: {%s: %s}}", service, r.change),
				want:   r.want,
			})
		}
	}
	refuse(t, smallestCluster, refusals)
}

func refuse(t *testing.T, base string, refusals []refusal) {
	api := server.API(t)
	namespace := api.Namespace(t)
	c := client.WithFieldValidation(api.Client(), strict)
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			err := c.Create(t.Context(), manifest(t, namespace, base, r.change), client.DryRunAll)
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(r.want, causes(err)); diff != "" {
				t.Errorf("the API server says something else (-want +got):\n%s", diff)
			}
		})
	}
}

// TestKubectlShowsWhatIsWrong looks at what a person sees in the end.
func TestKubectlShowsWhatIsWrong(t *testing.T) {
	api := server.API(t)
	got := api.Refused(t, api.Namespace(t), strings.Replace(smallestCluster, `"1.1.5"`, `""`, 1))
	want := `The QuobyteCluster "quobyte" is invalid: 
* spec.version: Invalid value: "": spec.version in body should be at least 1 chars long
* spec.version: Invalid value: "": version must be an image tag: letters, digits, '_', '.' and '-', not beginning with '.' or '-'
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kubectl says something else (-want +got):\n%s", diff)
	}
	got = api.Refused(t, api.Namespace(t), smallestCluster+"  verison: 1.1.6\n")
	if want := `unknown field "spec.verison"`; !strings.Contains(got, want) {
		t.Errorf("kubectl says %q, without %q", got, want)
	}
}

// repeated stands in a change for what is too long to be written out: "<3 a>" is
// "aaa", and "<3 r#,>" is "r1,r2,r3,".
var repeated = regexp.MustCompile(`<(\d+) ([^<>]*)>`)

func spelledOut(t *testing.T, change string) string {
	t.Helper()
	return repeated.ReplaceAllStringFunc(change, func(s string) string {
		parts := repeated.FindStringSubmatch(s)
		times, err := strconv.Atoi(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for i := range times {
			text.WriteString(strings.ReplaceAll(parts[2], "#", strconv.Itoa(i+1)))
		}
		return text.String()
	})
}

// readRefusals reads blocks of "# name", the change, and "=> " before each line
// of the answer.
func readRefusals(t *testing.T, file string) []refusal {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "refused", file))
	if err != nil {
		t.Fatal(err)
	}
	var refusals []refusal
	for block := range strings.SplitSeq(string(content), "\n\n") {
		var r refusal
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			if name, ok := strings.CutPrefix(line, "# "); ok {
				r.name = name
			} else if want, ok := strings.CutPrefix(line, "=> "); ok {
				r.want = append(r.want, want)
			} else {
				r.change += line + "\n"
			}
		}
		if r.name == "" || len(r.want) == 0 {
			t.Fatalf("%s: a block without name or answer:\n%s", file, block)
		}
		r.change = spelledOut(t, r.change)
		refusals = append(refusals, r)
	}
	return refusals
}

func serviceNames() []string {
	return []string{"registry", "metadata", "data", "api", "webconsole", "s3"}
}
