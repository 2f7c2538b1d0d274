package apidouble

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Cache is what one process has heard of some kinds of objects. It is behind the
// server: by kind, since each kind is watched by itself, and in order within a kind.
type Cache struct {
	server *Server
	lag    func() time.Duration
	heard  func(before, after client.Object)
	// indexes by field: the value of an object.
	indexes map[string]func(client.Object) string
	wake    chan struct{}

	mu      sync.Mutex
	kinds   map[string]*informer
	objects map[key]client.Object
}

// informer is what is on its way of one kind.
type informer struct {
	queue []news
	last  time.Time
}

type news struct {
	at   time.Time
	key  key
	what watch.EventType
	o    client.Object
}

// CacheConfig says what a cache is like.
type CacheConfig struct {
	// Kinds that it has.
	Kinds []string
	// Lag is asked for each change: how long it takes to be heard. What changed before
	// is heard before.
	Lag func() time.Duration
	// Heard is called for each change when it is in the cache; before is nil for a new
	// object, after is nil for one that is gone.
	Heard func(before, after client.Object)
	// Indexes by field: the value of an object.
	Indexes map[string]func(client.Object) string
}

// Cache returns one that has all that there is now. Run must follow.
func (s *Server) Cache(c CacheConfig) *Cache {
	s.mu.Lock()
	defer s.mu.Unlock()
	cache := &Cache{server: s, lag: c.Lag, heard: c.Heard, indexes: c.Indexes, wake: make(chan struct{}, 1),
		kinds: map[string]*informer{}, objects: map[key]client.Object{}}
	for _, k := range c.Kinds {
		cache.kinds[k] = &informer{}
	}
	for at, o := range s.objects {
		if cache.kinds[at.kind] != nil {
			cache.objects[at] = o
		}
	}
	s.caches = append(s.caches, cache)
	return cache
}

// Run applies what was heard until ctx ends. It begins with a call of Heard for all
// that there is.
func (c *Cache) Run(ctx context.Context) {
	defer c.server.forget(c)
	c.mu.Lock()
	first := make([]client.Object, 0, len(c.objects))
	for _, o := range c.objects {
		first = append(first, o)
	}
	c.mu.Unlock()
	for _, o := range first {
		c.heard(nil, o)
	}
	for ctx.Err() == nil {
		wait := c.apply()
		var due <-chan time.Time
		if wait >= 0 {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-c.wake:
		case <-due:
		}
	}
}

// apply puts into the cache what is due, and says how long the next takes; below
// zero: there is none.
func (c *Cache) apply() time.Duration {
	for {
		n, wait := c.next()
		if n == nil {
			return wait
		}
		c.mu.Lock()
		before := c.objects[n.key]
		after := n.o
		if n.what == watch.Deleted {
			delete(c.objects, n.key)
			after = nil
		} else {
			c.objects[n.key] = n.o
		}
		c.mu.Unlock()
		c.heard(before, after)
	}
}

func (c *Cache) next() (*news, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wait, now := time.Duration(-1), time.Now()
	for _, i := range c.kinds {
		if len(i.queue) == 0 {
			continue
		}
		n := i.queue[0]
		left := n.at.Sub(now)
		if left <= 0 {
			i.queue = i.queue[1:]
			return &n, 0
		}
		if wait < 0 || left < wait {
			wait = left
		}
	}
	return nil, wait
}

// hear queues a change. The server is locked.
func (c *Cache) hear(at key, what watch.EventType, o client.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.kinds[at.kind]
	if i == nil {
		return
	}
	if due := time.Now().Add(c.lag()); due.After(i.last) {
		i.last = due
	}
	i.queue = append(i.queue, news{at: i.last, key: at, what: what, o: o})
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (s *Server) forget(c *Cache) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caches = slices.DeleteFunc(s.caches, func(other *Cache) bool { return other == c })
}

func (c *Cache) get(name types.NamespacedName, into client.Object) error {
	c.server.mu.Lock()
	k := c.server.kindOf(into)
	c.server.mu.Unlock()
	c.mustHave(k.Kind)
	c.mu.Lock()
	defer c.mu.Unlock()
	have := c.objects[key{k.Kind, name}]
	if have == nil {
		return apierrors.NewNotFound(k.resource, name.Name)
	}
	copyInto(have, into)
	return nil
}

func (c *Cache) list(into client.ObjectList, opts *client.ListOptions) error {
	c.server.mu.Lock()
	k := c.server.kindOf(into)
	c.server.mu.Unlock()
	c.mustHave(k.Kind)
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []client.Object
	for at, o := range c.objects {
		if at.kind == k.Kind && c.indexed(o, opts) {
			found = append(found, o)
		}
	}
	return fill(into, found, opts, opts.UnsafeDisableDeepCopy == nil || !*opts.UnsafeDisableDeepCopy)
}

// indexed says that the object has the values that are asked for.
func (c *Cache) indexed(o client.Object, opts *client.ListOptions) bool {
	if opts.FieldSelector == nil {
		return true
	}
	for _, r := range opts.FieldSelector.Requirements() {
		index := c.indexes[r.Field]
		if index == nil {
			panic("apidouble: there is no index " + r.Field)
		}
		if index(o) != r.Value {
			return false
		}
	}
	return true
}

// mustHave: a manager's client would begin to watch all objects of another kind.
func (c *Cache) mustHave(kind string) {
	if c.kinds[kind] == nil {
		panic(fmt.Sprintf("apidouble: %s is read through a cache that does not have it", kind))
	}
}
