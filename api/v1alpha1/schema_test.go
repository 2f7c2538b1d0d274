package v1alpha1_test

import (
	"maps"
	"os"
	"path/filepath"
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
