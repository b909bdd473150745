#!/usr/bin/env python3
"""Random queries over random out-of-order data: weir against DuckDB.

Usage: run.py WEIR [--queries N] [--seed S]

Data has NULLs, missing fields, Unicode and late rows. What is late is worked out here by position, as
docs/DESIGN.md defines it; DuckDB then sees each row once per window that still takes it. Every query
runs with a random number of workers and batch size. A failure prints what is needed to repeat it.
"""
import decimal
import json
import math
import os
import random
import subprocess
from collections import Counter
from datetime import datetime, timedelta, timezone

import common

EPOCH = datetime(1970, 1, 1)
T0 = int(datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp() * 1000)
COLUMNS = [("ts", "TIMESTAMP(3)", "TIMESTAMP"), ("k", "VARCHAR", "VARCHAR"), ("g", "INTEGER", "INTEGER"),
           ("a", "BIGINT", "BIGINT"), ("b", "INTEGER", "INTEGER"), ("x", "DOUBLE", "DOUBLE"),
           ("s", "VARCHAR", "VARCHAR"), ("f", "BOOLEAN", "BOOLEAN"), ("d", "DECIMAL(10,2)", "DECIMAL(10,2)")]
WORDS = ["", "a", "b", "ab", "abc", "äöü", "日本語", "naïve café", "quote\"back\\slash", "tab\there",
         "exactly12byt", "thirteen byte", "a much longer string that does not fit inline", "%_", "🙂", "A", "Z z"]


# ---- data ----

def iso(ms):
    return (EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def make_rows(r):
    n, t, rows = r.choice([0, 1, 5, 60, 300, 1500]), T0 + r.randrange(100000), []
    step, jitter = r.choice([5, 300, 20000]), r.choice([0, 50, 4000, 60000])
    keys = r.sample(WORDS, r.randrange(1, 8))
    for _ in range(n):
        t += int(r.expovariate(1 / step))
        row = {"ts": max(0, t - (r.randrange(jitter + 1) if r.random() < 0.3 else 0)),
               "k": r.choice(keys), "g": r.randrange(-3, 4),
               "a": r.choice([r.randrange(-1000, 1000), r.randrange(-2**40, 2**40)]),
               "b": r.randrange(-100, 100), "x": round(r.uniform(-1000, 1000), r.randrange(0, 4)),
               "s": r.choice(WORDS), "f": r.random() < 0.5,
               "d": decimal.Decimal(r.randrange(-10**6, 10**6)).scaleb(-2)}
        for c in row:
            if c != "ts" and r.random() < 0.1:
                row[c] = None
        rows.append(row)
    return common.on_borders(r, rows)


def write_json(r, rows, path):
    with open(path, "w", encoding="utf-8") as f:
        for row in rows:
            out = {}
            for c, v in row.items():
                if v is None and r.random() < 0.5:
                    continue  # missing is NULL
                out[c] = iso(v) if c == "ts" else float(v) if isinstance(v, decimal.Decimal) else v
            items = list(out.items())
            if r.random() < 0.2:
                r.shuffle(items)
            f.write(json.dumps(dict(items), ensure_ascii=r.random() < 0.3,
                               separators=r.choice([(",", ":"), (", ", ": ")])) + "\n")


# ---- expressions: (weir, duckdb) text of a type ----

def num(r, depth):
    if depth == 0 or r.random() < 0.3:
        return r.choice([("b", "b"), ("g", "g"), ("a", "a"), (str(r.randrange(-9, 10)),) * 2])
    k = r.randrange(8)
    p, q = num(r, depth - 1), num(r, depth - 1)
    if k < 2:
        op = "+-"[k]
        return (f"({p[0]} {op} {q[0]})", f"({p[1]} {op} {q[1]})")
    if k == 2:
        m = r.randrange(-9, 10)
        return (f"({p[0]} * {m})", f"({p[1]} * {m})")
    if k == 3:
        m = r.choice([-7, -2, 1, 2, 3, 10])
        return (f"({p[0]} / {m})", f"({p[1]} // {m})") if m > 0 and p[0] == "never" else (f"MOD({p[0]}, {abs(m)})", f"({p[1]} % {abs(m)})")
    if k == 4:
        c = cond(r, depth - 1)
        return (f"CASE WHEN {c[0]} THEN {p[0]} ELSE {q[0]} END", f"CASE WHEN {c[1]} THEN {p[1]} ELSE {q[1]} END")
    if k == 5:
        return (f"COALESCE({p[0]}, {q[0]})", f"COALESCE({p[1]}, {q[1]})")
    if k == 6:
        t = text(r, depth - 1)
        return (f"CHAR_LENGTH({t[0]})", f"length({t[1]})")
    return (f"ABS({p[0]})", f"abs({p[1]})")


def dbl(r, depth):
    if depth == 0 or r.random() < 0.4:
        return r.choice([("x", "x"), ("0.5e0", "0.5::DOUBLE")])
    p, q = dbl(r, depth - 1), dbl(r, depth - 1)
    op = r.choice("+-*")
    return (f"({p[0]} {op} {q[0]})", f"({p[1]} {op} {q[1]})")


def quoted(s):
    return "'" + s.replace("'", "''") + "'"


def text(r, depth):
    if depth == 0 or r.random() < 0.4:
        return r.choice([("s", "s"), ("k", "k"), (quoted(r.choice(WORDS)),) * 2])
    p, q, k = text(r, depth - 1), text(r, depth - 1), r.randrange(5)
    if k == 0:
        return (f"({p[0]} || {q[0]})", f"({p[1]} || {q[1]})")
    if k == 1:
        i, n = r.randrange(1, 6), r.randrange(0, 8)
        return (f"SUBSTRING({p[0]} FROM {i} FOR {n})", f"substring({p[1]}, {i}, {n})")
    if k == 2:
        return (f"COALESCE({p[0]}, {q[0]})", f"COALESCE({p[1]}, {q[1]})")
    if k == 3:
        m = num(r, 0)
        return (f"CAST({m[0]} AS VARCHAR)", f"CAST({m[1]} AS VARCHAR)")
    return (f"REPLACE({p[0]}, 'a', 'xy')", f"replace({p[1]}, 'a', 'xy')")


def cond(r, depth):
    k = r.randrange(11)
    if depth > 0 and k < 3:
        p, q = cond(r, depth - 1), cond(r, depth - 1)
        if k == 2:
            return (f"(NOT {p[0]})", f"(NOT {p[1]})")
        op = ("AND", "OR")[k]
        return (f"({p[0]} {op} {q[0]})", f"({p[1]} {op} {q[1]})")
    d = max(0, depth - 1)
    op = r.choice(["=", "<>", "<", "<=", ">", ">="])
    if k in (3, 4):
        p, q = num(r, d), num(r, d)
        return (f"({p[0]} {op} {q[0]})", f"({p[1]} {op} {q[1]})")
    if k == 5:
        p, q = text(r, d), text(r, d)
        return (f"({p[0]} {op} {q[0]})", f"({p[1]} {op} {q[1]})")
    if k == 6:
        p = r.choice([num, text, dbl])(r, d)
        n = r.choice(["IS NULL", "IS NOT NULL"])
        return (f"({p[0]} {n})", f"({p[1]} {n})")
    if k == 7:
        p, lo = num(r, d), r.randrange(-50, 10)
        hi = lo + r.randrange(0, 60)
        return (f"({p[0]} BETWEEN {lo} AND {hi})", f"({p[1]} BETWEEN {lo} AND {hi})")
    if k == 8:
        p, pat = text(r, d), r.choice(["a%", "%b%", "_", "%é", "%本%", "", "%", "a_c"])
        return (f"({p[0]} LIKE '{pat}')", f"({p[1]} LIKE '{pat}')")
    if k == 9:
        p, vals = num(r, d), ", ".join(str(r.randrange(-4, 5)) for _ in range(r.randrange(1, 5)))
        return (f"({p[0]} IN ({vals}))", f"({p[1]} IN ({vals}))")
    return r.choice([("f", "f"), ("(f IS TRUE)", "(f IS TRUE)"), ("(f IS NOT FALSE)", "(f IS DISTINCT FROM FALSE)")])


def timed(r):
    u = r.choice(["SECOND", "MINUTE", "HOUR", "DAY"])
    return r.choice([(f"FLOOR(ts TO {u})", f"date_trunc('{u.lower()}', ts)"),
                     (f"EXTRACT({u} FROM ts)", f"extract({u.lower()} FROM ts)") if u != "SECOND" else ("ts", "ts"),
                     ("(ts + INTERVAL '90' SECOND)", "(ts + INTERVAL 90 SECOND)")])


def any_expr(r, depth=2):
    return r.choice([num, dbl, text, cond, lambda r, _: timed(r)])(r, depth)


AGGS = [
    lambda r: ("COUNT(*)", "COUNT(*)"),
    lambda r: both("COUNT({0})", any_expr(r, 1)),
    lambda r: both("COUNT(DISTINCT {0})", r.choice([num, text])(r, 1)),
    lambda r: both("SUM({0})", num(r, 1)),
    lambda r: both("SUM({0})", ("d", "d")),
    lambda r: both("AVG({0})", r.choice([num, dbl])(r, 1)),
    lambda r: both("SUM({0})", dbl(r, 1)),
    lambda r: both(r.choice(["MIN({0})", "MAX({0})"]), r.choice([num, dbl, text, lambda r, _: ("ts", "ts")])(r, 1)),
    lambda r: both(r.choice(["STDDEV_POP({0})", "STDDEV_SAMP({0})", "VAR_POP({0})", "VAR_SAMP({0})"]), ("b", "b")),
    lambda r: both(r.choice(["BOOL_AND({0})", "BOOL_OR({0})"]), cond(r, 1)),
    lambda r: both("MEDIAN({0})", r.choice([("b", "b"), ("x", "x")])),
    lambda r: ("PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY x)", "quantile_cont(x, 0.9)"),
    lambda r: percentile_disc(r.choice([0, 0.07, 0.25, 0.5, 0.7, 0.99, 1]), r.choice(["b", "x", "s", "d", "ts", "f", "a"])),
    lambda r: approx_percentile(r.choice([0, 0.07, 0.5, 0.95, 1]), r.choice(["b", "x", "d"])),
]


def percentile_disc(p, column):
    return f"PERCENTILE_DISC({p}) WITHIN GROUP (ORDER BY {column})", f"quantile_disc({column}, {p})"


def approx_percentile(p, column):
    """It promises to be within 1 % of PERCENTILE_DISC, which is checked here by itself."""
    exact = f"CAST({percentile_disc(p, column)[0]} AS DOUBLE)"
    return (f"ABS(APPROX_PERCENTILE({column}, {p}) - {exact}) <= 0.0100001e0 * ABS({exact})",
            f"CASE WHEN COUNT({column}) > 0 THEN TRUE END")


def both(form, pair):
    return (form.format(pair[0]), form.format(pair[1]))


def aggregate(r):
    w, d = r.choice(AGGS)(r)
    if r.random() < 0.2 and "WITHIN" not in w:  # which APPROX_PERCENTILE's has, too
        c = cond(r, 1)
        w, d = f"{w} FILTER (WHERE {c[0]})", f"{d} FILTER (WHERE {c[1]})"
    return w, d


# ---- windows ----

class Window:
    def __init__(self, r):
        self.kind = r.choice(["TUMBLE", "HOP", "CUMULATE"])
        self.step = r.choice([1000, 10000, 60000])
        self.n = 1 if self.kind == "TUMBLE" else r.randrange(1, 7)
        self.size = self.step * self.n
        self.offset = r.choice([0, 0, 0, 500, -7000])
        self.delay = r.choice([0, 1000, 5000, 120000])

    def sql(self):
        lit = lambda ms: f"INTERVAL '{ms / 1000:.3f}' SECOND"
        args = [lit(self.size)] if self.kind == "TUMBLE" else [lit(self.step), lit(self.size)]
        if self.offset:
            args.append(lit(self.offset))
        return f"TABLE({self.kind}(TABLE t, DESCRIPTOR(ts), {', '.join(args)}))"

    def of(self, t):
        floor = lambda v, s: (v - self.offset) // s * s + self.offset
        if self.kind == "CUMULATE":
            s = floor(t, self.size)
            return [(s, e) for e in range(s + self.step, s + self.size + 1, self.step) if e > t]
        last = floor(t, self.step)
        return [(s, s + self.size) for s in range(last, last - self.size, -self.step) if s <= t < s + self.size]

    def expand(self, rows):
        """Each row once per window that is open at the watermark before it; also how many were late."""
        wm, out, late = None, [], 0
        for row in rows:
            ws = [(s, e) for s, e in self.of(row["ts"]) if wm is None or e - 1 > wm]
            late += not ws
            out += [(row, s, e) for s, e in ws]
            wm = max(wm, row["ts"] - self.delay) if wm is not None else row["ts"] - self.delay
        return out, late


# ---- one case ----

def ddl(window):
    cols = ", ".join(f"{n} {w}" for n, w, _ in COLUMNS)
    wm = f", WATERMARK FOR ts AS ts - INTERVAL '{window.delay / 1000:.3f}' SECOND" if window else ""
    return f"CREATE STREAM t ({cols}{wm}) WITH (connector = 'file', path = 't.jsonl', format = 'json');\n"


def make_query(r):
    """weir's script, DuckDB's query over table t (or tw), the window or None."""
    kind = r.choice(["project", "group", "window", "window", "window"])
    c = cond(r, 2) if r.random() < 0.6 else None
    where = (f" WHERE {c[0]}", f" WHERE {c[1]}") if c else ("", "")
    if kind == "project":
        items = [any_expr(r, 3) for _ in range(r.randrange(1, 6))]
        pick = lambda i: ", ".join(f"{e[i]} AS c{k}" for k, e in enumerate(items))
        return ddl(None) + f"SELECT {pick(0)} FROM t{where[0]};", f"SELECT {pick(1)} FROM t{where[1]}", None
    keys = [r.choice([("k", "k"), ("g", "g"), ("s", "s"), ("f", "f"), num(r, 1), ("FLOOR(ts TO MINUTE)", "date_trunc('minute', ts)")])
            for _ in range(r.randrange(0, 3))]
    keys = [k for k in keys if not k[0].lstrip("-").isdigit()]
    aggs = [aggregate(r) for _ in range(r.randrange(1, 5))]
    having = f" HAVING COUNT(*) > {r.randrange(0, 4)}" if r.random() < 0.3 else ""
    items = keys + aggs
    if kind == "group":
        pick = lambda i: ", ".join(f"{e[i]} AS c{k}" for k, e in enumerate(items))
        by = lambda i: " GROUP BY " + ", ".join(e[i] for e in keys) if keys else ""
        return (ddl(None) + f"SELECT {pick(0)} FROM t{where[0]}{by(0)}{having};",
                f"SELECT {pick(1)} FROM t{where[1]}{by(1)}{having}", None)
    w = Window(r)
    items = [("window_start", "window_start"), ("window_end", "window_end")] + items
    pick = lambda i: ", ".join(f"{e[i]} AS c{k}" for k, e in enumerate(items))
    by = lambda i: ", ".join(["window_start", "window_end"] + [e[i] for e in keys])
    return (ddl(w) + f"SELECT {pick(0)} FROM {w.sql()}{where[0]} GROUP BY {by(0)}{having};",
            f"SELECT {pick(1)} FROM tw{where[1]} GROUP BY {by(1)}{having}", w)


def canon(v):
    """A value that both engines' results are brought to."""
    if isinstance(v, bool) or v is None:
        return v
    if isinstance(v, datetime):
        return iso(int((v - EPOCH) / timedelta(milliseconds=1)))
    if isinstance(v, (decimal.Decimal, float, int)):
        f = float(v)
        return 0.0 if f == 0 else f
    return v


def close(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return type(a) is type(b) and a == b


def key_of(row):
    return [(type(v).__name__, f"{v:.6g}" if isinstance(v, float) else str(v)) for v in row]


def same(got, want):
    if Counter(map(str, got)) == Counter(map(str, want)):
        return True
    got, want = sorted(got, key=key_of), sorted(want, key=key_of)
    if len(got) != len(want):
        return False
    left = list(want)
    for g in got:  # rounding may order neighbours differently: look near the front
        for i, w in enumerate(left[:8]):
            if all(close(a, b) for a, b in zip(g, w)):
                del left[i]
                break
        else:
            return False
    return True


def duck(rows, sql, window):
    cols = [(n, d) for n, _, d in COLUMNS]
    value = lambda c, v: EPOCH + timedelta(milliseconds=v) if c == "ts" and v is not None else v
    late = 0
    if window:
        expanded, late = window.expand(rows)
        data = [[value(n, row[n]) for n, _, _ in COLUMNS] + [value("ts", s), value("ts", e)] for row, s, e in expanded]
        db = common.table("tw", cols + [("window_start", "TIMESTAMP"), ("window_end", "TIMESTAMP")], data)
    else:
        db = common.table("t", cols, [[value(n, row[n]) for n, _, _ in COLUMNS] for row in rows])
    return [[canon(v) for v in row] for row in db.execute(sql).fetchall()], late


def weir(path, d, sql, workers, batch, memory="0"):
    with open(os.path.join(d, "q.sql"), "w", encoding="utf-8") as f:
        f.write(sql)
    p = subprocess.run([path, "run", "--format=json", f"--workers={workers}", f"--batch-rows={batch}", f"--memory={memory}", "q.sql"], cwd=d,
                       capture_output=True, timeout=common.TIMEOUT)
    err = p.stderr.decode()
    if p.returncode != 0:
        return None, err
    lines = p.stdout.decode().split("\n")
    return [[canon(v) for v in json.loads(l).values()] for l in lines if l], err


def run_case(path, seed):
    r = random.Random(seed)
    rows = make_rows(r)
    sql, duck_sql, window = make_query(r)
    workers, batch = common.workers(r), r.choice([1, 7, 100, 4096])
    memory = r.choice(["0", "1"])  # enough; all state that can be lies on disk
    sql = sql.replace("format = 'json')", f"format = 'json'{common.chunk(r)})")
    with common.folder() as d:
        write_json(r, rows, os.path.join(d, "t.jsonl"))
        want, late = duck(rows, duck_sql, window)
        got, err = weir(path, d, sql, workers, batch, memory)
    what = f"seed {seed}, workers {workers}, batch {batch}, memory {memory}, {len(rows)} rows\n{sql}\nduckdb: {duck_sql}\n{err}"
    if got is None:
        return "failed: " + what
    if not same(got, want):
        show = lambda rs: "\n".join("    " + str(x) for x in sorted(rs, key=key_of)[:12])
        return f"differs: {what}  weir ({len(got)} rows):\n{show(got)}\n  duckdb ({len(want)} rows):\n{show(want)}"
    if window and " WHERE" not in sql and f"{late:,} late" not in err:
        return f"late rows: expected {late}: {what}"
    return None


if __name__ == "__main__":
    common.main("random queries", run_case)
