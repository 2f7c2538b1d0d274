package testapi

import "testing"

// StopServer kills the API server: connections break and new ones are refused
// until StartServer. What it has acknowledged is kept.
func (a *API) StopServer(t testing.TB) {
	t.Helper()
	if err := a.controlPlane.StopAPIServer(); err != nil {
		t.Fatalf("stop the API server: %v", err)
	}
}

// StartServer starts the API server again, at its address and with its data.
func (a *API) StartServer(t testing.TB) {
	t.Helper()
	if err := a.controlPlane.StartAPIServer(t.Context()); err != nil {
		t.Fatalf("start the API server: %v", err)
	}
}

// PauseServer makes the API server hang: connections stay open and nothing
// answers until ResumeServer.
func (a *API) PauseServer(t testing.TB) {
	t.Helper()
	if err := a.controlPlane.PauseAPIServer(); err != nil {
		t.Fatalf("pause the API server: %v", err)
	}
}

// ResumeServer lets a paused API server go on.
func (a *API) ResumeServer(t testing.TB) {
	t.Helper()
	if err := a.controlPlane.ResumeAPIServer(); err != nil {
		t.Fatalf("resume the API server: %v", err)
	}
}
