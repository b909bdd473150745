"""What the oracles share: the command line, the loop over seeds, runs of weir's number of workers, DuckDB.

A case is made from its seed alone: --workers and --keep change nothing of it but what they say.
"""
import argparse
import contextlib
import os
import subprocess
import sys
import tempfile

import duckdb

TIMEOUT = 120  # seconds; a case takes milliseconds

_options = argparse.Namespace(workers=None, keep=None)
_open = {}


def workers(r, choice=(1, 2, 3, 8)):
    """How many workers the case is to run with."""
    n, given = r.choice(choice), _options.workers
    return given[n % len(given)] if given else n


def chunk(r):
    """An option of the file that is read: small chunks, so that several workers read side by side, or its default."""
    return r.choice(["", "", ", chunk_bytes = '1'", ", chunk_bytes = '300'", ", chunk_bytes = '5000'"])


def on_borders(r, rows):
    """Times on a grid, in some cases, or a millisecond before: rows stand on the borders of windows and frames, and a
    whole gap or bound apart."""
    grid, before = r.choice([1, 1, 100, 1000]), r.choice([0, 0.3])
    for row in rows:
        row["ts"] = row["ts"] // grid * grid - (grid > 1 and r.random() < before)
    return rows


@contextlib.contextmanager
def folder():
    """Where the case's files go."""
    if _options.keep:
        yield _options.keep
        return
    with tempfile.TemporaryDirectory() as d:
        yield d


def table(name, columns, rows, **config):
    """The connection to DuckDB with this config, in which `name` is a new table of (column, type) with these rows.
    One connection serves all cases, as making one takes 40 ms; rows come by whole columns, as executemany takes half a
    millisecond a row."""
    key = tuple(sorted(config.items()))
    if key not in _open:
        _open[key] = duckdb.connect(config={"threads": 2, **config})
    db = _open[key]
    db.execute(f"CREATE OR REPLACE TABLE {name} ({', '.join(f'{c} {t}' for c, t in columns)})")
    if rows:
        db.execute(f"INSERT INTO {name} SELECT {', '.join(f'unnest(?::{t}[])' for _, t in columns)}",
                   [list(values) for values in zip(*rows)])
    return db


def main(what, run_case):
    """run_case(weir, seed) says what is wrong, or None; or (that, how many queries the case had)."""
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("--queries", type=int, default=300)
    a.add_argument("--seed", type=int, default=1, help="of the first case")
    a.add_argument("--workers", type=lambda s: [int(x) for x in s.split(",")], help="such as 2,8, in place of 1, 2, 3, 8")
    a.add_argument("--keep", help="a folder that the last case's files stay in")
    a.add_argument("--stop", action="store_true", help="at the first failure")
    a.parse_args(namespace=_options)
    o, passed, failed, seed = _options, 0, 0, _options.seed
    if o.keep:
        os.makedirs(o.keep, exist_ok=True)
    while passed + failed < o.queries:
        try:
            bad = run_case(os.path.abspath(o.weir), seed)
        except subprocess.TimeoutExpired:
            bad = f"seed {seed}: did not end within {TIMEOUT} s"
        except duckdb.Error as e:
            bad = f"seed {seed}: the oracle refused: {e}"
        bad, n = bad if isinstance(bad, tuple) else (bad, 1)
        seed += 1
        if bad:
            failed += 1
            if failed <= 5:
                print(f"FAIL --seed {seed - 1} --queries 1\n{bad}", flush=True)
            if o.stop:
                break
        else:
            passed += n
    print(f"{what}: {passed} passed, {failed} failed, seeds {o.seed}..{seed - 1}")
    sys.exit(1 if failed else 0)
