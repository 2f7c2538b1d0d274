package cluster

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestPace(t *testing.T) {
	var p pace
	key := types.NamespacedName{Name: "quobyte"}
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for range 3 {
		if wait := p.wait(key, now); wait != 0 {
			t.Fatalf("a pass waits for %v before the burst is used up", wait)
		}
		p.passed(key, paceBurst/2, now)
	}
	wait := p.wait(key, now)
	if wait <= 0 {
		t.Fatal("nothing waits after the burst")
	}
	if again := p.wait(key, now.Add(wait+time.Millisecond)); again != 0 {
		t.Errorf("after its wait a pass waits for %v more", again)
	}
	// Passes that take what they get have a share of the time, and no more.
	var took time.Duration
	end := now.Add(10 * time.Second)
	for now.Before(end) {
		now = now.Add(p.wait(key, now) + 60*time.Millisecond)
		p.passed(key, 60*time.Millisecond, now)
		took += 60 * time.Millisecond
	}
	if share := took.Seconds() / 10; share > paceShare+0.1 {
		t.Errorf("passes take %.2f of the time", share)
	}
}
