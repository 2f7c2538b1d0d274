package prober

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// identity is what the kernel tells of a disk: a serial that suits a marker, and a
// model; each empty when it tells nothing of use. Whatever is not a disk or one
// of its partitions (device mapper, md, loop) has neither.
func identity(sysfs string, major, minor uint32) (serial, model string) {
	// The link leads to .../block/sda, or .../block/sda/sda1 for a partition.
	disk, err := filepath.EvalSymlinks(filepath.Join(sysfs, "dev/block", fmt.Sprintf("%d:%d", major, minor)))
	if err != nil {
		return "", ""
	}
	suffix := ""
	if partition := attribute(disk, "partition"); partition != "" {
		disk, suffix = filepath.Dir(disk), "-part"+partition
	}
	// All namespaces of an NVMe controller have its serial.
	if namespace := attribute(disk, "nsid"); namespace != "" && namespace != "1" {
		suffix = "-ns" + namespace + suffix
	}
	model = printable(attribute(disk, "device/model"))
	for _, candidate := range []string{
		attribute(disk, "device/serial"), // NVMe, MMC
		attribute(disk, "serial"),        // virtio
		unitSerial(disk),                 // SCSI, SATA
		attribute(disk, "wwid"),          // NVMe
		attribute(disk, "device/wwid"),   // SCSI
	} {
		if s := usable(candidate); s != "" {
			if s += suffix; checkSerial(s) == nil {
				return s, model
			}
		}
	}
	return "", model
}

// usable makes a serial of what a disk calls one; empty when it says nothing:
// too short, or a filler such as 00000000.
func usable(text string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '_'
		case notInSerial(r):
			return -1
		}
		return r
	}, strings.Join(strings.Fields(text), " "))
	if len(s) < minSerial || strings.Trim(s, s[:1]) == "" {
		return ""
	}
	return s
}

// unitSerial is the SCSI page "unit serial number" (SPC-4, 7.8.18): four bytes,
// the last two of them the length, and the serial.
func unitSerial(disk string) string {
	page := readSmall(filepath.Join(disk, "device/vpd_pg80"))
	if len(page) < 4 || page[1] != 0x80 {
		return ""
	}
	length := int(page[2])<<8 | int(page[3])
	return string(page[4:min(len(page), 4+length)])
}

// attribute of a device; empty when it has none.
func attribute(disk, name string) string {
	return strings.TrimSpace(string(readSmall(filepath.Join(disk, name))))
}

// readSmall reads what sysfs has in one attribute, a page at most.
func readSmall(path string) []byte {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, 4096))
	if err != nil {
		return nil // Such as a disk that has been pulled out.
	}
	return data
}
