package device

import (
	"testing"
	"time"
)

func TestRush(t *testing.T) {
	var r rush
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	if r.on(now) {
		t.Error("a rush without a device")
	}
	for range crowd - 1 {
		r.arrived(now)
	}
	if r.on(now) {
		t.Errorf("a rush of %d devices", crowd-1)
	}
	r.arrived(now.Add(rushLasts / 2))
	if !r.on(now.Add(rushLasts / 2)) {
		t.Errorf("no rush of %d devices", crowd)
	}
	if r.on(now.Add(rushLasts)) {
		t.Error("the rush lasts for ever")
	}
}
