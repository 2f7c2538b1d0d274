package testdisks

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Disk is a file system in an image file.
type Disk struct {
	file, fileSystem string
}

// SupportedFileSystem says why there can be no disks with that file system here,
// or nil.
func SupportedFileSystem(name string) error {
	if _, err := exec.LookPath("mkfs." + name); err != nil {
		return fmt.Errorf("there is no mkfs.%s (packages e2fsprogs, xfsprogs): %w", name, err)
	}
	known, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return fmt.Errorf("find out whether the kernel has %s: %w", name, err)
	}
	if strings.Contains(string(known), "\t"+name+"\n") {
		return nil
	}
	if err := exec.Command("modprobe", name).Run(); err != nil {
		return fmt.Errorf("the kernel has no %s: %w", name, err)
	}
	return nil
}

// MakeDisk makes an image file with an empty file system, ext4 or xfs, of some
// MiB; xfs wants 300 at least. It takes no more space than what is written.
func MakeDisk(file, fileSystem string, mib int) (*Disk, error) {
	if !filepath.IsAbs(file) {
		return nil, fmt.Errorf("the image file %s: want an absolute path", file)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a disk: %w", err)
	}
	if err := errors.Join(f.Truncate(int64(mib)<<20), f.Close()); err != nil {
		return nil, fmt.Errorf("make a disk: %w", err)
	}
	if said, err := exec.Command("mkfs."+fileSystem, "-q", file).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("make a disk with %s of %s MiB: %w: %s", fileSystem, strconv.Itoa(mib), err, said), os.Remove(file))
	}
	return &Disk{file, fileSystem}, nil
}

// FileSystem such as ext4.
func (d *Disk) FileSystem() string { return d.fileSystem }

// Mark writes a marker, QUOBYTE_DEV_SETUP, on a disk that is mounted nowhere.
func (d *Disk) Mark(marker string) error {
	dir, err := os.MkdirTemp("", "testdisks-")
	if err != nil {
		return fmt.Errorf("mark a disk: %w", err)
	}
	defer os.Remove(dir)
	h, err := Start(dir)
	if err != nil {
		return fmt.Errorf("mark a disk: %w", err)
	}
	defer h.Close()
	if err := h.Mount(d, dir); err != nil {
		return fmt.Errorf("mark a disk: %w", err)
	}
	return errors.Join(h.WriteFile(filepath.Join(dir, "QUOBYTE_DEV_SETUP"), marker), h.Unmount(dir))
}
