package main

import (
	"net/http"
	"slices"
	"time"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// admin makes faults on request.
type admin struct{ cluster *mesostest.Cluster }

// A master that is restarted is away for as long as a real one needs to come up,
// and its agents come back one by one.
const (
	masterDowntime    = time.Second
	agentsReturnAfter = 2 * time.Second
	agentsReturnEvery = 100 * time.Millisecond
)

func (a *admin) handler() http.Handler {
	mux := http.NewServeMux()
	for name, fault := range map[string]func(host string){
		"stop":    func(host string) { a.cluster.StopAgent(host) },
		"start":   func(host string) { a.cluster.StartAgent(host) },
		"replace": func(host string) { a.cluster.ReplaceAgent(host) },
	} {
		mux.HandleFunc("POST /admin/agents/{host}/"+name, func(w http.ResponseWriter, r *http.Request) {
			host := r.PathValue("host")
			if !a.knows(host) {
				http.Error(w, "there is no agent on "+host, http.StatusNotFound)
				return
			}
			fault(host)
			w.WriteHeader(http.StatusNoContent)
		})
	}
	mux.HandleFunc("POST /admin/master/restart", func(w http.ResponseWriter, _ *http.Request) {
		a.cluster.FailoverMaster(mesostest.FailoverOptions{Downtime: masterDowntime,
			AgentsReturnAfter: agentsReturnAfter, AgentsReturnEvery: agentsReturnEvery})
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func (a *admin) knows(host string) bool {
	return slices.ContainsFunc(a.cluster.Hosts(), func(r mesostest.AgentRecord) bool { return r.Host == host })
}
