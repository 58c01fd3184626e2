#!/usr/bin/env bash
# Configure and build presets of CMakePresets.json; without an argument: release.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

need_setup
[ $# -gt 0 ] || set -- release
quiet=()
[ -t 1 ] || quiet=(-- --quiet)
for preset in "$@"; do
  say "build $preset"
  cmake --preset "$preset" --log-level=WARNING >/dev/null
  cmake --build --preset "$preset" -j"$(nproc)" "${quiet[@]}"
done
