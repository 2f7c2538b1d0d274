package quobyte

// maxHostKey is the length of the longest key, so that a task id with the
// longest of all its parts stays within MaxTaskID.
const maxHostKey = 120

const (
	// hostKeyMark stands before the digest of a host name that was changed. No
	// host name that is used unchanged contains it, so the two never collide.
	hostKeyMark = '~'
	// hostDigest is 80 bits: two of 10,000 host names do not share one.
	hostDigest = 16
)

// HostKey returns the form in which a host stands in a task id. Compare hosts
// by it: different host names have different keys. It takes the name of a host
// and never a key: the key of a key is another one.
//
// Names of letters, digits, '.', '-' and '_' of up to 120 bytes stand as they
// are. Any other name, longer or with other characters (the ':' of an IPv6
// address, which would also break Docker's mount of the sandbox), is cut, cleaned
// and followed by a digest of the whole.
//
// Upper and lower case are kept and tell hosts apart: agents report the name that
// they were given, and Mesos compares it byte by byte.
func HostKey(host string) string {
	if isPlain(host, maxHostKey) {
		return host
	}
	const cut = maxHostKey - hostDigest - 1
	head := []byte(host[:min(len(host), cut)])
	for i, c := range head {
		if !plain(c) {
			head[i] = '-'
		}
	}
	return string(head) + string(hostKeyMark) + digest([]byte(host), hostDigest)
}

// isHostKey says that HostKey may have returned the key.
func isHostKey(key string) bool {
	mark := len(key) - hostDigest - 1
	if mark < 0 || key[mark] != hostKeyMark {
		return isPlain(key, maxHostKey)
	}
	head, sum := key[:mark], key[mark+1:]
	return len(key) <= maxHostKey && (head == "" || isPlain(head, maxHostKey)) && isPlain(sum, hostDigest)
}

// isPlain says that s has 1 to limit characters, each of them plain.
func isPlain(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if !plain(s[i]) {
			return false
		}
	}
	return true
}

func plain(c byte) bool { return word(c) || c == '.' || c == '_' }

func word(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-'
}
