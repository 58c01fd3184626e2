#!/usr/bin/env bash
# ./dev chaos [--minutes M] [--seed S]: random faults under load against a test build.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

need_setup
tools/dev.d/build.sh dev
exec "$VENV_PYTHON" -m tests.chaos "$@"
