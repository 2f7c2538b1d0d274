#!/usr/bin/env bash
# Fails when a generated file is not what the Go code says, without touching it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

hack/tools/generate.sh "$fresh"
stale=0
while IFS= read -r file; do
  diff -u "$file" "$fresh/$file" || stale=1
done < <(cd "$fresh" && find . -type f | sort)
# A resource that is no more leaves its file behind.
diff <(ls config/crd/bases) <(ls "$fresh/config/crd/bases") || stale=1
if ((stale)); then
  echo "Generated files are out of date: run make generate." >&2
  exit 1
fi
