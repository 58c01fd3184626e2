#!/usr/bin/env bash
# rootfs.sh ROOT: makes ROOT, which holds /usr/bin/PROGRAM, the whole file system of an image. Adds what
# the program loads, what tells who it is and whom it may trust, and for each Debian package of which a
# file is there what tells scanners its version (/var/lib/dpkg/status.d) and people its licence.
set -euo pipefail
root=$1

# File by file: packages bring programs, plug-ins and settings that nothing here uses. glibc loads
# libgcc_s by itself, when a thread ends early.
libraries() {
  ldd "$root"/usr/bin/* | awk '$2 == "=>" {print $3} $1 ~ /^\// {print $1}' | sort -u
  gcc -print-file-name=libgcc_s.so.1
}

# copy FILE...: to the same place, and when it is a link also the file it leads to.
copy() {
  local file folder
  for file in "$@"; do
    folder=$(realpath "$(dirname "$file")")
    install -d "$root$folder"
    cp -P "$folder/$(basename "$file")" "$root$folder/"
    [ ! -L "$file" ] || copy "$(realpath "$file")"
  done
}

# The packages that own the files of ROOT. The list of authorities is made of ca-certificates' files.
packages() {
  echo ca-certificates
  find "$root/usr/lib" "$root/usr/share" -type f | sed "s|^$root||" |
    xargs dpkg-query -S | sed 's/: .*//'
}

describe() {
  local package=$1 name=${1%:*} folder=$root/var/lib/dpkg/status.d
  dpkg-query -s "$package" >"$folder/$name"
  while read -r sum file; do
    [ ! -f "$root/$file" ] || printf '%s  %s\n' "$sum" "$file"
  done <"$(dpkg-query --control-path "$package" md5sums)" >"$folder/$name.md5sums"
  install -D -m 0644 "/usr/share/doc/$name/copyright" "$root/usr/share/doc/$name/copyright"
}

install -d "$root"/{dev,proc,sys,etc/ssl/certs,usr/lib/ssl,usr/lib64,usr/share,var/lib/dpkg/status.d}
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
mapfile -t files < <(libraries)
copy "${files[@]}" /etc/os-release
cp -r /usr/share/common-licenses "$root/usr/share/"
install -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem" # where OpenSSL looks by itself
echo 'telefact:x:65532:65532:telefact:/:/sbin/nologin' >"$root/etc/passwd"
echo 'telefact:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
owners=$(packages | sort -u)
for owner in $owners; do
  describe "$owner"
done
chmod -R go-w "$root"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
