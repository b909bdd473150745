#!/usr/bin/env python3
"""Updating results: random changelogs of weir, applied in order, against DuckDB and a model.

Usage: changes.py WEIR [--queries N] [--seed S]

A changelog is right when each change fits what stands (an update-before or delete takes a row that is there, an
insert of a keyed result brings a key that is not), when what stands at the end is what DuckDB says of the same
rows, and, with one worker and one row a batch, when what stands after each row is the result of the rows so far.
Which rows a window takes is worked out here by position. A failure prints what is needed to repeat it.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import datetime, timedelta, timezone

import duckdb

T0 = int(datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp() * 1000)
EPOCH = datetime(1970, 1, 1)
WORDS = ["", "a", "b", "ab", "äöü", "exactly12byt", "thirteen byte", "a much longer string that does not fit inline"]
# weir and DuckDB; the second half can give up rows
AGGS = [("COUNT(*)", "COUNT(*)"), ("COUNT(b)", "COUNT(b)"), ("SUM(b)", "SUM(b)::BIGINT"),
        ("ROUND(AVG(b), 6)", "ROUND(AVG(b), 6)"), ("SUM(d)", "SUM(d)"),
        ("SUM(b) FILTER (WHERE g > 0)", "(SUM(b) FILTER (WHERE g > 0))::BIGINT"),
        ("COUNT(*) FILTER (WHERE b > 0)", "COUNT(*) FILTER (WHERE b > 0)"),
        ("MIN(b)", "MIN(b)"), ("MAX(s)", "MAX(s)"), ("COUNT(DISTINCT b)", "COUNT(DISTINCT b)"),
        ("MIN(d)", "MIN(d)"), ("MAX(b) - MIN(b)", "MAX(b) - MIN(b)")]
BACK = 7  # of those


class Wrong(Exception):
    pass


def iso(ms):
    return (EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def make_rows(r, most):
    n, t, rows = r.choice([0, 1, 5, 40, most]), T0 + r.randrange(100000), []
    step, jitter = r.choice([5, 300, 5000]), r.choice([0, 400, 20000])
    words = r.sample(WORDS, r.randrange(1, 6))
    for _ in range(n):
        t += int(r.expovariate(1 / step))
        row = {"ts": max(0, t - (r.randrange(jitter + 1) if r.random() < 0.4 else 0)), "k": r.choice(words),
               "g": r.randrange(-2, 3), "b": r.randrange(-100, 100), "s": r.choice(WORDS),
               "d": r.randrange(-10**5, 10**5) / 100}
        for c in row:
            if c != "ts" and r.random() < 0.1:
                row[c] = None
        rows.append(row)
    return rows


def canon(v):
    if v is None or isinstance(v, (bool, str)):
        return v
    return round(float(v), 6)


def duck(rows, sql):
    return Counter(duck_list(rows, sql))


def duck_list(rows, sql):
    db = duckdb.connect()
    db.execute("CREATE TABLE t (n INTEGER, ts TIMESTAMP, k VARCHAR, g INTEGER, b INTEGER, s VARCHAR, d DECIMAL(10,2), "
               "ws VARCHAR, we VARCHAR)")
    if rows:
        db.executemany("INSERT INTO t VALUES (?,?,?,?,?,?,?,?,?)",
                       [[i, EPOCH + timedelta(milliseconds=x["ts"]), x["k"], x["g"], x["b"], x["s"], x["d"],
                         x.get("ws"), x.get("we")] for i, x in enumerate(rows)])
    return [tuple(canon(v) for v in row) for row in db.execute(sql).fetchall()]


# ---- changelogs ----

def apply_op(lines, n_key):
    """Yields what stands after each change: a Counter of rows. n_key: the first columns tell rows apart."""
    stands, keys, before = Counter(), {}, None
    for line in lines:
        row = json.loads(line)
        op = row.pop("op")
        values = tuple(canon(v) for v in row.values())
        if op in ("-U", "-D"):
            if stands[values] <= 0:
                raise Wrong(f"{op} of a row that does not stand: {line}")
            stands[values] -= 1
            if not stands[values]:
                del stands[values]
            if n_key is not None:
                del keys[values[:n_key]]
        else:
            if n_key is not None and values[:n_key] in keys:
                raise Wrong(f"{op} of a key that stands: {line}")
            keys[values[:n_key]] = values
            stands[values] += 1
        yield op, stands
    del before


def apply_upsert(lines, n_key):
    keys = {}
    for line in lines:
        row = json.loads(line)
        op = row.pop("op")
        values = tuple(canon(v) for v in row.values())
        if op not in ("+I", "+U", "-D"):
            raise Wrong(f"no upsert: {line}")
        if (op == "+I") == (values[:n_key] in keys):
            raise Wrong(f"{op}, but what stands is {keys.get(values[:n_key])}: {line}")
        if op == "-D":
            if keys.pop(values[:n_key]) != values:
                raise Wrong(f"-D of a row that does not stand: {line}")
        else:
            keys[values[:n_key]] = values
    return Counter(keys.values())


def apply_debezium(lines):
    stands = Counter()
    for line in lines:
        e = json.loads(line)
        b, a = (tuple(canon(v) for v in x.values()) if x else None for x in (e["before"], e["after"]))
        if e["op"] != ("u" if b and a else "c" if a else "d"):
            raise Wrong(f"op does not fit: {line}")
        if b:
            if stands[b] <= 0:
                raise Wrong(f"before does not stand: {line}")
            stands[b] -= 1
        if a:
            stands[a] += 1
    return +stands


def final_table(lines, form, n_key):
    if form == "upsert":
        return apply_upsert(lines, n_key)
    if form == "debezium":
        return apply_debezium(lines)
    last = Counter()
    for _, last in apply_op(lines, n_key):
        pass
    return last


# ---- queries ----

def pick_aggs(r, only_back):
    picked = r.sample(AGGS[:BACK] if only_back else AGGS, r.randrange(1, 4))
    return [f"{w} AS c{i}" for i, (w, _) in enumerate(picked)], [f"{d} AS c{i}" for i, (_, d) in enumerate(picked)]


def grouped(r, only_back):
    keys = r.choice([[], ["k"], ["g"], ["k", "g"], ["k"]])
    w, d = pick_aggs(r, only_back)
    where = r.choice(["", "", " WHERE b > 0", " WHERE k <> 'a'"])
    having = r.choice(["", "", " HAVING COUNT(*) > 2", " HAVING SUM(b) < 100"]) if keys else ""
    by = f" GROUP BY {', '.join(keys)}" if keys else ""
    tail = f" FROM t{where}{by}{having}"
    return f"SELECT {', '.join(keys + w)}{tail}", f"SELECT {', '.join(keys + d)}{tail}", keys


def histogram(r):
    w, d, keys = grouped(r, True)
    outer = r.choice(["COUNT(*) AS n", "COUNT(*) AS n, SUM(c0) AS z", "MIN(c0) AS n, MAX(c0) AS z",
                      "COUNT(DISTINCT c0) AS n, MAX(c0) FILTER (WHERE c0 < 5) AS z"])
    douter = outer.replace("SUM(c0)", "SUM(c0)::DECIMAL(38,6)")
    if "AVG" in w:
        outer = douter = r.choice(["COUNT(*) AS n", "MAX(c0) AS n"])
    by = r.choice(["", keys[0] if keys else "", "c0"])
    head, tail = (f"{by}, ", f" GROUP BY {by}") if by else ("", "")
    if by == "c0" and "AVG" in w:
        head, tail, by = "", "", ""
    where = r.choice(["", " WHERE c0 > 1"])
    return (f"SELECT {head}{outer} FROM ({w} EMIT CHANGES){where}{tail}",
            f"SELECT {head}{douter} FROM ({d}){where}{tail}", [by] if by else [])


def union(r):
    a, b = grouped(r, False), grouped(r, False)
    aw, bw = (f"SELECT c0 FROM ({x[0]} EMIT CHANGES)" for x in (a, b))
    ad, bd = (f"SELECT c0 FROM ({x[1]})" for x in (a, b))
    if ("MAX(s)" in a[0]) or ("MAX(s)" in b[0]):
        return aw, ad, None
    if r.random() < 0.5:
        return aw, ad, None
    return (f"SELECT CAST(c0 AS DOUBLE) AS c FROM ({a[0]} EMIT CHANGES) UNION ALL "
            f"SELECT CAST(c0 AS DOUBLE) AS c FROM ({b[0]} EMIT CHANGES)",
            f"{ad.replace('c0', 'c0::DOUBLE', 1)} UNION ALL {bd.replace('c0', 'c0::DOUBLE', 1)}", None)


class Window:
    """A window function with its SQL, and which windows a row at t has, as (start, end)."""

    def __init__(self, r):
        self.kind = r.choice(["TUMBLE", "HOP", "CUMULATE"])
        self.slide = r.choice([1000, 5000])
        self.size = self.slide * (1 if self.kind == "TUMBLE" else r.randrange(1, 5))
        a, b = (f"INTERVAL '{x // 1000}' SECOND" for x in (self.slide, self.size))
        args = a if self.kind == "TUMBLE" else f"{a}, {b}"
        self.table = f"TABLE({self.kind}(TABLE t, DESCRIPTOR(ts), {args}))"
        self.attached = r.random() < 0.2  # the rows carry their windows: late ones are counted per window
        if self.attached:
            self.table = f"(SELECT * FROM {self.table} WHERE window_end > window_start)"

    def of(self, t):
        if self.kind == "CUMULATE":
            s = t // self.size * self.size
            return [(s, e) for e in range(s + self.slide, s + self.size + 1, self.slide) if e > t]
        last = t // self.slide * self.slide
        return [(s, s + self.size) for s in range(last - self.size + self.slide, last + 1, self.slide)]

    def expand(self, rows, delay, lateness):
        """Each row once per window that still takes it; how many rows none takes."""
        wm, out, late = None, [], 0
        for x in rows:
            mine = [(s, e) for s, e in self.of(x["ts"]) if wm is None or e - 1 > wm - lateness]
            late += not mine
            out += [dict(x, ws=iso(s), we=iso(e)) for s, e in mine]
            wm = max(x["ts"] - delay, wm if wm is not None else x["ts"] - delay)
        return out, late


def windowed(r):
    win = Window(r)
    keys = r.choice([[], ["k"], ["g", "k"]])
    w, d = pick_aggs(r, False)
    lateness = r.choice([0, 0, 700, 3000, 60000])
    emit = r.choice(["", f" EMIT EARLY EVERY INTERVAL '{r.choice([1, 3])}' SECOND", " EMIT CHANGES", " EMIT ON WINDOW CLOSE"])
    if lateness:
        emit += f" ALLOWED LATENESS INTERVAL '{lateness / 1000}' SECOND"
    having = r.choice(["", "", " HAVING COUNT(*) > 2"])
    keys_w, keys_d = ["window_start", "window_end", *keys], ["ws", "we", *keys]
    return (f"SELECT {', '.join(keys_w + w)} FROM {win.table} GROUP BY {', '.join(keys_w)}{having}{emit}",
            f"SELECT {', '.join(keys_d + d)} FROM t GROUP BY {', '.join(keys_d)}{having}", keys_d, win, lateness)


COLUMN_TYPES = {"k": "VARCHAR", "g": "INTEGER", "window_start": "TIMESTAMP(3)", "window_end": "TIMESTAMP(3)"}


class Case:
    def __init__(self, seed):
        r = self.r = random.Random(seed)
        self.delay = r.choice([0, 100, 2000])
        self.win, self.lateness = None, 0
        kind = r.choice(["grouped", "histogram", "union", "windowed", "windowed"])
        self.rows = make_rows(r, 400)
        if kind == "windowed":
            self.weir, self.duck, self.keys, self.win, self.lateness = windowed(r)
        else:
            self.weir, self.duck, self.keys = {"grouped": lambda r: grouped(r, False), "histogram": histogram,
                                               "union": union}[kind](r)
            if kind != "union":
                self.weir += " EMIT CHANGES"
        self.form = "op"
        if kind == "grouped" and self.keys and r.random() < 0.5:
            self.form = r.choice(["upsert", "debezium"])
        self.workers, self.batch = r.choice([1, 1, 2, 3, 8]), r.choice([1, 7, 4096])
        self.chunk = r.choice([1, 100, 512 * 1024])
        self.steps = kind in ("grouped", "histogram") and self.form == "op" and r.random() < 0.5
        if self.steps:
            self.workers, self.batch, self.rows = 1, 1, self.rows[:60]

    def script(self):
        head = ("CREATE STREAM t (ts TIMESTAMP(3), k VARCHAR, g INTEGER, b INTEGER, s VARCHAR, d DECIMAL(10,2), "
                f"WATERMARK FOR ts AS ts - INTERVAL '{self.delay / 1000}' SECOND) WITH (connector = 'file', "
                f"path = 'in.jsonl', format = 'json', chunk_bytes = '{self.chunk}');\n")
        if self.form == "op":
            return head + self.weir + ";\n"
        n = self.weir.count(" AS c")
        columns = [f"{k} {COLUMN_TYPES[k]}" for k in self.keys] + [f"c{i} {self.type_of(i)}" for i in range(n)]
        key = f", PRIMARY KEY ({', '.join(self.keys)}) NOT ENFORCED" if self.form == "upsert" else ""
        return (head + f"CREATE STREAM o ({', '.join(columns)}{key}) WITH (connector = 'stdout', format = 'json', "
                f"changelog = '{self.form}');\nINSERT INTO o {self.weir};\n")

    def type_of(self, i):
        item = self.weir.split(f" AS c{i}")[0].split(" AS c")[-1]
        return ("VARCHAR" if "MAX(s)" in item else "DOUBLE" if "AVG" in item
                else "DECIMAL(18,2)" if "(d)" in item else "BIGINT")

    def run(self, weir):
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(d, "in.jsonl"), "w", encoding="utf-8") as f:
                for row in self.rows:
                    f.write(json.dumps(dict(row, ts=iso(row["ts"])), ensure_ascii=False) + "\n")
            with open(os.path.join(d, "q.sql"), "w", encoding="utf-8") as f:
                f.write(self.script())
            p = subprocess.run([weir, "run", "--format", "json", f"--workers={self.workers}",
                                f"--batch-rows={self.batch}", "q.sql"], cwd=d, capture_output=True, timeout=60)
        out, err = p.stdout.decode("utf-8"), p.stderr.decode("utf-8", "replace")
        if p.returncode != 0 or "Sanitizer" in err or "runtime error:" in err:
            raise Wrong(f"exit status {p.returncode}\n{err}")
        return [x for x in out.split("\n") if x], err

    def check(self, weir):
        lines, err = self.run(weir)
        rows, late = self.rows, 0
        if self.win:
            rows, late = self.win.expand(rows, self.delay, self.lateness)
        want = duck(rows, self.duck)
        if lines and self.form == "op" and '"op":' not in lines[0]:  # append-only
            got = Counter(tuple(canon(v) for v in json.loads(x).values()) for x in lines)
        else:
            got = final_table(lines, self.form, None if self.keys is None else len(self.keys))
        if got != want:
            raise Wrong(f"the table at the end:\n  missing {list((want - got).items())[:5]}\n"
                        f"  surplus {list((got - want).items())[:5]}")
        if late and not self.win.attached and f"{late:,} late" not in err:
            raise Wrong(f"expected {late} late rows:\n{err}")
        if self.steps:
            self.check_steps(lines)

    def check_steps(self, lines):
        """What stands after each row is the result of the rows so far, between them nothing else but the moment
        between the two halves of an update."""
        want = []
        for i in range(1, len(self.rows) + 1):
            table = duck(self.rows[:i], self.duck)
            if table and (not want or want[-1] != table):
                want.append(table)
        # An aggregate without keys, also an inner one, says nothing before a row comes.
        at = None if not self.keys or "(SELECT" in self.duck else 0
        for op, stands in apply_op(lines, len(self.keys)):
            whole = op != "-U"
            if at is None:
                at = want.index(stands) if stands in want else None
            if at is None:
                continue
            if whole and at < len(want) and stands == want[at]:
                at += 1
        if at is not None and at < len(want):
            raise Wrong(f"after row {at + 1} or so there should stand {dict(want[at])}")


def main(cases=Case, name="changes"):
    p = argparse.ArgumentParser()
    p.add_argument("weir")
    p.add_argument("--queries", type=int, default=300)
    p.add_argument("--seed", type=int, default=None)
    a = p.parse_args()
    first = a.seed if a.seed is not None else random.SystemRandom().randrange(10**9)
    n = a.queries
    for seed in range(first, first + n):
        case = cases(seed)
        try:
            case.check(os.path.abspath(a.weir))
        except (Wrong, subprocess.TimeoutExpired) as e:
            print(f"FAIL --seed {seed} --queries 1: workers {case.workers}, batch {case.batch}\n{case.script()}\n"
                  f"DuckDB: {case.duck}\n{e}")
            sys.exit(1)
    print(f"{name}: {n} changelogs agree, seeds {first}..{first + n - 1}")


if __name__ == "__main__":
    main()
