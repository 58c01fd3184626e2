#!/usr/bin/env bash
# Stop what ./dev up started and remove its data.
set -euo pipefail
exec deploy/local/servers stop
