package quobyte

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

func TestSmallestManifestAsksForNothingBeyondTheDefaults(t *testing.T) {
	for _, s := range Services() {
		image := "docker-registry.corp:5000/quobyte-server"
		if s == Client {
			image = "" // It has its own, and none by default.
		}
		want := `{"image":"` + image + `","service":"` + string(s) + `","version":"1.1.5"}`
		if got := string(SpecOf(smallest(), s).Canonical()); got != want {
			t.Errorf("%s:\n got %s\nwant %s", s, got, want)
		}
	}
}

func TestFrozenDefaultsWereThoseOfTheCRD(t *testing.T) {
	data, err := os.ReadFile("../../config/crd/bases/mesos.quobyte.com_quobyteclusters.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(data, &crd); err != nil {
		t.Fatal(err)
	}
	spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	defaulted, err := json.Marshal(spec.fill(map[string]any{"mesos": map[string]any{}, "version": "1", "image": "i"}))
	if err != nil {
		t.Fatal(err)
	}
	cluster := &v1alpha1.QuobyteCluster{}
	if err := json.Unmarshal(defaulted, &cluster.Spec); err != nil {
		t.Fatal(err)
	}
	for _, s := range Services() {
		image := "i"
		if s == Client {
			image = ""
		}
		want := `{"image":"` + image + `","service":"` + string(s) + `","version":"1"}`
		if got := string(SpecOf(cluster, s).Canonical()); got != want {
			t.Errorf("%s with the CRD's defaults is %s.\nIf a default of the CRD was changed on purpose, leave frozenDefaults alone and name the field here.", s, got)
		}
	}
}

// schema is as much of a structural schema as filling in defaults takes.
type schema struct {
	Properties map[string]schema `json:"properties"`
	Default    any               `json:"default"`
}

func (s schema) fill(object map[string]any) map[string]any {
	for name, property := range s.Properties {
		if _, set := object[name]; !set && property.Default != nil {
			object[name] = property.Default
		}
		if nested, ok := object[name].(map[string]any); ok {
			object[name] = property.fill(nested)
		}
	}
	return object
}

func anySpec() *rapid.Generator[Spec] {
	return rapid.Custom(func(t *rapid.T) Spec {
		cluster := smallest()
		for _, c := range changes() {
			if rapid.Bool().Draw(t, c.name) {
				c.apply(&cluster.Spec)
			}
		}
		spec := SpecOf(cluster, rapid.SampledFrom(Services()).Draw(t, "service"))
		spec.MemMiB = rapid.Int64Range(0, 1<<40).Draw(t, "memory")
		spec.HeapMiB = rapid.Int64Range(0, 1<<40).Draw(t, "heap")
		spec.ExtraPort = rapid.Uint64Range(0, 65535).Draw(t, "extra port")
		spec.ExtraConfig = rapid.String().Draw(t, "extra config")
		spec.User = rapid.StringN(0, 10, -1).Draw(t, "user")
		for i, value := range rapid.SliceOfN(rapid.String(), 0, 5).Draw(t, "env") {
			spec.Env = append(spec.Env, v1alpha1.EnvVar{Name: "V" + strconv.Itoa(i), Value: value})
		}
		spec.Env = sortedEnv(spec.Env)
		if rapid.Bool().Draw(t, "health") {
			spec.Health = anyHealth().Draw(t, "its health")
		}
		return spec
	})
}

func anyHealth() *rapid.Generator[Health] {
	millis := rapid.OneOf(rapid.Int64Range(0, 24*3600*1000), rapid.SampledFrom([]int64{0, 15_000, 20_000, 120_000}))
	return rapid.Custom(func(t *rapid.T) Health {
		return Health{
			Off:            rapid.Bool().Draw(t, "off"),
			Path:           rapid.OneOf(rapid.Just("/"), rapid.String()).Draw(t, "path"),
			IntervalMillis: millis.Draw(t, "interval"),
			TimeoutMillis:  millis.Draw(t, "timeout"),
			GraceMillis:    millis.Draw(t, "grace"),
		}
	})
}

func TestCanonicalRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := anySpec().Draw(t, "spec")
		parsed, err := ParseSpec(spec.Canonical())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(parsed, spec) {
			t.Fatalf("got  %+v\nwant %+v\nfrom %s", parsed, spec, spec.Canonical())
		}
		if parsed.Hash() != spec.Hash() {
			t.Fatal("the hash changes on the way")
		}
	})
}

// TestDifferentSpecsHaveDifferentForms: no field stands for another one.
func TestDifferentSpecsHaveDifferentForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := anySpec().Draw(t, "spec")
		other := one
		other.Health = anyHealth().Draw(t, "other health")
		if same := one.Hash() == other.Hash(); same != (one.Health == other.Health) {
			t.Fatalf("the same hash: %v, for %+v and %+v", same, one.Health, other.Health)
		}
	})
}

// TestEveryFieldOfASpecCounts fails when a field is added to Spec and not to its
// stored form.
func TestEveryFieldOfASpecCounts(t *testing.T) {
	base := SpecOf(smallest(), API)
	for i := range reflect.TypeFor[Spec]().NumField() {
		if reflect.TypeFor[Spec]().Field(i).Type == reflect.TypeFor[Health]() {
			for j := range reflect.TypeFor[Health]().NumField() {
				checkFieldCounts(t, base, i, j)
			}
			continue
		}
		checkFieldCounts(t, base, i)
	}
}

// checkFieldCounts changes the field at the index, as of reflect.Value.FieldByIndex.
func checkFieldCounts(t *testing.T, base Spec, index ...int) {
	t.Helper()
	other := base
	field := reflect.ValueOf(&other).Elem().FieldByIndex(index)
	switch value := field.Addr().Interface().(type) {
	case *string:
		*value += "x"
	case *bool:
		*value = !*value
	case *Service:
		*value = Data
	case *int64:
		*value++
	case *uint64:
		*value++
	case *[]v1alpha1.EnvVar:
		*value = []v1alpha1.EnvVar{{Name: "A"}}
	case *v1alpha1.RegistrySpec:
		value.MesosDNSDomain += "x"
	default:
		t.Fatalf("this test knows no change for a field of type %s", field.Type())
	}
	name := reflect.TypeFor[Spec]().FieldByIndex(index).Name
	if other.Hash() == base.Hash() {
		t.Errorf("%s does not count in the hash", name)
	}
	if parsed, err := ParseSpec(other.Canonical()); err != nil || !reflect.DeepEqual(parsed, other) {
		t.Errorf("%s does not come back from the stored form: %+v, %v", name, parsed, err)
	}
}

// keysOf are the fields of a document as encoding/json writes them.
func keysOf(d document) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(mustMarshal(d), &fields); err != nil {
		panic(err)
	}
	return fields
}

// kept are the fields that differ from their frozen default, and those that always stay.
func kept(fields, frozen map[string]json.RawMessage) []byte {
	maps.DeleteFunc(fields, func(key string, value json.RawMessage) bool {
		return !slices.Contains([]string{"service", "image", "version"}, key) && bytes.Equal(value, frozen[key])
	})
	return mustMarshal(fields)
}

// TestCanonicalIsTheJSONOfTheFields holds what is written field by field to what
// encoding/json makes of all of them.
func TestCanonicalIsTheJSONOfTheFields(t *testing.T) {
	check := func(t interface{ Fatalf(string, ...any) }, spec Spec) {
		frozen, _ := frozenDefaults(spec.Service)
		want := kept(keysOf(documentOf(spec)), keysOf(frozen))
		if got := spec.Canonical(); !bytes.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		spec := anySpec().Draw(t, "spec")
		spec.Image, spec.Version = rapid.String().Draw(t, "image"), rapid.String().Draw(t, "version")
		check(t, spec)
	})
	check(t, Spec{Service: "quota", MemMiB: 1}) // has no defaults
	for _, s := range Services() {
		check(t, Spec{Service: s}) // zero is no default
	}
}

// TestAddedFieldRestartsNothing adds a field to the stored form, as a later
// version of the operator would.
func TestAddedFieldRestartsNothing(t *testing.T) {
	spec := SpecOf(changed(changes()[0]), Metadata)
	frozen, _ := frozenDefaults(Metadata)
	withField := func(value string) []byte {
		fields, defaults := keysOf(documentOf(spec)), keysOf(frozen)
		fields["cgroup"], defaults["cgroup"] = json.RawMessage(value), json.RawMessage(`"shared"`)
		return kept(fields, defaults)
	}
	if got := withField(`"shared"`); !slices.Equal(got, spec.Canonical()) {
		t.Errorf("a field with its default changes the canonical form to %s", got)
	}
	if got := withField(`"own"`); slices.Equal(got, spec.Canonical()) {
		t.Error("a field that was asked for does not count")
	}

	downgraded, err := ParseSpec(withField(`"own"`))
	if err != nil || !reflect.DeepEqual(downgraded, spec) {
		t.Errorf("a field of a later version: got %+v, %v, want the rest of the spec", downgraded, err)
	}
}

func TestParseSpecRefuses(t *testing.T) {
	for _, stored := range []string{``, `[]`, `{}`, `{"service":"quota","version":"9"}`, `{"service":"data","memMiB":"much"}`, `{"service":"data"`} {
		if spec, err := ParseSpec([]byte(stored)); err == nil {
			t.Errorf("%q is read as %+v", stored, spec)
		}
	}
}
