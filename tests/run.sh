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

part "command line (ASan+UBSan)"
python3 tests/cli/run.py "$weir"

part "examples"
python3 tests/examples/run.py ./weir

part "saved fuzz corpora (ASan+UBSan)"
$make BUILD=asan replay

part "kernels against SQLite"
$make build/release/fuzz_expr
build/release/fuzz_expr --seconds 20 --seed "${SEED:-1}"

[ -x build/venv/bin/python ] || python3 -m venv build/venv
build/venv/bin/python -c 'import duckdb' 2>/dev/null || build/venv/bin/pip install --quiet duckdb
oracle() { # script, binary, option, how many [, seed]
    build/venv/bin/python "tests/oracle/$1.py" "$2" "$3" "$4" --seed "${SEED:-${5:-1}}"
}
build/venv/bin/python tests/oracle/run.py ./weir --queries 600 --seed "${SEED:-1}"
build/venv/bin/python tests/oracle/over.py ./weir --queries 400 --seed "${SEED:-1}"
build/venv/bin/python tests/oracle/expressions.py ./weir --scripts 200 --seed "${SEED:-1}"

part "random queries against DuckDB"
oracle run ./weir --queries 600
oracle over ./weir --queries 500 7
oracle joins ./weir --queries 60
oracle sessions ./weir --queries 60
oracle zones ./weir --queries 60
oracle sets ./weir --queries 200

part "random changelogs, expressions and functions against DuckDB, exact fractions and Python"
oracle changes ./weir --queries 120
oracle expressions ./weir --scripts 40
oracle decimals ./weir --scripts 40
oracle functions ./weir --rows 3000

part "the same, and patterns against a matcher that tries everything (ASan+UBSan)"
oracle match "$weir" --cases 300
oracle over "$weir" --queries 30 7
oracle joins "$weir" --queries 30
oracle sessions "$weir" --queries 30
oracle sets "$weir" --queries 30
oracle changes "$weir" --queries 30

part "Nexmark against DuckDB"
build/venv/bin/python tests/nexmark/run.py ./weir

part "threads (TSan)"
$make BUILD=tsan build/tsan/weir
python3 tests/sql/run.py build/tsan/weir --quick

printf '\nAll parts passed.\n'
