package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// readCredentials reads a file as the master's flag --credentials does
// (docs/configuration/master.md): JSON, or a principal and a secret in each line.
func readCredentials(file string) (map[string]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("-credentials: %w", err)
	}
	var list struct {
		Credentials []struct{ Principal, Secret string }
	}
	secrets := map[string]string{}
	if json.Unmarshal(content, &list) == nil {
		for _, c := range list.Credentials {
			secrets[c.Principal] = c.Secret
		}
	} else {
		for i, line := range strings.Split(string(content), "\n") {
			fields := strings.Fields(line)
			if len(fields) == 0 {
				continue
			}
			if len(fields) != 2 {
				return nil, fmt.Errorf("-credentials: %s:%d: want a principal and a secret", file, i+1)
			}
			secrets[fields[0]] = fields[1]
		}
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("-credentials: there are none in %s", file)
	}
	return secrets, nil
}
