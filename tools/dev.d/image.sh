#!/usr/bin/env bash
# Build the images telefact-gateway and telefact-store without a daemon, as OCI archives with an SBOM
# beside each, and print what they are. Base is Debian 13 with the build's packages, made by mmdebstrap
# from the mirror that this machine uses, so nothing of the build needs a network or a registry.
set -euo pipefail
shopt -s inherit_errexit # a failure inside $(…) is one
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

SUITE=trixie
PACKAGES=deploy/images/build-packages
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

install_tools() {
  local tool missing=()
  for tool in buildah mmdebstrap; do
    command -v $tool >/dev/null || missing+=("$tool")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    as_root apt-get update -qq
    apt_install "${missing[@]}"
  fi
}

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
  mapfile -t options < <(apt_options)
  sources | mmdebstrap --quiet --variant=apt --format=tar --include="$(paste -sd, $PACKAGES)" \
    "${options[@]}" --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    $SUITE "$1.part" -
  mv "$1.part" "$1"
}

todays_base() {
  local file
  file=$CACHE/images/base-$(inputs_hash $PACKAGES "$0" "$(date -u +%F)" | cut -c -16).tar
  if [ ! -e "$file" ]; then
    say "Debian $SUITE with the build's packages" >&2
    rm -rf "$CACHE/images"
    mkdir -p "$CACHE/images"
    make_base "$file" >&2
  fi
  echo "$file"
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
[ "$(id -u)" -eq 0 ] || exec sudo "$0" ${base:+--base "$base"} --out "$out" ${source_url:+--source "$source_url"}
install_tools
describe_sources
mkdir -p "$out"
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
[ -n "$base" ] || base=$(todays_base)
[ ! -f "$base" ] || base=$(import "$base")
build gateway
build store
[ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID" "$out" "$CACHE/images"
