package apidouble

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Request is one that a client makes of the server.
type Request struct {
	Verb string // get, list, create, update, patch, delete
	// Status: of the subresource.
	Status    bool
	Kind      string
	Namespace string
	Name      string // empty for list
}

func (r Request) String() string {
	s := r.Verb + " " + r.Kind + " " + r.Name
	if r.Status {
		s += " status"
	}
	return s
}

// Writes says that the request changes something.
func (r Request) Writes() bool { return r.Verb != "get" && r.Verb != "list" }

// Via carries a request out by calling do, at most once. What it returns is what the
// client is told: that is where requests fail before they are carried out, or after.
type Via func(ctx context.Context, r Request, do func() error) error

// Client is the client of one process. Reads of the kinds that its cache has come
// from there, as with the client of a manager.
type Client struct {
	client.Client // nil: what is not implemented panics
	server        *Server
	cache         *Cache
	via           Via
}

// Client returns one that reads from the cache and, all else, via.
func (s *Server) Client(cache *Cache, via Via) *Client {
	return &Client{server: s, cache: cache, via: via}
}

// Reader reads past the cache.
func (c *Client) Reader() client.Reader { return reader{c} }

// Get implements client.Reader.
func (c *Client) Get(ctx context.Context, name types.NamespacedName, into client.Object, _ ...client.GetOption) error {
	if c.cache == nil {
		return reader{c}.Get(ctx, name, into)
	}
	return c.cache.get(name, into)
}

// List implements client.Reader.
func (c *Client) List(ctx context.Context, into client.ObjectList, opts ...client.ListOption) error {
	if c.cache == nil {
		return reader{c}.List(ctx, into, opts...)
	}
	return c.cache.list(into, (&client.ListOptions{}).ApplyOptions(opts))
}

// Create implements client.Writer.
func (c *Client) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	if options := (&client.CreateOptions{}).ApplyOptions(opts); len(options.DryRun) > 0 {
		return c.via(ctx, c.request("create", o), func() error { return nil }) // All namespaces live.
	}
	return c.via(ctx, c.request("create", o), func() error { return c.server.create(o) })
}

// Delete implements client.Writer.
func (c *Client) Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error {
	options := (&client.DeleteOptions{}).ApplyOptions(opts)
	var p *metav1.Preconditions
	if options.Preconditions != nil {
		p = &metav1.Preconditions{UID: options.Preconditions.UID, ResourceVersion: options.Preconditions.ResourceVersion}
	}
	return c.via(ctx, c.request("delete", o), func() error { return c.server.delete(o, p) })
}

// Update implements client.Writer.
func (c *Client) Update(ctx context.Context, o client.Object, _ ...client.UpdateOption) error {
	return c.update(ctx, o, false)
}

// Patch implements client.Writer.
func (c *Client) Patch(ctx context.Context, o client.Object, p client.Patch, _ ...client.PatchOption) error {
	return c.patch(ctx, o, p, false)
}

// Status implements client.StatusClient.
func (c *Client) Status() client.SubResourceWriter { return status{c: c} }

func (c *Client) update(ctx context.Context, o client.Object, status bool) error {
	r := c.request("update", o)
	r.Status = status
	return c.via(ctx, r, func() error {
		return c.server.update(o, change{status: status, version: o.GetResourceVersion(),
			apply: func(client.Object) (client.Object, error) { return o, nil }})
	})
}

func (c *Client) patch(ctx context.Context, o client.Object, p client.Patch, status bool) error {
	if p.Type() != types.MergePatchType {
		panic("apidouble: only merge patches are known, not " + string(p.Type()))
	}
	r := c.request("patch", o)
	r.Status = status
	return c.via(ctx, r, func() error {
		return c.server.update(o, change{status: status, apply: func(have client.Object) (client.Object, error) {
			// What was made of this very version is what the patch would make of it.
			if o.GetResourceVersion() == have.GetResourceVersion() {
				return o, nil
			}
			data, err := p.Data(o)
			if err != nil {
				return nil, fmt.Errorf("make the patch: %w", err)
			}
			return c.server.patched(have, data)
		}})
	})
}

// patched is the object with a merge patch (RFC 7386).
func (s *Server) patched(have client.Object, data []byte) (client.Object, error) {
	var fixed struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &fixed); err != nil {
		return nil, fmt.Errorf("read the patch: %w", err)
	}
	if v := fixed.Metadata.ResourceVersion; v != "" && v != have.GetResourceVersion() {
		return nil, s.conflict(s.kindOf(have), have.GetName())
	}
	raw, err := json.Marshal(have)
	if err != nil {
		return nil, fmt.Errorf("write the object as JSON: %w", err)
	}
	var tree, patch any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("read the object from JSON: %w", err)
	}
	if err := json.Unmarshal(data, &patch); err != nil {
		return nil, fmt.Errorf("read the patch: %w", err)
	}
	if raw, err = json.Marshal(mergePatch(tree, patch)); err != nil {
		return nil, fmt.Errorf("write the patched object as JSON: %w", err)
	}
	next := emptyLike(have)
	if err := json.Unmarshal(raw, next); err != nil {
		return nil, fmt.Errorf("read the patched object: %w", err)
	}
	return next, nil
}

func mergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged, ok := target.(map[string]any)
	if !ok {
		merged = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(merged, name)
		} else {
			merged[name] = mergePatch(merged[name], value)
		}
	}
	return merged
}

func (c *Client) request(verb string, o client.Object) Request {
	return Request{Verb: verb, Kind: reflect.TypeOf(o).Elem().Name(), Namespace: o.GetNamespace(), Name: o.GetName()}
}

// status writes the subresource.
type status struct {
	client.SubResourceWriter // nil
	c                        *Client
}

func (s status) Update(ctx context.Context, o client.Object, _ ...client.SubResourceUpdateOption) error {
	return s.c.update(ctx, o, true)
}

func (s status) Patch(ctx context.Context, o client.Object, p client.Patch, _ ...client.SubResourcePatchOption) error {
	return s.c.patch(ctx, o, p, true)
}

// reader reads from the server.
type reader struct{ c *Client }

func (r reader) Get(ctx context.Context, name types.NamespacedName, into client.Object, _ ...client.GetOption) error {
	request := r.c.request("get", into)
	request.Namespace, request.Name = name.Namespace, name.Name
	return r.c.via(ctx, request, func() error { return r.c.server.get(name, into) })
}

func (r reader) List(ctx context.Context, into client.ObjectList, opts ...client.ListOption) error {
	request := Request{Verb: "list", Kind: reflect.TypeOf(into).Elem().Name()}
	return r.c.via(ctx, request, func() error {
		return r.c.server.list(into, (&client.ListOptions{}).ApplyOptions(opts))
	})
}

// selected says that the options select the object. The only field that anybody
// selects by is the index of devices by their cluster, which the cache has.
func selected(o client.Object, opts *client.ListOptions) bool {
	if opts.Namespace != "" && o.GetNamespace() != opts.Namespace {
		return false
	}
	return opts.LabelSelector == nil || opts.LabelSelector.Matches(labels.Set(o.GetLabels()))
}
