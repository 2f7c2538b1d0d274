#!/usr/bin/env bash
# Generates what is derived from the Go code, into the folder that is given:
# the repository, or an empty one to compare with it.
set -euo pipefail
to=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mkdir -p "$to/api/v1alpha1" "$to/config/crd/bases" "$to/config/rbac"
bin/controller-gen paths=./api/... \
  object output:object:dir="$to/api/v1alpha1" \
  crd output:crd:dir="$to/config/crd/bases"
bin/controller-gen paths=. paths=./controllers/... \
  rbac:roleName=quobyte-mesos-operator output:rbac:dir="$to/config/rbac"
