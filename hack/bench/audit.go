package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// audit counts the operator's writes by the API server's own record of them.
type audit struct {
	policy, log string
	read        int64 // bytes of the log that were counted
	counts      map[string]int
}

// auditPolicy records a line for each write of the operator, when it is done,
// and nothing else.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: Metadata
  users: [` + operatorUser + `]
  verbs: [create, update, patch, delete, deletecollection]
- level: None
`

func newAudit(dir string) (*audit, error) {
	a := &audit{policy: filepath.Join(dir, "audit-policy.yaml"), log: filepath.Join(dir, "audit.log"), counts: map[string]int{}}
	return a, os.WriteFile(a.policy, []byte(auditPolicy), 0o644)
}

// flags of the API server.
func (a *audit) flags() []string {
	return []string{"--audit-policy-file=" + a.policy, "--audit-log-path=" + a.log}
}

// lease is the kind of a write that keeps the leader election's lease.
const lease = "leases"

// writes counts all writes so far, such as "patch quobytedevices/status". The
// lease's are apart.
func (a *audit) writes() (counts map[string]int, leases int, err error) {
	if err := a.readOn(); err != nil {
		return nil, 0, err
	}
	counts = map[string]int{}
	for kind, n := range a.counts {
		if kind == lease {
			leases = n
		} else {
			counts[kind] = n
		}
	}
	return counts, leases, nil
}

// readOn counts the lines that were added.
func (a *audit) readOn() error {
	file, err := os.Open(a.log)
	if err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	defer file.Close()
	if _, err := file.Seek(a.read, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return nil // What comes after the last newline is being written.
		}
		a.read += int64(len(line))
		if err := a.count(line); err != nil {
			return fmt.Errorf("read the audit log: %w", err)
		}
	}
}

func (a *audit) count(line []byte) error {
	var event struct {
		Verb      string `json:"verb"`
		ObjectRef struct {
			Resource    string `json:"resource"`
			Subresource string `json:"subresource"`
		} `json:"objectRef"`
	}
	if err := json.Unmarshal(line, &event); err != nil {
		return err
	}
	kind := event.ObjectRef.Resource
	if kind != lease {
		if event.ObjectRef.Subresource != "" {
			kind += "/" + event.ObjectRef.Subresource
		}
		kind = event.Verb + " " + kind
	}
	a.counts[kind]++
	return nil
}
