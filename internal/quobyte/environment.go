package quobyte

import (
	"slices"
	"strconv"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// environment returns the variables by which the vendor's images are configured,
// and after them those that the user adds. Mesos hands each to Docker as an
// argument of its own, so no value passes through a shell and line breaks are
// safe.
//
// HOST_IP is not set: the service detects its address itself.
func environment(spec Spec, registry string) *mesos.Environment {
	if spec.Service == Client {
		// A client needs to be told of the registries, and of nothing else.
		return variables(appendUnset([]v1alpha1.EnvVar{{Name: "QUOBYTE_REGISTRY", Value: registry}}, spec.Env))
	}
	service := strings.ToUpper(string(spec.Service))
	vars := []v1alpha1.EnvVar{
		{Name: "QUOBYTE_SERVICE", Value: string(spec.Service)},
		{Name: "QUOBYTE_REGISTRY", Value: registry},
		{Name: "QUOBYTE_RPC_PORT", Value: strconv.FormatUint(spec.RPCPort, 10)},
		{Name: "QUOBYTE_HTTP_PORT", Value: strconv.FormatUint(spec.HTTPPort, 10)},
		{Name: "QUOBYTE_MAX_MEM_" + service, Value: strconv.FormatInt(spec.HeapMiB, 10) + "m"},
	}
	if spec.ExtraPort != 0 {
		vars = append(vars, v1alpha1.EnvVar{Name: "QUOBYTE_" + service + "_PORT", Value: strconv.FormatUint(spec.ExtraPort, 10)})
	}
	if spec.S3Hostname != "" {
		vars = append(vars, v1alpha1.EnvVar{Name: "QUOBYTE_S3_HOSTNAME", Value: spec.S3Hostname})
	}
	if spec.ExtraConfig != "" {
		vars = append(vars, v1alpha1.EnvVar{Name: "QUOBYTE_EXTRA_SERVICE_CONFIG", Value: spec.ExtraConfig})
	}
	return variables(appendUnset(vars, spec.Env))
}

func variables(vars []v1alpha1.EnvVar) *mesos.Environment {
	list := make([]mesos.Environment_Variable, len(vars))
	for i, v := range vars {
		list[i] = mesos.Environment_Variable{Name: v.Name, Value: &v.Value}
	}
	return &mesos.Environment{Variables: list}
}

// appendUnset adds the user's variables that are not set already. The CRD
// refuses the others; this holds for objects that were stored before it did.
func appendUnset(vars, user []v1alpha1.EnvVar) []v1alpha1.EnvVar {
	for _, v := range user {
		set := slices.ContainsFunc(vars, func(have v1alpha1.EnvVar) bool { return have.Name == v.Name })
		if !set {
			vars = append(vars, v)
		}
	}
	return vars
}
