package prober

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// mount is one line of the mount table (proc_pid_mountinfo(5)).
type mount struct {
	id, parent   int
	major, minor uint32
	root         string // what of the file system is mounted; "/" is all of it
	path         string // where
	fileSystem   string // its type
	readOnly     bool
	standIn      bool // a directory stands for it: see Config
}

// number of the file system's block device.
func (m *mount) number() string {
	return strconv.FormatUint(uint64(m.major), 10) + ":" + strconv.FormatUint(uint64(m.minor), 10)
}

// table is a mount table in the kernel's order.
type table []mount

// maxLine bounds a line of the mount table: paths have up to 4 KiB, four bytes
// for each of theirs at worst; overlay's options are longer.
const maxLine = 1 << 20

// parseMountinfo reads a mount table. A line that cannot be read is an error: a
// device that seems to be gone is worse than a report that does not come.
func parseMountinfo(r io.Reader) (table, error) {
	var t table
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 4096), maxLine)
	for n := 1; lines.Scan(); n++ {
		m, err := parseMount(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("line %d of the mount table: %w", n, err)
		}
		t = append(t, m)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the mount table: %w", err)
	}
	return t, nil
}

// parseMount reads
//
//	36 35 98:0 /root /path rw,noatime optional:1 - ext3 /dev/root rw,errors=continue
func parseMount(line []byte) (mount, error) {
	first, second, found := bytes.Cut(line, []byte(" - "))
	fields, types := bytes.Split(first, []byte(" ")), bytes.Split(second, []byte(" "))
	if !found || len(fields) < 6 || len(types) < 3 {
		return mount{}, fmt.Errorf("want six fields or more, \" - \" and three more, got %.200q", line)
	}
	m := mount{root: unescape(fields[3]), path: unescape(fields[4]), fileSystem: unescape(types[0])}
	var err error
	if m.id, err = strconv.Atoi(string(fields[0])); err != nil {
		return mount{}, fmt.Errorf("the mount's id: %w", err)
	}
	if m.parent, err = strconv.Atoi(string(fields[1])); err != nil {
		return mount{}, fmt.Errorf("the id of the mount's parent: %w", err)
	}
	major, minor, _ := strings.Cut(string(fields[2]), ":")
	for _, n := range []struct {
		text string
		into *uint32
	}{{major, &m.major}, {minor, &m.minor}} {
		v, err := strconv.ParseUint(n.text, 10, 32)
		if err != nil {
			return mount{}, fmt.Errorf("the device number %q: %w", fields[2], err)
		}
		*n.into = uint32(v)
	}
	// Either the mount or its file system is read-only.
	m.readOnly = hasOption(fields[5], "ro") || hasOption(types[len(types)-1], "ro")
	return m, nil
}

func hasOption(options []byte, want string) bool {
	for option := range bytes.SplitSeq(options, []byte(",")) {
		if string(option) == want {
			return true
		}
	}
	return false
}

// unescape undoes what the kernel does to blanks, tabs, newlines and backslashes:
// three octal digits after a backslash.
func unescape(field []byte) string {
	if bytes.IndexByte(field, '\\') < 0 {
		return string(field)
	}
	out := make([]byte, 0, len(field))
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if v, err := strconv.ParseUint(string(field[i+1:i+4]), 8, 8); err == nil {
				out = append(out, byte(v))
				i += 3
				continue
			}
		}
		out = append(out, field[i])
	}
	return string(out)
}

// fileSystems are those that one sees strictly below a directory, sorted by path:
// whole ones, on a block device.
func (t table) fileSystems(dir string) table {
	covers := t.covers()
	var list table
	for i := range t {
		m := &t[i]
		if m.root == "/" && below(m.path, dir) && (m.major != 0 || isSupported(m.fileSystem)) && !covers.hidden(i) {
			list = append(list, *m)
		}
	}
	slices.SortStableFunc(list, func(a, b mount) int { return strings.Compare(a.path, b.path) })
	return list
}

// places at which anything of a mount's file system is mounted, and what else is
// mounted at its path: more than one means that it is mounted twice, or hides
// something.
func (t table) places(m *mount) []string {
	var list []string
	for i := range t {
		if (t[i].major == m.major && t[i].minor == m.minor) || t[i].path == m.path {
			list = append(list, t[i].path)
		}
	}
	return list
}

// isSupported: a Quobyte device may be of that type.
func isSupported(fileSystem string) bool { return fileSystem == "ext4" || fileSystem == "xfs" }

// below: strictly.
func below(p, dir string) bool {
	return p != dir && strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

// covers knows which mounts cannot be seen for others above them.
type covers struct {
	table table
	byID  map[int]int
	last  map[mountPoint]int // the last mount at a place, by parent and path
}

type mountPoint struct {
	parent int
	path   string
}

func (t table) covers() covers {
	c := covers{t, make(map[int]int, len(t)), make(map[mountPoint]int, len(t))}
	for i := range t {
		c.byID[t[i].id] = i
		c.last[mountPoint{t[i].parent, t[i].path}] = i
	}
	return c
}

// hidden says whether a mount, or one that it stands on, is covered. What is
// mounted on a mount's own root has it for parent; what was mounted later on a
// directory above has the same parent.
func (c covers) hidden(i int) bool {
	cover := ""         // the path of the mount that was come from
	for range c.table { // bounded, should the parents go round in a circle
		m := &c.table[i]
		if _, covered := c.last[mountPoint{m.id, m.path}]; covered && m.path != cover {
			return true
		}
		if c.last[mountPoint{m.parent, m.path}] != i {
			return true
		}
		parent, known := c.byID[m.parent]
		for dir := path.Dir(m.path); len(dir) > 1; dir = path.Dir(dir) {
			if known && c.table[parent].path == dir {
				break
			}
			if _, covered := c.last[mountPoint{m.parent, dir}]; covered {
				return true
			}
		}
		if !known || parent == i {
			return false
		}
		i, cover = parent, m.path
	}
	return true
}
