package controlplane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// freePort picks a TCP port of 127.0.0.1 that nobody listens on. It is taken
// from below the range from which systems take the ports of outgoing
// connections, so that it is still free when a stopped server comes back.
func freePort() (int, error) {
	const first, last, tries = 12000, 20000, 100
	var errs []error
	for range tries {
		port := first + rand.IntN(last-first)
		listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if err := listener.Close(); err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("find a free port: %w", errors.Join(errs...))
}
