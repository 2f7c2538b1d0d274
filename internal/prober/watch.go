package prober

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/utils/clock"
)

// fileInterval between looks at a mount table that is an ordinary file, as tests
// and the demo have it.
const fileInterval = time.Second

// watch calls changed after each change of a mount table, until ctx ends. It may
// call it too often.
func watch(ctx context.Context, mountInfo string, c clock.WithTicker, changed func()) error {
	// Not os.Open: that has the Go runtime poll it, too, and the kernel tells one
	// of both alone.
	fd, err := unix.Open(mountInfo, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("watch the mount table: %w", err)
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return fmt.Errorf("watch the mount table: %w", err)
	}
	if fs.Type == unix.PROC_SUPER_MAGIC {
		return poll(ctx, fd, changed)
	}
	watchFile(ctx, mountInfo, c, changed)
	return nil
}

// poll waits in poll(2), which the kernel ends when the mounts of this namespace
// change (proc_pid_mounts(5)).
func poll(ctx context.Context, table int, changed func()) error {
	// What ends the wait when ctx does.
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("watch the mount table: %w", err)
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		// It can only fail when it is woken already.
		_, _ = unix.Write(wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	})
	defer func() {
		if !stop() {
			<-woken
		}
		_ = unix.Close(wake)
	}()
	for {
		fds := []unix.PollFd{
			{Fd: int32(table), Events: unix.POLLPRI},
			{Fd: int32(wake), Events: unix.POLLIN},
		}
		_, err := unix.Poll(fds, -1)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("watch the mount table: %w", err)
		case fds[0].Revents&unix.POLLNVAL != 0:
			return errors.New("watch the mount table: the kernel does not let it be watched")
		case fds[0].Revents&(unix.POLLPRI|unix.POLLERR) != 0:
			changed()
		}
	}
}

func watchFile(ctx context.Context, path string, c clock.WithTicker, changed func()) {
	look := func() (state [3]int64) {
		if info, err := os.Stat(path); err == nil {
			state = [3]int64{1, info.ModTime().UnixNano(), info.Size()}
		}
		return state
	}
	ticker := c.NewTicker(fileInterval)
	defer ticker.Stop()
	for last := look(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
		if now := look(); now != last {
			last = now
			changed()
		}
	}
}
