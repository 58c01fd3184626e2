#!/usr/bin/env bash
# House rules that no compiler checks: print the lines that break one, and fail if there is any.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t sources < <(find libs services tests bench -name '*.[ch]' 2>/dev/null | sort)
mapfile -t headers < <(find libs services -name '*.h' | sort)
[ ${#headers[@]} -gt 0 ] || { echo "house rules: no sources found" >&2; exit 1; }

# rule NAME REGEX [EXEMPT]: code, outside comments and string literals, that matches REGEX, except
# in files whose path matches EXEMPT.
rule() {
  awk -v name="$1" -v regex="$2" '
    FNR == 1 { inside = 0 }
    {
      line = $0
      gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
      gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", line)
      if (inside) { if (!sub(/^.*\*\//, "", line)) next; inside = 0 }
      if (sub(/\/\*.*$/, "", line)) inside = 1
      if (line ~ regex) print FILENAME ":" FNR ": " name ":" $0
    }' "${sources[@]}" | { grep -vE "^(${3:-none})" || true; }
}

# Prototypes that can fail and do not force the caller to look. Function pointers cannot be marked.
unchecked_prototypes() {
  awk '
    /^[a-zA-Z]/ { text = ""; line = FNR }
    { text = text " " $0 }
    /;/ {
      if (text ~ /^ *bool .*struct err \*err\)/ && text !~ /\(\*/)
        print FILENAME ":" line ": MUST_CHECK is missing:" text
      text = ""
    }' "${headers[@]}"
}

word='(^|[^a-zA-Z0-9_])'
banned='strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|atoll|rand|srand|system|alloca'
found=$(
  rule "banned function" "${word}($banned)[(]"
  rule "numbers are parsed in libs/base" "${word}(strtol|strtoll|strtoul|strtoull)[(]" 'libs/base/|tests|bench'
  rule "it heeds no timeout in librdkafka before 2.3" "${word}rd_kafka_query_watermark_offsets[(]"
  rule "wait for an event, with a timeout" "${word}(sleep|usleep|nanosleep)[(]"
  rule "the wall clock decides nothing: libs/base/now" "CLOCK_REALTIME|${word}(time|gettimeofday)[(]" \
    'libs/base/now|tests|bench'
  rule "comments are /* */" '//'
  rule "output is main's and the log's" "${word}f?printf[(]" \
    'libs/base/(command_line|log|settings|mem|fault)|services/[a-z]+/main|tests|bench'
  grep -nwE 'TODO|FIXME|XXX' "${sources[@]}" || true # a debt is NEEDSWORK(#n)
  unchecked_prototypes
)
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
echo "house rules: ${#sources[@]} files"
