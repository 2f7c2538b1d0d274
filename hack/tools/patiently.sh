#!/usr/bin/env bash
# Runs a command that may take minutes, and says so to somebody who waits: a
# line every 30 seconds, and the command's output when it fails.
#   patiently.sh NAME COMMAND [ARGUMENT...]
set -euo pipefail
name=$1
shift
log=$(mktemp)
"$@" >"$log" 2>&1 &
command=$!
trap 'kill "$command" 2>/dev/null || true; rm -f "$log"' EXIT

began=$SECONDS next=30
while kill -0 "$command" 2>/dev/null; do
  sleep 0.2
  if ((SECONDS - began >= next)); then
    echo "    still building $name, $((SECONDS - began)) s"
    next=$((next + 30))
  fi
done
if ! wait "$command"; then
  cat "$log" >&2
  echo "Building $name failed." >&2
  exit 1
fi
