//go:build tools

// Package peers pins frameworks that others wrote, for a test of hack/mesos. It
// is a module of its own, as they want older libraries than the operator.
package peers

import (
	_ "github.com/mesos/mesos-go/api/v1/cmd/example-executor"
	_ "github.com/mesos/mesos-go/api/v1/cmd/example-scheduler"
	_ "github.com/mesos/mesos-go/api/v1/cmd/msh"
)
