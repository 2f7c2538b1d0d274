package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/internal/testapi/child"
)

// operator is the real binary, as a process of its own, with leader election.
type operator struct {
	process *child.Process
	pid     int
	pprof   string // address; empty: none
}

// pprofAddress is where the operator serves its profiles when they are asked for.
const pprofAddress = "127.0.0.1:16060"

func (b *bench) startOperator(ctx context.Context) error {
	kubeconfig, err := b.operatorKubeconfig()
	if err != nil {
		return err
	}
	if b.mesos, err = b.newMesos(); err != nil {
		return err
	}
	args := []string{
		b.manager,
		"--namespaces=" + operatorNamespace, "--lease-namespace=" + operatorNamespace,
		"--metrics-bind-address=0", "--health-probe-bind-address=0", "--artifacts-bind-address=0",
	}
	b.operator = &operator{}
	if b.profile {
		args = append(args, "--pprof-bind-address="+pprofAddress)
		b.operator.pprof = pprofAddress
	}
	// The shell leaves its process, and so its number, to the operator.
	pidFile := filepath.Join(b.dir, "operator.pid")
	b.operator.process, err = child.Start(child.Options{
		Name: "operator", Log: filepath.Join(b.dir, "operator.log"), Path: "/bin/sh",
		Args: append([]string{"-c", `echo $$ >"$0"; exec "$@"`, pidFile}, args...),
		Env:  append(os.Environ(), "KUBECONFIG="+kubeconfig),
	})
	if err != nil {
		return err
	}
	return b.awaitLeader(ctx, pidFile)
}

// awaitLeader waits until the operator holds its lease, which is its first write.
func (b *bench) awaitLeader(ctx context.Context, pidFile string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if _, leases, err := b.audit.writes(); err == nil && leases > 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.operator.process.Ended():
			return errors.New("the operator ended: " + b.operator.process.LastWords())
		case <-time.After(100 * time.Millisecond):
		}
	}
	content, err := os.ReadFile(pidFile)
	if err != nil {
		return err
	}
	b.operator.pid, err = strconv.Atoi(strings.TrimSpace(string(content)))
	return err
}

// usage is what a process has used.
type usage struct {
	cpu  time.Duration // user and system
	peak int64         // of its resident memory, in bytes
}

// usage reads /proc.
func (o *operator) usage() (usage, error) {
	var u usage
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", o.pid))
	if err != nil {
		return u, err
	}
	// The name in parentheses may hold blanks; utime and stime are the 14th and
	// 15th field of all, in hundredths of a second (proc_pid_stat(5)).
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return u, fmt.Errorf("/proc/%d/stat is not understood", o.pid)
	}
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return u, err
		}
		u.cpu += time.Duration(ticks) * 10 * time.Millisecond
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.pid))
	if err != nil {
		return u, err
	}
	_, rest, _ = strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscanf(rest, "%d kB", &u.peak); err != nil {
		return u, fmt.Errorf("/proc/%d/status: %w", o.pid, err)
	}
	u.peak *= 1024
	return u, nil
}
