package mesosbridge

import (
	"container/heap"
	"time"
)

// agenda says what is due when. A key is on it once at most; to set it again
// moves it. Who finds a key on the agenda that has nothing left to do skips it,
// so that nobody has to take keys off.
type agenda struct {
	heap agendaHeap
	at   map[string]appointment
}

type appointment struct {
	at    time.Time
	delay time.Duration
}

type agendaEntry struct {
	at  time.Time
	key string
}

func newAgenda() *agenda {
	return &agenda{at: map[string]appointment{}}
}

// set makes the key due after the delay.
func (a *agenda) set(key string, now time.Time, delay time.Duration) {
	at := now.Add(delay)
	a.at[key] = appointment{at: at, delay: delay}
	heap.Push(&a.heap, agendaEntry{at: at, key: key})
	// Moved and dropped keys leave their old entries behind; they are cleared
	// before they outgrow the others.
	if len(a.heap) > 64 && len(a.heap) > 4*len(a.at) {
		a.compact()
	}
}

// has says whether the key is on the agenda.
func (a *agenda) has(key string) bool {
	_, ok := a.at[key]
	return ok
}

// again makes a key due once more, after twice the delay that it had: truncated
// exponential back-off.
func (a *agenda) again(key string, now time.Time, last, least, most time.Duration) {
	a.set(key, now, min(max(2*last, least), most))
}

// drop takes the key off.
func (a *agenda) drop(key string) { delete(a.at, key) }

func (a *agenda) clear() {
	a.heap = nil
	clear(a.at)
}

// next says when the first key is due; zero: the agenda is empty.
func (a *agenda) next() time.Time {
	for len(a.heap) > 0 {
		if top := a.heap[0]; a.valid(top) {
			return top.at
		}
		heap.Pop(&a.heap)
	}
	return time.Time{}
}

// due takes the keys that are due off the agenda and calls f with each and with
// the delay after which it was.
func (a *agenda) due(now time.Time, f func(key string, delay time.Duration)) {
	for len(a.heap) > 0 && !a.heap[0].at.After(now) {
		e := heap.Pop(&a.heap).(agendaEntry)
		if !a.valid(e) {
			continue
		}
		delay := a.at[e.key].delay
		delete(a.at, e.key)
		f(e.key, delay)
	}
}

func (a *agenda) valid(e agendaEntry) bool {
	have, ok := a.at[e.key]
	return ok && have.at.Equal(e.at)
}

func (a *agenda) compact() {
	kept := make(agendaHeap, 0, len(a.at))
	for key, p := range a.at {
		kept = append(kept, agendaEntry{at: p.at, key: key})
	}
	a.heap = kept
	heap.Init(&a.heap)
}

// agendaHeap orders by time and then by key, so that histories repeat exactly.
type agendaHeap []agendaEntry

func (h agendaHeap) Len() int { return len(h) }
func (h agendaHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].key < h[j].key
}
func (h agendaHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *agendaHeap) Push(x any)   { *h = append(*h, x.(agendaEntry)) }
func (h *agendaHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}
