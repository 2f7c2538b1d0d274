#!/usr/bin/env bash
# Builds the programs that tests, the demo and code generation need, from the
# versions that go.mod here pins, into bin/: those that are missing, or were
# built from other versions. Arguments name programs; none means all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
bin=$(cd ../.. && pwd)/bin
export GOWORK=off

# What a program is built from. A stamp beside the programs remembers it.
key=$({ go env GOVERSION GOOS GOARCH; cat go.mod go.sum; } | cksum)
kubernetes=$(sed -n 's|^[[:space:]]*k8s.io/kubernetes \(v[^ ]*\).*|\1|p' go.mod)
kubernetes_flags="-s -w -X k8s.io/component-base/version.gitVersion=$kubernetes"

built=0
new=
trap '[[ -z $new ]] || rm -f "$new"' EXIT

# build OUTPUT PACKAGE [LDFLAGS]
build() {
  local output=$bin/$1 package=$2 flags=${3:--s -w} name=${1##*/}
  local stamp=$bin/.built/$name
  if [[ -x $output && -f $stamp && $(<"$stamp") == "$key" ]]; then
    return
  fi
  if ((built == 0)); then
    echo "Building tools into bin/. The first time takes about 5 minutes on two cores; they are kept."
  fi
  built=$((built + 1))
  echo "  $name ($package)"
  mkdir -p "${output%/*}" "$bin/.built"
  new=$output.$$

  ./patiently.sh "$name" go build -o "$new" -ldflags "$flags" "$package"
  mv "$new" "$output"
  new=
  echo "$key" >"$stamp"
}

# A folder of the user's own holds kube-apiserver and etcd, and perhaps kubectl.
given() {
  [[ -n ${KUBEBUILDER_ASSETS:-} && -x $KUBEBUILDER_ASSETS/$1 ]]
}

if (($# == 0)); then
  set -- kube-apiserver etcd kubectl controller-gen kustomize staticcheck
fi
for program; do
  case $program in
  kube-apiserver | etcd)
    if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
      given "$program" || { echo "KUBEBUILDER_ASSETS is set, and there is no $KUBEBUILDER_ASSETS/$program." >&2; exit 1; }
      continue
    fi
    ;;
  kubectl) if given kubectl; then continue; fi ;;
  esac
  case $program in
  kube-apiserver) build k8s/kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "$kubernetes_flags" ;;
  etcd) build k8s/etcd go.etcd.io/etcd/server/v3 ;;
  kubectl) build k8s/kubectl k8s.io/kubernetes/cmd/kubectl "$kubernetes_flags" ;;
  controller-gen) build controller-gen sigs.k8s.io/controller-tools/cmd/controller-gen ;;
  kustomize) build kustomize sigs.k8s.io/kustomize/kustomize/v5 ;;
  staticcheck) build staticcheck honnef.co/go/tools/cmd/staticcheck ;;
  *) echo "There is no tool $program." >&2; exit 1 ;;
  esac
done
if ((built > 0)); then
  echo "Built in $SECONDS s."
fi
