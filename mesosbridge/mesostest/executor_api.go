package mesostest

import (
	"encoding/json"
	"net/http"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	api "github.com/mesos/mesos-go/api/v1/lib/executor"
)

// executorAPI handles one call of an executor (Http::executor in slave/http.cpp).
func (c *Cluster) executorAPI(w http.ResponseWriter, r *http.Request, a *agent, body []byte) {
	call, refused := decodeCall[api.Call](api.Call_Type_value, r.Header.Get("Content-Type"), body)
	if refused == nil {
		if problem := validateExecutorCall(call); problem != "" {
			refused = badRequest("Failed to validate Executor::Call: " + problem)
		}
	}
	if refused != nil {
		answer(w, refused.status, refused.text)
		return
	}
	if call.Type == api.Call_SUBSCRIBE {
		c.executorSubscription(w, r, a, call)
		return
	}
	c.change(func() {
		var e *executor
		if e, refused = a.callingExecutor(call); refused != nil {
			return
		}
		switch call.Type {
		case api.Call_UPDATE:
			c.executorUpdate(e, call.Update.Status)
		case api.Call_MESSAGE:
			c.executorMessage(e, call.Message.Data)
		}
	})
	if refused != nil {
		answer(w, refused.status, refused.text)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// callingExecutor finds who calls.
func (a *agent) callingExecutor(call *api.Call) (*executor, *httpError) {
	e := a.executors[executorKey{call.FrameworkID.Value, call.ExecutorID.Value}]
	if e == nil {
		for key := range a.executors {
			if key.frameworkID == call.FrameworkID.Value {
				return nil, badRequest("Executor cannot be found")
			}
		}
		return nil, badRequest("Framework cannot be found")
	}
	if !e.subscribed && call.Type != api.Call_SUBSCRIBE {
		return nil, &httpError{http.StatusForbidden, "Executor is not subscribed"}
	}
	return e, nil
}

// executorSubscription serves an executor's stream for as long as it lives.
func (c *Cluster) executorSubscription(w http.ResponseWriter, r *http.Request, a *agent, call *api.Call) {
	media, encode := executorEncoding(r.Header.Get("Accept"))
	if encode == nil {
		answer(w, http.StatusNotAcceptable,
			"Expecting 'Accept' to allow '"+mediaProtobuf+"' or '"+mediaJSON+"'")
		return
	}
	s := newStream[*api.Event]()
	var (
		e       *executor
		refused *httpError
	)
	c.change(func() {
		if e, refused = a.callingExecutor(call); refused == nil {
			c.executorSubscribed(e, s, call.Subscribe.UnacknowledgedUpdates)
		}
	})
	if refused != nil {
		answer(w, refused.status, refused.text)
		return
	}
	defer c.change(func() {
		if e.stream == s {
			e.stream = nil
		}
	})
	w.Header().Set("Content-Type", media)
	w.WriteHeader(http.StatusOK)
	if err := s.write(w, r, encode, c.done); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// validateExecutorCall is validateExecutorCall of common/validation.cpp.
func validateExecutorCall(call *api.Call) string {
	switch {
	case call.Type == api.Call_UNKNOWN:
		return "Expecting 'type' to be present"
	case call.Type == api.Call_SUBSCRIBE && call.Subscribe == nil:
		return "Expecting 'subscribe' to be present"
	case call.Type == api.Call_MESSAGE && call.Message == nil:
		return "Expecting 'message' to be present"
	case call.Type == api.Call_UPDATE:
		return validateExecutorUpdate(call)
	}
	return ""
}

func validateExecutorUpdate(call *api.Call) string {
	if call.Update == nil {
		return "Expecting 'update' to be present"
	}
	status := &call.Update.Status
	switch {
	case len(status.UUID) == 0:
		return "Expecting 'uuid' to be present"
	case len(status.UUID) != 16:
		return "Not a valid UUID"
	case status.ExecutorID != nil && status.ExecutorID.Value != call.ExecutorID.Value:
		return "ExecutorID in Call: " + call.ExecutorID.Value +
			" does not match ExecutorID in TaskStatus: " + status.ExecutorID.Value
	case status.GetSource() != mesos.SOURCE_EXECUTOR:
		return "Received Call from executor " + call.ExecutorID.Value + " of framework " +
			call.FrameworkID.Value + " with invalid source, expecting 'SOURCE_EXECUTOR'"
	case status.GetState() == mesos.TASK_STAGING:
		return "Received TASK_STAGING from executor " + call.ExecutorID.Value + " of framework " +
			call.FrameworkID.Value + " which is not allowed"
	}
	return ""
}

func executorEncoding(accept string) (media string, encode func(*api.Event) ([]byte, error)) {
	if accepts(accept, mediaJSON) {
		return mediaJSON, func(e *api.Event) ([]byte, error) {
			raw, err := json.Marshal(e)
			if err != nil {
				return nil, err
			}
			tree, err := masterJSON(raw)
			if err != nil {
				return nil, err
			}
			return json.Marshal(tree)
		}
	}
	if accepts(accept, mediaProtobuf) {
		return mediaProtobuf, func(e *api.Event) ([]byte, error) { return e.Marshal() }
	}
	return "", nil
}
