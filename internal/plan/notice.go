package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// Reasons of notices.
const (
	NoticeNotReserved    = "ResourcesNotReserved"
	NoticeNotSpread      = "RegistriesNotSpread"
	NoticeUpdate         = "UpdateStarted"
	NoticeDowngrade      = "Downgrade"
	NoticeBadRestartTime = "BadRestartTime"
	NoticeNoEffect       = "NoEffect"
)

// Notice is worth an event when it is new, and is no fault.
type Notice struct {
	Reason  string // CamelCase
	Message string
	// Device that it is about; empty: the cluster.
	Device string
	// Normal: it is what was asked for, and no warning.
	Normal bool
}

func (p *pass) notice(reason, message string) {
	p.result.Notices = append(p.result.Notices, Notice{Reason: reason, Message: message})
}

// noticeUnreserved warns before a stop that is meant to be a short one.
func (p *pass) noticeUnreserved() {
	if p.reserver.reserves {
		return
	}
	for i := range p.result.Kills {
		if p.result.Kills[i].Returns {
			p.notice(NoticeNotReserved, "what a service gives up while it restarts may go to another framework, and the service not start again; "+
				"spec.mesos.reservation Dynamic (with a role and a principal) keeps it")
			return
		}
	}
}

// noticeUpdate tells that an update begins, and of one that leads to an older version.
func (p *pass) noticeUpdate() {
	if bad := p.course.restarts.bad; len(bad) > 0 {
		p.notice(NoticeBadRestartTime, strings.Join(bad, "; "))
		devices := p.course.restarts.badDevices
		for _, d := range devices[:min(len(devices), maxNamed)] {
			p.result.Notices = append(p.result.Notices, Notice{Reason: NoticeBadRestartTime, Message: d.message, Device: d.name})
		}
	}
	u := p.result.Update
	if u == nil || u.State != v1alpha1.UpdateProgressing || IsRestart(u) {
		return
	}
	from, to := u.From, u.To
	switch {
	case from == to:
		p.result.Notices = append(p.result.Notices, Notice{Reason: NoticeUpdate, Message: "settings of services change: they are restarted one after the other", Normal: true})
	case from == "":
		p.result.Notices = append(p.result.Notices, Notice{Reason: NoticeUpdate, Message: "update to version " + to, Normal: true})
	default:
		p.result.Notices = append(p.result.Notices, Notice{Reason: NoticeUpdate, Message: "update from version " + from + " to " + to, Normal: true})
	}
	if olderVersion(to, from) {
		p.notice(NoticeDowngrade, "version "+to+" is asked for, which is older than "+from+", which runs")
	}
}

// olderVersion says that a is older than b, when both are numbers between dots.
func olderVersion(a, b string) bool {
	x, ok := versionNumbers(a)
	y, too := versionNumbers(b)
	if !ok || !too {
		return false
	}
	for len(x) < len(y) {
		x = append(x, 0)
	}
	for len(y) < len(x) {
		y = append(y, 0)
	}
	return slices.Compare(x, y) < 0
}

func versionNumbers(version string) ([]uint64, bool) {
	var numbers []uint64
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, true
}
