// Package probe is what the prober of a host and the operator say to each other,
// over Mesos' framework messages: reports of what is mounted below the host device
// directory, and requests.
//
// The form is JSON. A field that one side does not know is ignored, so that an old
// prober goes on under a newer operator. Both sides bound what they take in.
package probe

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Protocol is the version of the messages. A prober of another version is
// replaced.
const Protocol = 1

// MaxReport and MaxRequest bound an encoded message, in bytes.
const (
	MaxReport  = 1 << 20
	MaxRequest = 1 << 16
)

// Report is the whole of what one prober sees; a lost one costs an interval and
// nothing else.
type Report struct {
	Protocol int `json:"protocol"`
	// Epoch tells the processes of a prober apart: when it started, in
	// nanoseconds since 1970 by the host's clock. Seq counts its reports from 1.
	Epoch int64  `json:"epoch"`
	Seq   uint64 `json:"seq"`
	// BootID of the host's kernel (/proc/sys/kernel/random/boot_id).
	BootID string `json:"bootID"`
	// Answers is the id of the request that the report answers; empty when it
	// came by itself.
	Answers string `json:"answers,omitempty"`
	// Mounts are all file systems that are mounted below the host device
	// directory, sorted by path.
	Mounts []Mount `json:"mounts"`
	// Directories are those that the prober was told to look for, and that exist.
	Directories []string `json:"directories,omitempty"`
	// Listening are those ports of the answered request, ascending, on which
	// somebody listens. Asked repeats the ports that were looked at.
	Asked     []uint64 `json:"asked,omitempty"`
	Listening []uint64 `json:"listening,omitempty"`
	// Initializations are the outcomes of the last orders, by order id, ascending;
	// at most MaxOrders.
	Initializations []Initialization `json:"initializations,omitempty"`
}

// MaxOrders is how many outcomes of orders a prober remembers.
const MaxOrders = 64

// Mount is one place at which a file system is mounted.
type Mount struct {
	// Path on the host.
	Path string `json:"path"`
	// FileSystem such as ext4.
	FileSystem string `json:"fileSystem"`
	// Number of the block device, "major:minor": two mounts of one file system
	// have the same.
	Number string `json:"number"`
	// Marked: a Quobyte device marker is there, and could be read.
	Marked bool `json:"marked,omitempty"`
	// Serial and Model of the marker; empty in an old one. Of what is not marked,
	// they are the disk's own where the kernel tells them.
	Serial string `json:"serial,omitempty"`
	Model  string `json:"model,omitempty"`
	// Types of the marker: REGISTRY, METADATA, DATA, in this order; none when no
	// use has been decided yet.
	Types []string `json:"types,omitempty"`
	// Bootstrap: the marker says device.bootstrap=true.
	Bootstrap bool `json:"bootstrap,omitempty"`
	// CapacityBytes of the file system, and what is free for a service to use;
	// zero when it could not be asked.
	CapacityBytes uint64 `json:"capacityBytes,omitempty"`
	FreeBytes     uint64 `json:"freeBytes,omitempty"`
	ReadOnly      bool   `json:"readOnly,omitempty"`
	// Problem says why nothing more is known, such as "hangs: no answer for 10s"
	// or "QUOBYTE_DEV_SETUP, line 3: ..."; such a mount may be a device, nobody can
	// tell now.
	Problem string `json:"problem,omitempty"`
}

// Initialization is the outcome of an order.
type Initialization struct {
	ID string `json:"id"`
	// Serial that the marker has got, or had from the same order before.
	Serial string `json:"serial,omitempty"`
	// Refused says why nothing was done: "/mnt/disk1 is not empty: it holds data";
	// empty when it succeeded.
	Refused string `json:"refused,omitempty"`
}

// Request asks a prober to probe and to report now.
type Request struct {
	Protocol int `json:"protocol"`
	// ID comes back in Report.Answers.
	ID string `json:"id"`
	// Ports asks whether anybody listens on them (TCP, any address).
	Ports []uint64 `json:"ports,omitempty"`
	// Initialize are orders to make devices of empty file systems.
	Initialize []Order `json:"initialize,omitempty"`
}

// Order asks for a marker on an empty, unmarked file system. It may come more than
// once: the marker carries the order's id, and an order that was carried out is
// not carried out again.
type Order struct {
	// ID is never used for two devices.
	ID string `json:"id"`
	// Path at which the file system is mounted.
	Path string `json:"path"`
	// Types: REGISTRY, METADATA, DATA.
	Types []string `json:"types"`
	// Bootstrap writes device.bootstrap=true.
	Bootstrap bool `json:"bootstrap,omitempty"`
}

// What a host says in words is bounded, so that the status that repeats it can be
// written.
const (
	maxWord = 128
	maxText = 1024
)

// DecodeReport reads a prober's message.
func DecodeReport(data []byte) (*Report, error) {
	r := &Report{}
	if err := decode(data, MaxReport, "report", r); err != nil {
		return nil, err
	}
	for i := range r.Mounts {
		m := &r.Mounts[i]
		m.Model, m.FileSystem, m.Problem = bounded(m.Model, maxWord), bounded(m.FileSystem, maxWord), bounded(m.Problem, maxText)
	}
	for i := range r.Initializations {
		r.Initializations[i].Refused = bounded(r.Initializations[i].Refused, maxText)
	}
	return r, nil
}

// bounded cuts a text to so many bytes, and what is no UTF-8 out of it.
func bounded(text string, limit int) string {
	text = strings.ToValidUTF8(text, "")
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-3], "") + "..."
}

// DecodeRequest reads an operator's message.
func DecodeRequest(data []byte) (*Request, error) {
	r := &Request{}
	return r, decode(data, MaxRequest, "request", r)
}

func decode(data []byte, limit int, what string, into any) error {
	if len(data) > limit {
		return fmt.Errorf("a %s of %d bytes is too long: at most %d", what, len(data), limit)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read a %s: %w", what, err)
	}
	return nil
}

// Encode returns the message that carries a Report or a Request.
func Encode[T Report | Request](message *T) []byte {
	data, err := json.Marshal(message)
	if err != nil {
		panic(err) // The types above cannot fail to marshal.
	}
	return data
}
