// Package testdisks makes hosts with disks for tests and the demo: mount namespaces
// of their own, in which real file systems on loop devices are mounted. It needs
// Linux, root and mount's and nsenter's programs (util-linux).
//
// All that is mounted in a Host goes with it, and a Host with the process that made
// it, however that ends: nothing but image files is left behind.
package testdisks

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Host is a mount namespace of its own, as a host has one. Hosts share the machine's
// root file system, so that paths mean the same in each; what is mounted in one is
// seen by no other.
type Host struct {
	dir       string
	namespace *os.File
}

// Supported says why there can be no Hosts here, or nil.
func Supported() error {
	if os.Geteuid() != 0 {
		return errors.New("mounting real file systems needs root")
	}
	for _, program := range []string{"nsenter", "mount", "umount", "mkfs.ext4"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("mounting real file systems needs %s (packages util-linux and e2fsprogs): %w", program, err)
		}
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		return fmt.Errorf("mounting real file systems needs loop devices: %w", err)
	}
	namespace, err := newNamespace()
	if err != nil {
		return err
	}
	return namespace.Close()
}

// NewHost makes a Host for a test, with a directory for its mounts, and skips the
// test where there can be none. It is closed with the test.
func NewHost(t testing.TB, dir string) *Host {
	t.Helper()
	if err := Supported(); err != nil {
		t.Skip("no real disks: ", err)
	}
	h, err := Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// Start makes a Host, with a directory for its mounts, which is made and stays.
func Start(dir string) (*Host, error) {
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("the host's directory %s: want an absolute path", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the host's directory: %w", err)
	}
	namespace, err := newNamespace()
	if err != nil {
		return nil, err
	}
	return &Host{dir, namespace}, nil
}

// newNamespace makes a mount namespace that lives as long as the file, or as what
// runs in it.
func newNamespace() (*os.File, error) {
	type result struct {
		file *os.File
		err  error
	}
	made := make(chan result)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and nobody else
		// gets into its namespace.
		runtime.LockOSThread()
		file, err := leaveNamespace()
		made <- result{file, err}
	}()
	r := <-made
	if r.err != nil {
		return nil, fmt.Errorf("make a mount namespace: %w", r.err)
	}
	return r.file, nil
}

// leaveNamespace puts the calling thread into a new one.
func leaveNamespace() (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil, err
	}
	// Mounts of the machine go on to be seen; none of ours gets out.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return nil, err
	}
	return os.Open("/proc/thread-self/ns/mnt")
}

// Dir is the directory for the host's mounts.
func (h *Host) Dir() string { return h.dir }

// Namespace is the path of the mount namespace, as nsenter --mount wants it. It
// can be opened for as long as this process has the Host.
func (h *Host) Namespace() string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), h.namespace.Fd())
}

// Command is a command that runs on the host.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	h.Enter(cmd)
	return cmd
}

// Enter rewrites a command that has not been started, so that it runs on the host,
// in the same process that would have run without.
func (h *Host) Enter(cmd *exec.Cmd) {
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		cmd.Err = err
		return
	}
	inside := append([]string{cmd.Path}, cmd.Args[1:]...)
	if cmd.Dir != "" {
		// Who enters a namespace stands in its root.
		inside = append([]string{"/bin/sh", "-c", `cd "$1" && shift && exec "$@"`, "sh", cmd.Dir}, inside...)
	}
	cmd.Args = append([]string{nsenter, "--mount=" + h.Namespace(), "--"}, inside...)
	cmd.Path = nsenter
}

// Run runs a command on the host to its end; the error has what it said.
func (h *Host) Run(name string, args ...string) error { return h.run("", name, args...) }

func (h *Host) run(input, name string, args ...string) error {
	cmd := h.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(said))
	}
	return nil
}

// Mount mounts a disk at a path, which is made, with options of mount(8) such as
// "ro". A disk may be mounted more than once, and on one Host after another.
func (h *Host) Mount(d *Disk, path string, options ...string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("make a mount point: %w", err)
	}
	// The loop device goes with the last mount.
	return h.Run("mount", "-t", d.fileSystem, "-o", strings.Join(append([]string{"loop"}, options...), ","), d.file, path)
}

// Unmount takes away what is mounted at a path.
func (h *Host) Unmount(path string) error { return h.Run("umount", path) }

// WriteFile writes a file as the host sees it.
func (h *Host) WriteFile(path, content string) error {
	return h.run(content, "/bin/sh", "-c", `cat > "$1"`, "sh", path)
}

// Close gives the host up. Its mounts go when nothing runs there any more.
func (h *Host) Close() {
	_ = h.namespace.Close() // it was only read
}
