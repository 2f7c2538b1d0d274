package mesostest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// firstResult is how much later than later ones the result of the first check
// comes (health-check: a second after TASK_RUNNING, without any delay).
const firstResult = time.Second

func inSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// startHealthChecks has a task checked from now on (checks/health_checker.cpp).
func (c *Cluster) startHealthChecks(t *task) {
	h := t.info.HealthCheck
	if h == nil {
		return
	}
	started := c.now()
	t.check = c.after(inSeconds(h.GetDelaySeconds())+firstResult, func() { c.checkHealth(t, started) })
}

// checkHealth checks once, and again an interval after the result.
func (c *Cluster) checkHealth(t *task, started time.Time) {
	h := t.info.HealthCheck
	result := func(healthy bool) {
		if terminal(t.state) || t.killing {
			return
		}
		c.healthResult(t, healthy, started)
		if !t.killing {
			t.check = c.after(inSeconds(h.GetIntervalSeconds()), func() { c.checkHealth(t, started) })
		}
	}
	if h.GetCommand() != nil {
		c.checkByCommand(t, h, result)
		return
	}
	if c.running.closed {
		return
	}
	c.background.Go(func() {
		ctx, cancel := context.WithTimeout(c.lifetime, inSeconds(h.GetTimeoutSeconds()))
		defer cancel()
		err := checkByNetwork(ctx, h)
		c.change(func() { result(err == nil) })
	})
}

// healthResult tells of changes to the better, and of everything bad.
func (c *Cluster) healthResult(t *task, healthy bool, started time.Time) {
	h := t.info.HealthCheck
	first := t.healthy == nil
	if healthy {
		if first || t.failures > 0 {
			c.report(t, health(0, true))
		}
		t.failures = 0
		return
	}
	if first && c.now().Sub(started) <= inSeconds(h.GetGracePeriodSeconds()) {
		return
	}
	t.failures++
	c.report(t, health(0, false))
	if t.failures >= int(h.GetConsecutiveFailures()) {
		c.killOnAgent(t, nil)
	}
}

func (c *Cluster) checkByCommand(t *task, h *mesos.HealthCheck, result func(bool)) {
	var timeout *timer
	c.start(t.agent.host, func() (*exec.Cmd, error) {
		sandbox := c.sandboxOf(t.agent, t.frameworkID, t.id, t.containerStatus.ContainerID.Value)
		own := executorEnvironment(t.agent, t.framework, executorKey{t.frameworkID, t.id}, sandbox)
		both := *h.Command
		both.Environment = &mesos.Environment{Variables: slices.Concat(
			t.info.Command.GetEnvironment().GetVariables(), h.Command.GetEnvironment().GetVariables())}
		return inSandbox(sandbox, &both, environment(&both, own))
	}, func(p *process) {
		timeout = c.after(inSeconds(h.GetTimeoutSeconds()), p.kill)
	}, func(status syscall.WaitStatus, err error) {
		c.stop(timeout)
		result(err == nil && status.Exited() && status.ExitStatus() == 0)
	})
}

// checkByNetwork is an HTTP or a TCP check, on this host. Any status from 200 to
// 399 is healthy, whatever HTTPCheckInfo lists (docs/health-checks.md).
func checkByNetwork(ctx context.Context, h *mesos.HealthCheck) error {
	if h.TCP != nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(h.TCP.Port))))
		if err != nil {
			return err
		}
		return conn.Close()
	}
	scheme := h.GetHTTP().GetScheme()
	if scheme == "" {
		scheme = "http"
	}
	target := fmt.Sprintf("%s://127.0.0.1:%d/%s", scheme, h.GetHTTP().GetPort(), strings.TrimPrefix(h.GetHTTP().GetPath(), "/"))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 399 {
		err = fmt.Errorf("status %s", resp.Status)
	}
	if closing := resp.Body.Close(); err == nil {
		err = closing
	}
	return err
}
