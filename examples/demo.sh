#!/bin/sh
# What `make demo` shows, once weir is built and build/demo/clicks.jsonl is there.
cd "$(dirname "$0")/../build/demo" || exit 1
weir=../../weir
examples=../../examples

run() { # shows the command as it could be typed, then runs it
    printf '\n$ weir'
    printf ' %s' "$@"
    printf '\n'
    "$weir" "$@" || exit
}

printf '\nCounts, errors and latencies of each page in each minute, from JSON lines to JSON lines:\n'
run run $examples/clicks.sql
printf '\nIts first rows, in build/demo/page_minutes.jsonl:\n'
head -n 2 page_minutes.jsonl
printf '\nThe result is input again: all pages together, minute by minute.\n'
run run --quiet --format table $examples/minutes.sql

cat <<'END'

What to try next:
  cat examples/clicks.sql                  the SQL that was run
  ./weir explain examples/clicks.sql       how it ran
  ./weir run examples/telemetry.sql        alarms from sensors, over a sliding window
  ./weir help                              what there is
  sudo make install                        weir, its manual and completion for your shell
END
