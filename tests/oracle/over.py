#!/usr/bin/env python3
"""Random OVER queries over random out-of-order data: weir against DuckDB.

Usage: over.py WEIR [--queries N] [--seed S] [--stop]

  stream    OVER (ORDER BY ts) with frames up to the current row; late rows are found here, by position
  bounded   any order, frame and function over the whole file
  window    OVER (PARTITION BY window_start, window_end …), Top-N, over a window table function
Rows of equal time stand in the order of the file: DuckDB orders by it where order within peers shows.
"""
import json
import os
import random
from datetime import timedelta

import common
from run import EPOCH, T0, WORDS, Window, canon, iso, key_of, same, weir

COLUMNS = [("id", "BIGINT", "BIGINT"), ("ts", "TIMESTAMP(3)", "TIMESTAMP"), ("k", "VARCHAR", "VARCHAR"),
           ("g", "INTEGER", "INTEGER"), ("b", "INTEGER", "INTEGER"), ("x", "DOUBLE", "DOUBLE"), ("s", "VARCHAR", "VARCHAR"),
           ("f", "BOOLEAN", "BOOLEAN"), ("d", "DECIMAL(10,2)", "DECIMAL(10,2)")]


def make_rows(r):
    n, t, rows = r.choice([0, 1, 3, 30, 200, 700]), T0 + r.randrange(100000), []
    step, jitter = r.choice([1, 300, 20000]), r.choice([0, 50, 4000, 60000])
    keys = r.sample(WORDS, r.randrange(1, 6))
    for i in range(n):
        t += int(r.expovariate(1 / step))
        row = {"id": i, "ts": max(0, t - (r.randrange(jitter + 1) if r.random() < 0.3 else 0)), "k": r.choice(keys),
               "g": r.randrange(-3, 4), "b": r.randrange(-100, 100), "x": r.randrange(-4000, 4000) / 8,
               "s": r.choice(WORDS), "f": r.random() < 0.5, "d": r.randrange(-10**4, 10**4) / 4}
        for c in row:
            if c not in ("id", "ts") and r.random() < 0.15:
                row[c] = None
        rows.append(row)
    return common.on_borders(r, rows)


def in_time(rows, delay):
    wm, out = None, []
    for row in rows:
        if wm is None or row["ts"] > wm:
            out.append(row)
        wm = max(wm, row["ts"] - delay) if wm is not None else row["ts"] - delay
    return out, len(rows) - len(out)


# ---- calls: (weir, DuckDB) texts around OVER, and whether the order among peers shows ----

AGGS = [("COUNT(*)",) * 2, ("COUNT(b)",) * 2, ("COUNT(s)",) * 2, ("SUM(b)",) * 2, ("SUM(d)",) * 2, ("SUM(x)",) * 2, ("AVG(x)",) * 2,
        ("AVG(b)",) * 2, ("MIN(b)",) * 2, ("MAX(x)",) * 2, ("MIN(s)",) * 2, ("MAX(s)",) * 2, ("MIN(ts)",) * 2,
        ("STDDEV_POP(b)",) * 2, ("VAR_SAMP(b)",) * 2, ("BOOL_AND(f)",) * 2, ("BOOL_OR(f)",) * 2, ("MEDIAN(b)",) * 2,
        ("COUNT(DISTINCT b)",) * 2, ("COUNT(DISTINCT s)",) * 2, ("SUM(DISTINCT g)",) * 2, ("COUNT(DISTINCT k)",) * 2]


def agg(r):
    w, d = r.choice(AGGS)
    if r.random() < 0.2:
        c = r.choice(["b > 0", "f", "s IS NOT NULL", "g = 1"])
        w, d = f"{w} FILTER (WHERE {c})", f"{d} FILTER (WHERE {c})"
    return w, d, False


def value(r):
    c, name, ign = r.choice("bxsgd"), r.choice(["FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"]), r.random() < 0.4
    n, last = f", {r.randrange(1, 5)}" if name == "NTH_VALUE" else "", ""
    return (f"{name}({c}{n}){last}{' IGNORE NULLS' if ign else ''}", f"{name}({c}{n}{' IGNORE NULLS' if ign else ''})", True)


def near(r):
    c, name, ign, n = r.choice("bxsgd"), r.choice(["LAG", "LEAD"]), r.random() < 0.4, r.choice([1, 1, 2, 7])
    d = r.choice(["", "", {"b": ", -7", "x": ", 0.5e0", "s": ", 'none'", "g": ", 9", "d": ", 1.25"}[c]])
    return (f"{name}({c}, {n}{d}){' IGNORE NULLS' if ign else ''}", f"{name}({c}, {n}{d}{' IGNORE NULLS' if ign else ''})", True)


def rank(r, complete):
    n = r.choice(["ROW_NUMBER()", "RANK()", "DENSE_RANK()"] + (["PERCENT_RANK()", "CUME_DIST()", f"NTILE({r.randrange(1, 6)})"] if complete else []))
    return n, n, n.startswith("ROW") or n.startswith("NTILE")


def bounds(r, unit, complete):
    """BETWEEN … AND …, in rows or in units."""
    if not complete:
        lo = r.choice(["UNBOUNDED PRECEDING", "CURRENT ROW", unit(r) + " PRECEDING", unit(r) + " PRECEDING"])
        return r.choice([f"BETWEEN {lo} AND CURRENT ROW", lo])
    ends = ["UNBOUNDED PRECEDING", unit(r) + " PRECEDING", "CURRENT ROW", unit(r) + " FOLLOWING", "UNBOUNDED FOLLOWING"]
    i, j = sorted([r.randrange(5), r.randrange(5)])
    if i == 4 or j == 0:
        return bounds(r, unit, complete)
    lo, hi = ends[i], ends[j]
    return f"BETWEEN {lo} AND {hi}"


def call(r, part, order, complete, unique, exact):
    """One call over PARTITION BY part ORDER BY order; order "" for none."""
    kind = r.choice(["agg", "agg", "agg", "value", "near", "rank"])
    w, d, ordered = {"agg": agg, "value": value, "near": near}[kind](r) if kind != "rank" else rank(r, complete)
    frame = ""
    if kind in ("agg", "value"):
        rows = r.random() < 0.5
        if rows:
            frame = " ROWS " + bounds(r, lambda r: str(r.choice([0, 1, 2, 5, 50])), complete)
            ordered = True
        elif order == "ts":
            frame = " RANGE " + bounds(r, lambda r: f"INTERVAL '{r.choice([0, 0.1, 1, 10, 60, 3600])}' SECOND", complete)
        elif order.split(" ")[0] in ("b", "x") and "," not in order:
            frame = " RANGE " + bounds(r, lambda r: str(r.choice([0, 1, 10, 50])), complete)
        elif order and r.random() < 0.5:
            frame = " RANGE " + r.choice(["UNBOUNDED PRECEDING", "CURRENT ROW", "BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"] if complete else ["UNBOUNDED PRECEDING"])
        if kind == "value" and not rows and not unique:
            frame, ordered = " ROWS " + bounds(r, lambda r: str(r.choice([0, 1, 2, 5])), complete), True
    by = f"PARTITION BY {part} " if part else ""
    ow = f" ORDER BY {order}" if order else ""
    ordered = ordered and "RANGE" not in frame
    if exact and ordered and complete:  # a second OVER has lost the order of the file
        ow = f" ORDER BY {order}, id" if order else " ORDER BY id"
    od = f" ORDER BY {order}, id" if ordered and order else " ORDER BY id" if ordered else ow
    if not ow and ordered and frame == "":
        frame_d = " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING" if kind in ("agg", "value") else ""
    else:
        frame_d = frame
    return f"{w} OVER ({by}{ow}{frame})", f"{d} OVER ({by}{od}{frame_d})"


# ---- cases ----

def make_case(r, rows):
    """weir's SQL, DuckDB's, the rows in DuckDB's table, how many are late (None: not counted)."""
    kind = r.choice(["stream", "stream", "bounded", "window"])
    delay = r.choice([0, 1000, 5000, 120000])
    cols = ", ".join(f"{n} {w}" for n, w, _ in COLUMNS)
    ddl = (f"CREATE STREAM t ({cols}, WATERMARK FOR ts AS ts - INTERVAL '{delay / 1000:.3f}' SECOND) "
           "WITH (connector = 'file', path = 't.jsonl', format = 'json');\n")
    unique = len({row["ts"] for row in rows}) == len(rows)
    parts = ["", "k", "g", "k, g", "f"]
    late, data = None, [(row, None, None) for row in rows]
    if kind == "stream":
        kept, late = in_time(rows, delay)
        data = [(row, None, None) for row in kept]
        one = r.choice(parts)
        calls = [call(r, r.choice(parts) if unique else one, "ts", False, unique, False) for _ in range(r.randrange(1, 5))]
        src = ("t", "t")
    elif kind == "bounded":
        orders = ["", "b", "b DESC", "x", "x DESC NULLS LAST", "s, b", "g NULLS FIRST, s DESC", "d", "f DESC, b", "k"]
        calls = [call(r, r.choice(parts), r.choice(orders), True, False, True) for _ in range(r.randrange(1, 4))]
        src = ("t", "t")
    else:
        w = Window(r)
        w.delay = delay
        expanded, late = w.expand(rows)
        data = expanded
        part = r.choice(["window_start, window_end", "window_start, window_end, k"])
        orders = ["b", "b DESC", "x", "ts", "ts DESC", "s, b", "g NULLS FIRST, s DESC"]
        calls = [call(r, part, r.choice(orders), True, False, True) for _ in range(r.randrange(0, 3))]
        src = (w.sql(), "t")
        if not calls or r.random() < 0.5:
            fn, order, n = r.choice(["ROW_NUMBER", "ROW_NUMBER", "RANK"]), r.choice(orders), r.randrange(1, 6)
            how = r.choice([f"rn <= {n}", f"{n} >= rn", f"rn < {n + 1}", f"rn = {n}", f"rn <= {n} AND b > 0"])
            tie = ", id" if fn == "ROW_NUMBER" else ""
            rn = lambda tie: f"{fn}() OVER (PARTITION BY {part} ORDER BY {order}{tie}) AS rn"
            if not calls:
                body = lambda tie, f: f"SELECT id, window_start, b, rn FROM (SELECT *, {rn(tie)} FROM {f}) AS q WHERE {how}"
                return ddl + body("", src[0]) + ";", body(tie, src[1]), data, None
            calls.append((f"{fn}() OVER (PARTITION BY {part} ORDER BY {order}{tie})", f"{fn}() OVER (PARTITION BY {part} ORDER BY {order}{tie})"))
    keys = "id, window_start" if kind == "window" else "id"
    pick = lambda i: ", ".join(f"{c[i]} AS c{n}" for n, c in enumerate(calls))
    return (ddl + f"SELECT {keys}, {pick(0)} FROM {src[0]};", f"SELECT {keys}, {pick(1)} FROM {src[1]}", data,
            late if kind == "stream" else None)


def duck(data, sql):
    time = lambda ms: None if ms is None else EPOCH + timedelta(milliseconds=ms)
    rows = [[time(row[n]) if n == "ts" else row[n] for n, _, _ in COLUMNS] + [time(s), time(e)] for row, s, e in data]
    db = common.table("t", [(n, d) for n, _, d in COLUMNS] + [("window_start", "TIMESTAMP"), ("window_end", "TIMESTAMP")], rows,
                      default_null_order="nulls_last_on_asc_first_on_desc")
    return [[canon(v) for v in row] for row in db.execute(sql).fetchall()]


def run_case(path, seed):
    r = random.Random(seed)
    rows = make_rows(r)
    sql, duck_sql, data, late = make_case(r, rows)
    workers, batch = common.workers(r), r.choice([1, 7, 100, 4096])
    sql = sql.replace("format = 'json')", f"format = 'json'{common.chunk(r)})")
    with common.folder() as d:
        with open(os.path.join(d, "t.jsonl"), "w", encoding="utf-8") as f:
            for row in rows:
                f.write(json.dumps({c: iso(v) if c == "ts" else v for c, v in row.items()}) + "\n")
        want = duck(data, duck_sql)
        got, err = weir(path, d, sql, workers, batch)
    what = f"seed {seed}, workers {workers}, batch {batch}, {len(rows)} rows\n{sql}\nduckdb: {duck_sql}\n{err}"
    if got is None:
        return "failed: " + what
    if not same(got, want):
        extra = lambda a, b: "\n".join("    " + str(x) for x in sorted((x for x in a if x not in b), key=key_of)[:6])
        return f"differs: {what}  weir ({len(got)} rows):\n{extra(got, want)}\n  duckdb ({len(want)} rows):\n{extra(want, got)}"
    if late is not None and f"{late:,} late" not in err and sql.count("ORDER BY ts") == 1:
        return f"late rows: expected {late}: {what}"
    return None


if __name__ == "__main__":
    common.main("OVER", run_case)
