//go:build unix && !linux

package child

import "syscall"

// attributes keep a Ctrl-C meant for the parent from the child. Only Linux can
// end a child with its parent.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
