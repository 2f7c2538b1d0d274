package plan

import "github.com/quobyte/mesos-operator/api/v1alpha1"

// reportFloating lists the tasks of floating services: no device tells of them,
// and a restarted operator has to remember them.
func (p *pass) reportFloating() {
	for k := s3; k < kinds; k++ {
		for _, h := range p.active {
			s := &h.slots[k]
			if s.task == nil {
				continue
			}
			for _, t := range append([]*task{s.task}, s.sortedMore()...) {
				if len(p.result.Floating) == v1alpha1.MaxFloating {
					return
				}
				p.result.Floating = append(p.result.Floating, p.taskStatus(t))
			}
		}
	}
}
