package mesosbridge

import (
	"errors"
	"strings"
)

// Reasons of a Problem.
const (
	reasonConnecting         = "Connecting"
	reasonUnreachable        = "Unreachable"
	reasonUnauthorized       = "Unauthorized"
	reasonRefused            = "Refused"
	reasonFrameworkRemoved   = "FrameworkRemoved"
	reasonFrameworkIDUnknown = "FrameworkIDUnknown"
)

// problem is an error that knows what it means for the snapshot.
type problem struct {
	reason string
	err    error
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

// problemOf is what an error means for the snapshot. An error of the Identity may
// name its reason itself, by a method ProblemReason.
func problemOf(err error) Problem {
	var named interface{ ProblemReason() string }
	if errors.As(err, &named) {
		return Problem{Reason: named.ProblemReason(), Message: err.Error()}
	}
	var p *problem
	if errors.As(err, &p) {
		return Problem{Reason: p.reason, Message: p.Error()}
	}
	if errors.Is(err, ErrFailedOver) {
		return Problem{Reason: reasonRefused, Message: err.Error()}
	}
	return Problem{Reason: reasonConnecting, Message: err.Error()}
}

// errorEvent is what an ERROR event means. The texts are those of
// resubscribe.jsonl and framework-removed.jsonl; masters before 1.2 said
// "Completed framework attempted to re-register" of a removed framework.
func errorEvent(message string) error {
	switch {
	case strings.EqualFold(message, "Framework failed over"):
		return ErrFailedOver
	case strings.EqualFold(message, "Framework has been removed"),
		strings.Contains(message, "Completed framework"):
		return &problem{reason: reasonFrameworkRemoved, err: errors.New("Mesos has removed the framework: " + message)}
	}
	return &problem{reason: reasonRefused, err: errors.New("the master says: " + message)}
}
