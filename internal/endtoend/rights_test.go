package endtoend

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
)

// operatorUser stands for the operator's service account.
const operatorUser = "quobyte-operator-under-test"

var granting sync.Mutex

// grantRights gives the operator what config/rbac gives it and nothing else, and
// returns a kubeconfig with these rights: every test is one of the RBAC, too.
func (w *world) grantRights() string {
	w.t.Helper()
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		w.t.Fatal(err)
	}
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join(root, "config", "rbac", name))
		if err != nil {
			w.t.Fatal(err)
		}
		return string(content)
	}
	granting.Lock() // The role and its binding are the cluster's, and the tests run side by side.
	defer granting.Unlock()
	lease := strings.ReplaceAll(read("leader_election_role.yaml"), "quobyte-system", w.namespace)
	w.api.Apply(w.t, w.namespace, fmt.Sprintf(`%s
---
%s
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %[3]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: quobyte-mesos-operator}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %[3]s}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: %[3]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: quobyte-mesos-operator-leader-election}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %[3]s}]
`, read("role.yaml"), lease, operatorUser))
	return w.api.KubeconfigOf(w.t, operatorUser)
}
