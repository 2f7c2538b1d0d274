//go:build !race

package endtoend

// raceEnabled: the tests run with the race detector, and so does the operator.
const raceEnabled = false
