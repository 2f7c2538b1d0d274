package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCheckPackage(t *testing.T) {
	const module = "example.com/operator"
	dir := t.TempDir()
	impure := "package plan\n\nimport \"time\"\n\nfunc f() time.Time {\n\tgo f()\n\treturn time.Now()\n}\n"
	for name, content := range map[string]string{"pure.go": "package plan\n", "impure.go": impure} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name, path, file string
		imports, deps    []string
		want             []string
	}{
		{name: "downwards", path: "/internal/plan", imports: []string{module + "/internal/quobyte", module + "/mesosbridge", "time"}},
		{name: "upwards", path: "/internal/quobyte", imports: []string{module + "/internal/plan"}, want: []string{"internal/quobyte imports internal/plan, which it may not know"}},
		{name: "the bridge knows no resources", path: "/mesosbridge", imports: []string{module + "/api/v1alpha1"}, want: []string{"mesosbridge imports api/v1alpha1, which it may not know"}},
		{name: "the bridge knows no Kubernetes", path: "/mesosbridge", deps: []string{"k8s.io/api/core/v1", "k8s.io/utils/clock"}, want: []string{"mesosbridge reaches k8s.io/api/core/v1, which it may not know"}},
		{name: "the double knows no bridge", path: "/mesosbridge/mesostest", imports: []string{module + "/mesosbridge"}, want: []string{"mesosbridge/mesostest imports mesosbridge, which it may not know"}},
		{name: "the double is for tests", path: "", imports: []string{module + "/mesosbridge/mesostest"}, want: []string{". imports mesosbridge/mesostest, which it may not know"}},
		{name: "controllers know each other", path: "/controllers/cluster", imports: []string{module + "/controllers/device"}},
		{name: "the planner has no client", path: "/internal/plan", imports: []string{"net/http"}, deps: []string{"k8s.io/client-go/rest"}, want: []string{"internal/plan imports net/http, which it may not know", "internal/plan reaches k8s.io/client-go/rest, which it may not know"}},
		{name: "the planner has no clock", path: "/internal/plan", file: "impure.go", want: []string{"impure.go:6:2: starts a goroutine", "impure.go:7:9: reads the clock (time.Now)"}},
		{name: "a new package", path: "/internal/util", want: []string{"internal/util has no place in the architecture: give it a rule"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.file == "" {
				test.file = "pure.go"
			}
			p := goPackage{Dir: dir, ImportPath: module + test.path, Module: &struct{ Path string }{module}, GoFiles: []string{test.file}, Imports: test.imports, Deps: test.deps}
			got, err := checkPackage(rules(), p)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], dir+string(filepath.Separator))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
