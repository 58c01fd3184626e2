#!/usr/bin/env bash
# ./dev faults [PYTEST ARGUMENT...]: the slow tests against a test build: all of tests/faults, and those marked
# slow elsewhere.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

need_setup
tools/dev.d/build.sh dev
if [ $# -eq 0 ]; then set -- -m slow tests; fi
exec "$VENV_PYTHON" -m pytest -q "$@"
