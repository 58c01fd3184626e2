#!/usr/bin/env bash
# Install everything the other commands need. Safe to repeat: each step does only what is missing.
# Packages come from Debian, PyPI, npm, Maven Central and the Go proxy, all by name and version.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

mkdir -p "$CACHE"
exec 9>"$CACHE/setup.lock"
flock 9
tools/setup/debian.sh
tools/setup/yyjson.sh
# The rest is of no use to one another and waits for different things: network, disk, processor.
steps=()
for step in python kafka tools; do
  "tools/setup/$step.sh" &
  steps+=($!)
done
for step in "${steps[@]}"; do
  wait "$step"
done
touch "$CACHE/setup.done"
say "set up"
