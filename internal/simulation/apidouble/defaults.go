package apidouble

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// Defaults are those of custom resources, by kind.
type Defaults map[string]*structural.Structural

// LoadDefaults reads the CRDs in a directory. It is done once in a process: the
// result is only read.
func LoadDefaults(dir string) (Defaults, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("find CRDs in %s: %d files, %w", dir, len(files), err)
	}
	defaults := Defaults{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a CRD: %w", err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(raw, crd); err != nil {
			return nil, fmt.Errorf("read the CRD in %s: %w", file, err)
		}
		props := &apiextensions.JSONSchemaProps{}
		err = apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, props, nil)
		if err != nil {
			return nil, fmt.Errorf("convert the schema of %s: %w", crd.Name, err)
		}
		if defaults[crd.Spec.Names.Kind], err = structural.NewStructural(props); err != nil {
			return nil, fmt.Errorf("the schema of %s: %w", crd.Name, err)
		}
	}
	return defaults, nil
}

// Read reads a manifest into an object of a kind, with all defaults: a typed object
// cannot say of each field whether it was written.
func (d Defaults) Read(kind string, manifest []byte, into client.Object) error {
	schema := d[kind]
	if schema == nil {
		return fmt.Errorf("there is no CRD of kind %s", kind)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(manifest, &tree); err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	defaulting.Default(tree, schema)
	raw, err := json.Marshal(tree)
	if err != nil {
		return fmt.Errorf("write the defaults as JSON: %w", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read the manifest with its defaults: %w", err)
	}
	return nil
}

// apply returns a copy of the object with its defaults, as it comes out of the server.
func (d Defaults) apply(k kind, o client.Object) (client.Object, error) {
	schema := d[k.Kind]
	if schema == nil {
		return roundTrip(o)
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("write a %s as JSON: %w", k.Kind, err)
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("read a %s from JSON: %w", k.Kind, err)
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(tree, schema)
	defaulting.Default(tree, schema)
	if raw, err = json.Marshal(tree); err != nil {
		return nil, fmt.Errorf("write the defaults of a %s as JSON: %w", k.Kind, err)
	}
	fresh := emptyLike(o)
	if err := json.Unmarshal(raw, fresh); err != nil {
		return nil, fmt.Errorf("read a %s with its defaults: %w", k.Kind, err)
	}
	return fresh, nil
}
