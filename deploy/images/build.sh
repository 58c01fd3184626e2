#!/usr/bin/env bash
# Step of the Containerfile: builds $PROGRAMS and makes the file system of each one's image,
# /rootfs/PROGRAM. The same sources and packages give the same bytes.
set -euo pipefail
read -ra targets <<<"$PROGRAMS"

cmake --preset release --log-level=WARNING
cmake --build --preset release --target "${targets[@]}"
for program in "${targets[@]}"; do
  DESTDIR=/rootfs/$program cmake --install build/release --prefix /usr --component "$program" --strip
  deploy/images/rootfs.sh "/rootfs/$program"
done
