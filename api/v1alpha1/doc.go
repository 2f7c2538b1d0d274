// Package v1alpha1 holds the custom resources of the operator: what a person
// writes (spec), what the operator answers (status), and the rules by which
// the API server refuses a manifest that is wrong on its own.
//
// +kubebuilder:object:generate=true
// +groupName=mesos.quobyte.com
package v1alpha1
