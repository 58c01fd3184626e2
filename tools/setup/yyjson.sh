#!/usr/bin/env bash
# Step of set-up: yyjson. Debian 13 has the package; on Debian 12 those two packages, and no other,
# come from Debian 13's suite by a pin. Source and pin are there only while this installs, so that
# nothing else on the machine ever sees the other suite.
set -euo pipefail
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

SOURCE=/etc/apt/sources.list.d/telefact-yyjson.sources
PIN=/etc/apt/preferences.d/telefact-yyjson

pin_trixie() {
  local mirror
  mirror=$(debian_mirror '')
  [ -n "$mirror" ] || fail "no source of this machine's own suite is configured"
  printf '%s\n' 'Types: deb' "URIs: $mirror" 'Suites: trixie' 'Components: main' \
    'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' | as_root tee $SOURCE >/dev/null
  printf '%s\n' 'Package: *' 'Pin: release n=trixie' 'Pin-Priority: -1' '' \
    'Package: libyyjson0 libyyjson-dev' 'Pin: release n=trixie' 'Pin-Priority: 500' |
    as_root tee $PIN >/dev/null
  as_root apt-get update -qq
}

if ! pkg-config --exists yyjson; then
  # shellcheck source=/dev/null
  . /etc/os-release
  say "Debian package: libyyjson-dev"
  trap 'as_root rm -f $SOURCE $PIN' EXIT
  [ "$VERSION_ID" != 12 ] || pin_trixie
  apt_install libyyjson-dev
fi
