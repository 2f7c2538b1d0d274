package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// standIns are directories that stand for disks. The prober is the real one; the
// mount table that it reads is a file, which says what would be mounted.
type standIns struct {
	dir, why string
	// numbers of the devices, made up.
	numbers map[string]int
	mounted map[string][]string // names, by host
}

func newStandIns(dir string, hosts []string, why string) (*standIns, error) {
	s := &standIns{dir: dir, why: why, numbers: map[string]int{}, mounted: map[string][]string{}}
	if err := os.RemoveAll(s.directory()); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.directory(), 0o755); err != nil {
		return nil, err
	}
	for _, host := range hosts {
		if err := s.write(host); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *standIns) what() string {
	return "directories that stand for disks (" + s.why + ")"
}

func (s *standIns) directory() string { return filepath.Join(s.dir, "mnt") }

func (s *standIns) at(name string) string { return filepath.Join(s.directory(), name) }

func (s *standIns) make(d disk) error {
	s.numbers[d.name] = len(s.numbers) + 1
	if err := os.Mkdir(s.at(d.name), 0o755); err != nil || d.marker() == "" {
		return err
	}
	return os.WriteFile(filepath.Join(s.at(d.name), "QUOBYTE_DEV_SETUP"), []byte(d.marker()), 0o644)
}

func (s *standIns) mount(host, name string) error {
	s.mounted[host] = append(s.mounted[host], name)
	return s.write(host)
}

func (s *standIns) unmount(host, name string) error {
	s.mounted[host] = slices.DeleteFunc(s.mounted[host], func(n string) bool { return n == name })
	return s.write(host)
}

func (s *standIns) table(host string) string { return filepath.Join(s.dir, host+".mountinfo") }

// write puts a whole table in the place of the last one.
func (s *standIns) write(host string) error {
	var lines strings.Builder
	for _, name := range s.mounted[host] {
		// proc_pid_mountinfo(5). Nothing real has the major number 0 and ext4.
		fmt.Fprintf(&lines, "%d 1 0:%[1]d / %s rw - ext4 %s rw\n", 100000+s.numbers[name], escape(s.at(name)), name)
	}
	unfinished := s.table(host) + ".new"
	if err := os.WriteFile(unfinished, []byte(lines.String()), 0o644); err != nil {
		return fmt.Errorf("write the mount table of %s: %w", host, err)
	}
	return os.Rename(unfinished, s.table(host))
}

// escape writes a path as mount tables have it.
func escape(path string) string {
	return strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(path)
}

// enter leads a prober to the table, and leaves all else as it is.
func (s *standIns) enter(host string, cmd *exec.Cmd) {
	if len(cmd.Args) > 1 && cmd.Args[1] == "prober" {
		cmd.Args = append(cmd.Args, "--mountinfo="+s.table(host), "--stand-ins")
	}
}

func (s *standIns) close() {}
