#!/usr/bin/env python3
"""Random session queries over random out-of-order data: weir against DuckDB.

Usage: sessions.py WEIR [--queries N] [--seed S] [--stop]

Which session a row is in, and whether it is late, is worked out here one row after the other, as docs/SQL.md
defines it; DuckDB then aggregates rows that carry their session. Where no row can be late, the sessions
themselves are checked against DuckDB's, found by LAG and a running sum. Data may lie in several files, which
are read side by side. A failure prints what is needed to repeat it.
"""
import os
import random

import common
import run

COLUMNS = run.COLUMNS
KEYS = ["k", "g", "f", "s"]
FIRST = [lambda r: ("FIRST_VALUE({0})", "first({0} ORDER BY ts, split, pos)"),
         lambda r: ("LAST_VALUE({0})", "last({0} ORDER BY ts, split, pos)"),
         lambda r: ("FIRST_VALUE({0}) FILTER (WHERE f)", "first({0} ORDER BY ts, split, pos) FILTER (WHERE f)")]


class Case:
    def __init__(self, r):
        self.gap = r.choice([1, 20, 300, 1000, 5000, 60000])
        self.delay = r.choice([0, 0, 5, 1000, 5000, 120000])
        self.by = r.sample(KEYS, r.choice([0, 1, 1, 1, 2]))
        self.files = r.choice([1, 1, 1, 2, 3])
        self.chunk = common.chunk(r)
        self.kind = r.choice(["fused", "fused", "fused", "group", "group", "other", "rows", "where"])
        self.rows = run.make_rows(r)
        if r.random() < 0.3:  # many rows on each other's border
            for row in self.rows:
                row["ts"] = run.T0 + (row["ts"] - run.T0) // self.gap * self.gap
        for i, row in enumerate(self.rows):
            row["split"] = r.randrange(self.files)
            row["pos"] = i
        self.keep = (lambda row: row["b"] is not None and row["b"] > 0) if self.kind == "where" else lambda row: True

    def gap_sql(self):
        return f"INTERVAL '{self.gap / 1000:.3f}' SECOND"

    def ddl(self):
        cols = ", ".join(f"{n} {w}" for n, w, _ in COLUMNS)
        return (f"CREATE STREAM t ({cols}, WATERMARK FOR ts AS ts - INTERVAL '{self.delay / 1000:.3f}' SECOND) "
                f"WITH (connector = 'file', path = 't*.jsonl', format = 'json', late_output = 'lates'{self.chunk});\n"
                "CREATE STREAM l WITH (connector = 'file', path = 'late.jsonl', format = 'json') AS SELECT * FROM lates;\n")

    def key(self, row):
        return tuple(row[c] for c in self.by)

    def sessions(self):
        """(row, start, end) of every row that is in time, and the late rows."""
        wm, order = {}, []
        for row in self.rows:
            w = wm.get(row["split"], -1 << 62)
            order.append((w, row["ts"] <= w, row["split"], row["pos"], row))
            wm[row["split"]] = max(w, row["ts"] - self.delay)
        done, open_, late = [], {}, []
        for w, _, _, _, row in sorted(order, key=lambda x: x[:4]):
            if not self.keep(row):
                continue
            t, here = row["ts"], open_.setdefault(self.key(row), [])
            done += [s for s in here if s[1] + self.gap <= w]
            here[:] = [s for s in here if s[1] + self.gap > w]
            touched = [s for s in here if s[0] - self.gap <= t <= s[1] + self.gap]
            if t + self.gap <= w and not touched:
                late.append(row)
                continue
            here[:] = [s for s in here if s not in touched]
            here.append((min([t] + [s[0] for s in touched]), max([t] + [s[1] for s in touched]),
                         [row] + [x for s in touched for x in s[2]]))
        for here in open_.values():
            done += here
        return [(row, s[0], s[1] + self.gap) for s in done for row in s[2]], late

    def query(self, r):
        """weir's script and DuckDB's query over tw."""
        part = f" PARTITION BY {', '.join(self.by)}" if self.by else ""
        named = r.random() < 0.3
        tvf = (f"SESSION(DATA => TABLE t{part}, TIMECOL => DESCRIPTOR(ts), GAP => {self.gap_sql()})" if named else
               f"SESSION(TABLE t{part}, DESCRIPTOR(ts), {self.gap_sql()})")
        tvf = f"TABLE({tvf})" if r.random() < 0.7 else tvf
        win = [("window_start", "window_start"), ("window_end", "window_end")]
        time = [("window_time", "window_end - INTERVAL 1 MILLISECOND")]
        pick = lambda items, i: ", ".join(f"{e[i]} AS c{k}" for k, e in enumerate(items))
        if self.kind == "rows":
            c = run.cond(r, 2) if r.random() < 0.5 else ("TRUE", "TRUE")
            items = win + time + [(n, n) for n, _, _ in COLUMNS]
            return (f"SELECT {pick(items, 0)} FROM {tvf} WHERE {c[0]};", f"SELECT {pick(items, 1)} FROM tw WHERE {c[1]}")
        aggs = [run.aggregate(r) for _ in range(r.randrange(1, 5))]
        if self.kind != "other":
            aggs += [run.both2(f(r), r.choice(["b", "x", "s"])) for f in FIRST if r.random() < 0.3]
        keys = [(k, k) for k in (r.sample(KEYS, r.randrange(0, 3)) if self.kind == "other" else r.sample(self.by, len(self.by)))]
        if self.kind == "other" and sorted(k[0] for k in keys) == sorted(self.by):
            keys.append(("MOD(b, 3)", "b % 3"))
        having = f" HAVING COUNT(*) > {r.randrange(0, 4)}" if r.random() < 0.3 else ""
        by = lambda first, i: ", ".join(first + [k[i] for k in keys])
        duck = by(["window_start", "window_end"], 1)
        if self.kind in ("group", "where"):
            g = self.gap_sql()
            old = [(f"SESSION_{p}(ts, {g})", e) for p, e in (("START", "window_start"), ("END", "window_end"), ("ROWTIME", time[0][1]))]
            items, where = old + keys + aggs, " WHERE b > 0" if self.kind == "where" else ""
            return (f"SELECT {pick(items, 0)} FROM t{where} GROUP BY {by([f'SESSION(ts, {g})'], 0)}{having};",
                    f"SELECT {pick(items, 1)} FROM tw GROUP BY {duck}{having}")
        items = win + keys + aggs
        where = ("", "")
        if self.kind == "other" and r.random() < 0.5:
            c = run.cond(r, 1)
            where = (f" WHERE {c[0]}", f" WHERE {c[1]}")
        return (f"SELECT {pick(items, 0)} FROM {tvf}{where[0]} GROUP BY {by(['window_start', 'window_end'], 0)}{having};",
                f"SELECT {pick(items, 1)} FROM tw{where[1]} GROUP BY {duck}{having}")

    def table(self):
        placed, late = self.sessions()
        cols = [(n, d) for n, _, d in COLUMNS] + [("split", "INTEGER"), ("pos", "BIGINT"), ("window_start", "TIMESTAMP"),
                                                  ("window_end", "TIMESTAMP")]
        at = lambda ms: run.EPOCH + run.timedelta(milliseconds=ms)
        data = [[at(row[n]) if n == "ts" else row[n] for n, _, _ in COLUMNS] + [row["split"], row["pos"], at(s), at(e)]
                for row, s, e in placed]
        return common.table("tw", cols, data), late

    def islands(self, db):
        """Rows whose session DuckDB finds another: none, where nothing was closed before its rows were all there."""
        part = ", ".join(self.by)
        over = f"OVER ({'PARTITION BY ' + part if part else ''} ORDER BY ts, pos)"
        group = f"{part + ', ' if part else ''}island"
        return db.execute(
            f"WITH a AS (SELECT *, CASE WHEN ts - LAG(ts) {over} <= INTERVAL {self.gap} MILLISECOND THEN 0 ELSE 1 END AS new FROM tw), "
            f"b AS (SELECT *, SUM(new) {over} AS island FROM a), "
            f"c AS (SELECT *, MIN(ts) OVER (PARTITION BY {group}) AS first_, MAX(ts) OVER (PARTITION BY {group}) AS last_ FROM b) "
            f"SELECT COUNT(*) FROM c WHERE first_ <> window_start OR last_ + INTERVAL {self.gap} MILLISECOND <> window_end").fetchone()[0]


def both2(form, col):
    return (form[0].format(col), form[1].format(col))


run.both2 = both2


def run_case(path, seed):
    r = random.Random(seed)
    c = Case(r)
    sql, duck_sql = c.query(r)
    workers, batch = common.workers(r), r.choice([1, 7, 100, 4096])
    db, late = c.table()
    span = max((row["ts"] for row in c.rows), default=0) - min((row["ts"] for row in c.rows), default=0)
    if c.delay >= span and c.islands(db):
        return f"seed {seed}: this program's sessions are not DuckDB's"
    want = [[run.canon(v) for v in row] for row in db.execute(duck_sql).fetchall()]
    with common.folder() as d:
        for f in range(c.files):
            rows = [{n: row[n] for n, _, _ in COLUMNS} for row in c.rows if row["split"] == f]
            run.write_json(r, rows, os.path.join(d, f"t{f}.jsonl"))
        got, err = run.weir(path, d, c.ddl() + sql, workers, batch)
        lates = sum(1 for _ in open(os.path.join(d, "late.jsonl"))) if os.path.exists(os.path.join(d, "late.jsonl")) else 0
    what = f"seed {seed}, workers {workers}, batch {batch}, {c.files} files, {len(c.rows)} rows\n{c.ddl()}{sql}\nduckdb: {duck_sql}\n{err}"
    if got is None:
        return "failed: " + what
    if not run.same(got, want):
        show = lambda rs: "\n".join("    " + str(x) for x in sorted(rs, key=run.key_of)[:12])
        return f"differs: {what}  weir ({len(got)} rows):\n{show(got)}\n  duckdb ({len(want)} rows):\n{show(want)}"
    if c.kind not in ("rows", "other") and (f"{len(late):,} late" not in err or lates != len(late)):
        return f"late rows: expected {len(late)}, {lates} came: {what}"
    return None


if __name__ == "__main__":
    common.main("sessions", run_case)
