package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// schedule sends a maintenance schedule to the master, as those who run Mesos do: one
// window for the hosts, from then on for an hour; without hosts there is none.
func (w *world) schedule(from time.Time, hosts ...string) {
	w.t.Helper()
	windows := []any{}
	if len(hosts) > 0 {
		var machines []any
		for _, host := range hosts {
			machines = append(machines, map[string]string{"hostname": host, "ip": "127.0.0.1"})
		}
		windows = append(windows, map[string]any{"machine_ids": machines, "unavailability": map[string]any{
			"start":    map[string]int64{"nanoseconds": from.UnixNano()},
			"duration": map[string]int64{"nanoseconds": time.Hour.Nanoseconds()},
		}})
	}
	w.operate(map[string]any{
		"type":                        "UPDATE_MAINTENANCE_SCHEDULE",
		"update_maintenance_schedule": map[string]any{"schedule": map[string]any{"windows": windows}},
	})
}

// operate makes a call to the operator API of the master.
func (w *world) operate(call any) []byte {
	w.t.Helper()
	body, err := json.Marshal(call)
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.mesos.URL()+"/api/v1", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%v: %s: %s %v", call, resp.Status, answer, err)
	}
	return answer
}

// inverseAnswers are what the framework has said to the inverse offers, by host.
func (w *world) inverseAnswers() map[string]string {
	w.t.Helper()
	var status struct {
		Body struct {
			Status struct {
				Machines []struct {
					ID       struct{ Hostname string } `json:"id"`
					Statuses []struct{ Status string } `json:"statuses"`
				} `json:"draining_machines"`
			} `json:"status"`
		} `json:"get_maintenance_status"`
	}
	if err := json.Unmarshal(w.operate(map[string]string{"type": "GET_MAINTENANCE_STATUS"}), &status); err != nil {
		w.t.Fatal(err)
	}
	answers := map[string]string{}
	for _, m := range status.Body.Status.Machines {
		for _, s := range m.Statuses {
			answers[m.ID.Hostname] = s.Status
		}
	}
	return answers
}

// maintenanceOf waits until the status says of the host what the test wants.
func (w *world) maintenanceOf(host string, state v1alpha1.MaintenanceState, says string) *v1alpha1.QuobyteCluster {
	w.t.Helper()
	return w.await(fmt.Sprintf("%s to be %s (%s)", host, state, says), func(c *v1alpha1.QuobyteCluster) bool {
		return slices.ContainsFunc(c.Status.Maintenance, func(m v1alpha1.MaintenanceStatus) bool {
			return m.Host == host && m.State == state && strings.Contains(m.Message, says)
		})
	})
}

// answered waits for the answer that the master has to its inverse offer.
func (w *world) answered(host, answer string) {
	w.t.Helper()
	w.awaitMesos(host+" to be answered with "+answer, func() bool { return w.inverseAnswers()[host] == answer })
}

// TestMaintenanceWindow: the inverse offer is declined before the services may be
// stopped and accepted when they are; after the window they return.
func TestMaintenanceWindow(t *testing.T) {
	t.Parallel()
	w := readyWith(t, 5, nil, `{"spec":{"maintenance":{"leadTime":"1m"}}}`)
	began := time.Now()
	from := began.Add(time.Hour)
	w.schedule(from, "node2")
	w.maintenanceOf("node2", v1alpha1.MaintenanceScheduled, "")
	w.answered("node2", "DECLINE")
	w.awaitEvent("MaintenanceDeclined", "node2")
	if n := w.killed(); n != 0 {
		t.Errorf("%d tasks were stopped long before the window", n)
	}
	// Its services may be stopped in three seconds, and nothing else happens then.
	lead := time.Until(from.Add(-3 * time.Second)).Truncate(time.Second)
	w.patch(fmt.Sprintf(`{"spec":{"maintenance":{"leadTime":"%ds"}}}`, int(lead.Seconds())))
	drained := w.maintenanceOf("node2", v1alpha1.MaintenanceDrained, "")
	for _, task := range w.mesos.History() {
		if len(task.Kills) > 0 && task.Kills[0].Before(from.Add(-lead)) {
			t.Errorf("%s was stopped at %s, before %s", task.ID, task.Kills[0], from.Add(-lead))
		}
	}
	if running := w.mesos.Running("node2"); len(running) != 0 {
		t.Errorf("node2 is drained, and runs\n%s", taskList(running))
	}
	w.answered("node2", "ACCEPT")
	w.awaitEvent("MaintenanceAccepted", "node2")
	if !has(drained, v1alpha1.ConditionReady, metav1.ConditionFalse, "") {
		t.Errorf("node2 is drained, and the cluster says\n%s", describe(drained))
	}
	// In the window nothing is started there.
	w.schedule(time.Now().Add(-time.Second), "node2")
	w.await("node2 to be in its window", func(c *v1alpha1.QuobyteCluster) bool {
		return slices.ContainsFunc(c.Status.Maintenance, func(m v1alpha1.MaintenanceStatus) bool {
			return m.Host == "node2" && m.State == v1alpha1.MaintenanceDrained && m.Start.Time.Before(time.Now())
		})
	})
	w.awaitQuiet()
	if running := w.mesos.Running("node2"); len(running) != 0 {
		t.Errorf("in its window node2 runs\n%s", taskList(running))
	}
	w.schedule(from)
	w.awaitReady()
	if got := len(w.cluster().Status.Maintenance); got != 0 {
		t.Errorf("the window is over, and the status lists %d", got)
	}
	w.taskOn("data", "node2")
	w.checkNoDuplicates()
	w.checkNeverTwoDown(began)
}

// TestWindowOfTwoHosts: of all hosts in the window together no more stops than
// maxUnavailable and the registries' majority allow.
func TestWindowOfTwoHosts(t *testing.T) {
	t.Parallel()
	w := readyWith(t, 5, nil, `{"spec":{"maintenance":{"leadTime":"1h"},"update":{"maxUnavailable":2}}}`)
	began := time.Now()
	from := began.Add(10 * time.Minute)
	// Two data services may be away, but not two of three registries.
	w.schedule(from, "node1", "node2")
	w.maintenanceOf("node1", v1alpha1.MaintenanceDrained, "")
	w.maintenanceOf("node2", v1alpha1.MaintenanceWaiting, "registr")
	w.answered("node1", "ACCEPT")
	w.answered("node2", "DECLINE")
	if len(w.mesos.Running("node2")) < 3 {
		t.Errorf("node2 was stopped in part:\n%s", taskList(w.mesos.Running("node2")))
	}
	if most := w.mostDown("registry", began); most != 1 {
		t.Errorf("%d registries were stopped, want 1", most)
	}
	// The first is done, and the second goes.
	w.schedule(from, "node2")
	w.maintenanceOf("node2", v1alpha1.MaintenanceDrained, "")
	w.answered("node2", "ACCEPT")
	w.taskOn("registry", "node1")
	w.schedule(from)
	w.awaitReady()
	// Two without registries go together.
	w.schedule(from, "node4", "node5")
	w.maintenanceOf("node4", v1alpha1.MaintenanceDrained, "")
	w.maintenanceOf("node5", v1alpha1.MaintenanceDrained, "")
	w.schedule(from)
	w.awaitReady()
	w.checkNoDuplicates()
}

// TestOperatorDiesDuringMaintenance: the next one knows the window from Mesos alone.
func TestOperatorDiesDuringMaintenance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4)})
	operator := w.startAlone()
	w.applyCluster()
	w.applyDevices(4)
	w.awaitReadyOf(4)
	w.schedule(time.Now().Add(5*time.Minute), "node3")
	w.maintenanceOf("node3", v1alpha1.MaintenanceDrained, "")
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	launched := len(w.mesos.History())
	w.startAlone()
	time.Sleep(5 * time.Second)
	if n := len(w.mesos.History()); n != launched {
		t.Errorf("%d tasks were launched by the next operator, on a host that is drained", n-launched)
	}
	w.schedule(time.Now())
	w.awaitReady()
	w.checkNoDuplicates()
}
