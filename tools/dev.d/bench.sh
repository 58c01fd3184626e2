#!/usr/bin/env bash
# ./dev bench NAME [ARGUMENT...]: run bench/NAME.py against a release build.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

need_setup
if [ $# -eq 0 ]; then
  echo "usage: ./dev bench NAME; there are:" >&2
  find bench -maxdepth 2 \( -name '[a-z]*.py' -o -name __main__.py \) 2>/dev/null | sort >&2
  exit 64
fi
tools/dev.d/build.sh release
name=$1
shift
exec "$VENV_PYTHON" -m "bench.$name" "$@"
