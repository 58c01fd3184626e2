#!/usr/bin/env bash
# Step of set-up: Debian packages. Installs only what is missing and upgrades nothing, so services
# that already run here are left alone.
set -euo pipefail
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

PACKAGES=(
  build-essential cmake ninja-build pkg-config ccache git ca-certificates procps util-linux
  clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev llvm-19 cppcheck shellcheck
  libevent-dev libnghttp2-dev libssl-dev librdkafka-dev libpq-dev libprotobuf-c-dev
  protobuf-c-compiler protobuf-compiler libcurl4-openssl-dev libcmocka-dev
  python3 python3-venv maven kcat wrk
)
CLUSTER_CONF=/etc/postgresql-common/createcluster.d/telefact-setup.conf

check_release() {
  # shellcheck source=/dev/null
  . /etc/os-release 2>/dev/null || true
  case ${ID:-}:${VERSION_ID:-} in
    debian:12 | debian:13) ;;
    *) fail "this machine is ${PRETTY_NAME:-unknown}; set-up knows Debian 12 and 13 only" ;;
  esac
}

# Prints the packages of PACKAGES that are not installed.
missing_packages() {
  comm -13 \
    <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | awk '$1 == "ii" {print $2}' | sort -u) \
    <(printf '%s\n' "${PACKAGES[@]}" | sort)
}

has_java() {
  local version
  version=$(java -XshowSettings:properties -version 2>&1 | awk '/java.specification.version =/ {print $3}')
  [ "${version:-0}" -ge 17 ] 2>/dev/null
}

# Only the programs: Debian's own cluster is neither made nor started for our sake.
install_postgresql() {
  as_root mkdir -p "$(dirname $CLUSTER_CONF)"
  echo 'create_main_cluster = false' | as_root tee $CLUSTER_CONF >/dev/null
  apt_install postgresql
  as_root rm -f $CLUSTER_CONF
}

check_release
command -v java >/dev/null && has_java || PACKAGES+=(default-jre-headless)
mapfile -t missing < <(missing_packages)
needs_postgresql=
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || needs_postgresql=yes
if [ ${#missing[@]} -gt 0 ] || [ -n "$needs_postgresql" ]; then
  say "Debian packages: ${missing[*]} ${needs_postgresql:+postgresql}"
  as_root apt-get update -qq
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
  [ -z "$needs_postgresql" ] || install_postgresql
fi
