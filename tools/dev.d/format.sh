#!/usr/bin/env bash
# Format the C files in place; with --check only report what is not formatted.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

MAJOR=19 # another major version formats differently
clang-format-$MAJOR --version 2>/dev/null | grep -q "version $MAJOR\." ||
  fail "clang-format $MAJOR is missing: run ./dev setup"

mapfile -t files < <(find libs services tests bench -name '*.[ch]' 2>/dev/null | sort)
[ ${#files[@]} -gt 0 ] || fail "no C files found"
if [ "${1:-}" = --check ]; then
  unformatted=$(clang-format-$MAJOR --dry-run "${files[@]}" 2>&1 |
    sed -nE 's/^([^ :]+):[0-9]+:[0-9]+: .*/\1/p' | uniq -c)
  if [ -n "$unformatted" ]; then
    printf '%s\n' "lines not formatted (./dev format):" "$unformatted" >&2
    exit 1
  fi
  echo "format: ${#files[@]} files"
else
  clang-format-$MAJOR -i "${files[@]}"
fi
