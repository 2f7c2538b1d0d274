package v1alpha1_test

import (
	"testing"

	"github.com/quobyte/mesos-operator/internal/testapi"
)

// server is the API server that the tests of this package share.
var server testapi.Shared

func TestMain(m *testing.M) { server.Main(m) }
