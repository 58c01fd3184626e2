#!/usr/bin/env bash
# Build the images telefact-gateway and telefact-store without a daemon, as OCI archives with an SBOM
# beside each, and print what they are. Base is Debian 13 with the build's packages, made by mmdebstrap
# from the mirror that this machine uses, so nothing of the build needs a network or a registry.
set -euo pipefail
shopt -s inherit_errexit # a failure inside $(…) is one
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

out=$PWD/build/images
base=
source_url=

usage() {
  cat <<'END'
usage: ./dev image [--base IMAGE|FILE] [--out FOLDER] [--source URL]
  --base    Debian 13 or what is made of it: the name of an image, or the tar of a root file system;
            without it one is made, once a day
  --out     where the archives and SBOMs go (build/images)
  --source  label org.opencontainers.image.source (the https URL of remote "origin")
END
}

# buildah keeps its mounts to itself, which takes a root that is a mount. That of a chroot need not be
# one; then it is mounted over a folder, and this script starts again in there.
in_mounted_root() {
  local place status=0
  place=$(mktemp -d)
  # shellcheck disable=SC2016 # for the inner shell
  unshare --mount --propagation unchanged sh -c '
    mount --rbind / "$0" && mount --make-rprivate "$0" && chroot "$0" env --chdir="$PWD" "$@"
    status=$?
    umount --lazy "$0"
    exit $status' "$place" "$@" || status=$?
  rmdir "$place"
  exit $status
}

in_store() {
  buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"
}

# import FILE: an image of a root file system, by the name it prints.
import() {
  local container
  container=$(in_store from scratch)
  in_store add --quiet "$container" "$1" / >/dev/null
  in_store commit --quiet --rm "$container" localhost/telefact-base:local >/dev/null
  echo localhost/telefact-base:local
}

# build NAME: the image telefact-NAME as archive and SBOM.
build() {
  local program=telefact-$1 archive=$out/telefact-$1.oci.tar
  say "image $program"
  in_store build --quiet --isolation chroot --layers=false --timestamp "$epoch" \
    --build-arg BASE="$base" --build-arg PROGRAMS="$program" --build-arg SOURCE_DATE_EPOCH="$epoch" \
    --build-arg VERSION="$version" --build-arg REVISION="$revision" --build-arg SOURCE="$source_url" \
    --build-arg CREATED="$(date -u -d "@$epoch" +%FT%TZ)" \
    --file deploy/images/Containerfile --target "$1" --tag "localhost/$program:$version" . >"$work/build.log" 2>&1 ||
    { tail -n 40 "$work/build.log" >&2; fail "the build of $program failed"; }
  rm -f "$archive"
  in_store push --quiet "localhost/$program:$version" "oci-archive:$archive:$program:$version"
  python3 tools/describe_image.py "$archive" "$out/$program.cdx.json"
}

# What is not committed is no revision of anybody else's.
describe_sources() {
  epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
  revision=$(git rev-parse HEAD)
  [ -z "$(git status --porcelain)" ] || revision=$revision-modified
  version=$(sed -nE 's/^project\(telefact VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
  [ -n "$source_url" ] || source_url=$(git remote get-url origin 2>/dev/null | grep -E '^https://[^@]*$' || echo unknown)
}

given=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    --base) base=$2 ;;
    --out) out=$(realpath -m "$2") ;;
    --source) source_url=$2 ;;
    *)
      usage >&2
      exit 64 ;;
  esac
  shift 2
done
# Root, because the files of an image belong to it.
[ "$(id -u)" -eq 0 ] || exec sudo "$0" "${given[@]}"
unshare --mount true 2>/dev/null || in_mounted_root "$0" "${given[@]}"
command -v buildah >/dev/null || { as_root apt-get update -qq; apt_install buildah; }
describe_sources
mkdir -p "$out"
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
[ -n "$base" ] || base=$(deploy/images/base.sh)
[ ! -f "$base" ] || base=$(import "$base")
build gateway
build store
[ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID" "$out" "$CACHE/images"
