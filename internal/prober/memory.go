package prober

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ReleaseMemory gives back what the process does not need while it is idle. This
// program is the operator, too: the packages that it starts with read tens of
// megabytes of it, which the kernel counts as resident until they are given up.
// They come back from the page cache when they are needed.
func ReleaseMemory() error {
	debug.FreeOSMemory()
	// The kernel writes it as in /proc/self/maps, also when it has been deleted.
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("find the own program: %w", err)
	}
	file, err := os.Open("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("find the own program in memory: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		// 00400000-0200c000 r-xp 00000000 fe:00 1234 /path/of/program
		fields := strings.Fields(lines.Text())
		// What can be written to has no other copy.
		if len(fields) < 6 || strings.Contains(fields[1], "w") || !strings.HasSuffix(lines.Text(), " "+program) {
			continue
		}
		if err := dropPages(fields[0]); err != nil {
			return fmt.Errorf("release %s of the program: %w", fields[0], err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("find the own program in memory: %w", err)
	}
	return nil
}

// dropPages of a mapping that nobody can have written to: they are read again from
// the file. addresses are begin-end in hexadecimal.
func dropPages(addresses string) error {
	first, last, _ := strings.Cut(addresses, "-")
	begin, err := strconv.ParseUint(first, 16, 64)
	if err != nil {
		return err
	}
	end, err := strconv.ParseUint(last, 16, 64)
	if err != nil {
		return err
	}
	// Not memory of the garbage collector's: a mapping of the program itself.
	_, _, failed := unix.Syscall(unix.SYS_MADVISE, uintptr(begin), uintptr(end-begin), unix.MADV_DONTNEED)
	if failed != 0 {
		return failed
	}
	return nil
}
