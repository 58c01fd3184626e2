#!/usr/bin/env bash
# The demonstration, from a fresh clone: set up, build, run. Arguments go to tests/demo.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

tools/dev.d/setup.sh
tools/dev.d/build.sh release
exec "$VENV_PYTHON" -m tests.demo "$@"
