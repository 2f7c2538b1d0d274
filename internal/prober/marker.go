package prober

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// markerName of the file in the root of a file system that makes it a device.
const markerName = "QUOBYTE_DEV_SETUP"

// maxMarker is far more than any marker has: the vendor's tools write some 300
// bytes.
const maxMarker = 64 << 10

// marker is what a marker file says.
type marker struct {
	serial    string // may be empty
	model     string
	types     []string // in the order of deviceTypes
	bootstrap bool
	order     string // that it was written for; empty: by the vendor's tools
}

// deviceTypes are the uses of a device, the names that markers have for them, and
// the directories that stand for them on devices without a marker file.
var deviceTypes = [...]struct{ name, inMarker, directory string }{
	{"REGISTRY", "DIR_DEVICE", "quobyte-dir"},
	{"METADATA", "METADATA_DEVICE", "quobyte-metadata"},
	{"DATA", "DATA_DEVICE", "quobyte-data"},
}

const orderComment = "# Order: "

// parseMarker reads a marker file. The error names the line.
func parseMarker(data []byte) (marker, error) {
	if len(data) > maxMarker {
		return marker{}, fmt.Errorf("it is longer than %d bytes, and no marker", maxMarker)
	}
	var m marker
	var found [len(deviceTypes)]bool
	n := 0
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			if id, ok := strings.CutPrefix(text, orderComment); ok {
				m.order = id
			}
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return marker{}, fmt.Errorf("line %d: %.60q is neither key=value nor a comment", n, text)
		}
		if err := m.set(strings.TrimSpace(key), strings.TrimSpace(value), &found); err != nil {
			return marker{}, fmt.Errorf("line %d: %w", n, err)
		}
	}
	for i, t := range deviceTypes {
		if found[i] {
			m.types = append(m.types, t.name)
		}
	}
	return m, nil
}

// set takes one line. Keys that are not known are for others.
func (m *marker) set(key, value string, found *[len(deviceTypes)]bool) error {
	switch key {
	case "device.serial":
		if err := checkSerial(value); err != nil {
			return err
		}
		if m.serial != "" && m.serial != value {
			return fmt.Errorf("a second device.serial, %s after %s: there must be one", value, m.serial)
		}
		m.serial = value
	case "device.model":
		m.model = printable(value)
	case "device.bootstrap":
		if value != "true" && value != "false" {
			return fmt.Errorf("device.bootstrap=%.60q: want true or false", value)
		}
		m.bootstrap = value == "true"
	case "device.type":
		for i, t := range deviceTypes {
			if value == t.inMarker {
				found[i] = true
				return nil
			}
		}
		return fmt.Errorf("device.type=%.60q: want DIR_DEVICE, METADATA_DEVICE or DATA_DEVICE", value)
	}
	return nil
}

// A serial has at least 5 characters, as the vendor's tools have it, and at most
// what still fits well into names and labels.
const minSerial, maxSerial = 5, 128

func checkSerial(serial string) error {
	if len(serial) < minSerial || len(serial) > maxSerial || strings.ContainsFunc(serial, notInSerial) {
		return fmt.Errorf("device.serial=%.60q: want %d to %d characters of -._a-zA-Z0-9", serial, minSerial, maxSerial)
	}
	return nil
}

func notInSerial(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._", r))
}

// maxModel: what SCSI, NVMe and ATA have room for is shorter.
const maxModel = 64

// printable is a model as it can go into a marker, a report and a table.
func printable(text string) string {
	out := strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '\t':
			return '_'
		case r < ' ' || r > '~':
			return -1
		}
		return r
	}, strings.TrimSpace(text))
	return out[:min(len(out), maxModel)]
}

// heading is the first line of every marker.
const heading = "# Quobyte device identifier file\n"

// text is the marker file, as the vendor's tools write it.
func (m *marker) text(now time.Time, host string) []byte {
	var b bytes.Buffer
	b.WriteString(heading)
	fmt.Fprintf(&b, "# Created %s\n", now.UTC().Format("Mon 02 Jan 2006 03:04:05 PM MST"))
	fmt.Fprintf(&b, "# Hostname: %s\n", printable(host))
	fmt.Fprintf(&b, "%s%s\n", orderComment, m.order)
	fmt.Fprintf(&b, "device.serial=%s\n", m.serial)
	if m.model != "" {
		fmt.Fprintf(&b, "device.model=%s\n", m.model)
	}
	if m.bootstrap {
		b.WriteString("device.bootstrap=true\n")
	}
	for _, t := range deviceTypes {
		if slices.Contains(m.types, t.name) {
			fmt.Fprintf(&b, "device.type=%s\n", t.inMarker)
		}
	}
	return b.Bytes()
}

// checkOrder of which one line of the marker is made.
func checkOrder(id string) error {
	if id == "" || len(id) > 253 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("the order's id must have 1 to 253 characters, printable and without blanks")
	}
	return nil
}
