package prober

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// realTable is of a host with containers: blanks in names, optional fields of all
// numbers, a bind mount, an over-mounted directory.
const realTable = `21 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
22 21 0:5 / /proc rw - proc proc rw
23 21 8:17 / /mnt/disk1 rw,noatime shared:2 master:3 - xfs /dev/sdb1 rw,attr2
24 21 8:33 / /mnt/my\040disk\0112 rw - ext4 /dev/sdc1 rw
25 21 8:49 /sub /mnt/bind rw - ext4 /dev/sdd1 rw
26 21 0:45 / /mnt/nfs rw - nfs4 server:/export rw
27 21 8:65 / /mnt/back\134slash ro,noatime - ext4 /dev/sde1 rw
28 21 8:81 / /mnt/covered rw - ext4 /dev/sdf1 rw
29 28 8:97 / /mnt/covered rw propagate_from:2 - ext4 /dev/sdg1 ro,errors=continue
30 21 8:113 / /mntother/disk rw - ext4 /dev/sdh1 rw
31 21 8:129 / /mnt rw - btrfs /dev/sdi1 rw
`

func mustParse(t *testing.T, text string) table {
	t.Helper()
	mounts, err := parseMountinfo(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return mounts
}

func paths(mounts table) []string {
	var list []string
	for _, m := range mounts {
		list = append(list, m.path)
	}
	return list
}

func TestFileSystems(t *testing.T) {
	// The last line covers all of /mnt.
	mounts := mustParse(t, realTable)
	if got := mounts.fileSystems("/mnt"); len(got) != 0 {
		t.Errorf("what is covered is seen: %v", got)
	}
	mounts = mounts[:len(mounts)-1]
	found := mounts.fileSystems("/mnt")
	want := []string{`/mnt/back\slash`, "/mnt/covered", "/mnt/disk1", "/mnt/my disk\t2"}
	if got := paths(found); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i, want := range []string{"8:65 true", "8:97 true", "8:17 false", "8:33 false"} {
		if got := fmt.Sprint(found[i].number(), " ", found[i].readOnly); got != want {
			t.Errorf("%s: %s, want %s", found[i].path, got, want)
		}
	}
	if all := mounts.fileSystems("/"); len(all) != 5 {
		t.Errorf("below /: %q", paths(all))
	}
}

// What stands on a mount goes out of sight with it.
func TestHiddenBelowACover(t *testing.T) {
	mounts := mustParse(t, `1 0 8:1 / / rw - ext4 a rw
2 1 8:2 / /mnt/a rw - ext4 b rw
3 2 8:3 / /mnt/a/inner rw - ext4 c rw
4 2 8:4 / /mnt/a rw - ext4 d rw
5 4 8:5 / /mnt/a rw - ext4 e rw
6 5 8:6 / /mnt/a/inner rw - ext4 f rw
7 1 8:7 / /mnt/b/c rw - ext4 g rw
8 1 8:8 / /mnt/b rw - ext4 h rw
`)
	var seen []string
	for _, m := range mounts.fileSystems("/mnt") {
		seen = append(seen, m.number())
	}
	if want := []string{"8:5", "8:6", "8:8"}; !slices.Equal(seen, want) {
		t.Errorf("one sees %v, want %v", seen, want)
	}
}

func TestPlaces(t *testing.T) {
	mounts := mustParse(t, realTable+"40 21 8:17 /deep /elsewhere rw - xfs /dev/sdb1 rw\n")
	for path, want := range map[string]int{"/mnt/disk1": 2, "/mnt/covered": 2, `/mnt/back\slash`: 1} {
		i := slices.IndexFunc(mounts, func(m mount) bool { return m.path == path })
		if got := mounts.places(&mounts[i]); len(got) != want {
			t.Errorf("%s is at %q, want %d places", path, got, want)
		}
	}
}

func TestMountinfoThatCannotBeRead(t *testing.T) {
	for _, line := range []string{"", "x", "1 2 8:1 / /a rw ext4 /dev/a rw", "1 2 8 / /a rw - ext4 a rw", "1 2 8:x / /a rw - ext4 a rw",
		"x 2 8:1 / /a rw - ext4 a rw", "1 2 8:1 / /a - ext4 a rw", "1 2 8:1 / /a rw - ext4"} {
		if got, err := parseMountinfo(strings.NewReader(realTable + line + "\n")); err == nil || !strings.Contains(err.Error(), "line 12 of the mount table") {
			t.Errorf("%q: %v, %v", line, got, err)
		}
	}
}

func escape(path string) string {
	return strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(path)
}

func FuzzMountinfo(f *testing.F) {
	f.Add([]byte(realTable))
	f.Add([]byte("1 1 8:1 / / rw - ext4 a rw\n2 1 8:2 / /mnt/a rw - ext4 b rw\n3 2 8:3 / /mnt/a rw - xfs c rw"))
	f.Add([]byte("1 2 8:1 / /mnt/a rw - ext4 a rw\n2 1 8:1 / /mnt/a/b rw - ext4 a rw"))
	f.Add([]byte(`1 2 8:1 / /mnt/\04 rw - ext4 a rw`))
	f.Fuzz(func(t *testing.T, data []byte) {
		mounts, err := parseMountinfo(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		for _, m := range mounts.fileSystems("/mnt") {
			if !strings.HasPrefix(m.path, "/mnt/") || m.root != "/" {
				t.Errorf("%+v is not below /mnt", m)
			}
			if again := unescape([]byte(escape(m.path))); again != m.path {
				t.Errorf("%q became %q", m.path, again)
			}
		}
		for i := range mounts {
			if len(mounts.places(&mounts[i])) < 1 {
				t.Errorf("%+v is mounted nowhere", mounts[i])
			}
		}
	})
}
