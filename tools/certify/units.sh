#!/usr/bin/env bash
# Tool of stage units: systemd-analyze, which needs no systemd that runs.
set -euo pipefail
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

command -v systemd-analyze >/dev/null || apt_install systemd
