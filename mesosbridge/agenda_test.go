package mesosbridge

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestAgenda(t *testing.T) {
	now := time.Unix(0, 0)
	a := newAgenda()
	a.set("late", now, time.Hour)
	a.set("moved", now, time.Second)
	a.set("moved", now, time.Minute)
	a.set("dropped", now, time.Second)
	a.drop("dropped")
	if at := a.next(); !at.Equal(now.Add(time.Minute)) {
		t.Errorf("next is %v", at)
	}
	var delays []time.Duration
	for range 8 {
		now = a.next()
		a.due(now, func(key string, delay time.Duration) {
			if key != "moved" {
				t.Errorf("%s is due", key)
			}
			delays = append(delays, delay)
			a.again(key, now, delay, time.Second, 3*time.Minute)
		})
	}
	if want := time.Minute * 3; delays[0] != time.Minute || delays[1] != 2*time.Minute || delays[7] != want {
		t.Errorf("%v", delays)
	}
}

// Keys that move all the time do not pile up.
func TestAgendaStaysSmall(t *testing.T) {
	now := time.Unix(0, 0)
	a := newAgenda()
	for i := range 10_000 {
		a.set(fmt.Sprint(i%100), now, time.Duration(i)*time.Second)
	}
	if len(a.heap) > 500 {
		t.Errorf("%d entries for 100 keys", len(a.heap))
	}
	var keys []string
	a.due(now.Add(24*time.Hour), func(key string, _ time.Duration) { keys = append(keys, key) })
	slices.Sort(keys)
	if len(slices.Compact(keys)) != 100 || !a.next().IsZero() {
		t.Errorf("%d keys", len(keys))
	}
}
