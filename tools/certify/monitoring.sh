#!/usr/bin/env bash
# promtool for the stage monitoring: the program alone, out of Debian's package of Prometheus, so that
# no daemon comes with it.
set -euo pipefail
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

candidate() {
  apt-cache policy prometheus | awk '/Candidate:/ && $2 != "(none)" { print $2 }'
}

version=$(candidate)
if [ -z "$version" ]; then
  as_root apt-get update -qq
  version=$(candidate)
fi
[ -n "$version" ] || fail "this Debian has no package prometheus"
home=$CERTIFY_CACHE/promtool-$version
[ ! -x "$home/promtool" ] || exit 0

say "promtool $version"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && { apt-get download -qq -o APT::Sandbox::User=root "prometheus=$version" || fail "the package prometheus cannot be fetched"; })
dpkg-deb --extract "$work"/prometheus_*.deb "$work/package"
mkdir -p "$home"
install "$work/package/usr/bin/promtool" "$home/promtool"
