package testapi

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
)

// Shared is an API server that all tests of a package share. It starts when
// the first test asks for it, so that running other tests does not.
type Shared struct {
	// Options of the server; the zero value is good.
	Options controlplane.Options

	once sync.Once
	api  *API
	err  error
}

// Main runs the package's tests and stops the server after the last.
func (s *Shared) Main(m *testing.M) {
	code := m.Run()
	if s.api != nil {
		if err := s.api.controlPlane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the API server:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// API returns the server, and ends the test when there is none.
func (s *Shared) API(t testing.TB) *API {
	t.Helper()
	s.once.Do(func() {
		// Not the test's context: the server outlives the test that asked first.
		s.api, s.err = start(context.Background(), s.Options)
	})
	if s.err != nil {
		t.Fatalf("start the API server: %v", s.err)
	}
	return s.api
}
