#!/usr/bin/env bash
# Tools of stage manifests_work: those of stage manifests.
set -euo pipefail
tools/certify/manifests.sh
