// Package controlplane runs a real kube-apiserver with its etcd on this
// machine, as child processes that do not outlive their parent. Tests use it
// through package testapi, the demo uses it directly.
//
// Unlike envtest's control plane, this one's API server can be killed, started
// again at the same address with its data, and paused as a hung process is;
// and none of it is left behind when the parent is killed.
package controlplane
