package mesostest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// server is where the two masters listen.
type server struct {
	endpoints [2]*endpoint // the first one leads at the start
	agents    *endpoint    // of all agents
	serving   sync.WaitGroup
	conns     sync.WaitGroup
	once      sync.Once
}

// endpoint is one master's address.
type endpoint struct {
	addr   string
	memory *memoryListener
	http   *http.Server
	gates  []*gate
}

// Start listens on two free ports of 127.0.0.1, one for the leading master and
// one for the standby.
func (c *Cluster) Start() error { return c.StartAt("127.0.0.1:0") }

// StartAt is Start with a fixed address for the master that leads at first.
func (c *Cluster) StartAt(addr string) error {
	leader, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("mesostest: the master cannot listen: %w", err)
	}
	standby, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(fmt.Errorf("mesostest: the standby master cannot listen: %w", err), leader.Close())
	}
	if err := c.listenForAgents(); err != nil {
		return errors.Join(err, leader.Close(), standby.Close())
	}
	c.serve([2]net.Listener{leader, standby})
	return nil
}

// StartInMemory listens on no port: the cluster is reached by Transport only.
// It is the way to go in a bubble of testing/synctest.
func (c *Cluster) StartInMemory() { c.serve([2]net.Listener{}) }

func (c *Cluster) serve(tcp [2]net.Listener) {
	for i := range c.server.endpoints {
		e := &endpoint{addr: fmt.Sprintf("master%d.mesos.test:5050", i+1)}
		if tcp[i] != nil {
			e.addr = tcp[i].Addr().String()
		}
		c.server.endpoints[i] = e
		c.listen(e, c.handler(i), tcp[i])
	}
	if c.startsExecutors() {
		e := &endpoint{addr: "agents"}
		listeners := c.running.listeners
		c.server.agents = e
		c.listen(e, c.agentHandler(), listeners...)
	}
	c.background.Add(1)
	go c.loop()
	if c.cfg.SimulateExecutor != nil {
		c.background.Go(c.simulateExecutors)
	}
}

// listen serves an endpoint in memory and on the listeners that are not nil.
func (c *Cluster) listen(e *endpoint, handler http.Handler, tcp ...net.Listener) {
	e.memory = newMemoryListener(e.addr)
	e.http = &http.Server{Handler: handler, ConnState: c.server.track}
	for _, l := range append([]net.Listener{e.memory}, tcp...) {
		if l != nil {
			g := &gate{Listener: l}
			e.gates = append(e.gates, g)
			c.server.serving.Go(func() { _ = e.http.Serve(g) })
		}
	}
}

// track counts connections, so that Close can wait for the last.
func (s *server) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.conns.Done()
	}
}

// URL of the master that leads at first.
func (c *Cluster) URL() string { return "http://" + c.server.endpoints[0].addr }

// StandbyURL is the URL of the master that does not lead at first: it redirects
// to the one that does (redirect).
func (c *Cluster) StandbyURL() string { return "http://" + c.server.endpoints[1].addr }

// LeaderURL is the URL of the master that leads now.
func (c *Cluster) LeaderURL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return "http://" + c.server.endpoints[c.faults.leader].addr
}

// Transport reaches the cluster without a socket. It knows no other hosts. Who
// uses it should call its CloseIdleConnections in the end.
func (c *Cluster) Transport() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			for _, e := range c.server.endpoints {
				if e.addr == addr {
					return e.memory.dial(ctx)
				}
			}
			if c.server.agents != nil && c.agentAt(addr) != nil {
				return c.server.agents.memory.dial(ctx)
			}
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("no such host in the cluster: " + addr)}
		},
		MaxIdleConnsPerHost: 16,
	}
}

// Close ends all connections and returns when no goroutine of the cluster is left.
func (c *Cluster) Close() {
	c.server.once.Do(func() {
		close(c.done)
		c.end()
		c.killProcesses()
		for _, e := range append(c.server.endpoints[:], c.server.agents) {
			if e != nil {
				_ = e.http.Close()
			}
		}
	})
	c.server.serving.Wait()
	c.server.conns.Wait()
	c.background.Wait()
	c.running.cleanUp()
}

// gate lets connections in, or turns them away while the fault lasts.
type gate struct {
	net.Listener
	mu     sync.Mutex
	closed bool
}

func (g *gate) refuse(yes bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = yes
}

func (g *gate) refusing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if !g.refusing() {
			return conn, nil
		}
		// The port stays taken, so that nobody else gets it: the client sees a
		// reset instead of a refusal.
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}
