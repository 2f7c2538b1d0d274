package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"k8s.io/utils/clock"

	"github.com/quobyte/mesos-operator/internal/prober"
)

// proberFlags of the subcommand prober.
type proberFlags struct {
	prober.Config
	interval time.Duration
	once     bool
}

// lookDeadline after which a file system hangs.
const lookDeadline = 10 * time.Second

// kernelMounts is the mount table of the process' own namespace.
const kernelMounts = "/proc/self/mountinfo"

func parseProberFlags(args []string, output io.Writer) (*proberFlags, error) {
	f := &proberFlags{}
	flags := flag.NewFlagSet("prober", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.Usage = func() {
		fmt.Fprintf(output, "Finds Quobyte devices on this host, as an executor of its Mesos agent.\n\nFlags of prober:\n")
		flags.PrintDefaults()
	}
	flags.StringVar(&f.Directory, "directory", "/mnt", "Host device directory, below which devices are mounted.")
	flags.DurationVar(&f.interval, "interval", 2*time.Minute, "How often to report when nothing changes.")
	flags.Func("look-for", "Directory whose existence is reported, or several separated by commas. May be given more than once.", func(value string) error {
		f.LookFor = append(f.LookFor, strings.FieldsFunc(value, func(r rune) bool { return r == ',' })...)
		return nil
	})
	flags.StringVar(&f.MountInfo, "mountinfo", kernelMounts, "Mount table of the host.")
	flags.BoolVar(&f.StandIns, "stand-ins", false, "For development alone: directories stand for the file systems that the file --mountinfo names, with device numbers that are made up.")
	flags.StringVar(&f.Sysfs, "sysfs", "/sys", "Where sysfs is mounted.")
	flags.StringVar(&f.BootID, "boot-id", "/proc/sys/kernel/random/boot_id", "File with the id of the kernel's boot.")
	flags.StringVar(&f.ProcNet, "proc-net", "/proc/net", "Directory with the host's tables of TCP sockets.")
	flags.BoolVar(&f.once, "once", false, "Print one report and exit; no Mesos is needed.")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%q is not a flag: prober takes flags alone", flags.Arg(0))
	}
	if f.interval < time.Second {
		return nil, fmt.Errorf("--interval=%v is too short: want 1s or more", f.interval)
	}
	if f.StandIns && f.MountInfo == kernelMounts {
		return nil, errors.New("--stand-ins is for a mount table that was written by hand: want --mountinfo=FILE, too")
	}
	return f, nil
}

// runProber runs the subcommand prober and returns the status to exit with.
func runProber(args []string) int {
	// The heap is small beside what the program is, and shall stay so.
	debug.SetGCPercent(25)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	f, err := parseProberFlags(args, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "prober:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := f.run(ctx, log, os.Stdout); err != nil {
		log.Error("the prober ends", "error", err)
		return 1
	}
	return 0
}

func (f *proberFlags) run(ctx context.Context, log *slog.Logger, output io.Writer) error {
	hostname, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find the own host name: %w", err)
	}
	f.Hostname, f.Deadline, f.Log = hostname, lookDeadline, log
	f.Clock, f.NewSerial = clock.RealClock{}, uuid.NewString
	p, err := prober.New(f.Config)
	if err != nil {
		return err
	}
	if f.once {
		report, err := p.Probe(ctx, nil)
		if err != nil {
			return err
		}
		encoder := json.NewEncoder(output)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	environment, err := prober.ReadEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	release := func() {
		if err := prober.ReleaseMemory(); err != nil {
			log.Warn("memory is not given back", "error", err)
		}
	}
	release()
	log.Info("the prober starts", "version", version, "directory", f.Directory, "interval", f.interval)
	return prober.Run(ctx, prober.RunConfig{
		Prober: p, Environment: environment, MountInfo: f.MountInfo, Interval: f.interval,
		Clock: clock.RealClock{}, Rand: rand.Float64, Log: log, Idle: release,
	})
}
