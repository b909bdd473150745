#!/usr/bin/env python3
"""Random joins over random out-of-order data: weir against DuckDB.

Usage: joins.py WEIR [--queries N] [--seed S]

Two streams with NULLs, ties, long strings and late rows. What is late is worked out here by position; DuckDB sees
the other rows. Kinds: interval joins, window joins, joins of bounded input, temporal joins (ASOF), joins that only
state_ttl bounds, chains of them, and windows over what a join gives (no row of which may be late). Every query
runs with a random number of workers and batch size. A failure prints what is needed to repeat it.
"""
import json
import os
import random
import subprocess
from collections import Counter
from datetime import datetime, timedelta, timezone

import common

EPOCH = datetime(1970, 1, 1)
T0 = int(datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp() * 1000)
COLUMNS = [("ts", "TIMESTAMP(3)", "TIMESTAMP"), ("k", "VARCHAR", "VARCHAR"), ("g", "INTEGER", "INTEGER"),
           ("a", "INTEGER", "INTEGER"), ("s", "VARCHAR", "VARCHAR")]
WORDS = ["", "a", "b", "äöü", "exactly12byt", "thirteen byte", "a much longer string that does not fit inline", "Z z"]


def iso(ms):
    return (EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


class Stream:
    """step [ms] and keys: of both streams of a case, so that they have rows to join."""

    def __init__(self, r, name, n_max, step, keys):
        self.name, self.delay = name, r.choice([0, 1000, 5000])
        n, t, self.rows = r.choice([0, 5, 40, 60, 60, n_max, n_max]), T0 + r.randrange(3000), []
        jitter, nulls = r.choice([0, 50, 4000, 9000]), r.choice([0, 0.1])
        step, keys = step * r.choice([1, 1, 3]), r.sample(keys, max(1, len(keys) - r.randrange(2)))
        for _ in range(n):
            t += int(r.expovariate(1 / step)) // r.choice([1, 1, 100])
            row = {"ts": max(0, t - (r.randrange(jitter + 1) if r.random() < 0.3 else 0)), "k": r.choice(keys),
                   "g": r.randrange(3), "a": r.randrange(-4, 5), "s": r.choice(WORDS)}
            for c in row:
                if c != "ts" and r.random() < nulls:
                    row[c] = None
            self.rows.append(row)

    def ddl(self, timed, key=""):
        cols = ", ".join(f"{n} {w}" for n, w, _ in COLUMNS)
        if timed:
            cols += f", WATERMARK FOR ts AS ts - INTERVAL '{self.delay / 1000:.3f}' SECOND"
        return f"CREATE STREAM {self.name} ({cols}{key}) WITH (connector = 'file', path = '{self.name}.jsonl', format = 'json');\n"

    def walk(self):
        """Rows with the watermark before each."""
        wm = None
        for row in self.rows:
            yield row, wm
            now = row["ts"] - self.delay
            wm = now if wm is None else max(wm, now)

    def in_time(self):
        return [row for row, wm in self.walk() if wm is None or row["ts"] > wm]

    def late(self):
        return len(self.rows) - len(self.in_time())

    def write(self, d):
        with open(os.path.join(d, self.name + ".jsonl"), "w", encoding="utf-8") as f:
            for row in self.rows:
                f.write(json.dumps({c: iso(v) if c == "ts" else v for c, v in row.items()}, ensure_ascii=False) + "\n")


class Window:
    def __init__(self, r):
        self.kind = r.choice(["TUMBLE", "HOP", "CUMULATE"])
        self.step = r.choice([1000, 10000, 60000])
        self.size = self.step * (1 if self.kind == "TUMBLE" else r.randrange(1, 4))

    def tvf(self, table, column="ts"):
        lit = lambda ms: f"INTERVAL '{ms / 1000:.3f}' SECOND"
        args = [lit(self.size)] if self.kind == "TUMBLE" else [lit(self.step), lit(self.size)]
        return f"TABLE({self.kind}(TABLE {table}, DESCRIPTOR({column}), {', '.join(args)}))"

    def of(self, t):
        floor = lambda v, s: v // s * s
        if self.kind == "CUMULATE":
            s = floor(t, self.size)
            return [(s, e) for e in range(s + self.step, s + self.size + 1, self.step) if e > t]
        last = floor(t, self.step)
        return [(s, s + self.size) for s in range(last, last - self.size, -self.step) if s <= t < s + self.size]

    def expand(self, stream):
        return [dict(row, ws=s, we=e) for row, wm in stream.walk() for s, e in self.of(row["ts"])
                if wm is None or e - 1 > wm]


def lit(ms):
    return f"INTERVAL '{ms / 1000:.3f}' SECOND"


def duck_lit(ms):
    return f"INTERVAL ({ms}) MILLISECOND"


def bounds(r):
    """l.ts - r.ts in [lo, hi] ms: weir's text, DuckDB's text."""
    lo = r.choice([0, -1, -1000, -5000, 300, -60000])
    hi = max(lo, r.choice([0, 1, 1000, 5000, -200, 60000]))
    plus = lambda e, ms, f: f"{e} + {f(ms)}" if ms > 0 else f"{e} - {f(-ms)}" if ms < 0 else e
    k = r.randrange(4)
    if lo == hi and r.random() < 0.5:
        form = lambda f: f"l.ts = {plus('r.ts', lo, f)}"
    elif k == 0:
        form = lambda f: f"l.ts BETWEEN {plus('r.ts', lo, f)} AND {plus('r.ts', hi, f)}"
    elif k == 1:
        form = lambda f: f"{plus('l.ts', -lo, f)} >= r.ts AND {plus('l.ts', -hi, f)} <= r.ts"
    elif k == 2:
        form = lambda f: f"r.ts < {plus('l.ts', -lo + 1, f)} AND {plus('r.ts', hi + 1, f)} > l.ts"
    else:
        form = lambda f: f"r.ts BETWEEN {plus('l.ts', -hi, f)} AND {plus('l.ts', -lo, f)}"
    return form(lit), form(duck_lit)


def condition(r, keys_needed=False):
    keys = r.choice([["k"], ["k", "g"], ["g"], ["s"]] + ([] if keys_needed else [[]]))
    conds = [f"l.{k} = r.{k}" for k in keys]
    if r.random() < 0.2 and keys:
        conds[0] = r.choice([f"l.{keys[0]} IS NOT DISTINCT FROM r.{keys[0]}", f"r.{keys[0]} = l.{keys[0]}"])
    if r.random() < 0.2:
        conds.append("l.a + 1 = r.a")
    if r.random() < 0.4:
        conds.append(r.choice(["l.a < r.a", "l.a + r.a > 0", "l.s <> r.s", "(l.a > 0 OR r.g = 1)", "l.a > 3", "r.a < 5",
                               "l.g + 0 <> r.g"]))
    r.shuffle(conds)
    return conds


def columns(r, left_only=False):
    cols = [f"{t}.{c}" for t in ("l",) if left_only for c, _, _ in COLUMNS] if left_only else \
        [f"{t}.{c}" for t in "lr" for c, _, _ in COLUMNS]
    return ", ".join(f"{c} AS c{i}" for i, c in enumerate(r.sample(cols, r.randrange(1, len(cols) + 1))))


TYPES = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]


def joined(r, conds, l="l", rr="r"):
    """SELECT … of both engines: conds: (weir, duckdb) texts."""
    on = [" AND ".join(c[i] for c in conds) or "TRUE" for i in (0, 1)]
    kind = r.choice(TYPES + ["SEMI", "ANTI"])
    if kind in ("SEMI", "ANTI"):
        cols = columns(r, True)
        no = "NOT " if kind == "ANTI" else ""
        return [f"SELECT {cols} FROM {a} AS l WHERE {no}EXISTS (SELECT 1 FROM {b} AS r WHERE {o})"
                for a, b, o in ((l[0], rr[0], on[0]), (l[1], rr[1], on[1]))]
    cols = columns(r)
    if kind == "JOIN" and r.random() < 0.3:
        return [f"SELECT {cols} FROM {a} AS l, {b} AS r WHERE {o}" for a, b, o in ((l[0], rr[0], on[0]), (l[1], rr[1], on[1]))]
    return [f"SELECT {cols} FROM {a} AS l {kind} {b} AS r ON {o}" for a, b, o in ((l[0], rr[0], on[0]), (l[1], rr[1], on[1]))]


def both(conds):
    return [(c, c) for c in conds]


# ---- kinds: (weir script behind the DDL, DuckDB query, tables of DuckDB, event time is used, how many are late) ----

def interval(r, s):
    q = joined(r, both(condition(r)) + [bounds(r)], ("l", "l"), ("r", "r"))
    return q[0], q[1], {n: s[n].in_time() for n in "lr"}, s["l"].late() + s["r"].late()


def regular(r, s):
    ms = r.choice([1000, 5000, 20000])
    cols = columns(r)
    conds = condition(r)
    on = " AND ".join(conds) or "TRUE"
    duck = f"{on} AND l.ts - r.ts BETWEEN {duck_lit(-ms)} AND {duck_lit(ms)}"
    return (f"SET state_ttl = '{ms} ms'; SELECT {cols} FROM l JOIN r ON {on}", f"SELECT {cols} FROM l JOIN r ON {duck}",
            {n: s[n].in_time() for n in "lr"}, None)


def window(r, s):
    w = Window(r)
    conds = both(condition(r)) + [("l.window_start = r.window_start", "l.ws = r.ws"), ("l.window_end = r.window_end", "l.we = r.we")]
    r.shuffle(conds)
    q = joined(r, conds, (w.tvf("l"), "l"), (w.tvf("r"), "r"))
    rows = {n: w.expand(s[n]) for n in "lr"}
    if r.random() < 0.3:  # what comes out is in time for the same windows
        cols = "l.window_start AS ws, l.window_end AS we, l.k AS k, r.a AS a"
        on = [" AND ".join(c[i] for c in conds) for i in (0, 1)]
        kind = r.choice(["JOIN", "LEFT JOIN"])
        inner = f"SELECT l.window_start, l.window_end, l.k, r.a FROM {w.tvf('l')} AS l {kind} {w.tvf('r')} AS r ON {on[0]}"
        q = (f"SELECT window_start, window_end, COUNT(*) AS n, SUM(a) AS a FROM ({inner}) GROUP BY window_start, window_end",
             f"SELECT l.ws, l.we, COUNT(*), SUM(r.a) FROM l {kind} r ON {on[1]} GROUP BY l.ws, l.we")
    return q[0], q[1], rows, sum(len(w.of(x["ts"])) for n in "lr" for x in s[n].rows) - sum(map(len, rows.values()))


def sessions(rows, gap):
    """Rows with the session of their key; rows exactly one gap apart are of one."""
    out, by_key = [], {}
    for row in rows:
        by_key.setdefault(row["k"], []).append(row)
    for those in by_key.values():
        those.sort(key=lambda x: x["ts"])
        first, last, some = None, None, []
        for row in those + [None]:
            if row is None or (last is not None and row["ts"] - last > gap):
                out += [dict(x, ws=first, we=last + gap) for x in some]
                first, some = None, []
            if row:
                first, last = row["ts"] if first is None else first, row["ts"]
                some.append(row)
    return out


def session_window(r, s):
    """Sessions whose starts and ends are the same; the rows come in time."""
    gap = r.choice([1, 1000, 5000])
    for x in s.values():
        x.delay = 20000
    if r.random() < 0.7:  # so that there are sessions that are the same
        s["r"].rows = [dict(x, a=r.randrange(-20, 20), g=r.randrange(3)) for x in s["l"].rows if r.random() < 0.95]
    conds = both(condition(r)) + [("l.window_start = r.window_start", "l.ws = r.ws"), ("l.window_end = r.window_end", "l.we = r.we")]
    r.shuffle(conds)
    tvf = lambda t: f"TABLE(SESSION(TABLE {t} PARTITION BY k, DESCRIPTOR(ts), {lit(gap)}))"
    rows = {n: sessions(s[n].rows, gap) for n in "lr"}
    k = r.random()
    if k < 0.3:  # aggregates of sessions
        on = [" AND ".join(c[i] for c in conds if ".a" not in c[0] and ".g" not in c[0] and ".s" not in c[0]) for i in (0, 1)]
        side = lambda t: f"(SELECT window_start, window_end, k, COUNT(*) AS n, SUM(a) AS sa FROM {tvf(t)} GROUP BY window_start, window_end, k)"
        dside = lambda t: f"(SELECT ws, we, k, COUNT(*) AS n, SUM(a) AS sa FROM {t} GROUP BY ws, we, k)"
        kind = r.choice(TYPES)
        q = (f"SELECT l.k AS c0, l.n AS c1, r.n AS c2, r.sa AS c3, r.window_end AS c4 FROM {side('l')} AS l {kind} {side('r')} AS r ON {on[0]}",
             f"SELECT l.k, l.n, r.n, r.sa, r.we FROM {dside('l')} AS l {kind} {dside('r')} AS r ON {on[1]}")
    elif k < 0.5:  # a window of the result
        kind, on = r.choice(["JOIN", "LEFT JOIN"]), [" AND ".join(c[i] for c in conds) for i in (0, 1)]
        q = (f"SELECT window_start AS ws, window_end AS we, COUNT(*) AS n, SUM(a) AS a FROM (SELECT l.window_start, l.window_end, r.a FROM "
             f"{tvf('l')} AS l {kind} {tvf('r')} AS r ON {on[0]}) GROUP BY window_start, window_end",
             f"SELECT l.ws, l.we, COUNT(*), SUM(r.a) FROM l {kind} r ON {on[1]} GROUP BY l.ws, l.we")
    else:
        q = joined(r, conds, (tvf("l"), "l"), (tvf("r"), "r"))
    return q[0], q[1], rows, 0


def window_in(r, s):
    w, no = Window(r), r.choice(["", "NOT "])
    c = r.choice(["k", "g", "a"])
    x = r.choice(["", " AND r.a > 0", f" AND r.{c} IS NOT NULL"])
    same = ("r.window_start = l.window_start AND r.window_end = l.window_end", "r.ws = l.ws AND r.we = l.we")
    cols = columns(r, True)
    return (f"SELECT {cols} FROM {w.tvf('l')} AS l WHERE l.{c} {no}IN (SELECT r.{c} FROM {w.tvf('r')} AS r WHERE {same[0]}{x})",
            f"SELECT {cols} FROM l WHERE l.{c} {no}IN (SELECT r.{c} FROM r WHERE {same[1]}{x})",
            {n: w.expand(s[n]) for n in "lr"}, None)


def bounded(r, s):
    q = joined(r, both(condition(r)), ("l", "l"), ("r", "r"))
    return q[0], q[1], {n: s[n].rows for n in "lr"}, False


def bounded_in(r, s):
    c, no = r.choice(["k", "g", "a"]), r.choice(["", "NOT "])
    x = r.choice(["", " WHERE r.a > 0", f" WHERE r.{c} IS NOT NULL", f" WHERE r.s = l.s", f" WHERE r.s = l.s AND r.{c} IS NOT NULL",
                  " WHERE r.a > 1000"])
    cols = columns(r, True)
    q = f"SELECT {cols} FROM l WHERE l.{c} {no}IN (SELECT r.{c} FROM r{x}) AND l.g IS NOT NULL"
    return q, q, {n: s[n].rows for n in "lr"}, False


def temporal(r, s):
    kind = r.choice(["JOIN", "LEFT JOIN"])
    cols = columns(r)
    versions = {}
    for row in s["r"].in_time():  # of two with one time the later in the stream counts
        versions[(row["k"], row["ts"])] = row
    extra = r.choice([("", ""), (" AND l.a < r.a", "l.a < r.a")])
    weir = f"SELECT {cols} FROM l {kind} r FOR SYSTEM_TIME AS OF l.ts ON l.k = r.k{extra[0]}"
    asof = "SELECT l.*, r.ts AS rts, r.k AS rk, r.g AS rg, r.a AS ra, r.s AS rs FROM l ASOF LEFT JOIN r ON l.k = r.k AND l.ts >= r.ts"
    ok = "rk IS NOT NULL" + (" AND a < ra" if extra[0] else "")
    for c, _, _ in COLUMNS:
        cols = cols.replace(f"l.{c} ", f"x.{c} ").replace(f"r.{c} ", f"x_{c} ")
    for c, _, _ in COLUMNS:
        cols = cols.replace(f"x_{c} ", f"CASE WHEN {ok} THEN r{c} END ")
    duck = f"SELECT {cols} FROM ({asof}) AS x" + (f" WHERE {ok}" if kind == "JOIN" else "")
    return weir, duck, {"l": s["l"].in_time(), "r": list(versions.values())}, s["l"].late() + s["r"].late()


def windowed_result(r, s):
    """Both times of an interval join are event time: no row of it is late for a window by either."""
    b, conds, t = bounds(r), condition(r), r.choice("lr")
    kind = {"l": r.choice(["JOIN", "LEFT JOIN"]), "r": r.choice(["JOIN", "RIGHT JOIN"])}[t]
    on = [" AND ".join(conds + [b[i]]) for i in (0, 1)]
    size = r.choice([1000, 60000])
    v = f"CREATE VIEW v AS SELECT l.ts AS lts, r.ts AS rts, l.a AS la, r.a AS ra FROM l {kind} r ON {on[0]}; "
    w = f"{v}SELECT window_start AS ws, COUNT(*) AS n, SUM(ra) AS a, MAX(la) AS b FROM TABLE(TUMBLE(TABLE v, DESCRIPTOR({t}ts), " \
        f"{lit(size)})) GROUP BY window_start, window_end"
    d = f"SELECT time_bucket({duck_lit(size)}, {t}.ts), COUNT(*), SUM(r.a), MAX(l.a) FROM l {kind} r ON {on[1]} GROUP BY 1"
    return w, d, {n: s[n].in_time() for n in "lr"}, s["l"].late() + s["r"].late()


def chain(r, s):
    """An interval join joined with a third use of a stream, by the time of either side."""
    b, c, t = bounds(r), bounds(r), r.choice("lr")
    on = [f"l.k = r.k AND {b[i]}" for i in (0, 1)]
    second = [c[i].replace("l.ts", "v.t").replace("r.ts", "m.ts") for i in (0, 1)]
    inner = [f"SELECT {t}.ts AS t, l.k AS k, r.a AS a FROM l JOIN r ON {o}" for o in on]
    q = [f"SELECT v.t AS c0, v.k AS c1, v.a AS c2, m.a AS c3 FROM ({inner[i]}) AS v {'LEFT ' if r.random() < 0 else ''}JOIN l AS m "
         f"ON v.k = m.k AND {second[i]}" for i in (0, 1)]
    return q[0], q[1], {n: s[n].in_time() for n in "lr"}, None


def three(r, s):
    """Three streams in one FROM, conditions in WHERE."""
    b, c = bounds(r), bounds(r)
    second = [c[i].replace("l.ts", "r.ts#").replace("r.ts", "m.ts").replace("m.ts#", "r.ts") for i in (0, 1)]
    q = [f"SELECT l.a AS c0, r.a AS c1, m.a AS c2 FROM l, r, l AS m WHERE m.g = r.g AND l.k = r.k AND {b[i]} AND m.a > 0 AND {second[i]}"
         for i in (0, 1)]
    return q[0], q[1], {n: s[n].in_time() for n in "lr"}, None


KINDS = [interval, interval, interval, regular, window, window, session_window, window_in, bounded, bounded, bounded_in, temporal, temporal,
         windowed_result, chain, three]


def canon(v):
    if isinstance(v, datetime):
        return iso(round((v - EPOCH) / timedelta(milliseconds=1)))
    return v


def duck(tables, sql):
    cols = [(n, d) for n, _, d in COLUMNS] + [("ws", "TIMESTAMP"), ("we", "TIMESTAMP")]
    for name, rows in tables.items():
        time = lambda c, v: EPOCH + timedelta(milliseconds=v) if c in ("ts", "ws", "we") and v is not None else v
        db = common.table(name, cols, [[time(c, row.get(c)) for c, _ in cols] for row in rows])
    return [[canon(v) for v in row] for row in db.execute(sql).fetchall()]


def run_case(path, seed):
    r = random.Random(seed)
    kind = r.choice(KINDS)  # KIND=session_window: only that
    kind = globals()[os.environ["KIND"]] if "KIND" in os.environ else kind
    n_max = 120 if kind in (chain, three) else 250
    step, keys = r.choice([5, 300, 2000]), r.sample(WORDS, r.randrange(1, 8))
    s = {n: Stream(r, n, n_max, step, keys) for n in "lr"}
    common.on_borders(r, s["l"].rows + s["r"].rows)
    sql, duck_sql, tables, late = kind(r, s)
    key = ", PRIMARY KEY (k) NOT ENFORCED" if kind is temporal else ""
    sql = s["l"].ddl(late is not False) + s["r"].ddl(late is not False, key) + sql + ";"
    workers, batch = common.workers(r), r.choice([1, 7, 100, 4096])
    sql = sql.replace("format = 'json')", f"format = 'json'{common.chunk(r)})")
    with common.folder() as d:
        for x in s.values():
            x.write(d)
        with open(os.path.join(d, "q.sql"), "w", encoding="utf-8") as f:
            f.write(sql)
        p = subprocess.run([path, "run", "--format=json", f"--workers={workers}", f"--batch-rows={batch}", "q.sql"], cwd=d,
                           capture_output=True, timeout=common.TIMEOUT)
    err = p.stderr.decode()
    what = f"{kind.__name__}, seed {seed}, workers {workers}, batch {batch}, {len(s['l'].rows)} and {len(s['r'].rows)} rows\n{sql}\n" \
           f"duckdb: {duck_sql}\n{err}"
    if p.returncode != 0:
        return "failed: " + what
    got = [list(json.loads(l).values()) for l in p.stdout.decode().split("\n") if l]
    want = duck(tables, duck_sql)
    g, w = Counter(map(str, got)), Counter(map(str, want))
    if g != w:
        show = lambda c: "\n".join(f"    {n} x {x}" for x, n in sorted(c.items())[:8])
        return f"differs: {what}  weir too many ({len(got)} rows):\n{show(g - w)}\n  weir too few ({len(want)} rows):\n{show(w - g)}"
    filtered = any(c in sql for c in ("l.a > 3", "r.a < 5"))  # before the join
    if late not in (None, False) and not filtered and f"{late:,} late" not in err:
        return f"late rows: expected {late}: {what}"
    return None


if __name__ == "__main__":
    common.main("joins", run_case)
