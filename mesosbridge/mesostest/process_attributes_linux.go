package mesostest

import "syscall"

// processAttributes make a group of a process, so that it can be ended with all
// that it starts, and end it with this process, however that ends.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
