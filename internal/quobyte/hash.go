package quobyte

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// HashLength is the length of a spec's hash: 60 bits, of which a service sees
// perhaps a thousand in the life of an installation.
const HashLength = 12

// Hash names the spec in task ids and in the store: lower-case letters and
// digits, the same for equal canonical forms.
func (s Spec) Hash() string {
	return digest(s.Canonical(), HashLength)
}

// Revision names what several services are to run together, given the hashes of their
// specs in a fixed order.
func Revision(hashes []string) string {
	return digest([]byte(strings.Join(hashes, ".")), HashLength)
}

// digest returns the first characters of the SHA-256 in lower-case base32.
func digest(data []byte, length int) string {
	sum := sha256.Sum256(data)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:length]
}
