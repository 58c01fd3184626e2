#!/usr/bin/env bash
# Everything that reads the sources and runs nothing of them. With --quick only what needs no build:
# format, includes, house rules, scripts, protos; with --deep only the rest.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

failed=()

check() {
  local name=$1
  shift
  ("$@") || failed+=("$name")
}

scripts() {
  local files
  mapfile -t files < <(git ls-files -co --exclude-standard -z |
    xargs -0 grep -lsE -m 1 '^#!/.*bash$|^# shellcheck shell=bash$')
  shellcheck -x "${files[@]}" && echo "shellcheck: ${#files[@]} scripts"
}

python_code() {
  "$CACHE/venv/bin/ruff" check --quiet . && echo "ruff: no faults"
}

protos() {
  [ -s proto/image.binpb ] || fail "proto/image.binpb, the committed contract, is missing"
  buf lint && buf breaking --against proto/image.binpb && echo "buf: lint and breaking"
}

clang_tidy() {
  local files
  mapfile -t files < <(git ls-files -co --exclude-standard 'libs/*.c' 'services/*.c' 'tests/*.c' |
    grep -v -e '^tests/fuzz/' -e '^tests/support/shims/') # compiled with flags of their own
  tools/run_clang_tidy.py build/clang "${files[@]}"
}

cpp_check() {
  cppcheck --project=build/clang/compile_commands.json -q -j"$(nproc)" --std=c11 \
    --enable=warning,performance,portability --library=posix --inline-suppr \
    --suppress=readdirCalled --suppress=normalCheckLevelMaxBranches \
    -ibuild -itests --error-exitcode=1 && echo "cppcheck: no faults"
}

# Compiles the headers and what is generated alone: what clang says of the sources, the sanitizers' builds say too.
headers_alone() {
  cmake --preset clang --log-level=WARNING >/dev/null &&
    cmake --build --preset clang --target all_verify_interface_header_sets proto_c rpc_echo_proto \
      -j"$(nproc)" -- --quiet &&
    echo "headers: each compiles alone"
}

need_setup
if [ "${1:-}" != --deep ]; then
  check format tools/dev.d/format.sh --check
  check includes tools/check_includes.py
  check house-rules tools/check_house_rules.sh
  check scripts scripts
  check python python_code
  check protos protos
fi
if [ "${1:-}" != --quick ]; then
  check headers headers_alone
  check clang-tidy clang_tidy
  check cppcheck cpp_check
fi
[ ${#failed[@]} -eq 0 ] || fail "lint failed: ${failed[*]}"
