#!/usr/bin/env bash
# ./dev faults [PYTEST ARGUMENT...]: the slow fault tests of docs/faults.md against a test build.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

need_setup
tools/dev.d/build.sh dev
if [ $# -eq 0 ]; then set -- tests/faults; fi
exec "$VENV_PYTHON" -m pytest -q "$@"
