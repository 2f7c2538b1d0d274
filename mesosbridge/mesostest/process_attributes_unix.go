//go:build unix && !linux

package mesostest

import "syscall"

// processAttributes make a group of a process, so that it can be ended with all
// that it starts. Only Linux can end it with this process.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
