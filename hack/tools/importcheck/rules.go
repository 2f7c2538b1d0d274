package main

import "strings"

// rule says what one part of the module may import, as docs and DESIGN's table
// of layers have it: downwards, never up.
type rule struct {
	// part is a package of the module and those below it; "." is main alone.
	part string
	// allowed parts of the module, beside the part itself.
	allowed []string
	// never are packages outside the module that must not be reached, neither
	// directly nor through others; a name covers what is below it.
	never []string
	// direct are packages that must not be imported directly.
	direct []string
	// pure: no goroutine is started and no clock is read.
	pure bool
}

func rules() []rule {
	kubernetes := []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/apiextensions-apiserver", "sigs.k8s.io/controller-runtime"}
	clients := []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime"}
	world := []string{"context", "net/http", "os", "sync", "k8s.io/utils/clock", "github.com/mesos/mesos-go/api/v1/lib/httpcli"}
	return []rule{
		{part: "api", never: append([]string{"github.com/mesos"}, clients...), pure: true},
		// Knows neither Quobyte nor Kubernetes.
		{part: "mesosbridge/mesostest", never: kubernetes},
		{part: "mesosbridge", never: kubernetes},
		// Messages between the prober and the operator.
		{part: "internal/probe", never: append([]string{"github.com/mesos"}, kubernetes...), direct: world, pure: true},
		// Runs on the hosts, and is to be small.
		{part: "internal/prober", allowed: []string{"internal/probe"}, never: kubernetes},
		{part: "internal/artifacts", never: kubernetes},
		{part: "internal/quobyte", allowed: []string{"internal/probe", "api"}, never: clients, direct: world, pure: true},
		// No client, no clock, no goroutine.
		{part: "internal/inventory", allowed: []string{"internal/probe", "api"}, never: append([]string{"github.com/mesos"}, clients...), direct: world, pure: true},
		{part: "internal/plan", allowed: []string{"internal/inventory", "internal/probe", "internal/quobyte", "mesosbridge", "api"}, never: clients, direct: world, pure: true},
		{part: "internal/console", allowed: []string{"api"}},
		{part: "controllers", allowed: []string{"internal/console", "internal/plan", "internal/inventory", "internal/probe", "internal/quobyte", "mesosbridge", "api"}},
		{part: ".", allowed: []string{"controllers", "internal/artifacts", "internal/console", "internal/plan", "internal/quobyte", "internal/prober", "mesosbridge", "api"}},
		// For tests and the demo.
		{part: "internal/testapi", allowed: []string{"api"}},
		{part: "internal/testdisks"},
		{part: "internal/testprobers", allowed: []string{"internal/probe", "mesosbridge/mesostest"}},
		{part: "internal/endtoend"},
		// Judges by what was on the wire and on the hosts, and by nothing that it judges.
		{part: "internal/simulation/checker", allowed: []string{"mesosbridge/mesostest"}, never: kubernetes},
		{part: "internal/simulation/apidouble", allowed: []string{"api"}},
		{part: "internal/simulation"},
		{part: "hack", allowed: []string{"internal/testapi", "internal/testdisks", "internal/testprobers", "internal/probe", "internal/inventory", "mesosbridge/mesostest", "mesosbridge", "controllers", "internal/console", "internal/plan", "internal/quobyte", "api"}},
	}
}

// notRequired are modules that stay in the tools' go.mod.
func notRequired() []string { return []string{"k8s.io/kubernetes", "go.etcd.io/etcd"} }

// ruleOf returns the rule of a package, given as its path within the module.
func ruleOf(all []rule, path string) (rule, bool) {
	for _, r := range all {
		if path == r.part || (r.part != "." && within(path, r.part)) {
			return r, true
		}
	}
	return rule{}, false
}

func within(path, part string) bool {
	return path == part || strings.HasPrefix(path, part+"/")
}
