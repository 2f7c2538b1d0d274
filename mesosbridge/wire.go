package mesosbridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/client"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/framing"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/apierrors"
	"github.com/mesos/mesos-go/api/v1/lib/recordio"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"k8s.io/utils/clock"
)

// wire sends calls to one URL of a master. It uses mesos-go's client, codecs and
// RecordIO, but not its httpsched: that sends one call at a time, follows
// redirects and tries again on its own, and so hides which call was answered and
// how, which is what rule 3 rests on.
type wire struct {
	url     string
	http    *http.Client
	auth    *Credential
	clock   clock.Clock
	timeout time.Duration
}

// maxEvent bounds one event. All offers of an allocation come in one: 10,000
// agents with attributes and reservations make some 20 MB, and more than the 4 MB
// at which mesos-go's RecordIO stops.
const maxEvent = 256 << 20

const streamIDHeader = "Mesos-Stream-Id"

// refusal is an HTTP status that is no success.
type refusal struct {
	status   int
	location string
	text     string
}

func (r *refusal) Error() string { return fmt.Sprintf("HTTP status %d: %s", r.status, r.text) }

func mapError(res *http.Response) error {
	err := apierrors.FromResponse(res)
	if err == nil {
		return nil
	}
	return &refusal{status: res.StatusCode, location: res.Header.Get("Location"), text: err.Error()}
}

func (w *wire) client(opts ...httpcli.Opt) *httpcli.Client {
	return httpcli.New(append([]httpcli.Opt{
		httpcli.Endpoint(w.url),
		httpcli.Codec(codecs.ByMediaType[codecs.MediaTypeProtobuf]),
		httpcli.Do(w.http.Do),
		httpcli.ErrorMapper(mapError),
	}, opts...)...)
}

func (w *wire) options(ctx context.Context, streamID string) []httpcli.RequestOpt {
	opts := []httpcli.RequestOpt{httpcli.Context(ctx)}
	if streamID != "" {
		opts = append(opts, httpcli.Header(streamIDHeader, streamID))
	}
	if w.auth != nil {
		opts = append(opts, func(r *http.Request) { r.SetBasicAuth(w.auth.Principal, w.auth.Secret) })
	}
	return opts
}

// call sends a call that is answered without a body.
func (w *wire) call(ctx context.Context, streamID string, c *scheduler.Call) answer {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := w.inTime(cancel, func() error {
		res, err := w.client().Send(client.RequestSingleton(c), client.ResponseClassNoData, w.options(ctx, streamID)...)
		if res != nil {
			_ = res.Close()
		}
		return err
	})
	var r *refusal
	switch {
	case err == nil:
		return answer{outcome: accepted}
	case errors.As(err, &r) && r.status < 500:
		return answer{outcome: refused, status: r.status, text: r.text}
	case r != nil:
		return answer{outcome: unseen, status: r.status, text: r.Error()}
	default:
		return answer{outcome: unseen, text: err.Error()}
	}
}

// stream is the answer to a SUBSCRIBE.
type stream struct {
	mesos.Response
	streamID string
	cancel   context.CancelFunc
}

func (s *stream) close() {
	s.cancel()
	_ = s.Close()
}

// subscribe sends a SUBSCRIBE. The stream has no time-out of its own: it lives
// until it is closed or ctx ends.
func (w *wire) subscribe(ctx context.Context, c *scheduler.Call) (*stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	cli := w.client()
	def := cli.HandleResponse
	var res mesos.Response
	var streamID string
	cli.With(httpcli.HandleResponse(func(hres *http.Response, rc client.ResponseClass, err error) (mesos.Response, error) {
		if err != nil || hres.StatusCode != http.StatusOK {
			return def(hres, rc, err)
		}
		streamID = hres.Header.Get(streamIDHeader)
		return events(hres)
	}))
	err := w.inTime(cancel, func() (err error) {
		// The class says which Accept header is sent. With the one for streams,
		// application/recordio, a master answers 406 to a SUBSCRIBE.
		res, err = cli.Send(client.RequestSingleton(c), client.ResponseClassAuto, w.options(ctx, "")...)
		return err
	})
	if err == nil && streamID == "" {
		err = errors.New("the answer to SUBSCRIBE has no " + streamIDHeader)
	}
	if err != nil {
		cancel()
		if res != nil {
			_ = res.Close()
		}
		return nil, err
	}
	return &stream{Response: res, streamID: streamID, cancel: cancel}, nil
}

// events reads a stream of events from a response.
func events(res *http.Response) (mesos.Response, error) {
	codec := codecs.ByMediaType[codecs.MediaTypeProtobuf]
	if ct := res.Header.Get("Content-Type"); ct != codec.Type.ContentType() {
		_ = res.Body.Close()
		return nil, httpcli.ProtocolError(fmt.Sprintf("unexpected content type %q", ct))
	}
	source := func() framing.Reader {
		r := recordio.NewReader(res.Body)
		// mesos-go's option for larger records allocates half of the limit at
		// once. Its reader is a bufio.Scanner, whose own buffer grows as needed.
		if b, ok := r.(interface{ Buffer(buf []byte, most int) }); ok {
			b.Buffer(make([]byte, 64<<10), maxEvent)
		}
		return r
	}
	return &httpcli.Response{Closer: res.Body, Decoder: codec.NewDecoder(source), Header: res.Header}, nil
}

// inTime runs f, and cancels it when it takes too long. It always waits for f.
func (w *wire) inTime(cancel context.CancelFunc, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	timer := w.clock.NewTimer(w.timeout)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C():
		cancel()
		if err := <-done; err != nil {
			return fmt.Errorf("no answer within %v", w.timeout)
		}
		return nil
	}
}

// newTransport is for masters that are far away or gone: nothing but the stream
// may hang for long.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConnsPerHost: lanes + 2,
		// Shorter than what proxies keep idle connections for: a call on a
		// connection that closes meanwhile is unseen and ends the subscription.
		IdleConnTimeout:    20 * time.Second,
		DisableCompression: true,
	}
}
