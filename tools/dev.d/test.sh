#!/usr/bin/env bash
# All tests of our own, as continuous integration runs them, cheap stages first, each with its time; at the end one
# line of counts. With arguments only the stages named; --list prints their names.
# Lint and fuzzing only compute and the tests with servers mostly wait: without arguments they run
# side by side, the former at low priority. The two stages of tests have servers of their own.
# A stage that runs no test fails: nothing is skipped silently.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

STAGES=(setup quick-lint build-gcc unit asan tsan build-release integration e2e fuzz lint)
BESIDE=("0 e2e" "10 fuzz lint") # beside integration: lanes, each with its niceness
FUZZ_SECONDS=${FUZZ_SECONDS:-2}
RESULTS=$PWD/build/test-results
passed=0 failed=0 times=() broken=() lanes=()

stage_setup() { tools/dev.d/setup.sh; }
stage_quick-lint() { tools/dev.d/lint.sh --quick; }
stage_build-gcc() { tools/dev.d/build.sh dev; }
stage_build-release() { tools/dev.d/build.sh release; }
stage_lint() { tools/dev.d/lint.sh --deep; }
stage_unit() { run_ctest dev unit; }
stage_asan() { tools/dev.d/build.sh asan && run_ctest asan unit; }
stage_tsan() { tools/dev.d/build.sh tsan && run_ctest tsan unit; }
stage_integration() { run_pytest integration; }
stage_e2e() { run_pytest e2e; }

stage_fuzz() {
  tools/dev.d/build.sh asan && cmake --preset asan -DFUZZ_SECONDS="$FUZZ_SECONDS" >/dev/null &&
    run_ctest fuzz fuzz
}

run_ctest() {
  ctest --preset "$1" -L "^$2\$" --no-tests=error -j"$(nproc)" --progress \
    --output-junit "${results_of_beside:-$RESULTS}/$1-$2.xml"
}

run_pytest() {
  "$VENV_PYTHON" -m pytest -q -m "not slow" --junitxml="${results_of_beside:-$RESULTS}/$1.xml" "tests/$1"
}

# Adds what the result files of a stage count.
add_counts() {
  local file counts
  for file in "$RESULTS"/*.xml; do
    [ -e "$file" ] || continue
    counts=$("$VENV_PYTHON" tools/junit_counts.py "$file")
    passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
    rm "$file"
  done
}

run_stage() {
  local stage=$1 began=$SECONDS outcome=ok
  say "$stage"
  ("stage_$stage") || { outcome=FAILED; broken+=("$stage"); }
  add_counts
  times+=("$(printf '%-14s %4d s  %s' "$stage" $((SECONDS - began)) $outcome)")
  say "$stage: $((SECONDS - began)) s $outcome"
}

# One after the other, their output and outcome kept until the end.
run_lane() {
  local stage outcome
  renice -n "$1" "$BASHPID" >/dev/null
  results_of_beside=$RESULTS/beside
  for stage in "${@:2}"; do
    SECONDS=0 outcome=ok
    ("stage_$stage") >"$results_of_beside/$stage.log" 2>&1 || outcome=FAILED
    echo "$SECONDS $outcome" >"$results_of_beside/$stage.outcome"
  done
}

start_beside() {
  local lane
  mkdir "$RESULTS/beside"
  set -m # a group of its own for each, to end it with
  for lane in "${BESIDE[@]}"; do
    # shellcheck disable=SC2086
    run_lane $lane &
    lanes+=($!)
  done
  set +m
  trap 'for lane in "${lanes[@]}"; do kill -- "-$lane" 2>/dev/null; done' EXIT
}

end_beside() {
  local lane stage seconds outcome
  for lane in "${lanes[@]}"; do
    wait "$lane"
  done
  trap - EXIT
  find "$RESULTS/beside" -name '*.xml' -exec mv {} "$RESULTS" \;
  add_counts
  for lane in "${BESIDE[@]}"; do
    for stage in ${lane#* }; do
      read -r seconds outcome <"$RESULTS/beside/$stage.outcome"
      [ "$outcome" = ok ] || broken+=("$stage")
      say "$stage (ran beside integration)"
      cat "$RESULTS/beside/$stage.log"
      times+=("$(printf '%-14s %4d s  %s, beside' "$stage" "$seconds" "$outcome")")
    done
  done
}

if [ "${1:-}" = --list ]; then
  printf '%s\n' "${STAGES[@]}"
  exit
fi
whole=
if [ $# -eq 0 ]; then
  whole=1
  set -- "${STAGES[@]:0:$((${#STAGES[@]} - 3))}" # those that no lane has
fi
for stage in "$@"; do
  printf '%s\n' "${STAGES[@]}" | grep -qx -- "$stage" || fail "no stage $stage (./dev test --list)"
done
rm -rf "$RESULTS"
mkdir -p "$RESULTS"
for stage in "$@"; do
  if [ -n "$whole" ] && [ "$stage" = integration ]; then start_beside; fi
  run_stage "$stage"
  # Without tools or binaries the later stages would only repeat the failure.
  case "$stage ${broken[*]: -1}" in "setup setup" | build-*" $stage") break ;; esac
done
[ ${#lanes[@]} -eq 0 ] || end_beside

printf '\n%s\n' "${times[@]}"
[ ${#broken[@]} -eq 0 ] || printf 'failed: %s\n' "${broken[*]}"
# A broken stage that is no test is one failure, so the last line never reads as a success.
[ ${#broken[@]} -eq 0 ] || [ "$failed" -gt 0 ] || failed=${#broken[@]}
echo "$passed passed, $failed failed"
[ ${#broken[@]} -eq 0 ] && [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
