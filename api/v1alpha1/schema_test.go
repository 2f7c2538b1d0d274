package v1alpha1_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// TestEveryFieldIsExplained: kubectl explain has a word on each field.
func TestEveryFieldIsExplained(t *testing.T) {
	walkSchemas(t, func(path string, schema *apiextensionsv1.JSONSchemaProps) {
		if strings.HasSuffix(path, "[]") {
			return // an item is explained by its list
		}
		if schema.Description == "" {
			t.Errorf("%s has no description", path)
		}
	})
}

// TestEveryRuleIsSeenToRefuse: a rule that no test has seen fire may never do.
func TestEveryRuleIsSeenToRefuse(t *testing.T) {
	var seen strings.Builder
	files, err := filepath.Glob("testdata/refused/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	// The rules on changes, and those that each service has.
	files = append(files, "frozen_test.go", "refused_test.go")
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(content)
	}
	walkSchemas(t, func(path string, schema *apiextensionsv1.JSONSchemaProps) {
		for _, rule := range schema.XValidations {
			if !slices.ContainsFunc(spellings(path, rule.Message), func(message string) bool { return strings.Contains(seen.String(), message) }) {
				t.Errorf("%s: no test expects %q", path, rule.Message)
			}
		}
	})
}

// TestEveryBoundIsSeenToRefuse: the same for what is not a rule: lengths, numbers,
// enumerations, patterns and what is required. What all services have is seen with
// one of them.
func TestEveryBoundIsSeenToRefuse(t *testing.T) {
	var seen []string
	for _, file := range []string{"clusters.txt", "devices.txt"} {
		for _, r := range readRefusals(t, file) {
			for _, answer := range r.want {
				if field, why, ok := strings.Cut(answer, ": "); ok {
					seen = append(seen, anyItem.ReplaceAllString(anyService(field), "[]")+": "+why)
				}
			}
		}
	}
	walkSchemas(t, func(path string, schema *apiextensionsv1.JSONSchemaProps) {
		_, field, _ := strings.Cut(path, ".")
		if field != "spec" && !strings.HasPrefix(field, "spec.") || schema.XIntOrString {
			return // written by the operator; or a quantity, whose bounds are rules
		}
		for _, why := range bounds(schema) {
			field, why := anyService(field+why.below), why.text
			if !slices.ContainsFunc(seen, func(s string) bool { return strings.HasPrefix(s, field+": ") && strings.Contains(s, why) }) {
				t.Errorf("%s: no test sees %q", field, why)
			}
		}
	})
}

var (
	anyItem = regexp.MustCompile(`\[\d+\]`)
	service = regexp.MustCompile(`^spec\.services\.[a-z0-9]+\.`)
)

func anyService(field string) string { return service.ReplaceAllString(field, "spec.services.*.") }

// bound is what the API server says when it is passed, of the field or one below.
type bound struct{ below, text string }

func bounds(schema *apiextensionsv1.JSONSchemaProps) []bound {
	var all []bound
	add := func(format string, arguments ...any) {
		all = append(all, bound{text: fmt.Sprintf(format, arguments...)})
	}
	if n := schema.MaxLength; n != nil {
		add("Too long: may not be more than %d bytes", *n)
	}
	if n := schema.MinLength; n != nil {
		add("should be at least %d chars long", *n)
	}
	if n := schema.MaxItems; n != nil {
		add("must have at most %d items", *n)
	}
	if n := schema.Minimum; n != nil {
		add("should be greater than or equal to %v", *n)
	}
	if n := schema.Maximum; n != nil {
		add("should be less than or equal to %v", *n)
	}
	if schema.Pattern != "" {
		add("should match '%s'", schema.Pattern)
	}
	if schema.Enum != nil {
		add("Unsupported value: ")
	}
	for _, name := range schema.Required {
		all = append(all, bound{below: "." + name, text: "Required value"})
	}
	return all
}

// spellings returns the ways in which tests write a message: as it is, with the
// service's name left open, and with the field's name left open.
func spellings(path, message string) []string {
	ways := []string{message}
	parts := strings.Split(path, ".")
	if i := slices.Index(parts, "services"); i > 0 && i+1 < len(parts) && parts[i-1] == "spec" {
		ways = append(ways, strings.ReplaceAll(message, "services."+parts[i+1]+".", "services.%[1]s."))
	}
	if field, why, ok := strings.Cut(message, " cannot change once the framework is registered (status.frameworkID): "); ok && strings.HasPrefix(field, "spec.mesos.") {
		ways = append(ways, why)
	}
	return ways
}

// walkSchemas calls a function for every field of the custom resources.
func walkSchemas(t *testing.T, visit func(path string, schema *apiextensionsv1.JSONSchemaProps)) {
	t.Helper()
	files, err := filepath.Glob("../../config/crd/bases/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 {
		t.Fatalf("found %d CRDs: %v", len(files), files)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(content, crd); err != nil {
			t.Fatal(err)
		}
		for _, version := range crd.Spec.Versions {
			walkSchema(crd.Spec.Names.Kind, version.Schema.OpenAPIV3Schema, visit)
		}
	}
}

func walkSchema(path string, schema *apiextensionsv1.JSONSchemaProps, visit func(path string, schema *apiextensionsv1.JSONSchemaProps)) {
	if path != "QuobyteCluster.metadata" && path != "QuobyteDevice.metadata" { // described by Kubernetes
		visit(path, schema)
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property := schema.Properties[name]
		walkSchema(path+"."+name, &property, visit)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		walkSchema(path+"[]", schema.Items.Schema, visit)
	}
}
