package prober

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// asWritten is as the vendor's tools write it.
const asWritten = `# Quobyte device identifier file
# Created Sat 21 Nov 2026 01:24:00 AM UTC
# Hostname: node1
device.serial=5f1c5e0e-3d1c-4ad0-8a54-1f8a4d3a9f10
device.model=INTEL_SSDPE2KX080T8
device.bootstrap=true
device.type=DIR_DEVICE
`

func TestParseMarker(t *testing.T) {
	full := marker{serial: "5f1c5e0e-3d1c-4ad0-8a54-1f8a4d3a9f10", model: "INTEL_SSDPE2KX080T8", types: []string{"REGISTRY"}, bootstrap: true}
	several := marker{serial: "abc.D_1", types: []string{"REGISTRY", "METADATA", "DATA"}}
	for text, want := range map[string]marker{
		asWritten: full,
		strings.ReplaceAll(asWritten, "\n", "\r\n"): full,
		strings.TrimSuffix(asWritten, "\n"):         full,
		"\n\n device.serial = abc.D_1 \ndevice.type=DATA_DEVICE\ndevice.type=DIR_DEVICE\ndevice.type=METADATA_DEVICE\ndevice.type=DATA_DEVICE\n": several,
		"device.serial=abcde\ndevice.serial=abcde\ndevice.future=1\nwhatever=\n":                                                                 {serial: "abcde"},
		"":                                      {},
		"# nothing yet\ndevice.bootstrap=false": {},
		"# Order: 1234/a\ndevice.model=Two  words\x01\xff!": {order: "1234/a", model: "Two__words!"},
	} {
		if got, err := parseMarker([]byte(text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestMalformedMarkers(t *testing.T) {
	for text, want := range map[string]string{
		"device.type=SSD_DEVICE":                                 "line 1: device.type=\"SSD_DEVICE\": want DIR_DEVICE",
		"#\ndevice.type=":                                        "line 2: device.type",
		"device.serial=abc":                                      "line 1: device.serial=\"abc\": want 5 to 128 characters",
		"device.serial=":                                         "line 1: device.serial",
		"device.serial=ab cde":                                   "line 1: device.serial",
		"device.serial=" + strings.Repeat("a", 129):              "line 1: device.serial",
		"device.serial=äöüäöü":                                   "line 1: device.serial",
		"device.serial=abcde\n\ndevice.serial=abcdf":             "line 3: a second device.serial, abcdf after abcde",
		"device.bootstrap=yes":                                   "line 1: device.bootstrap",
		"\x00\x00\x00\x00":                                       "line 1: ",
		"device.serial=abcde\nhello":                             "line 2: \"hello\" is neither",
		"device.serial=abcde\n" + strings.Repeat("#", maxMarker): "longer than",
	} {
		if got, err := parseMarker([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %+v, %v; want %q", text, got, err, want)
		}
	}
}

func TestMarkerText(t *testing.T) {
	m := marker{serial: "abcde", model: "A_B", types: []string{"DATA", "REGISTRY"}, bootstrap: true, order: "o1"}
	now := time.Date(2026, 11, 21, 1, 24, 0, 0, time.UTC)
	want := `# Quobyte device identifier file
# Created Sat 21 Nov 2026 01:24:00 AM UTC
# Hostname: node1
# Order: o1
device.serial=abcde
device.model=A_B
device.bootstrap=true
device.type=DIR_DEVICE
device.type=DATA_DEVICE
`
	if got := string(m.text(now, "node1")); got != want {
		t.Errorf("got\n%s", got)
	}
}

func FuzzMarker(f *testing.F) {
	f.Add([]byte(asWritten))
	f.Add([]byte("device.serial=abcde\r\ndevice.type=DATA_DEVICE\ndevice.type=DATA_DEVICE\n# Order: x"))
	f.Add([]byte("device.serial=ab\x00de\n=\n = \n"))
	f.Add(bytes.Repeat([]byte("device.model=\xff\n"), 100))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseMarker(data)
		if err != nil {
			return
		}
		if m.serial != "" && checkSerial(m.serial) != nil {
			t.Errorf("the serial %q passed", m.serial)
		}
		if len(m.model) > maxModel || strings.ContainsFunc(m.model, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("the model %q passed", m.model)
		}
		if m.serial == "" || checkOrder(m.order) != nil {
			return
		}
		again, err := parseMarker(m.text(time.Unix(0, 0), "a host"))
		if err != nil || again.serial != m.serial || again.model != m.model || again.bootstrap != m.bootstrap ||
			again.order != m.order || !slices.Equal(again.types, m.types) {
			t.Errorf("%+v was written and read as %+v, %v", m, again, err)
		}
	})
}
