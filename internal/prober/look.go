package prober

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/quobyte/mesos-operator/internal/probe"
)

// sight is what one sees of a mount, and by which order its marker was written.
type sight struct {
	probe.Mount
	order string
}

// look opens a file system and reads its marker. It may hang for ever.
func look(m mount, sysfs string) sight {
	s := sight{Mount: seen(m)}
	root, err := openRoot(m)
	if err != nil {
		s.Problem = err.Error()
		return s
	}
	defer root.Close()
	// The numbers are worth having without the rest, and the other way round.
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(root.Fd()), &st); err == nil {
		unit := uint64(st.Frsize)
		s.CapacityBytes, s.FreeBytes = st.Blocks*unit, st.Bavail*unit
	}
	found, marked, err := readMarks(root)
	switch {
	case err != nil:
		s.Problem = err.Error()
	case marked:
		s.Marked, s.order = true, found.order
		s.Serial, s.Model, s.Types, s.Bootstrap = found.serial, found.model, found.types, found.bootstrap
	default:
		s.Serial, s.Model = identity(sysfs, m.major, m.minor)
	}
	return s
}

// seen is what the mount table says.
func seen(m mount) probe.Mount {
	return probe.Mount{Path: m.path, FileSystem: m.fileSystem, Number: m.number(), ReadOnly: m.readOnly}
}

// openRoot opens the root of a mounted file system, and no other's.
func openRoot(m mount) (*os.File, error) {
	fd, err := unix.Open(m.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot be opened: %w", err)
	}
	root := os.NewFile(uintptr(fd), m.path)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot be looked at: %w", err), root.Close())
	}
	if m.standIn {
		return root, nil
	}
	if unix.Major(st.Dev) != m.major || unix.Minor(st.Dev) != m.minor {
		return nil, errors.Join(fmt.Errorf("is device %d:%d, not %s as the mount table says: the mounts are changing, or hide one another",
			unix.Major(st.Dev), unix.Minor(st.Dev), m.number()), root.Close())
	}
	return root, nil
}

// readMarks reads a marker of either kind; marked is false when there is none.
func readMarks(root *os.File) (found marker, marked bool, err error) {
	data, marked, err := readMarkerFile(root)
	if err == nil && marked {
		found, err = parseMarker(data)
	}
	if err != nil {
		return marker{}, false, fmt.Errorf("%s, %w", markerName, err)
	}
	if marked {
		return found, true, nil
	}
	for _, t := range deviceTypes {
		st, err := statAt(root, t.directory)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return marker{}, false, fmt.Errorf("%s cannot be looked at: %w", t.directory, err)
		case st.Mode&unix.S_IFMT != unix.S_IFDIR:
			return marker{}, false, fmt.Errorf("%s is %s, where a device has a directory", t.directory, kind(st.Mode))
		default:
			found.types = append(found.types, t.name)
		}
	}
	return found, len(found.types) > 0, nil
}

// readMarkerFile never follows, never waits and never reads much.
func readMarkerFile(root *os.File) (data []byte, there bool, err error) {
	st, err := statAt(root, markerName)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("which cannot be looked at: %w", err)
	}
	// To open a device node is to act on it: look before.
	if err := checkMarkerFile(st); err != nil {
		return nil, true, err
	}
	fd, err := unix.Openat(int(root.Fd()), markerName, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, true, fmt.Errorf("which cannot be opened: %w", err)
	}
	file := os.NewFile(uintptr(fd), markerName)
	defer file.Close()
	var opened unix.Stat_t
	if err := unix.Fstat(fd, &opened); err != nil {
		return nil, true, fmt.Errorf("which cannot be looked at: %w", err)
	}
	if opened.Dev != st.Dev || opened.Ino != st.Ino {
		return nil, true, errors.New("which is being replaced")
	}
	data, err = io.ReadAll(io.LimitReader(file, maxMarker+1))
	if err != nil {
		return nil, true, fmt.Errorf("which cannot be read: %w", err)
	}
	return data, true, nil
}

func checkMarkerFile(st unix.Stat_t) error {
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("which is %s, where a device has a file", kind(st.Mode))
	}
	if st.Size > maxMarker {
		return fmt.Errorf("which has %d bytes, and is no marker: at most %d", st.Size, maxMarker)
	}
	return nil
}

// statAt looks at what is directly in a directory, and follows nothing.
func statAt(dir *os.File, name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

func kind(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return "a file"
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFIFO:
		return "a named pipe"
	case unix.S_IFSOCK:
		return "a socket"
	}
	return "a device node"
}

// isDirectory: something else, a symbolic link among it, is none. It may hang.
func isDirectory(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}
