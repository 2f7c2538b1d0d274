package prober

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/framing"
	api "github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/recordio"
)

// agent is the executor API of this host's Mesos agent. mesos-go has the messages
// and the framing; its clients are for more than this and take memory for it.
type agent struct {
	env  Environment
	http *http.Client
}

const (
	mediaProtobuf = "application/x-protobuf"
	// agentTimeout for the answer to a call; it is on the same host.
	agentTimeout = 10 * time.Second
)

func newAgent(env Environment) *agent {
	dialer := &net.Dialer{Timeout: agentTimeout, KeepAlive: 15 * time.Second}
	return &agent{env, &http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, MaxIdleConnsPerHost: 1, ResponseHeaderTimeout: agentTimeout, DisableCompression: true,
	}}}
}

// sendInTime makes a call that is answered without a body.
func (a *agent) sendInTime(ctx context.Context, call *api.Call) error {
	ctx, cancel := context.WithTimeout(ctx, agentTimeout)
	defer cancel()
	res, err := a.post(ctx, call)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// post makes a call; an answer that is no success is an error.
func (a *agent) post(ctx context.Context, call *api.Call) (*http.Response, error) {
	call.FrameworkID = mesos.FrameworkID{Value: a.env.FrameworkID}
	call.ExecutorID = mesos.ExecutorID{Value: a.env.ExecutorID}
	body, err := call.Marshal()
	if err != nil {
		return nil, fmt.Errorf("encode %v: %w", call.Type, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+a.env.AgentEndpoint+"/api/v1/executor", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("send %v to the agent: %w", call.Type, err)
	}
	req.Header.Set("Content-Type", mediaProtobuf)
	req.Header.Set("Accept", mediaProtobuf)
	if a.env.Token != "" {
		req.Header.Set("Authorization", "Bearer "+a.env.Token)
	}
	res, err := a.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("send %v to the agent: %w", call.Type, err)
	}
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		text, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		if err != nil {
			text = []byte(err.Error())
		}
		return nil, fmt.Errorf("the agent answers %v with %s: %s", call.Type, res.Status, bytes.TrimSpace(text))
	}
	return res, nil
}

// stream of an agent's events, read by a goroutine that close ends.
type stream struct {
	events chan *api.Event // closed at the end of the stream
	err    error           // why it ended, once events is closed
	cancel context.CancelFunc
	ended  chan struct{}
}

func (s *stream) close() {
	s.cancel()
	<-s.ended
}

func (a *agent) subscribe(ctx context.Context, call *api.Call) (*stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	res, err := a.post(ctx, call)
	if err != nil {
		cancel()
		return nil, err
	}
	s := &stream{events: make(chan *api.Event), cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		defer close(s.events)
		defer res.Body.Close()
		s.err = s.read(ctx, recordio.NewReader(res.Body))
	}()
	return s, nil
}

func (s *stream) read(ctx context.Context, frames framing.Reader) error {
	for {
		frame, err := frames.ReadFrame()
		if err != nil {
			return fmt.Errorf("read the agent's events: %w", err)
		}
		event := &api.Event{}
		if err := event.Unmarshal(frame); err != nil {
			return fmt.Errorf("decode an event of the agent: %w", err)
		}
		select {
		case s.events <- event:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
