#!/usr/bin/env bash
# What other people's tools say of what is deployed: one stage for each tests/certify/test_NAME.py,
# whose tools tools/certify/NAME.sh brings when there is one. With arguments only the stages named;
# --list prints their names. At the end one line of counts, as ./dev test has.
# A stage that runs no test fails: nothing is skipped silently.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

RESULTS=$PWD/build/certify-results
mapfile -t STAGES < <(find tests/certify -name 'test_*.py' -printf '%f\n' | sed 's/^test_//; s/\.py$//' | sort)
passed=0 failed=0 times=()

# Tools are kept for all checkouts of a user, by name and version: some take minutes to build.
export CERTIFY_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/telefact
mkdir -p "$CERTIFY_CACHE"

run_stage() {
  local stage=$1 began=$SECONDS outcome=ok counts
  local result=$RESULTS/$stage.xml
  say "$stage"
  { [ ! -e "tools/certify/$stage.sh" ] || "tools/certify/$stage.sh"; } &&
    "$VENV_PYTHON" -m pytest -q --junitxml="$result" "tests/certify/test_$stage.py" || outcome=FAILED
  counts="0 0"
  [ ! -e "$result" ] || counts=$("$VENV_PYTHON" tools/junit_counts.py "$result")
  passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
  # A stage that broke before its tests is one failure, so the last line never reads as a success.
  if [ "$outcome" = FAILED ] && [ "${counts#* }" = 0 ]; then failed=$((failed + 1)); fi
  times+=("$(printf '%-14s %4d s  %s' "$stage" $((SECONDS - began)) $outcome)")
}

if [ "${1:-}" = --list ]; then
  printf '%s\n' "${STAGES[@]}"
  exit
fi
[ $# -gt 0 ] || set -- "${STAGES[@]}"
for stage in "$@"; do
  printf '%s\n' "${STAGES[@]}" | grep -qx -- "$stage" || fail "no stage $stage (./dev certify --list)"
done
tools/dev.d/setup.sh
tools/dev.d/build.sh release
rm -rf "$RESULTS"
mkdir -p "$RESULTS"
for stage in "$@"; do
  run_stage "$stage"
done
printf '\n%s\n' "${times[@]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
