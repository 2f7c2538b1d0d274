package inventory

import (
	"fmt"
	"testing"
)

// BenchmarkTake is a pass over 10,000 hosts of three devices each: of which all are
// known, none was found before, or every tenth was moved.
func BenchmarkTake(b *testing.B) {
	const hosts = 10000
	report := func(f *fixture, shift int) {
		for i := range hosts {
			on := fmt.Sprintf("node%05d.rack%03d.corp", i, i/40)
			disk := i
			if i%10 == 0 {
				disk = (i + shift) % hosts
			}
			f.report(on, marked("/mnt/disk0", fmt.Sprintf("5f1c5e0e-0-%010d", disk), "REGISTRY"),
				marked("/mnt/disk1", fmt.Sprintf("5f1c5e0e-1-%010d", disk), "METADATA"), marked("/mnt/disk2", fmt.Sprintf("5f1c5e0e-2-%010d", disk), "DATA"))
		}
	}
	known := func() *fixture {
		f := newFixture()
		report(f, 0)
		for i := range 3 * hosts {
			f.declare(fmt.Sprintf("device-%d", i), withSerial(fmt.Sprintf("5f1c5e0e-%d-%010d", i%3, i/3)), discovered)
		}
		f.write(Take(f.in))
		return f
	}
	b.Run("idle", func(b *testing.B) {
		f := known()
		b.ReportAllocs()
		for b.Loop() {
			if r := Take(f.in); len(r.Devices) != 3*hosts || !r.Devices[7].Confirmed {
				b.Fatal("not all are found")
			}
		}
	})
	b.Run("moved", func(b *testing.B) {
		f := known()
		report(f, 10)
		b.ReportAllocs()
		for b.Loop() {
			if r := Take(f.in); r.Devices[0].PreviousHost == "" {
				b.Fatal(r.Devices[0])
			}
		}
	})
	b.Run("first", func(b *testing.B) {
		f := newFixture()
		report(f, 0)
		b.ReportAllocs()
		for b.Loop() {
			if r := Take(f.in); len(r.Discovered) != MaxDiscovered {
				b.Fatal("nothing is discovered")
			}
		}
	})
	b.Run("declared", func(b *testing.B) {
		f := newFixture()
		f.in.Probing = false
		for i := range 3 * hosts {
			f.declare(fmt.Sprintf("device-%d", i), data(at(fmt.Sprintf("node%05d", i/3), fmt.Sprintf("/mnt/%d", i%3))))
		}
		b.ReportAllocs()
		for b.Loop() {
			if r := Take(f.in); !r.Devices[7].Wanted {
				b.Fatal("not wanted")
			}
		}
	})
}
