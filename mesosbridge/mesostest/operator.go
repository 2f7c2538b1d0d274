package mesostest

import (
	"net/http"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	operator "github.com/mesos/mesos-go/api/v1/lib/master"
)

// operatorPath is the operator API of the master (docs/operator-http-api.md).
// Anybody may call it: Config.Credentials are those of frameworks, as the flag
// --authenticate_http_frameworks asks for them.
const operatorPath = "/api/v1"

// reply is the answer to an operator call: a message, or a status with a text.
type reply struct {
	body   *operator.Response
	status int
	text   string
}

// operatorAPI handles one call (Master::Http::api in master/http.cpp).
func (c *Cluster) operatorAPI(w http.ResponseWriter, r *http.Request, body []byte) {
	call, refused := decodeCall[operator.Call](operator.Call_Type_value, r.Header.Get("Content-Type"), body)
	if refused == nil {
		if problem := validateOperatorCall(call); problem != "" {
			refused = badRequest("Failed to validate master::Call: " + problem)
		}
	}
	if refused != nil {
		answer(w, refused.status, refused.text)
		return
	}
	media, encode := operatorEncoding(r.Header.Get("Accept"))
	if encode == nil {
		answer(w, http.StatusNotAcceptable,
			"Expecting 'Accept' to allow '"+mediaProtobuf+"' or '"+mediaJSON+"'")
		return
	}
	var (
		out     reply
		encoded []byte
		err     error
	)
	c.change(func() {
		if out = c.operate(call); out.body != nil {
			encoded, err = encode(out.body) // it refers to what the lock protects
		}
	})
	switch {
	case err != nil:
		answer(w, http.StatusInternalServerError, err.Error())
	case out.body == nil:
		answer(w, out.status, out.text)
	default:
		w.Header().Set("Content-Type", media)
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(encoded)
	}
}

// operate does what an operator's call asks for.
func (c *Cluster) operate(call *operator.Call) reply {
	switch call.Type {
	case operator.Call_TEARDOWN:
		fw := c.master.frameworks[call.Teardown.FrameworkID.Value]
		if fw == nil {
			return reply{status: http.StatusBadRequest, text: "No framework found with specified ID"}
		}
		c.removeFramework(fw)
		return reply{status: http.StatusOK}
	case operator.Call_UPDATE_MAINTENANCE_SCHEDULE:
		return done(c.updateSchedule(call.UpdateMaintenanceSchedule.Schedule))
	case operator.Call_DRAIN_AGENT, operator.Call_DEACTIVATE_AGENT,
		operator.Call_REACTIVATE_AGENT, operator.Call_MARK_AGENT_GONE:
		return c.operateAgent(call)
	}
	if body := c.view(call.Type); body != nil {
		return reply{body: body}
	}
	return reply{status: http.StatusNotImplemented}
}

func done(problem string) reply {
	if problem != "" {
		return reply{status: http.StatusBadRequest, text: problem}
	}
	return reply{status: http.StatusOK}
}

// operateAgent takes an agent out of service, or back into it.
func (c *Cluster) operateAgent(call *operator.Call) reply {
	var id string
	switch call.Type {
	case operator.Call_DRAIN_AGENT:
		id = call.DrainAgent.AgentID.Value
	case operator.Call_DEACTIVATE_AGENT:
		id = call.DeactivateAgent.AgentID.Value
	case operator.Call_REACTIVATE_AGENT:
		id = call.ReactivateAgent.AgentID.Value
	default:
		id = call.MarkAgentGone.AgentID.Value
	}
	a := c.master.agents[id]
	switch call.Type {
	case operator.Call_MARK_AGENT_GONE:
		if a == nil {
			return reply{status: http.StatusNotFound, text: "Agent '" + id + "' not found"}
		}
		if a.standing != gone {
			c.markGone(a)
		}
	case operator.Call_REACTIVATE_AGENT:
		if a == nil {
			return done("Agent is not deactivated")
		}
		return done(c.reactivateAgent(a))
	case operator.Call_DRAIN_AGENT:
		if a == nil || a.standing == gone {
			return done("Unknown agent")
		}
		var grace *mesos.DurationInfo
		if d := call.DrainAgent.MaxGracePeriod; d != nil {
			grace = &mesos.DurationInfo{Nanoseconds: d.Seconds*1e9 + int64(d.Nanos)}
		}
		c.drainAgent(a, grace, call.DrainAgent.GetMarkGone())
	default:
		if a == nil || a.standing == gone {
			return done("Unknown agent")
		}
		c.deactivateAgent(a)
	}
	return reply{status: http.StatusOK}
}

// view answers the calls that only ask; nil for those that are not here.
func (c *Cluster) view(call operator.Call_Type) *operator.Response {
	switch call {
	case operator.Call_GET_HEALTH:
		return &operator.Response{Type: operator.Response_GET_HEALTH,
			GetHealth: &operator.Response_GetHealth{Healthy: true}}
	case operator.Call_GET_VERSION:
		return &operator.Response{Type: operator.Response_GET_VERSION,
			GetVersion: &operator.Response_GetVersion{VersionInfo: c.version()}}
	case operator.Call_GET_MASTER:
		started := seconds(c.master.started)
		return &operator.Response{Type: operator.Response_GET_MASTER, GetMaster: &operator.Response_GetMaster{
			MasterInfo: c.masterInfo(), StartTime: &started, ElectedTime: &started}}
	case operator.Call_GET_AGENTS:
		return &operator.Response{Type: operator.Response_GET_AGENTS, GetAgents: c.agentsView()}
	case operator.Call_GET_FRAMEWORKS:
		return &operator.Response{Type: operator.Response_GET_FRAMEWORKS, GetFrameworks: c.frameworksView()}
	case operator.Call_GET_TASKS:
		return &operator.Response{Type: operator.Response_GET_TASKS, GetTasks: c.tasksView()}
	case operator.Call_GET_EXECUTORS:
		return &operator.Response{Type: operator.Response_GET_EXECUTORS, GetExecutors: c.executorsView()}
	case operator.Call_GET_OPERATIONS:
		return &operator.Response{Type: operator.Response_GET_OPERATIONS, GetOperations: c.operationsView()}
	case operator.Call_GET_ROLES:
		return &operator.Response{Type: operator.Response_GET_ROLES, GetRoles: c.rolesView()}
	case operator.Call_GET_STATE:
		return &operator.Response{Type: operator.Response_GET_STATE, GetState: &operator.Response_GetState{
			GetTasks: c.tasksView(), GetExecutors: c.executorsView(),
			GetFrameworks: c.frameworksView(), GetAgents: c.agentsView()}}
	case operator.Call_GET_MAINTENANCE_STATUS:
		return &operator.Response{Type: operator.Response_GET_MAINTENANCE_STATUS,
			GetMaintenanceStatus: &operator.Response_GetMaintenanceStatus{Status: c.maintenanceStatus()}}
	case operator.Call_GET_MAINTENANCE_SCHEDULE:
		return &operator.Response{Type: operator.Response_GET_MAINTENANCE_SCHEDULE,
			GetMaintenanceSchedule: &operator.Response_GetMaintenanceSchedule{Schedule: c.master.schedule}}
	}
	return nil
}

// version is that of the recordings, without the time and place of a build.
func (c *Cluster) version() mesos.VersionInfo {
	date, at, empty := c.started.UTC().Format("2006-01-02 15:04:05 UTC"), float64(c.started.Unix()), ""
	return mesos.VersionInfo{Version: mesosVersion, BuildDate: &date, BuildTime: &at,
		BuildUser: &empty, GitSHA: &empty, GitBranch: &empty}
}

func (c *Cluster) masterInfo() *mesos.MasterInfo {
	return c.master.info(c.server.endpoints[c.faults.leader].addr)
}
