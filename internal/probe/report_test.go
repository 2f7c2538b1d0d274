package probe

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReportsAreReadBack(t *testing.T) {
	report := &Report{Protocol: Protocol, Epoch: 1, Seq: 2, BootID: "b", Mounts: []Mount{{Path: "/mnt/a", Marked: true, Serial: "serial-1", Types: []string{"DATA"}}}}
	got, err := DecodeReport(Encode(report))
	if err != nil || got.Seq != 2 || len(got.Mounts) != 1 || got.Mounts[0].Serial != "serial-1" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A host may say anything, and no status may become too long to write.
func TestWordsOfAHostAreBounded(t *testing.T) {
	long := strings.Repeat("ä", 100_000)
	got, err := DecodeReport(Encode(&Report{
		Mounts:          []Mount{{Path: "/mnt/a", Model: long, FileSystem: long, Problem: long}},
		Initializations: []Initialization{{ID: "1", Refused: long}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"model": got.Mounts[0].Model, "file system": got.Mounts[0].FileSystem,
		"problem": got.Mounts[0].Problem, "refusal": got.Initializations[0].Refused} {
		if len(text) > maxText || !utf8.ValidString(text) || !strings.HasSuffix(text, "...") {
			t.Errorf("the %s has %d bytes", what, len(text))
		}
	}
}

func TestMessagesThatCannotBeRead(t *testing.T) {
	for what, data := range map[string][]byte{"nothing": nil, "half": []byte(`{"seq":`), "too long": make([]byte, MaxReport+1)} {
		if _, err := DecodeReport(data); err == nil || !strings.Contains(err.Error(), "report") {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if _, err := DecodeRequest([]byte("[]")); err == nil || !strings.Contains(err.Error(), "request") {
		t.Errorf("error %v", err)
	}
}
