package inventory

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
)

// typeSet is a set of device types: bit 0 REGISTRY, bit 1 METADATA, bit 2 DATA.
type typeSet uint8

// typeLists are the lists of all sets, shared by all devices. Nobody writes to them.
var typeLists = [8][]v1alpha1.DeviceType{
	1: {v1alpha1.DeviceRegistry},
	2: {v1alpha1.DeviceMetadata},
	3: {v1alpha1.DeviceRegistry, v1alpha1.DeviceMetadata},
	4: {v1alpha1.DeviceData},
	5: {v1alpha1.DeviceRegistry, v1alpha1.DeviceData},
	6: {v1alpha1.DeviceMetadata, v1alpha1.DeviceData},
	7: {v1alpha1.DeviceRegistry, v1alpha1.DeviceMetadata, v1alpha1.DeviceData},
}

// typesOf reads types; words that it does not know are left out.
func typesOf[T ~string](words []T) typeSet {
	var set typeSet
	for _, word := range words {
		switch v1alpha1.DeviceType(word) {
		case v1alpha1.DeviceRegistry:
			set |= 1
		case v1alpha1.DeviceMetadata:
			set |= 2
		case v1alpha1.DeviceData:
			set |= 4
		}
	}
	return set
}

func (s typeSet) list() []v1alpha1.DeviceType { return typeLists[s] }

func (s typeSet) String() string {
	words := make([]string, 0, 3)
	for _, t := range s.list() {
		words = append(words, string(t))
	}
	return strings.Join(words, ",")
}

// recall fills in what the status remembers.
func (e *entry) recall(d *Device) {
	m, spec := e.memory, &e.object.Spec
	d.Object = e.object
	d.Host, d.Path = e.home.host, e.home.path
	d.Serial, d.Model, d.FileSystem = e.serial, m.Model, m.FileSystem
	d.Capacity, d.Used, d.Bootstrap = m.Capacity, m.Used, m.Bootstrap
	if e.previousHost != d.Host {
		d.PreviousHost = e.previousHost
	}
	if m.AppearedAt != nil {
		d.AppearedAt = m.AppearedAt.UTC()
	}
	// What the marker says is known once the device was found.
	types := typesOf(m.DeviceTypes)
	if types == 0 || m.FileSystem == "" {
		types = typesOf(spec.Types)
	}
	d.Types = types.list()
}

// show fills in what the report says of the device now.
func (e *entry) show(d *Device) {
	host, m := e.at.host, e.at.mount
	d.Host, d.Path = host.name, m.Path
	d.FileSystem, d.Model, d.Bootstrap = fileSystem(m), m.Model, m.Bootstrap
	d.Capacity = capacity(m.CapacityBytes, e.memory.Capacity)
	d.Used = used(m, e.memory.Used)
	d.PreviousHost = ""
	if e.previousHost != d.Host {
		d.PreviousHost = e.previousHost
	}
	if at := host.Appeared[m.Path].UTC().Truncate(time.Millisecond); at.After(d.AppearedAt) {
		d.AppearedAt = at
	}
	types := typesOf(m.Types)
	if types == 0 {
		types = typesOf(e.object.Spec.Types)
	}
	d.Types = types.list()
}

const unknownFileSystem = "unknown"

// fileSystem is never empty: that is how a status says that the device was found.
func fileSystem(m *probe.Mount) string {
	if m.FileSystem == "" {
		return unknownFileSystem
	}
	return m.FileSystem
}

// capacity in two or three digits, such as 7.3Ti; what was known before when it
// could not be asked.
func capacity(bytes uint64, before string) string {
	if bytes == 0 {
		return before
	}
	value, suffix := float64(bytes), ""
	for _, next := range []string{"Ki", "Mi", "Gi", "Ti", "Pi", "Ei"} {
		if math.Round(value) < 1000 {
			break
		}
		value, suffix = value/1024, next
	}
	decimals := 0
	if suffix != "" && value < 99.95 {
		decimals = 1
	}
	var buffer [16]byte
	text := append(strconv.AppendFloat(buffer[:0], value, 'f', decimals, 64), suffix...)
	if string(text) == before {
		return before // and nothing is allocated
	}
	return string(text)
}

// usedStep is the grain of Used in percent, and usedSlack how far beyond the middle
// between two steps a value must go to leave the one that is written down.
const (
	usedStep  = 5
	usedSlack = 1
)

// used is the share of the capacity that is not free, in steps. It keeps the last
// value at a border.
func used(m *probe.Mount, before string) string {
	if m.CapacityBytes == 0 {
		return before
	}
	free := min(m.FreeBytes, m.CapacityBytes)
	percent := 100 * float64(m.CapacityBytes-free) / float64(m.CapacityBytes)
	if last, err := strconv.Atoi(strings.TrimSuffix(before, "%")); err == nil && last%usedStep == 0 &&
		math.Abs(percent-float64(last)) <= usedStep/2.0+usedSlack {
		return before
	}
	step := strconv.Itoa(int(math.Round(percent/usedStep)) * usedStep)
	return step + "%"
}
