package quobyte

import (
	"fmt"
	"strings"
)

// MaxTaskID is the length of the longest task id in bytes. Mesos makes
// directory names of task ids, and file systems end at 255.
const MaxTaskID = 200

// TaskID is what a task id says. It is all that is known of a task after
// everything else was lost: Mesos does not bring labels back.
type TaskID struct {
	Service Service
	// HostKey is HostKey of the task's host.
	HostKey string
	// Hash of the spec that the task was launched with; empty when Legacy.
	Hash string
	// Nonce makes the id unique in the life of the framework; empty when Legacy.
	Nonce string
	// Legacy: the id is one of the earlier framework; the spec is unknown.
	Legacy bool
}

const (
	taskIDPrefix = "quobyte"
	taskIDParts  = 5
	maxHash      = 20
	maxNonce     = 36 // a UUID
)

// NewTaskID returns quobyte.<service>.<hash>.<nonce>.<host key>, at most
// MaxTaskID bytes. The host stands last, since it alone may contain dots.
//
// The hash (Spec.Hash, Prober.Hash) has 1 to 20, the nonce (NewNonce) 1 to 36
// letters, digits or dashes. It panics on others, and on a service that is neither one
// of Services nor ProberService: an id that cannot be read blocks its agent for all
// services until a person removes the task, which is worse.
func NewTaskID(s Service, host, hash, nonce string) string {
	if !hasTaskIDs(s) || !isToken(hash, maxHash) || !isToken(nonce, maxNonce) {
		panic(fmt.Sprintf("quobyte: no task id of service %q, hash %q, nonce %q", s, hash, nonce))
	}
	return strings.Join([]string{taskIDPrefix, string(s), hash, nonce, HostKey(host)}, ".")
}

// hasTaskIDs says that tasks of the service have ids of this form.
func hasTaskIDs(s Service) bool {
	switch s {
	case Registry, Metadata, Data, S3, API, Webconsole, Client, ProberService:
		return true
	}
	return false
}

// ParseTaskID reads an id of NewTaskID, or one of the earlier framework:
// quobyte-<service>-<host> and quobyte-device-prober-<host>. It returns false for
// every other one, those of services that only a later version knows among
// them: such a task counts as every service on its agent.
func ParseTaskID(id string) (TaskID, bool) {
	if legacy, ok := strings.CutPrefix(id, taskIDPrefix+"-"); ok {
		return parseLegacy(legacy)
	}
	parts := strings.SplitN(id, ".", taskIDParts)
	if len(parts) != taskIDParts || parts[0] != taskIDPrefix {
		return TaskID{}, false
	}
	parsed := TaskID{Service: Service(parts[1]), Hash: parts[2], Nonce: parts[3], HostKey: parts[4]}
	readable := hasTaskIDs(parsed.Service) &&
		isToken(parsed.Hash, maxHash) && isToken(parsed.Nonce, maxNonce) && isHostKey(parsed.HostKey)
	if !readable {
		return TaskID{}, false
	}
	return parsed, true
}

// parseLegacy reads what follows "quobyte-". No service of the earlier framework
// has a dash in its name, except for the device prober, and "device" is none: so
// the first dash ends the name, whatever the host contains.
func parseLegacy(rest string) (TaskID, bool) {
	if host, ok := strings.CutPrefix(rest, "device-prober-"); ok {
		return legacyID(ProberService, host)
	}
	name, host, _ := strings.Cut(rest, "-")
	switch service := Service(name); service {
	case Registry, Metadata, Data, API, Webconsole, S3, Client:
		return legacyID(service, host)
	}
	return TaskID{}, false
}

func legacyID(s Service, host string) (TaskID, bool) {
	if host == "" {
		return TaskID{}, false
	}
	return TaskID{Service: s, HostKey: HostKey(host), Legacy: true}, true
}

// isToken says that s can stand between the dots of a task id.
func isToken(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if !word(s[i]) {
			return false
		}
	}
	return true
}
