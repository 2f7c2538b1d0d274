// Package config_test applies the manifests beside it to a real API server.
package config_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/internal/testapi"
	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
)

const (
	namespace = "quobyte-system"
	name      = "quobyte-mesos-operator"
	account   = "system:serviceaccount:" + namespace + ":" + name
)

func TestConfig(t *testing.T) {
	// Without CRDs: they come with the manifests.
	api := testapi.Start(t, controlplane.Options{CRDs: []string{}})
	for line := range strings.Lines(api.Kubectl(t, "apply", "-k", "default")) {
		if !strings.HasSuffix(line, " created\n") {
			t.Errorf("kubectl apply -k config/default: %s", line)
		}
	}
	for line := range strings.Lines(api.Kubectl(t, "apply", "-k", "default")) {
		if !strings.HasSuffix(line, " unchanged\n") && !strings.HasSuffix(line, " configured\n") {
			t.Errorf("applied again: %s", line)
		}
	}
	api.Kubectl(t, "wait", "--for=condition=Established", "--timeout=60s", "crd",
		"quobyteclusters.mesos.quobyte.com", "quobytedevices.mesos.quobyte.com")

	t.Run("samples", func(t *testing.T) { testSamples(t, api) })
	t.Run("pod", func(t *testing.T) { testPod(t, api) })
	t.Run("roles", func(t *testing.T) { testRoles(t, api) })
	t.Run("account", func(t *testing.T) { testAccount(t, api) })
	t.Run("aggregation", func(t *testing.T) { testAggregation(t, api) })
}

func testSamples(t *testing.T, api *testapi.API) {
	ns := api.Namespace(t)
	out := api.Kubectl(t, "apply", "-n", ns, "-f", "samples")
	if first, _, _ := strings.Cut(out, "\n"); first != "quobytecluster.mesos.quobyte.com/quobyte created" {
		t.Errorf("the cluster does not come first: %s", out)
	}
	if got := len(strings.Fields(api.Kubectl(t, "get", "devices", "-n", ns, "-o", "name"))); got != 11 {
		t.Errorf("%d devices, want 3 for registries, 3 for metadata and 5 for data", got)
	}
}

// testPod creates the Deployment's pod, as its controller would: the API server
// holds it against the strictest of the pod security standards.
func testPod(t *testing.T, api *testapi.API) {
	deployment := &appsv1.Deployment{}
	if err := api.Client().Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, deployment); err != nil {
		t.Fatal(err)
	}
	template := deployment.Spec.Template
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Namespace, pod.Name = namespace, "manager"
	if err := api.Client().Create(t.Context(), pod, client.DryRunAll); err != nil {
		t.Errorf("the pod is refused: %v", err)
	}
	privileged := pod.DeepCopy()
	privileged.ResourceVersion = ""
	privileged.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil
	if err := api.Client().Create(t.Context(), privileged, client.DryRunAll); err == nil {
		t.Error("the namespace lets a pod escalate its privileges")
	}

	for _, container := range template.Spec.Containers {
		if readOnly := container.SecurityContext.ReadOnlyRootFilesystem; readOnly == nil || !*readOnly {
			t.Errorf("%s can write its root file system", container.Name)
		}
		if container.LivenessProbe == nil || container.ReadinessProbe == nil {
			t.Errorf("%s has no probes", container.Name)
		}
		if container.Resources.Requests.Cpu().IsZero() || container.Resources.Requests.Memory().IsZero() || container.Resources.Limits.Memory().IsZero() {
			t.Errorf("%s asks for no resources", container.Name)
		}
	}
	if !slices.Contains(template.Spec.Containers[0].Args, "--leader-elect") {
		t.Error("several replicas without leader election")
	}
}

// testRoles: every grant is spelled out.
func testRoles(t *testing.T, api *testapi.API) {
	rules := map[string][]rbacv1.PolicyRule{}
	var clusterRoles rbacv1.ClusterRoleList
	if err := api.Client().List(t.Context(), &clusterRoles, client.MatchingLabels{"app.kubernetes.io/part-of": name}); err != nil {
		t.Fatal(err)
	}
	for _, role := range clusterRoles.Items {
		rules["ClusterRole "+role.Name] = role.Rules
	}
	var roles rbacv1.RoleList
	if err := api.Client().List(t.Context(), &roles, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	for _, role := range roles.Items {
		rules["Role "+role.Name] = role.Rules
	}
	if len(rules) != 5 {
		t.Errorf("found %d roles, want 5", len(rules))
	}
	for role, rules := range rules {
		for _, rule := range rules {
			for _, list := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs, rule.NonResourceURLs} {
				if slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, "*") }) {
					t.Errorf("%s grants %v", role, rule)
				}
			}
		}
	}
}

// testAccount asks the API server what the operator's account may do.
func testAccount(t *testing.T, api *testapi.API) {
	for _, check := range []struct {
		verb, resource string
		arguments      []string
		want           bool
	}{
		{verb: "list", resource: "quobyteclusters", want: true},
		{verb: "patch", resource: "quobytedevices", want: true},
		{verb: "get", resource: "leases/" + name, arguments: []string{"-n", namespace}, want: true},
		{verb: "update", resource: "leases/" + name, arguments: []string{"-n", namespace}, want: true},
		{verb: "create", resource: "leases", arguments: []string{"-n", namespace}, want: true},
		{verb: "create", resource: "tokenreviews.authentication.k8s.io", want: true},
		{verb: "update", resource: "leases/other", arguments: []string{"-n", namespace}},
		{verb: "update", resource: "leases/" + name, arguments: []string{"-n", "kube-system"}},
		{verb: "create", resource: "quobyteclusters"},
		{verb: "delete", resource: "quobyteclusters"},
		{verb: "list", resource: "secrets"},
		{verb: "create", resource: "secrets"},
		{verb: "create", resource: "pods"},
		{verb: "create", resource: "clusterrolebindings"},
	} {
		arguments := append([]string{"auth", "can-i", check.verb, check.resource, "--as=" + account}, check.arguments...)
		// It exits with 1 for "no".
		out, message, err := api.RunKubectl(t.Context(), "", arguments...)
		want := "no"
		if check.want {
			want = "yes"
		}
		if got := strings.TrimSpace(out); got != want {
			t.Errorf("kubectl %s: %q, want %q (%v: %s)", strings.Join(arguments, " "), got, want, err, message)
		}
	}
}

// testAggregation: Kubernetes' own roles of namespaces take in those for the
// custom resources, through the labels that they select by.
func testAggregation(t *testing.T, api *testapi.API) {
	for aggregate, want := range map[string][]string{"view": {"viewer"}, "edit": {"viewer"}, "admin": {"editor", "viewer"}} {
		builtIn := &rbacv1.ClusterRole{}
		if err := api.Client().Get(t.Context(), client.ObjectKey{Name: aggregate}, builtIn); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, selector := range builtIn.AggregationRule.ClusterRoleSelectors {
			matching, err := metav1.LabelSelectorAsSelector(&selector)
			if err != nil {
				t.Fatal(err)
			}
			var roles rbacv1.ClusterRoleList
			if err := api.Client().List(t.Context(), &roles, client.MatchingLabelsSelector{Selector: matching}); err != nil {
				t.Fatal(err)
			}
			for _, role := range roles.Items {
				if own, ok := strings.CutPrefix(role.Name, name+"-"); ok {
					got = append(got, own)
				}
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s takes in %v, want %v", aggregate, got, want)
		}
	}
}
