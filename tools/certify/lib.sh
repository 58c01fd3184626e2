# Sourced by the stages' scripts that build or fetch more than a package: what is finished goes into
# $CERTIFY_CACHE/NAME-VERSION, and all that making it takes (Go's modules and build cache are gigabytes) goes away when
# the script ends.
# shellcheck shell=bash
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

# go_program NAME PACKAGE@VERSION: one program of a module that others may install.
go_program() {
  local home=$CERTIFY_CACHE/$1-${2##*@v}
  [ ! -d "$home" ] || return 0
  say "$1 ${2##*@v}"
  go_workshop
  GOBIN=$WORKSHOP/$1 quietly "$1" go install -trimpath -ldflags='-s -w' "$2"
  keep "$WORKSHOP/$1" "$home"
}

# go_tools NAME MODULE: the tools of tools/certify/go/NAME/go.mod, kept under the version of MODULE there.
go_tools() {
  local home
  home=$(go_tools_home "$@")
  [ ! -d "$home" ] || return 0
  say "${home##*/}"
  go_workshop
  mkdir "$WORKSHOP/$1"
  quietly "$1" go -C "tools/certify/go/$1" build -trimpath -ldflags='-s -w' -o "$WORKSHOP/$1" tool
  keep "$WORKSHOP/$1" "$home"
}

go_tools_home() {
  printf '%s/%s-%s\n' "$CERTIFY_CACHE" "$1" "$(sed -n "s|^require $2 v||p" "tools/certify/go/$1/go.mod")"
}

# go_files NAME MODULE@VERSION PATH...: files of a module, as they are published.
go_files() {
  local name=$1 module=$2 home=$CERTIFY_CACHE/$1-${2##*@v}
  [ ! -d "$home" ] || return 0
  say "$name ${module##*@v}"
  go_workshop
  quietly "$name" go mod download "$module"
  mkdir "$WORKSHOP/$name"
  (cd "$GOMODCACHE/$module" && cp -- "${@:3}" "$WORKSHOP/$name")
  keep "$WORKSHOP/$name" "$home"
}

go_workshop() {
  need_go
  workshop
  export GOMODCACHE=$WORKSHOP/mod GOCACHE=$WORKSHOP/cache GOFLAGS=-modcacherw CGO_ENABLED=0
}

workshop() {
  [ -z "${WORKSHOP:-}" ] || return 0
  WORKSHOP=$(mktemp -d "$CERTIFY_CACHE/workshop.XXXXXX")
  trap 'rm -rf "$WORKSHOP"' EXIT
}

# quietly WHAT COMMAND...: its output only if it fails.
quietly() {
  "${@:2}" >"$WORKSHOP/log" 2>&1 || { tail -n 40 "$WORKSHOP/log" >&2; fail "$1 could not be made"; }
}

# keep FOLDER HOME: whole or not at all; another run may have been first.
keep() {
  mv -T "$1" "$2" 2>/dev/null || [ -d "$2" ] || fail "cannot keep $2"
}
