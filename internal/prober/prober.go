// Package prober finds Quobyte devices on a host, makes devices of empty file
// systems when it is ordered to, and reports to the operator over Mesos' framework
// messages alone: it runs as an executor of its agent, one on each host.
//
// Prober looks, Run is the executor around it. What it says is package probe's.
package prober

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/quobyte/mesos-operator/internal/probe"
)

// Config says where to look.
type Config struct {
	// Directory is the host device directory: devices are mounted below it. An
	// absolute, clean path.
	Directory string
	// LookFor are directories whose existence is reported; absolute, clean paths.
	LookFor []string
	// MountInfo is the mount table, in the format of proc_pid_mountinfo(5).
	MountInfo string
	// StandIns is for development without root: what the mount table names are
	// plain directories that stand for file systems, and its device numbers are made
	// up, so that they are not held against what is there.
	StandIns bool
	// Sysfs is where sysfs is mounted.
	Sysfs string
	// BootID is the file with the id of the kernel's boot.
	BootID string
	// ProcNet is the directory of the files tcp and tcp6, of the host's own network.
	ProcNet string
	// Hostname goes into the markers, for people.
	Hostname string
	// Deadline for looking at one file system; one that takes longer hangs.
	Deadline time.Duration
	// Clock, and where serials come from when a disk has none: random UUIDs.
	Clock     clock.Clock
	NewSerial func() string
	Log       *slog.Logger
}

// Prober looks at a host. One goroutine at a time may use it.
type Prober struct {
	cfg     Config
	workers workers
	// look is replaced by tests: nothing real hangs on request.
	look func(m mount) sight
	// unnamedFiles: the kernel can make them; tests turn it off.
	unnamedFiles bool

	epoch    int64
	seq      uint64
	last     table // of the last probe
	outcomes []probe.Initialization
}

// New checks a configuration.
func New(cfg Config) (*Prober, error) {
	for _, p := range append([]string{cfg.Directory}, cfg.LookFor...) {
		if !filepath.IsAbs(p) || filepath.Clean(p) != p {
			return nil, fmt.Errorf("%q: want an absolute path without . and .. and without a / at its end, such as /mnt", p)
		}
	}
	p := &Prober{cfg: cfg, epoch: cfg.Clock.Now().UnixNano(), unnamedFiles: true}
	p.workers = workers{clock: cfg.Clock, deadline: cfg.Deadline}
	p.look = func(m mount) sight { return look(m, cfg.Sysfs) }
	return p, nil
}

// Probe carries out a request, and reports what there is then; a nil request asks
// for nothing but the report. An error says that nothing can be said.
func (p *Prober) Probe(ctx context.Context, request *probe.Request) (*probe.Report, error) {
	mounts, err := p.mounts()
	if err != nil {
		return nil, err
	}
	boot, err := os.ReadFile(p.cfg.BootID)
	if err != nil {
		return nil, fmt.Errorf("find the id of the host's boot: %w", err)
	}
	p.last = mounts.fileSystems(p.cfg.Directory)
	sights := p.lookAt(ctx, p.last)
	report := &probe.Report{Protocol: probe.Protocol, Epoch: p.epoch, BootID: strings.TrimSpace(string(boot))}
	if request != nil {
		report.Answers = request.ID
		p.carryOut(ctx, request.Initialize, sights)
		p.lookForListeners(request, report)
	}
	report.Mounts = make([]probe.Mount, len(sights))
	for i := range sights {
		report.Mounts[i] = sights[i].Mount
	}
	report.Directories = p.directories(ctx)
	report.Initializations = slices.Clone(p.outcomes)
	slices.SortFunc(report.Initializations, func(a, b probe.Initialization) int { return cmp.Compare(a.ID, b.ID) })
	if err := ctx.Err(); err != nil {
		return nil, err // What was looked at meanwhile seems to hang.
	}
	p.seq++
	report.Seq = p.seq
	return report, nil
}

// Changed says whether the mount table below the host device directory differs
// from that of the last probe: on a host with containers it changes all the time
// elsewhere.
func (p *Prober) Changed() (bool, error) {
	mounts, err := p.mounts()
	if err != nil {
		return false, err
	}
	return !slices.Equal(mounts.fileSystems(p.cfg.Directory), p.last), nil
}

func (p *Prober) mounts() (table, error) {
	file, err := os.Open(p.cfg.MountInfo)
	if err != nil {
		return nil, fmt.Errorf("open the mount table: %w", err)
	}
	defer file.Close()
	mounts, err := parseMountinfo(file)
	for i := range mounts {
		mounts[i].standIn = p.cfg.StandIns
	}
	return mounts, err
}

func (p *Prober) lookAt(ctx context.Context, mounts table) []sight {
	sights := make([]sight, len(mounts))
	each(len(mounts), func(i int) { sights[i] = p.lookOnce(ctx, mounts[i]) })
	return sights
}

func (p *Prober) lookOnce(ctx context.Context, m mount) sight {
	s, err := inTime(ctx, &p.workers, place(m), func() sight { return p.look(m) })
	if err != nil {
		s = sight{Mount: seen(m)}
		s.Problem = err.Error()
	}
	return s
}

// place of a mount: what is mounted over one that hangs is another.
func place(m mount) string { return fmt.Sprintf("%d %s", m.id, m.path) }

func (p *Prober) directories(ctx context.Context) []string {
	there := make([]bool, len(p.cfg.LookFor))
	each(len(there), func(i int) {
		// One that hangs is there as little as one that is not.
		there[i], _ = inTime(ctx, &p.workers, p.cfg.LookFor[i], func() bool { return isDirectory(p.cfg.LookFor[i]) })
	})
	var list []string
	for i, is := range there {
		if is {
			list = append(list, p.cfg.LookFor[i])
		}
	}
	return list
}

// lookForListeners leaves the question unanswered when it cannot be told.
func (p *Prober) lookForListeners(request *probe.Request, report *probe.Report) {
	if len(request.Ports) == 0 {
		return
	}
	found, err := listening(p.cfg.ProcNet, request.Ports)
	if err != nil {
		p.cfg.Log.Error("ports are not answered for", "request", request.ID, "error", err)
		return
	}
	report.Asked, report.Listening = request.Ports, found
}
