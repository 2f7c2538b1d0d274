package controlplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const modulePath = "github.com/quobyte/mesos-operator"

// AssetsVariable names the environment variable that points to a folder with
// kube-apiserver and etcd, as it does for other projects that use envtest.
const AssetsVariable = "KUBEBUILDER_ASSETS"

// Assets are the programs of a control plane.
type Assets struct {
	APIServer string
	Etcd      string
	Kubectl   string
}

// FindAssets looks for the programs where KUBEBUILDER_ASSETS says, else where
// make tools puts them. kubectl may be missing from the former: it is then
// taken from the latter.
func FindAssets() (Assets, error) {
	root, err := RepositoryRoot()
	if err != nil {
		return Assets{}, err
	}
	built := filepath.Join(root, "bin", "k8s")
	servers := built
	if dir := os.Getenv(AssetsVariable); dir != "" {
		servers = dir
	}

	var found Assets
	var missing []string
	pick := func(name string, dirs ...string) string {
		for _, dir := range dirs {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				return path
			}
		}
		missing = append(missing, filepath.Join(dirs[0], name))
		return ""
	}
	found.APIServer = pick("kube-apiserver", servers)
	found.Etcd = pick("etcd", servers)
	found.Kubectl = pick("kubectl", servers, built)
	if len(missing) > 0 {
		return Assets{}, fmt.Errorf("no %s: run `make tools` (minutes the first time), or let %s name a folder that has them",
			strings.Join(missing, ", "), AssetsVariable)
	}
	return found, nil
}

// RepositoryRoot returns the folder of the operator's go.mod, at or above the
// working directory.
func RepositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(content), "module "+modulePath+"\n") {
			return dir, nil
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("find the repository: %w", err)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find the repository: no go.mod of %s at or above the working directory", modulePath)
		}
		dir = parent
	}
}
