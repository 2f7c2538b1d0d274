package prober

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
	"k8s.io/utils/clock"

	"github.com/quobyte/mesos-operator/internal/probe"
)

// The test program is the prober's process, too: a namespace of mounts and an agent
// both want one.
func TestMain(m *testing.M) {
	var err error
	switch os.Getenv("PROBER_TEST_AS") {
	case "":
		os.Exit(m.Run())
	case "executor":
		err = runExecutor()
	case "probe":
		err = probeOnce()
	case "hang":
		err = mountHanging(os.Args[1], os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func helperConfig() Config {
	cfg := Config{
		Directory: os.Getenv("PROBER_TEST_DIRECTORY"), MountInfo: os.Getenv("PROBER_TEST_MOUNTINFO"), Sysfs: "/sys",
		BootID: "/proc/sys/kernel/random/boot_id", ProcNet: "/proc/net", Hostname: "node1", Deadline: time.Second,
		Clock: clock.RealClock{}, NewSerial: uuid.NewString, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	if path := os.Getenv("PROBER_TEST_LOOK_FOR"); path != "" {
		cfg.LookFor = []string{path}
	}
	return cfg
}

func runExecutor() error {
	cfg := helperConfig()
	p, err := New(cfg)
	if err != nil {
		return err
	}
	env, err := ReadEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	interval, err := time.ParseDuration(os.Getenv("PROBER_TEST_INTERVAL"))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return Run(ctx, RunConfig{Prober: p, Environment: env, MountInfo: cfg.MountInfo, Interval: interval,
		Clock: clock.RealClock{}, Rand: rand.Float64, Log: cfg.Log})
}

// mountHanging mounts a file system whose server never answers, says so, and lets
// it go at the end of its standard input.
func mountHanging(device, path string) error {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR, 0)
	if err != nil {
		return err
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)
	if err := unix.Mount(device, path, "fuseblk", 0, options); err != nil {
		return err
	}
	fmt.Println("mounted")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, unix.Close(fd), unix.Unmount(path, unix.MNT_DETACH))
}

// probeOnce answers the request on its standard input.
func probeOnce() error {
	var request *probe.Request
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		return err
	}
	p, err := New(helperConfig())
	if err != nil {
		return err
	}
	p.unnamedFiles = os.Getenv("PROBER_TEST_OLD_KERNEL") == ""
	report, err := p.Probe(context.Background(), request)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}
