#!/usr/bin/env bash
# Step of set-up: a virtual environment of Debian's own Python with the pinned packages.
set -euo pipefail
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

requirements=tests/requirements.txt
interpreter=$(/usr/bin/python3 --version)
is_done python $requirements "$interpreter" && [ -x "$VENV_PYTHON" ] && exit
say "Python packages into .cache/venv"
/usr/bin/python3 -m venv --clear "$CACHE/venv"
"$VENV_PYTHON" -m pip install --quiet --disable-pip-version-check -r $requirements
mark_done python $requirements "$interpreter"
