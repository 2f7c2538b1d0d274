package quobyte

import (
	"strconv"
	"strings"
	"time"
)

const (
	// nonceTime is the length of a nonce's time: milliseconds since 1970 in base 36,
	// which last until the year 5188.
	nonceTime = 9
	// nonceRandom is the length of what makes the nonce unique.
	nonceRandom = 8
)

// NewNonce returns the nonce of a task that is launched now, for NewTaskID. random is
// 8 lower-case hexadecimal digits that were not used before in that millisecond. The time
// is what a task id says of its launch after all else was lost: whether a service was
// started before its host got another device.
func NewNonce(now time.Time, random string) string {
	at := strconv.FormatInt(max(0, now.UnixMilli()), 36)
	return strings.Repeat("0", max(0, nonceTime-len(at))) + at + "-" + random
}

// Launched returns when the task was launched, to the millisecond; false when its id does
// not say it: those of the earlier framework, and of operators before NewNonce.
func (id *TaskID) Launched() (time.Time, bool) {
	at, random, _ := strings.Cut(id.Nonce, "-")
	if len(at) != nonceTime || len(random) != nonceRandom || !isHex(random) || strings.ToLower(at) != at {
		return time.Time{}, false
	}
	millis, err := strconv.ParseInt(at, 36, 64)
	if err != nil {
		return time.Time{}, false
	}
	return time.UnixMilli(millis).UTC(), true
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
