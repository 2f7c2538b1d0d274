package plan

// Reasons of notices.
const (
	NoticeNotReserved = "ResourcesNotReserved"
	NoticeNotSpread   = "RegistriesNotSpread"
)

// Notice is worth an event when it is new, and is no fault.
type Notice struct {
	Reason  string // CamelCase
	Message string
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
