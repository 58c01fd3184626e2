#!/usr/bin/env bash
# Stop what ./dev up started and remove its data; also what ./dev demo --keep left running.
set -euo pipefail
deploy/local/servers stop
[ ! -x .cache/venv/bin/python ] || .cache/venv/bin/python -m tests.demo --stop
