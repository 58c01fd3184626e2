#!/usr/bin/env bash
# Remove what was built; with --all also .cache/ (after stopping our servers) and the package pin.
set -euo pipefail
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

rm -rf build
if [ "${1:-}" = --all ]; then
  deploy/local/servers stop
  [ ! -x "$CACHE/venv/bin/python" ] || "$CACHE/venv/bin/python" -m tests.demo --stop
  rm -rf "$CACHE"
  pin=(/etc/apt/sources.list.d/telefact-yyjson.sources /etc/apt/preferences.d/telefact-yyjson)
  if [ -e "${pin[0]}" ] || [ -e "${pin[1]}" ]; then
    as_root rm -f "${pin[@]}"
  fi
fi
