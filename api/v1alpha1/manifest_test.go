package v1alpha1_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// smallestCluster is the smallest manifest that works.
const smallestCluster = `
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteCluster
metadata:
  name: quobyte
spec:
  version: "1.1.5"
  image: docker-registry.corp:5000/quobyte-server
  mesos:
    master: http://mesos-master.corp:5050
`

const smallestDevice = `
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata:
  name: node1-disk1
spec:
  clusterRef:
    name: quobyte
  host: node1
  path: /mnt/disk1
`

// strict is how kubectl sends what it applies: unknown fields are errors.
const strict = metav1.FieldValidationStrict

// manifest returns the base with changes merged in: maps are merged, null
// removes, everything else replaces.
func manifest(t *testing.T, namespace, base string, changes ...string) *unstructured.Unstructured {
	t.Helper()
	object := fromYAML(t, base)
	for _, change := range changes {
		merge(object, fromYAML(t, change))
	}
	u := &unstructured.Unstructured{Object: object}
	u.SetNamespace(namespace)
	return u
}

func fromYAML(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return object
}

func merge(into, change map[string]any) {
	for key, value := range change {
		nested, isMap := value.(map[string]any)
		existing, wasMap := into[key].(map[string]any)
		switch {
		case value == nil:
			delete(into, key)
		case isMap && wasMap:
			merge(existing, nested)
		default:
			into[key] = value
		}
	}
}

// causes returns what the API server has against an object, a line each:
// the field and the message.
func causes(err error) []string {
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Details == nil || len(status.ErrStatus.Details.Causes) == 0 {
		return []string{fmt.Sprint(err)}
	}
	var lines []string
	for _, cause := range status.ErrStatus.Details.Causes {
		if strings.HasPrefix(cause.Message, "Invalid value: null: some validation rules were not checked") {
			continue // says that there may be more, once this is right
		}
		lines = append(lines, cause.Field+": "+cause.Message)
	}
	slices.Sort(lines)
	return lines
}
