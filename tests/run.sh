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

part "random DECIMALs against exact fractions"
python3 tests/oracle/decimals.py ./weir --scripts 200 --seed "${SEED:-1}"

part "patterns against a matcher that tries everything (ASan+UBSan)"
python3 tests/oracle/match.py "$weir" --cases 300 --seed "${SEED:-1}"

part "random queries against DuckDB"
[ -x build/venv/bin/python ] || python3 -m venv build/venv
build/venv/bin/python -c 'import duckdb' 2>/dev/null || build/venv/bin/pip install --quiet duckdb
build/venv/bin/python tests/oracle/run.py ./weir --queries 600 --seed "${SEED:-1}"
build/venv/bin/python tests/oracle/expressions.py ./weir --scripts 200 --seed "${SEED:-1}"

part "random changelogs against DuckDB"
build/venv/bin/python tests/oracle/changes.py "$weir" --queries 300 --seed "${SEED:-1}"
part "scalar functions against Python"
python3 tests/oracle/functions.py ./weir --seed "${SEED:-1}"

part "threads (TSan)"
$make BUILD=tsan build/tsan/weir
python3 tests/sql/run.py build/tsan/weir --quick

printf '\nAll parts passed.\n'
