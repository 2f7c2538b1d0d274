package mesostest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/recordio"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// client is a scheduler as plain as can be.
type client struct {
	t        testing.TB
	http     *http.Client
	url      string
	json     bool
	id       string // of the framework
	info     mesos.FrameworkInfo
	streamID string
	body     io.ReadCloser
	events   chan *scheduler.Event // closed at the end of the stream
	err      error                 // of the stream, once events is closed
	done     chan struct{}
	kept     []*scheduler.Event // that came while another was waited for
	// handsOff leaves updates without acknowledgement.
	handsOff bool
}

func frameworkInfo(roles ...string) mesos.FrameworkInfo {
	timeout := 3600.0
	info := mesos.FrameworkInfo{User: "root", Name: "test", Roles: roles, FailoverTimeout: &timeout}
	for _, c := range []mesos.FrameworkInfo_Capability_Type{
		mesos.FrameworkInfo_Capability_MULTI_ROLE, mesos.FrameworkInfo_Capability_RESERVATION_REFINEMENT,
		mesos.FrameworkInfo_Capability_PARTITION_AWARE, mesos.FrameworkInfo_Capability_TASK_KILLING_STATE,
	} {
		info.Capabilities = append(info.Capabilities, mesos.FrameworkInfo_Capability{Type: c})
	}
	return info
}

func newClient(t testing.TB, c *mesostest.Cluster) *client {
	tr := c.Transport()
	s := &client{t: t, http: &http.Client{Transport: tr}, url: c.URL(), info: frameworkInfo("quobyte")}
	t.Cleanup(func() { s.hangUp(); tr.CloseIdleConnections() })
	return s
}

// run has f run in a bubble with a cluster that is reached in memory.
func run(t *testing.T, cfg mesostest.Config, f func(t *testing.T, c *mesostest.Cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if cfg.Agents == nil {
			cfg.Agents = mesostest.Agents(2)
		}
		c := mesostest.New(cfg)
		c.StartInMemory()
		t.Cleanup(c.Close)
		f(t, c)
	})
}

func (s *client) do(call *scheduler.Call) (*http.Response, error) {
	s.t.Helper()
	media, body, err := "application/x-protobuf", []byte(nil), error(nil)
	if s.json {
		media = "application/json"
		body, err = json.Marshal(call)
	} else {
		body, err = call.Marshal()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, s.url+"/api/v1/scheduler", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", media)
	req.Header.Set("Accept", media)
	if call.Type != scheduler.Call_SUBSCRIBE {
		req.Header.Set("Mesos-Stream-Id", s.streamID)
	}
	return s.http.Do(req)
}

// subscribe opens a stream and waits for SUBSCRIBED.
func (s *client) subscribe(suppressed ...string) {
	s.t.Helper()
	s.hangUp()
	s.kept = nil
	call := &scheduler.Call{Type: scheduler.Call_SUBSCRIBE, Subscribe: &scheduler.Call_Subscribe{
		FrameworkInfo: &s.info, SuppressedRoles: suppressed}}
	if s.id != "" {
		s.info.ID = &mesos.FrameworkID{Value: s.id}
		call.FrameworkID = s.info.ID
	}
	resp, err := s.do(call)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("SUBSCRIBE: %s", resp.Status)
	}
	s.streamID = resp.Header.Get("Mesos-Stream-Id")
	s.body = resp.Body
	s.events = make(chan *scheduler.Event, 1000)
	s.done = make(chan struct{})
	go s.read(resp.Body, s.events, s.done)
	if e := s.next(scheduler.Event_SUBSCRIBED); e != nil {
		s.id = e.Subscribed.FrameworkID.Value
	}
}

func (s *client) read(body io.Reader, events chan<- *scheduler.Event, done chan<- struct{}) {
	defer close(done)
	defer close(events)
	frames := recordio.NewReader(body)
	for {
		frame, err := frames.ReadFrame()
		e := &scheduler.Event{}
		if err == nil && s.json {
			// mesos-go does not know this capability.
			err = json.Unmarshal(bytes.ReplaceAll(frame, []byte(`"QUOTA_V2"`), []byte(`"UNKNOWN"`)), e)
		} else if err == nil {
			err = e.Unmarshal(frame)
		}
		if err != nil {
			s.err = err
			return
		}
		events <- e
	}
}

func (s *client) hangUp() {
	if s.body != nil {
		_ = s.body.Close()
		<-s.done
		s.body = nil
	}
}

// next event of a type. Others are kept for later, heartbeats aside, and updates
// acknowledged on the way.
func (s *client) next(want scheduler.Event_Type) *scheduler.Event {
	s.t.Helper()
	for i, e := range s.kept {
		if e.Type == want {
			s.kept = slices.Delete(s.kept, i, i+1)
			return e
		}
	}
	timeout := time.After(2 * time.Hour)
	for {
		select {
		case e, ok := <-s.events:
			if !ok {
				s.t.Fatalf("the stream ended with %v while waiting for %v", s.err, want)
			}
			if e.Type == scheduler.Event_UPDATE && !s.handsOff {
				s.acknowledge(e)
			}
			if e.Type == want {
				return e
			}
			if e.Type != scheduler.Event_HEARTBEAT {
				s.kept = append(s.kept, e)
			}
		case <-timeout:
			s.t.Fatalf("no %v for two hours", want)
		}
	}
}

// ends waits for the end of the stream.
func (s *client) ends() error {
	for range s.events {
	}
	return s.err
}

// quiet fails when an event of a type comes within d.
func (s *client) quiet(unwanted scheduler.Event_Type, d time.Duration) {
	s.t.Helper()
	timeout := time.After(d)
	for {
		select {
		case e, ok := <-s.events:
			if !ok || e.Type == unwanted {
				s.t.Fatalf("unwanted: %v (open %v)", e, ok)
			}
		case <-timeout:
			return
		}
	}
}

func (s *client) call(call *scheduler.Call) {
	s.t.Helper()
	if err := s.try(call); err != nil {
		s.t.Fatal(err)
	}
}

// try makes a call; an error says that it was not taken, or nobody knows.
func (s *client) try(call *scheduler.Call) error {
	s.t.Helper()
	call.FrameworkID = &mesos.FrameworkID{Value: s.id}
	resp, err := s.do(call)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return errors.New(resp.Status + ": " + string(text))
	}
	return nil
}

func (s *client) acknowledge(e *scheduler.Event) {
	s.t.Helper()
	if status := e.Update.Status; status.UUID != nil {
		s.call(&scheduler.Call{Type: scheduler.Call_ACKNOWLEDGE, Acknowledge: &scheduler.Call_Acknowledge{
			AgentID: *status.AgentID, TaskID: status.TaskID, UUID: status.UUID}})
	}
}

// offers that come until there is one for each host.
func (s *client) offers(hosts ...string) map[string]mesos.Offer {
	s.t.Helper()
	found := map[string]mesos.Offer{}
	for len(found) < len(hosts) {
		for _, o := range s.next(scheduler.Event_OFFERS).Offers.Offers {
			found[o.Hostname] = o
		}
	}
	for _, host := range hosts {
		if _, ok := found[host]; !ok {
			s.t.Fatalf("no offer of %s", host)
		}
	}
	return found
}

// status waits for an update with a state.
func (s *client) status(want mesos.TaskState) *mesos.TaskStatus {
	s.t.Helper()
	for {
		if status := &s.next(scheduler.Event_UPDATE).Update.Status; *status.State == want {
			return status
		}
	}
}

func taskInfo(o mesos.Offer, id string) mesos.TaskInfo {
	command := "sleep 1000"
	return mesos.TaskInfo{
		Name: id, TaskID: mesos.TaskID{Value: id}, AgentID: o.AgentID,
		Command: &mesos.CommandInfo{Value: &command},
		Resources: []mesos.Resource{
			{Name: "cpus", Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: 0.5}},
			{Name: "mem", Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: 64}},
		},
	}
}

func launch(refuseSeconds float64, task mesos.TaskInfo, offers ...mesos.Offer) *scheduler.Call {
	accept := &scheduler.Call_Accept{
		Filters: &mesos.Filters{RefuseSeconds: &refuseSeconds},
		Operations: []mesos.Offer_Operation{{
			Type:   mesos.Offer_Operation_LAUNCH,
			Launch: &mesos.Offer_Operation_Launch{TaskInfos: []mesos.TaskInfo{task}},
		}},
	}
	for _, o := range offers {
		accept.OfferIDs = append(accept.OfferIDs, o.ID)
	}
	return &scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: accept}
}

func kill(id string) *scheduler.Call {
	return &scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: id}}}
}

func decline(refuseSeconds float64, offers ...mesos.Offer) *scheduler.Call {
	d := &scheduler.Call_Decline{Filters: &mesos.Filters{RefuseSeconds: &refuseSeconds}}
	for _, o := range offers {
		d.OfferIDs = append(d.OfferIDs, o.ID)
	}
	return &scheduler.Call{Type: scheduler.Call_DECLINE, Decline: d}
}

// runs launches a task on node1 and waits until it runs.
func (s *client) runs(id string) mesos.Offer {
	s.t.Helper()
	s.subscribe()
	o := s.offers("node1", "node2")["node1"]
	s.call(launch(3600, taskInfo(o, id), o))
	s.status(mesos.TASK_RUNNING)
	return o
}

func scalarOf(o mesos.Offer, name string) (sum float64) {
	for _, r := range o.Resources {
		if r.Name == name {
			sum += r.GetScalar().GetValue()
		}
	}
	return sum
}
