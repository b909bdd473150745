#!/bin/sh
# All tests, in the order in which they say most soonest. Each part prints its runner's closing line; the first
# part that fails ends the run.
set -e
make="make --no-print-directory"
case $MAKEFLAGS in *j*) ;; *) make="$make -j$(nproc)" ;; esac
part() { printf '\n== %s\n' "$*"; }

part "build: release and ASan+UBSan"
$make all
$make BUILD=asan build/asan/weir
weir=$PWD/build/asan/weir

part "unit tests (ASan+UBSan)"
$make -j1 BUILD=asan unit

part "golden SQL (ASan+UBSan; 1, 2, 3 and 8 workers)"
python3 tests/sql/run.py "$weir"
python3 tests/sql/docs.py "$weir"

part "bad input and failures (ASan+UBSan)"
python3 tests/bad/run.py "$weir"
python3 tests/bad/messages.py "$weir"

part "command line (ASan+UBSan)"
python3 tests/cli/run.py "$weir"
python3 tests/cli/test.py "$weir"
python3 tests/cli/discover.py "$weir"
"$weir" test --quiet tests/sql
python3 tests/docs.py "$weir" docs/TESTING.md docs/FROM_KINESIS_ANALYTICS.md
python3 tests/apps/run.py "$weir"

part "commands and a running engine (ASan+UBSan)"
python3 tests/server/cli.py "$weir"

part "examples"
python3 tests/examples/run.py ./weir

part "saved fuzz corpora (ASan+UBSan)"
$make BUILD=asan replay

part "kernels against SQLite"
$make build/release/fuzz_expr
build/release/fuzz_expr --seconds 20 --seed "${SEED:-1}"

$make venv
oracle() { # script, binary, option, how many [, seed [, more options]]
    script=$1 binary=$2 option=$3 n=$4 seed=${5:-1}
    shift $(($# < 5 ? $# : 5))
    build/venv/bin/python "tests/oracle/$script.py" "$binary" "$option" "$n" --seed "${SEED:-$seed}" "$@"
}

part "metrics as Prometheus reads them (ASan+UBSan)"
build/venv/bin/python tests/metrics.py "$weir"

part "the API against its description, by schemathesis (ASan+UBSan)"
build/venv/bin/python tests/server/api.py "$weir" --examples 50 --seed "${SEED:-1}"

part "anomalies are found, scores rank as other trees' do"
build/venv/bin/python tests/anomaly/run.py ./weir

part "random queries against DuckDB"
oracle run ./weir --queries 1000
oracle over ./weir --queries 800 7
oracle joins ./weir --queries 600
oracle recent ./weir --queries 400
oracle sessions ./weir --queries 500
oracle zones ./weir --queries 60
oracle sets ./weir --queries 200
oracle lookups ./weir --queries 60
oracle reloads ./weir --cases 60

part "random changelogs, expressions and functions against DuckDB, exact fractions and Python"
oracle changes ./weir --queries 500
oracle rank ./weir --queries 300
oracle order ./weir --queries 300
oracle expressions ./weir --scripts 40
oracle decimals ./weir --scripts 40
oracle functions ./weir --rows 3000

part "the same, and patterns against a matcher that tries everything (ASan+UBSan)"
oracle match "$weir" --queries 400
oracle over "$weir" --queries 100 7
oracle joins "$weir" --queries 100
oracle recent "$weir" --queries 60
oracle sessions "$weir" --queries 100
oracle sets "$weir" --queries 60
oracle changes "$weir" --queries 100
oracle rank "$weir" --queries 30
oracle order "$weir" --queries 30
oracle lookups "$weir" --queries 30
oracle reloads "$weir" --cases 30

part "kill -9 at random instants, and on from the snapshot"
python3 tests/recovery/run.py ./weir --kills 60
python3 tests/recovery/bound.py ./weir
python3 tests/recovery/run.py "$weir" --kills 12 --rows 40000

part "on from what earlier versions left, and not from what later ones would (ASan+UBSan)"
python3 tests/fixtures/run.py "$weir"

part "a call that fails, memory that runs out, a clock that jumps, files that are damaged; and on from the snapshot"
$make build/release/shim.so
$make BUILD=asan build/asan/shim.so
python3 tests/faults/run.py ./weir build/release/shim.so --budget 100 --seed "${SEED:-1}"
python3 tests/faults/run.py "$weir" build/asan/shim.so --budget 60 --part disk --part clock --part damage --seed "${SEED:-1}"

part "streams of a data directory, and kill -9 of their readers"
oracle streams ./weir --cases 12
python3 tests/recovery/streams.py ./weir --rounds 6

part "the server: jobs, streams, broken clients, kill -9 (release, ASan+UBSan)"
python3 tests/server/run.py ./weir
python3 tests/server/run.py "$weir"
python3 tests/server/kills.py ./weir --kills 20
python3 tests/server/kills.py "$weir" --kills 3 --rows 20000
python3 tests/server/soak.py ./weir --jobs 300
python3 tests/server/soak.py "$weir" --jobs 60 --grow 200000000

part "kill -9 of jobs that write streams, SQLite and Postgres, which are looked at all the while"
python3 tests/recovery/once.py ./weir --rounds 3
python3 tests/recovery/once.py "$weir" --rounds 1

part "Nexmark against DuckDB"
build/venv/bin/python tests/nexmark/run.py ./weir

part "threads (TSan)"
$make BUILD=tsan build/tsan/weir
python3 tests/sql/run.py build/tsan/weir --quick
$make BUILD=tsan build/tsan/bench_log
rm -rf build/bench/log && mkdir -p build/bench/log && build/tsan/bench_log build/bench/log 40 100
TSAN_OPTIONS=suppressions=$PWD/tests/tsan.supp python3 tests/server/run.py build/tsan/weir a_job_from_submitting_to_deleting \
    jobs_are_looked_at_while_they_come_and_go a_running_job_is_updated savepoints_and_starts_from_them output_is_followed_by_tls \
    a_job_that_fails_is_started_again requests_that_a_crash_comes_between the_certificate_is_renewed_without_a_connection_lost
for o in run over joins recent sessions changes rank match; do
    oracle $o build/tsan/weir --queries 100 3 --workers 2,8
done

printf '\nAll parts passed.\n'
