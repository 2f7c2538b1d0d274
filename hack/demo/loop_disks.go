package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/internal/testdisks"
)

// deviceDirectory is spec.hostDeviceDirectory's default.
const deviceDirectory = "/mnt"

// loopDisks are ext4 file systems in image files, and the hosts mount namespaces.
// All of them goes with the process; the image files lie in the demo's folder.
type loopDisks struct {
	images string
	hosts  map[string]*testdisks.Host
	// below is where each host has an empty directory of its own for its mounts, so
	// that nothing is made in the machine's.
	below string
}

func newLoopDisks(dir string, hosts []string) (*loopDisks, error) {
	if err := testdisks.Supported(); err != nil {
		return nil, err
	}
	l := &loopDisks{images: filepath.Join(dir, "disks"), hosts: map[string]*testdisks.Host{}, below: deviceDirectory}
	info, err := os.Stat(l.below)
	// A demo that lies there would not see itself any more.
	if err != nil || !info.IsDir() || strings.HasPrefix(dir+"/", l.below+"/") {
		l.below = filepath.Join(dir, "mnt")
	}
	if err := os.MkdirAll(l.images, 0o755); err != nil {
		return nil, err
	}
	for _, name := range hosts {
		host, err := testdisks.Start(l.below)
		if err != nil {
			l.close()
			return nil, err
		}
		l.hosts[name] = host
		if err := host.Run("mount", "-t", "tmpfs", "-o", "size=1m", "demo", l.below); err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}

func (l *loopDisks) what() string {
	return "ext4 file systems on loop devices, each agent in a mount namespace of its own"
}

func (l *loopDisks) directory() string { return l.below }

func (l *loopDisks) at(name string) string { return filepath.Join(l.below, name) }

func (l *loopDisks) image(name string) string { return filepath.Join(l.images, name) }

func (l *loopDisks) make(d disk) error {
	made, err := testdisks.MakeDisk(l.image(d.name), "ext4", 64)
	if err != nil || d.marker() == "" {
		return err
	}
	return made.Mark(d.marker())
}

// mount makes the mount point as the host sees it, which testdisks would not.
func (l *loopDisks) mount(host, name string) error {
	if err := l.hosts[host].Run("mkdir", "-p", l.at(name)); err != nil {
		return fmt.Errorf("make a mount point on %s: %w", host, err)
	}
	if err := l.hosts[host].Run("mount", "-t", "ext4", "-o", "loop", l.image(name), l.at(name)); err != nil {
		return fmt.Errorf("mount %s on %s: %w", name, host, err)
	}
	return nil
}

func (l *loopDisks) unmount(host, name string) error {
	var err error
	// The prober may be looking at it; that takes no time.
	for range 50 {
		if err = l.hosts[host].Unmount(l.at(name)); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("unmount %s on %s: %w", name, host, err)
}

func (l *loopDisks) enter(host string, cmd *exec.Cmd) { l.hosts[host].Enter(cmd) }

func (l *loopDisks) close() {
	for _, host := range l.hosts {
		host.Close()
	}
}
