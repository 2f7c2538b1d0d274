package inventory

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// maxSlug leaves room for a hash within the 63 characters of a DNS label.
const maxSlug = validation.DNS1123LabelMaxLength - 1 - hashLength

// hashLength of base32 characters makes 80 bits.
const hashLength = 16

// serialName is the name of the object that is discovered for a serial: the serial
// itself where a name can be it.
func serialName(serial string) string {
	if len(validation.IsDNS1123Label(serial)) == 0 {
		return serial
	}
	return readable(serial) + hash("serial", serial)
}

// placeName is the name of an object for a place, of a device without a serial or
// of one of two places of a serial.
func placeName(p place, serial string) string {
	return readable(p.host+p.path) + hash("place", p.host, p.path, serial)
}

// otherName is used when an object of another meaning has the name.
func otherName(name, cluster string, p place, serial string, try int) string {
	if len(name) > maxSlug {
		name = strings.Trim(name[:maxSlug], "-")
	}
	return name + "-" + hash("other", name, cluster, p.host, p.path, serial, string(rune('a'+try)))
}

// readable keeps of a text what a name may contain, with a "-" behind it.
func readable(text string) string {
	slug := make([]byte, 0, maxSlug+1)
	for _, c := range []byte(strings.ToLower(text)) {
		if len(slug) == maxSlug {
			break
		}
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			slug = append(slug, c)
		case len(slug) > 0 && slug[len(slug)-1] != '-':
			slug = append(slug, '-')
		}
	}
	trimmed := strings.Trim(string(slug), "-")
	if trimmed == "" {
		trimmed = "device"
	}
	return trimmed + "-"
}

// hash of the parts; no two lists of parts are hashed from the same bytes.
func hash(parts ...string) string {
	var all []byte
	for _, part := range parts {
		all = binary.AppendUvarint(all, uint64(len(part)))
		all = append(all, part...)
	}
	sum := sha256.Sum256(all)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:hashLength]
}
