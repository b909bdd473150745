#!/usr/bin/env python3
"""Random subqueries as values and random set operations over bounded input, and set operations of windows: weir against
DuckDB.

Usage: sets.py WEIR [--queries N] [--seed S] [--stop]

Tables are small, of few values, with NULLs and rows that are equal; some are empty. For windows the rows lie out of
order, by less than the watermark waits, so that none is late. A failure prints what is needed to repeat it.
"""
import json
import os
import random
import subprocess
import tempfile
from datetime import datetime, timedelta

import duckdb

import common

T0 = datetime(2026, 1, 1)
COLUMNS = [("ts", "TIMESTAMP(3)", "TIMESTAMP"), ("i", "INTEGER", "INTEGER"), ("j", "INTEGER", "INTEGER"), ("s", "VARCHAR", "VARCHAR")]
TEXTS = ["a", "b", "a longer text than a view holds", ""]


def make_table(r):
    n, values = r.choice([0, 1, 5, 20, 80]), r.choice([2, 3, 10])
    null = r.choice([0, 0, 0.2])
    pick = lambda f: None if r.random() < null else f()
    t, rows = 0, []
    for _ in range(n):
        t += r.choice([0, 1, 2, 5, 30])
        ts = T0 + timedelta(seconds=max(0, t - r.choice([0, 0, 1, 8])))
        rows.append((ts, pick(lambda: r.randrange(values)), pick(lambda: r.randrange(-1, values)), pick(lambda: r.choice(TEXTS))))
    return rows


class Query:
    """SQL that both understand, but for the windows."""

    def __init__(self, r):
        self.r = r

    def table(self):
        return self.r.choice(["t", "u", "v"])

    def column(self, q):
        return f"{q}.{self.r.choice(['i', 'j'])}"

    def simple(self, q):
        r = self.r
        return r.choice([f"{self.column(q)} {r.choice(['<', '=', '>', '<>'])} {r.randrange(0, 5)}", f"{self.column(q)} IS NULL",
                         f"{q}.s = 'a'", f"{self.column(q)} < {self.column(q)}", "1 = 1", "1 = 0"])

    def inner(self, item):
        """A subquery of one column."""
        where = f" WHERE {self.cond('x', 0)}" if self.r.random() < 0.6 else ""
        return f"(SELECT {item} FROM {self.table()} AS x{where})"

    def scalar(self):
        agg = self.r.choice(["MAX(x.i)", "MIN(x.j)", "COUNT(*)", "SUM(x.i)", "MAX(x.i) - MIN(x.j)", "COUNT(DISTINCT x.j)"])
        return self.inner(agg)

    def sub(self, q):
        """A BOOLEAN subquery over q."""
        r, no = self.r, self.r.choice(["", "", "NOT "])
        kind = r.randrange(4)
        if kind == 0:
            return f"{no}EXISTS {self.inner(r.choice(['1', 'x.i', '*']))}"
        if kind == 1:
            return f"{q}.s {no}IN {self.inner('x.s')}"
        if kind == 2:
            return f"{r.choice([self.column(q), self.column(q) + ' + 1', self.scalar()])} {no}IN {self.inner(r.choice(['x.i', 'x.j', 'x.i + x.j']))}"
        return f"{self.column(q)} {r.choice(['<', '=', '>='])} {self.scalar()}"

    def cond(self, q, depth=1):
        r = self.r
        if depth == 0:
            return self.simple(q) if r.random() < 0.8 else self.sub(q)
        parts = [self.sub(q) if r.random() < 0.7 else self.simple(q) for _ in range(r.choice([1, 2, 2, 3]))]
        c = f" {r.choice(['OR', 'OR', 'AND'])} ".join(parts)
        return f"NOT ({c})" if r.random() < 0.2 else f"({c})"

    def values(self):
        r = self.r
        items = ["a.i", "a.s"] + [r.choice([self.scalar, lambda: self.sub("a"), lambda: f"a.j + {self.scalar()}",
                                            lambda: f"CASE WHEN {self.sub('a')} THEN a.i ELSE {self.scalar()} END"])() for _ in range(r.choice([0, 1, 2]))]
        tail = f" WHERE {self.cond('a')}" if r.random() < 0.7 else ""
        if r.random() < 0.3:
            having = f" HAVING COUNT(*) > {self.scalar()}" if r.random() < 0.5 else ""
            return (f"SELECT a.i, COUNT(*) AS n, SUM(a.j) + {self.scalar()} AS m, EXISTS {self.inner('1')} AS e, "
                    f"COUNT(*) FILTER (WHERE {self.sub('a')}) AS f FROM {self.table()} AS a{tail} GROUP BY a.i{having}")
        if r.random() < 0.2:
            return f"SELECT a.i, b.s, {self.scalar()} AS c0 FROM {self.table()} AS a JOIN {self.table()} AS b ON a.i = b.j{tail}"
        return "SELECT " + ", ".join(f"{e} AS c{k}" for k, e in enumerate(items)) + f" FROM {self.table()} AS a{tail}"

    def side(self):
        where = f" WHERE {self.cond('a', 0)}" if self.r.random() < 0.5 else ""
        items = self.r.choice(["a.i, a.s", "a.i, a.s", "a.j, a.s", "a.i + a.j, a.s"])
        return f"SELECT {items} FROM {self.table()} AS a{where}"

    def op(self):
        return self.r.choice(["UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"])

    def set(self):
        r = self.r
        sides = [f"({self.side()})" for _ in range(r.choice([2, 2, 3]))]
        q = sides[0]
        for s in sides[1:]:
            q = f"({q} {self.op()} {s})"
        return f"SELECT i AS c0, COUNT(*) AS c1, MAX(s) AS c2 FROM {q} AS x(i, s) GROUP BY i" if r.random() < 0.3 else f"SELECT * FROM {q} AS x(i, s)"

    def windows(self):
        """The same of windows: weir's text and DuckDB's."""
        size, op, key = self.r.choice([1, 10, 60]), self.op(), self.r.choice(["i", "i, s", "s"])
        where = [f" WHERE {self.simple('a')}" if self.r.random() < 0.4 else "" for _ in range(2)]
        tables, bucket = [self.table() for _ in range(2)], f"time_bucket(INTERVAL {size} SECOND, a.ts)"
        tvf = lambda t: f"TABLE(TUMBLE(TABLE {t}, DESCRIPTOR(ts), INTERVAL '{size}' SECOND)) AS a"
        cols = ", ".join("a." + k for k in key.split(", "))
        mine = f" {op} ".join(f"SELECT window_start, window_end, {cols} FROM {tvf(t)}{w}" for t, w in zip(tables, where))
        theirs = f" {op} ".join(f"SELECT {bucket}, {bucket} + INTERVAL {size} SECOND, {cols} FROM {t} AS a{w}" for t, w in zip(tables, where))
        if self.r.random() < 0.5:
            group = f"SELECT window_start, COUNT(*) AS n FROM ({{}}) AS x(window_start, window_end, {key}) GROUP BY window_start, window_end"
            return group.format(mine), group.format(theirs)
        return mine, theirs


def canon(v):
    if isinstance(v, datetime):
        return v.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return float(v) if isinstance(v, (int, float)) and not isinstance(v, bool) else v


def run_case(weir, seed):
    r = random.Random(seed)
    q = Query(r)
    tables = {name: make_table(r) for name in "tuv"}
    kind = r.choice(["values", "values", "set", "windows"])
    mine, theirs = q.windows() if kind == "windows" else (lambda s: (s, s))(q.values() if kind == "values" else q.set())
    db = duckdb.connect()
    ddl = ""
    for name, rows in tables.items():
        db.execute(f"CREATE TABLE {name} ({', '.join(f'{n} {d}' for n, _, d in COLUMNS)})")
        if rows:
            db.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?)", rows)
        ddl += (f"CREATE STREAM {name} ({', '.join(f'{n} {w}' for n, w, _ in COLUMNS)}, WATERMARK FOR ts AS ts - INTERVAL '10' SECOND) "
                f"WITH (connector = 'file', path = '{name}.jsonl', format = 'json');\n")
    want = sorted(([canon(v) for v in row] for row in db.execute(theirs).fetchall()), key=repr)
    workers, batch = r.choice([1, 2, 3, 8]), r.choice([1, 7, 4096])
    with tempfile.TemporaryDirectory() as d:
        for name, rows in tables.items():
            with open(os.path.join(d, name + ".jsonl"), "w") as f:
                f.writelines(json.dumps({"ts": canon(ts), "i": i, "j": j, "s": s}) + "\n" for ts, i, j, s in rows)
        with open(os.path.join(d, "q.sql"), "w") as f:
            f.write(ddl + mine + ";\n")
        p = subprocess.run([weir, "run", "q.sql", "--workers", str(workers), "--batch-rows", str(batch), "--format", "json"], cwd=d,
                           capture_output=True, text=True, timeout=60)
    got = sorted(([canon(v) for v in json.loads(line).values()] for line in p.stdout.splitlines()), key=repr)
    what = f"seed {seed}, workers {workers}, batch {batch}\n{mine}\n{p.stderr}"
    if p.returncode:
        return "failed: " + what
    if got != want:
        return f"differs: {what}\n weir {len(got)} rows: {got[:6]}\n duckdb {len(want)} rows: {want[:6]}\n" + "".join(
            f"{n}: {[x[1:] for x in rows][:8]}\n" for n, rows in tables.items())
    return None


if __name__ == "__main__":
    common.main("sets", run_case)
