#!/usr/bin/env bash
# Start Kafka and PostgreSQL for hand use; print the lines that make all programs find them.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

need_setup
deploy/local/servers start "$@"
deploy/local/servers env
