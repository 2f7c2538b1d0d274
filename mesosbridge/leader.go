package mesosbridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// maxHops bounds the redirects that are followed from one URL: two masters that
// think the other one leads send us back and forth.
const maxHops = 5

const schedulerPath = "/api/v1/scheduler"

// subscription is an open stream of the leading master, whose first event has not
// been read.
type subscription struct {
	*stream
	wire   *wire
	leader string
	// frameworkID as it was asked for; empty: the master gives one.
	frameworkID string
}

// findLeader subscribes with the first master that takes the SUBSCRIBE, beginning
// with the one that did last time.
func (b *Bridge) findLeader(ctx context.Context, cfg *Config, failover time.Duration) (*subscription, error) {
	var errs []error
	for i := range cfg.Masters {
		at := (b.master + i) % len(cfg.Masters)
		sub, err := b.follow(ctx, cfg, cfg.Masters[at], failover)
		if err == nil {
			b.master = at
			return sub, nil
		}
		var p *problem
		if ctx.Err() != nil || errors.As(err, &p) && p.reason == reasonFrameworkIDUnknown {
			return nil, err
		}
		errs = append(errs, fmt.Errorf("%s: %w", cfg.Masters[at], err))
	}
	return nil, &problem{reason: worstReason(errs), err: errors.Join(errs...)}
}

// worstReason picks what a person can act on before what may pass by itself.
func worstReason(errs []error) string {
	worst := reasonUnreachable
	for _, err := range errs {
		var r *refusal
		switch {
		case !errors.As(err, &r) || r.status < 400 || r.status >= 500:
		case r.status == http.StatusUnauthorized || r.status == http.StatusForbidden:
			return reasonUnauthorized
		default:
			worst = reasonRefused
		}
	}
	return worst
}

// follow subscribes with a master or with the one that it redirects to.
func (b *Bridge) follow(ctx context.Context, cfg *Config, master string, failover time.Duration) (*subscription, error) {
	at, err := url.Parse(strings.TrimSuffix(master, "/"))
	if err != nil {
		return nil, err
	}
	leader := at.String()
	at = at.JoinPath(schedulerPath)
	for range maxHops {
		// Rules 6 and 10: right before every SUBSCRIBE.
		id, err := cfg.Identity.FrameworkID(ctx)
		if err == nil {
			err = b.checkFrameworkID(id)
		}
		if err != nil {
			return nil, &problem{reason: reasonFrameworkIDUnknown, err: fmt.Errorf("the framework id cannot be told: %w", err)}
		}
		w := &wire{url: at.String(), http: b.httpClient(cfg), auth: cfg.Credential, clock: cfg.Clock, timeout: cfg.Timing.CallTimeout}
		s, err := w.subscribe(ctx, calls.Subscribe(frameworkInfo(cfg.Framework, id, failover)))
		var r *refusal
		switch {
		case err == nil:
			return &subscription{stream: s, wire: w, leader: leader, frameworkID: id}, nil
		case !errors.As(err, &r) || r.status < 300 || r.status >= 400 || r.location == "":
			return nil, err
		}
		next, err := redirected(at, r.location)
		if err != nil {
			return nil, err
		}
		if cfg.Credential != nil && at.Scheme == "https" && next.Scheme != "https" {
			return nil, fmt.Errorf("the redirect to %s would send the credential in clear", next.Host)
		}
		at = next
		leader = (&url.URL{Scheme: at.Scheme, Host: at.Host}).String()
	}
	return nil, fmt.Errorf("redirected more than %d times, last to %s", maxHops, at.Host)
}

// redirected resolves the Location of a redirect, which has no scheme and a
// /master prefix (redirect.jsonl): //host:5050/master/api/v1/scheduler.
func redirected(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
		return nil, fmt.Errorf("redirected to %q, which is no URL of a master", location)
	}
	if strings.Trim(to.Path, "/") == "" {
		to = to.JoinPath(schedulerPath)
	}
	return to, nil
}
