package prober

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// unfinishedName of a marker that is being written where the kernel cannot make
// files without a name.
const unfinishedName = "." + markerName + ".unfinished"

// errUnsettled: the marker is in its place, but may not outlive a crash.
var errUnsettled = errors.New("the marker may not last")

// placeMarker writes a marker file that is either there as a whole or not at all,
// whenever the host goes down, and that replaces nothing.
func placeMarker(root *os.File, text []byte, unnamedFiles bool) error {
	file, err := (*os.File)(nil), error(unix.EOPNOTSUPP)
	if unnamedFiles {
		file, err = openAt(root, ".", unix.O_TMPFILE|unix.O_WRONLY)
	}
	// O_TMPFILE came with Linux 3.11 and to xfs with 3.15. Before, the flag is
	// not known, and what is left of it asks to write to a directory.
	named := errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EINVAL)
	if named {
		if err := removeUnfinished(root); err != nil {
			return err
		}
		file, err = openAt(root, unfinishedName, unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_WRONLY)
	}
	if err != nil {
		return fmt.Errorf("cannot be written to: %w", err)
	}
	defer file.Close()
	if _, err := file.Write(text); err != nil {
		return fmt.Errorf("the marker cannot be written: %w", err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("the marker cannot be written: %w", err)
	}
	if named {
		err = unix.Linkat(int(root.Fd()), unfinishedName, int(root.Fd()), markerName, 0)
	} else {
		err = unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(int(file.Fd())),
			int(root.Fd()), markerName, unix.AT_SYMLINK_FOLLOW)
	}
	if err != nil {
		return fmt.Errorf("the marker cannot be put in its place: %w", err)
	}
	if named {
		if err := unix.Unlinkat(int(root.Fd()), unfinishedName, 0); err != nil {
			return fmt.Errorf("%w: remove %s: %w", errUnsettled, unfinishedName, err)
		}
	}
	if err := root.Sync(); err != nil {
		return fmt.Errorf("%w: %w", errUnsettled, err)
	}
	return nil
}

func openAt(dir *os.File, name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, flags|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// removeUnfinished removes what a crash has left of placeMarker's own, and nothing
// else.
func removeUnfinished(root *os.File) error {
	err := checkUnfinished(root)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = unix.Unlinkat(int(root.Fd()), unfinishedName, 0)
	}
	return err
}

// checkUnfinished: such a file begins as markers begin, as far as it goes.
func checkUnfinished(root *os.File) error {
	st, err := statAt(root, unfinishedName)
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size <= maxMarker {
		file, err := openAt(root, unfinishedName, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
		if err != nil {
			return fmt.Errorf("has a %s that cannot be opened: %w", unfinishedName, err)
		}
		defer file.Close()
		data, err := io.ReadAll(io.LimitReader(file, maxMarker+1))
		if err != nil {
			return fmt.Errorf("has a %s that cannot be read: %w", unfinishedName, err)
		}
		if bytes.HasPrefix(data, []byte(heading)) || bytes.HasPrefix([]byte(heading), data) {
			return nil
		}
	}
	return fmt.Errorf("is not empty, it holds a %s that the prober has not written: want an empty file system", unfinishedName)
}
