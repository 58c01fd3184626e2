#!/usr/bin/env bash
# Install everything the other commands need. Safe to repeat: each step does only what is missing.
# Packages come from Debian, PyPI, npm, Maven Central and the Go proxy, all by name and version.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

mkdir -p "$CACHE"
exec 9>"$CACHE/setup.lock"
flock 9
for step in debian yyjson python kafka tools; do
  "tools/setup/$step.sh"
done
touch "$CACHE/setup.done"
say "set up"
