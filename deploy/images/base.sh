#!/usr/bin/env bash
# Prints the tar of a base that ./dev image made today, or makes it: Debian 13 with the packages of
# build-packages, by mmdebstrap from the mirror that this machine uses. From the repository's root.
set -euo pipefail
shopt -s inherit_errexit # a failure inside $(…) is one
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

SUITE=trixie
PACKAGES=deploy/images/build-packages

# The lines of sources.list for SUITE: fixes too, when this machine gets its own from somewhere.
sources() {
  local part mirror
  for part in '' -updates -security; do
    mirror=$(debian_mirror "$part")
    [ -z "$mirror" ] ||
      echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $SUITE$part main"
  done
}

# How this machine's apt reaches its mirror.
apt_options() {
  apt-config dump | grep -E '^Acquire::(https?::|Check-|Retries)' | grep -v '""' | sed 's/^/--aptopt=/; s/;$//'
}

# make_base FILE: documents are left out, licences stay.
make_base() {
  local options
  [ -n "$(debian_mirror '')" ] || fail "this machine's apt has no source of its own suite"
  command -v mmdebstrap >/dev/null || apt_install mmdebstrap
  mapfile -t options < <(apt_options)
  sources | mmdebstrap --quiet --variant=apt --format=tar --include="$(paste -sd, $PACKAGES)" \
    "${options[@]}" --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    $SUITE "$1.part" -
  mv "$1.part" "$1"
}

file=$CACHE/images/base-$(inputs_hash $PACKAGES "$0" "$(date -u +%F)" | cut -c -16).tar
if [ ! -e "$file" ]; then
  say "Debian $SUITE with the build's packages" >&2
  rm -rf "$CACHE/images"
  mkdir -p "$CACHE/images"
  make_base "$file" >&2
fi
echo "$file"
