#!/usr/bin/env bash
# ./dev property [--seconds S] [--seed N]: random histories, whose statistics are compared with scans
# of the tables and with a second model, against a test build.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

need_setup
tools/dev.d/build.sh dev
exec "$VENV_PYTHON" -m tests.property "$@"
