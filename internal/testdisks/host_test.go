package testdisks_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quobyte/mesos-operator/internal/testdisks"
)

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(cmd, err)
	}
	return strings.TrimSpace(string(out))
}

// loops are the images that loop devices hold.
func loops(t *testing.T, file string) string {
	t.Helper()
	return output(t, exec.Command("losetup", "--associated", file))
}

func TestDiskMovesBetweenHosts(t *testing.T) {
	dir := t.TempDir()
	a, b := testdisks.NewHost(t, filepath.Join(dir, "mnt")), testdisks.NewHost(t, filepath.Join(dir, "mnt"))
	for _, fs := range []string{"ext4", "xfs"} {
		t.Run(fs, func(t *testing.T) {
			if err := testdisks.SupportedFileSystem(fs); err != nil {
				t.Skip(err)
			}
			file, path := filepath.Join(dir, fs), filepath.Join(a.Dir(), fs)
			d, err := testdisks.MakeDisk(file, fs, 300)
			if err != nil {
				t.Fatal(err)
			}
			marker := filepath.Join(path, "QUOBYTE_DEV_SETUP")
			if err := d.Mark("device.serial=moved\n"); err != nil {
				t.Fatal(err)
			}
			for _, h := range []*testdisks.Host{a, b} {
				if err := h.Mount(d, path); err != nil {
					t.Fatal(err)
				}
				if got := output(t, h.Command("cat", marker)); got != "device.serial=moved" {
					t.Errorf("the marker is %q", got)
				}
				if _, err := os.Stat(marker); err == nil {
					t.Error("a host's mount is seen outside")
				}
				if err := h.Unmount(path); err != nil {
					t.Fatal(err)
				}
			}
			if left := loops(t, file); left != "" {
				t.Errorf("a loop device is left: %s", left)
			}
		})
	}
}

func TestCloseUnmounts(t *testing.T) {
	dir := t.TempDir()
	h := testdisks.NewHost(t, filepath.Join(dir, "mnt"))
	d, err := testdisks.MakeDisk(filepath.Join(dir, "disk"), "ext4", 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Mount(d, filepath.Join(h.Dir(), "disk")); err != nil {
		t.Fatal(err)
	}
	if loops(t, filepath.Join(dir, "disk")) == "" {
		t.Fatal("there is no loop device")
	}
	h.Close()
	// The kernel takes a namespace apart in its own time, and udev may hold the
	// device for a moment.
	ended(t, func() bool { return loops(t, filepath.Join(dir, "disk")) == "" })
}

func TestEnterKeepsDirectoryAndEnvironment(t *testing.T) {
	dir := t.TempDir()
	h := testdisks.NewHost(t, filepath.Join(dir, "mnt"))
	cmd := exec.Command("/bin/sh", "-c", `echo "$PWD $WORD $1"`, "sh", "an argument")
	cmd.Dir, cmd.Env = dir, []string{"WORD=hello", "PATH=" + os.Getenv("PATH")}
	h.Enter(cmd)
	if got := output(t, cmd); got != dir+" hello an argument" {
		t.Errorf("it says %q", got)
	}
	inside := output(t, h.Command("readlink", "/proc/self/ns/mnt"))
	if outside, err := os.Readlink("/proc/self/ns/mnt"); err != nil || inside == outside {
		t.Errorf("inside %s, outside %s, %v", inside, outside, err)
	}
}

func ended(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within ten seconds")
		}
	}
}
