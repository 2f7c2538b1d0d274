package prober

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// fileKB is how much of files the kernel counts as resident.
func fileKB(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`RssFile:\s+(\d+) kB`).FindSubmatch(status)
	if match == nil {
		t.Skip("this kernel does not tell RssFile")
	}
	n, err := strconv.Atoi(string(match[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestReleaseMemory(t *testing.T) {
	before := fileKB(t)
	for range 3 { // and nothing is lost by it
		if err := ReleaseMemory(); err != nil {
			t.Fatal(err)
		}
	}
	if after := fileKB(t); after >= before {
		t.Errorf("%d kB of the program were resident, now %d kB", before, after)
	}
}
