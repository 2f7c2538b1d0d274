package quobyte

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNonceTellsTheTimeOfLaunch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 78_364_164_095).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		nonce := NewNonce(at, rapid.StringMatching(`[0-9a-f]{8}`).Draw(t, "random"))
		id, ok := ParseTaskID(NewTaskID(Data, "node1", "h", nonce))
		if !ok {
			t.Fatalf("%q cannot be read", nonce)
		}
		if got, known := id.Launched(); !known || got.UnixMilli() != at.UnixMilli() {
			t.Fatalf("%q was launched at %v, %v, want %v", nonce, got, known, at)
		}
	})
}

func TestNoncesStayAsTheyAre(t *testing.T) {
	if got := NewNonce(time.Date(2026, 11, 21, 12, 0, 0, 5, time.UTC), "89abcdef"); got != "0mwqcvpc0-89abcdef" {
		t.Errorf("got %s", got)
	}
}

func TestNoncesWithoutATime(t *testing.T) {
	for _, nonce := range []string{"", "n1", "6f6e0b0e-3d1c", "6f6e0b0e-3d1c-4ad0-8a54-1f8a4d3a9f10", "0mwqcvpc0", "0mwqcvpc0-", "0mwqcvpc0-89abcde", "0mwqcvpc0-89abcdeg", "0MWQCVPC0-89abcdef", "-mwqcvpc0-89abcdef"} {
		id := TaskID{Nonce: nonce}
		if at, known := id.Launched(); known {
			t.Errorf("%q was launched at %v", nonce, at)
		}
	}
}
