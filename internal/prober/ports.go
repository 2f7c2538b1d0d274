package prober

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// listening are those of some ports on which somebody listens, ascending: what the
// kernel has in <procNet>/tcp and tcp6.
func listening(procNet string, ports []uint64) ([]uint64, error) {
	asked := map[uint64]bool{}
	for _, p := range ports {
		asked[p] = true
	}
	found := map[uint64]bool{}
	for _, name := range []string{"tcp", "tcp6"} {
		err := listeningIn(filepath.Join(procNet, name), asked, found)
		if name == "tcp6" && errors.Is(err, os.ErrNotExist) {
			continue // A kernel without IPv6.
		}
		if err != nil {
			return nil, err
		}
	}
	var list []uint64
	for p := range found {
		list = append(list, p)
	}
	slices.Sort(list)
	return list, nil
}

func listeningIn(path string, asked, found map[uint64]bool) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("look for listeners: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for n := 0; lines.Scan(); n++ {
		// sl local_address rem_address st ..., the address as hexadecimal IP:PORT.
		fields := strings.Fields(lines.Text())
		if n == 0 || len(fields) < 4 || fields[3] != "0A" {
			continue
		}
		_, port, _ := strings.Cut(fields[1], ":")
		p, err := strconv.ParseUint(port, 16, 16)
		if err != nil {
			return fmt.Errorf("look for listeners: line %d of %s: %w", n+1, path, err)
		}
		if asked[p] {
			found[p] = true
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("look for listeners: read %s: %w", path, err)
	}
	return nil
}
