package child

import "syscall"

// attributes tie the child to its parent, however that ends, and keep a Ctrl-C
// meant for the parent from the child.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
