package plan

import (
	"fmt"
	"slices"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// maxVersions bounds the versions that are listed for a service.
const maxVersions = 10

// reportServices counts the instances of every service.
func (p *pass) reportServices() {
	p.result.Services = make([]v1alpha1.ServiceStatus, kinds)
	versions := map[string]int{}
	at := 0
	for k := range kinds {
		status := &p.result.Services[k]
		status.Name = k.String()
		clear(versions)
		for ; at < len(p.result.Instances) && p.result.Instances[at].Service == services[k]; at++ {
			i := &p.result.Instances[at]
			if i.Wanted {
				status.Wanted++
			}
			if i.Wanted && i.Available {
				status.Ready++
			}
			for n, t := range i.Tasks {
				if t.State != mesos.TASK_RUNNING || p.removed() {
					continue
				}
				status.Running++
				if n == 0 {
					versions[i.Version]++
				}
				if n == 0 && i.Wanted && i.Current {
					status.Updated++
				}
			}
		}
		status.Versions = versionList(versions)
	}
}

// versionList lists versions with their counts, the most frequent first.
func versionList(counts map[string]int) []string {
	if len(counts) == 0 {
		return nil
	}
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	list := make([]string, 0, min(len(names), maxVersions))
	for _, name := range names[:min(len(names), maxVersions)] {
		shown := name
		if shown == "" {
			shown = "unknown"
		}
		list = append(list, fmt.Sprintf("%s (%d)", shown, counts[name]))
	}
	return list
}
