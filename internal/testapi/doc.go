// Package testapi gives a test a real Kubernetes API server with the
// operator's custom resources: a client, kubectl, a fresh namespace, and
// control over the server itself, which can go away and come back.
//
// The tests of a package share one server, started by the first that asks:
//
//	var server testapi.Shared
//
//	func TestMain(m *testing.M) { server.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		api := server.API(t)
//		namespace := api.Namespace(t)
//
// A test that stops or pauses the server takes one of its own with Start.
package testapi
