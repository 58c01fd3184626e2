#!/usr/bin/env bash
# Step of the Containerfile: the packages of build-packages, unless the base has them all already.
set -euo pipefail
mapfile -t packages <"$(dirname "$0")/build-packages"

dpkg-query -W "${packages[@]}" >/dev/null 2>&1 && exit
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}"
