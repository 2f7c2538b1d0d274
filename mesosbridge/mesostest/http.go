package mesostest

import (
	"crypto/subtle"
	"io"
	"net/http"
	"strings"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

const (
	schedulerPath  = "/api/v1/scheduler"
	streamIDHeader = "Mesos-Stream-Id"
)

// httpError is an answer that is not 2xx.
type httpError struct {
	status int
	text   string
}

func badRequest(text string) *httpError { return &httpError{http.StatusBadRequest, text} }

// handler answers for one of the two masters.
func (c *Cluster) handler(index int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.cfg.Admin != nil && strings.HasPrefix(r.URL.Path, "/admin/") {
			c.cfg.Admin.ServeHTTP(w, r)
			return
		}
		// Before anything else: the server only notices that a client has gone
		// when the request has been read.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		path := strings.TrimPrefix(r.URL.Path, "/master")
		if path == "/health" {
			w.WriteHeader(http.StatusOK)
			return
		}
		principal, ok := c.authenticate(r)
		if path == schedulerPath && !ok {
			w.Header().Set("Www-Authenticate", `Basic realm="mesos-master-scheduler"`)
			answer(w, http.StatusUnauthorized, "401 Unauthorized.")
			return
		}
		leader := c.leader()
		switch {
		case path == "/redirect" || leader != index:
			c.redirect(w, r, leader)
		case path == "/state" || path == "/state.json":
			c.stateEndpoint(w)
		case path != schedulerPath && path != operatorPath:
			w.WriteHeader(http.StatusNotFound)
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			answer(w, http.StatusMethodNotAllowed,
				"405 Method Not Allowed. Expecting one of { 'POST' }, but received '"+r.Method+"'.")
		case path == operatorPath:
			c.operatorAPI(w, r, body)
		default:
			c.schedulerAPI(w, r, body, principal)
		}
	})
}

func answer(w http.ResponseWriter, status int, text string) {
	if text != "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// redirect sends the client to the leading master (redirect; the path is the one
// under which the master itself knows the request, with /master before it).
func (c *Cluster) redirect(w http.ResponseWriter, r *http.Request, leader int) {
	location := "//" + c.server.endpoints[leader].addr
	if path := strings.TrimPrefix(r.URL.Path, "/master"); path != "/redirect" {
		location += "/master" + path
	}
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// authenticate returns the principal of the request, empty when the cluster has
// no credentials.
func (c *Cluster) authenticate(r *http.Request) (principal string, ok bool) {
	if c.cfg.Credentials == nil {
		return "", true
	}
	principal, secret, _ := r.BasicAuth()
	want, known := c.cfg.Credentials[principal]
	return principal, known && subtle.ConstantTimeCompare([]byte(want), []byte(secret)) == 1
}

// schedulerAPI handles one call (scheduler() in master/http.cpp).
func (c *Cluster) schedulerAPI(w http.ResponseWriter, r *http.Request, body []byte, principal string) {
	call, refused := decodeCall[scheduler.Call](scheduler.Call_Type_value, r.Header.Get("Content-Type"), body)
	if refused == nil {
		if problem := validateCall(call, principal); problem != "" {
			refused = badRequest("Failed to validate scheduler::Call: " + problem)
		}
	}
	if refused != nil {
		answer(w, refused.status, refused.text)
		return
	}
	drop := c.takeDrop(call.Type)
	if drop == Before {
		panic(http.ErrAbortHandler)
	}
	if call.Type == scheduler.Call_SUBSCRIBE {
		c.subscription(w, r, call, principal, drop)
		return
	}
	status, text := c.serveCall(call, principal, r.Header)
	if drop == After {
		panic(http.ErrAbortHandler)
	}
	answer(w, status, text)
}

// subscription serves a stream for as long as it lives.
func (c *Cluster) subscription(w http.ResponseWriter, r *http.Request, call *scheduler.Call, principal string, drop When) {
	media, encode := acceptedEncoding(r.Header.Get("Accept"))
	if encode == nil {
		answer(w, http.StatusNotAcceptable,
			"Expecting 'Accept' to allow '"+mediaProtobuf+"' or '"+mediaJSON+"'")
		return
	}
	if r.Header.Get(streamIDHeader) != "" {
		answer(w, http.StatusBadRequest, "Subscribe calls should not include the 'Mesos-Stream-Id' header")
		return
	}
	s := c.subscribe(call.Subscribe, principal)
	encode = c.observed(s, encode)
	defer c.streamGone(s)
	if drop == After {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set(streamIDHeader, s.id)
	w.WriteHeader(http.StatusOK)
	if err := s.write(w, r, encode, c.done); err != nil {
		panic(http.ErrAbortHandler)
	}
}
