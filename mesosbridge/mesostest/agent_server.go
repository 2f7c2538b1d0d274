package mesostest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// executorPath is the agent's API for executors (docs/executor-http-api.md).
const executorPath = "/api/v1/executor"

// listenForAgents opens a port for each agent, for its executors.
func (c *Cluster) listenForAgents() error {
	if !c.startsExecutors() {
		return nil
	}
	c.running.tcp = true
	for _, host := range c.hosts {
		l, err := c.agents[host].listen()
		if err != nil {
			for _, open := range c.running.listeners {
				_ = open.Close()
			}
			return err
		}
		c.running.listeners = append(c.running.listeners, l)
	}
	return nil
}

// listen takes Agent.Port, or a free one, and tells everybody.
func (a *agent) listen() (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(a.ip, strconv.Itoa(a.spec.Port)))
	if err != nil {
		return nil, fmt.Errorf("mesostest: the agent on %s cannot listen: %w", a.host, err)
	}
	a.url.Address.Port = int32(l.Addr().(*net.TCPAddr).Port)
	return l, nil
}

// listenLater opens the port of an agent that was added after Start.
func (c *Cluster) listenLater(a *agent) {
	if c.server.agents == nil || !c.running.tcp {
		return
	}
	l, err := a.listen()
	if err != nil {
		panic(err.Error())
	}
	c.server.serving.Go(func() { _ = c.server.agents.http.Serve(l) })
}

// endpoint is where the agent's API is.
func (a *agent) endpoint() string {
	return net.JoinHostPort(a.ip, strconv.Itoa(int(a.url.Address.Port)))
}

// agentAt is the agent that listens at an address: they all have other ports.
func (c *Cluster) agentAt(addr string) *agent {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, host := range c.hosts {
		if a := c.agents[host]; strconv.Itoa(int(a.url.Address.Port)) == port {
			return a
		}
	}
	return nil
}

// agentHandler answers for all agents.
func (c *Cluster) agentHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		addr := r.Host
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
			addr = local.String()
		}
		a := c.agentAt(addr)
		switch {
		case a == nil || !c.agentRuns(a):
			panic(http.ErrAbortHandler) // as if nobody listened
		case r.URL.Path != executorPath && r.URL.Path != "/slave(1)"+executorPath:
			w.WriteHeader(http.StatusNotFound)
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			answer(w, http.StatusMethodNotAllowed,
				"405 Method Not Allowed. Expecting one of { 'POST' }, but received '"+r.Method+"'.")
		default:
			c.executorAPI(w, r, a, body)
		}
	})
}

func (c *Cluster) agentRuns(a *agent) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return a.running
}
