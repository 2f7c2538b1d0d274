package main

import (
	"fmt"
	"os/exec"
	"strings"
)

// disk is one of the demo's. Its name is the last part of its mount point, the same
// on each host, as if it were written on the disk.
type disk struct {
	name string
	host string // where it is mounted at first
	// Its serial and type as the marker has them; empty: it has no marker.
	serial, use string
	bootstrap   bool
}

// disks that are there from the start: three hosts with registry, metadata and data,
// two with data alone.
func disks() []disk {
	const registry, metadata, data = "DIR_DEVICE", "METADATA_DEVICE", "DATA_DEVICE"
	return []disk{
		{name: "disk1", host: "node1", serial: "wd-10c4e2", use: registry, bootstrap: true},
		{name: "disk2", host: "node1", serial: "wd-21f7a9", use: metadata},
		{name: "disk3", host: "node1", serial: "wd-33b05d", use: data},
		{name: "disk4", host: "node2", serial: "wd-4f21a0", use: registry},
		{name: "disk5", host: "node2", serial: "wd-52e81c", use: metadata},
		{name: "disk6", host: "node2", serial: "wd-6a90b3", use: data},
		{name: "disk7", host: "node3", serial: "wd-70d4f6", use: registry},
		{name: "disk8", host: "node3", serial: "wd-8be12a", use: metadata},
		{name: "disk9", host: "node3", serial: "wd-95c36d", use: data},
		{name: "disk10", host: "node4", serial: "wd-a1f08e", use: data},
		{name: "disk11", host: "node5", serial: "wd-b7d259", use: data},
	}
}

// marker of the disk; empty when it has none.
func (d disk) marker() string {
	if d.serial == "" {
		return ""
	}
	lines := []string{"# Quobyte device identifier file", "device.serial=" + d.serial, "device.model=WDC_DEMO", "device.type=" + d.use}
	if d.use == "DIR_DEVICE" {
		lines = append(lines, fmt.Sprintf("device.bootstrap=%v", d.bootstrap))
	}
	return strings.Join(lines, "\n") + "\n"
}

// diskShelf is what disks are in the demo, and which are mounted on which host.
type diskShelf interface {
	// what the disks are, in some words.
	what() string
	// at is the mount point of a disk.
	at(name string) string
	// directory below which disks are mounted on each host.
	directory() string
	make(d disk) error
	mount(host, name string) error
	unmount(host, name string) error
	// enter has a command that has not been started run on a host.
	enter(host string, cmd *exec.Cmd)
	// close gives the hosts up, when nothing runs there any more.
	close()
}

// setUpDisks makes the disks and mounts each on its host. Real ones take root and
// some programs; where they cannot be had, or are not wanted, directories stand for
// them, and the shelf's what says why.
func setUpDisks(dir string, hosts []string, wantDirectories bool) (diskShelf, error) {
	why := "-directories"
	if !wantDirectories {
		shelf, err := newLoopDisks(dir, hosts)
		if err == nil {
			if err = fill(shelf); err == nil {
				return shelf, nil
			}
			shelf.close()
		}
		why = firstLine(err.Error())
	}
	shelf, err := newStandIns(dir, hosts, why)
	if err != nil {
		return nil, err
	}
	return shelf, fill(shelf)
}

func fill(shelf diskShelf) error {
	for _, d := range disks() {
		if err := shelf.make(d); err != nil {
			return err
		}
		if err := shelf.mount(d.host, d.name); err != nil {
			return err
		}
	}
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
