#!/usr/bin/env bash
# ./dev fuzz [TARGET...] [--runs N]: the fuzz targets of tests/fuzz for long, N inputs each, as many
# at a time as there are processors, and a table of what they did. What they find is kept in
# build/fuzz: inputs in corpus/, one that breaks something as crash-<hash>, output in fuzz-logs/.
set -euo pipefail
# shellcheck source=tools/dev.d/env.sh
. tools/dev.d/env.sh

RUNS=10000000
LOGS=build/fuzz/fuzz-logs
# A large quarantine and deep stacks of every allocation cost more than the parsers do, and so does looking for leaks
# after every input that grew a buffer: leaks are what the shorter runs of ./dev test look for.
export ASAN_OPTIONS=strict_string_checks=1:quarantine_size_mb=8:malloc_context_size=4
export UBSAN_OPTIONS=print_stacktrace=1

run_target() {
  local what=$1 flags
  mapfile -t flags <"tests/fuzz/options/$what"
  mkdir -p "build/fuzz/corpus/$what"
  "build/fuzz/bin/fuzz_$what" -runs="$RUNS" -detect_leaks=0 -timeout=10 -rss_limit_mb=1024 \
    -artifact_prefix=build/fuzz/ -print_final_stats=1 "${flags[@]}" \
    "build/fuzz/corpus/$what" "tests/fuzz/corpus/$what" >"$LOGS/$what.log" 2>&1
}

# "target inputs inputs/s outcome" of a finished target.
report() {
  local what=$1 outcome=$2
  awk -v what="$what" -v outcome="$outcome" '
    $1 == "stat::number_of_executed_units:" { inputs = $2 }
    $1 == "stat::average_exec_per_sec:" { rate = $2 }
    END { printf "%-18s %10d inputs %8d/s  %s\n", what, inputs, rate, outcome }' "$LOGS/$what.log"
}

if [ "${1:-}" = --run-one ]; then # by this script itself
  RUNS=$3
  outcome=ok
  run_target "$2" || outcome="BROKEN, see $LOGS/$2.log"
  report "$2" "$outcome"
  [ "$outcome" = ok ]
  exit
fi

targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --runs) RUNS=${2:?"--runs wants a number"}; shift 2 ;;
    *)
      [ -e "tests/fuzz/fuzz_$1.c" ] || fail "no target $1 (tests/fuzz/fuzz_*.c)"
      targets+=("$1"); shift ;;
  esac
done
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <(find tests/fuzz -name 'fuzz_*.c' | sed 's|.*/fuzz_||; s|\.c$||' | sort)
fi
need_setup
tools/dev.d/build.sh fuzz
mkdir -p "$LOGS"
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I '{}' "$0" --run-one '{}' "$RUNS"
