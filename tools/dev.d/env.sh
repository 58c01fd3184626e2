# Sourced by every command: where things are. The working directory is the repository's root.
# shellcheck shell=bash
CACHE=$PWD/.cache
export VENV_PYTHON=$CACHE/venv/bin/python
export CCACHE_DIR=$CACHE/ccache CCACHE_BASEDIR=$PWD
export PATH=$CACHE/tools/bin:$PATH

say() { printf '== %s\n' "$*"; }

fail() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

# Commands other than setup need what setup brings.
need_setup() {
  [ -e "$CACHE/setup.done" ] || fail "run ./dev setup first"
}
