package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/quobyte/mesos-operator/internal/probe"
)

func TestProberFlags(t *testing.T) {
	f, err := parseProberFlags([]string{"--directory=/data", "--look-for=/a,/b", "--look-for=/c", "--interval=5s"}, io.Discard)
	if err != nil || f.Directory != "/data" || !reflect.DeepEqual(f.LookFor, []string{"/a", "/b", "/c"}) || f.interval.Seconds() != 5 {
		t.Errorf("%+v, %v", f, err)
	}
	for args, want := range map[string]string{"extra": "takes flags alone", "--interval=1ms": "too short", "--what": "not defined", "--stand-ins": "want --mountinfo=FILE"} {
		if _, err := parseProberFlags([]string{args}, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestProberOnce(t *testing.T) {
	table := filepath.Join(t.TempDir(), "mountinfo")
	if err := os.WriteFile(table, []byte("1 0 8:1 / /mnt/nowhere rw - ext4 /dev/sda1 rw\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := parseProberFlags([]string{"--once", "--mountinfo=" + table}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	if err := f.run(t.Context(), slog.New(slog.DiscardHandler), &output); err != nil {
		t.Fatal(err)
	}
	var report probe.Report
	if err := json.Unmarshal(output.Bytes(), &report); err != nil || len(report.Mounts) != 1 || !strings.Contains(report.Mounts[0].Problem, "cannot be opened") {
		t.Errorf("%s, %v", output.String(), err)
	}
	f.once = false
	if err := f.run(t.Context(), slog.New(slog.DiscardHandler), &output); err == nil || !strings.Contains(err.Error(), "MESOS_AGENT_ENDPOINT is not set") {
		t.Errorf("without an agent: %v", err)
	}
}
