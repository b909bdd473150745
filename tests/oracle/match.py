#!/usr/bin/env python3
"""Random MATCH_RECOGNIZE queries against a matcher that tries everything, in the order the standard says.

Usage: match.py WEIR [--queries N] [--seed S]

Data is out of order, with NULLs, ties, late rows. A case is a query; several share data and a run with a
random number of workers and batch size. Some count the matches in windows, so that one which comes too late
for the watermark would be missed. A failure prints what is needed to repeat it.
"""
import json
import os
import random
import subprocess
from collections import Counter
from datetime import datetime, timedelta

import common

EPOCH = datetime(2026, 1, 1)
STEPS_MAX = 200_000  # of the slow matcher; queries beyond it are left out
QUERIES = 12         # per run
TEXTS = ["a", "b", "ab", "a text that is longer than a view", "another text that does not fit", ""]


class TooLong(Exception):
    pass


# ---- data ----

def make_rows(r):
    n, t, rows = r.choice([0, 3, 12, 40, 120]), r.randrange(1000), []
    keys = r.choice([["k"], ["k", "l"], [None, "k", "l", "a key that is longer than a view", "m"]])
    step, jitter, small = r.choice([1, 300, 3000]), r.choice([0, 0, 500, 5000]), r.choice([2, 4, 10])
    for i in range(n):
        t += r.randrange(step + 1)
        rows.append({"ts": max(0, t - (r.randrange(jitter + 1) if r.random() < 0.3 else 0)), "k": r.choice(keys),
                     "x": None if r.random() < 0.08 else r.randrange(small), "s": r.choice(TEXTS + [None]),
                     "f": r.random() < 0.5, "o": r.choice([None, 1, 2, 3]), "id": i})
    return rows


def iso(ms):
    return (EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def in_time(rows, delay):
    """Rows that are not late, by position."""
    high, out = None, []
    for row in rows:
        if high is None or row["ts"] > high - delay:
            out.append(row)
        high = row["ts"] if high is None else max(high, row["ts"])
    return out


# ---- patterns ----

def make_pattern(r, depth, names):
    roll = r.random()
    if depth == 0 or roll < 0.35:
        x = ("var", r.choice(names))
    elif roll < 0.70:
        x = ("seq", [make_pattern(r, depth - 1, names) for _ in range(r.randrange(2, 4))])
    elif roll < 0.85:
        x = ("alt", [make_pattern(r, depth - 1, names) for _ in range(r.randrange(2, 4))])
    elif roll < 0.90:
        x = ("permute", [make_pattern(r, 0, names) for _ in range(r.randrange(2, 4))])
    elif roll < 0.94:
        x = ("exclude", make_pattern(r, depth - 1, names))
    elif roll < 0.97:
        return ("anchor", r.choice("^$"))
    else:
        x = ("seq", [make_pattern(r, depth - 1, names)])
    if r.random() < 0.45:
        lo, hi = r.choice([(0, None), (1, None), (0, 1), (2, 2), (1, 3), (2, None), (0, 2), (0, None), (1, None)])
        x = ("times", x, lo, hi, r.random() < 0.3)
    return x


def pattern_text(x):
    kind = x[0]
    if kind in ("var", "anchor"):
        return x[1]
    if kind == "seq":
        return "(" + " ".join(map(pattern_text, x[1])) + ")"
    if kind == "alt":
        return "(" + " | ".join(map(pattern_text, x[1])) + ")"
    if kind == "permute":
        return "PERMUTE(" + ", ".join(map(pattern_text, x[1])) + ")"
    if kind == "exclude":
        return "{- " + pattern_text(x[1]) + " -}"
    _, y, lo, hi, reluctant = x
    q = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((lo, hi))
    if not q:
        q = f"{{{lo}}}" if lo == hi else f"{{,{hi}}}" if lo == 0 else f"{{{lo},{'' if hi is None else hi}}}"
    return pattern_text(y) + q + ("?" if reluctant else "")


def least(x):
    kind = x[0]
    if kind in ("var", "anchor"):
        return int(kind == "var")
    if kind in ("seq", "permute"):
        return sum(map(least, x[1]))
    if kind == "alt":
        return min(map(least, x[1]))
    return least(x[1]) if kind == "exclude" else least(x[1]) * x[2]


def holds(x, kind):
    return x[0] == kind or any(holds(y, kind) for y in x[1:] if isinstance(y, tuple)) or (
        isinstance(x[1], list) and any(holds(y, kind) for y in x[1]))


def names_of(x, out):
    if x[0] == "var":
        if x[1] not in out:
            out.append(x[1])
    elif x[0] in ("times", "exclude"):
        names_of(x[1], out)
    elif x[0] != "anchor":
        for y in x[1]:
            names_of(y, out)
    return out


# ---- conditions and measures: text, and what it means ----
# A path is a list of (index of the row among the key's, variable, shown). Meaning: f(ctx) with ctx.rows, ctx.path,
# ctx.number; in a condition the last of the path is the row that is asked about.

class Ctx:
    def __init__(self, rows, path, number, start=None):
        self.rows, self.path, self.number, self.start = rows, path, number, start


def rows_in(ctx, names):
    return [i for i, v, _ in ctx.path if names is None or v in names]


def nav(last, names, col, k, back):
    """back: rows before; below zero behind."""
    def f(ctx):
        found = rows_in(ctx, names)
        if k >= len(found):
            return None
        i = found[-1 - k if last else k] - back
        return ctx.rows[i][col] if 0 <= i < len(ctx.rows) else None
    return f


def moved(text, back):
    if not back:
        return text
    return f"{'PREV' if back > 0 else 'NEXT'}({text}{f', {abs(back)}' if abs(back) > 1 else ''})"


def classifier(names, last=True, k=0):
    def f(ctx):
        found = [v for _, v, _ in ctx.path if names is None or v in names]
        return found[-1 - k if last else k] if k < len(found) else None
    return f


def make_classifier(r, scopes):
    name, names = r.choice(scopes)
    last, k = r.random() < 0.7, r.choice([0, 0, 1])
    text = f"CLASSIFIER({name or ''})"
    if k or not last:
        text = f"{'LAST' if last else 'FIRST'}({text}{f', {k}' if k else ''})"
    return text, classifier(names, last, k)


def make_nav(r, scopes):
    """scopes: (name or None, set of variables)"""
    name, names = r.choice(scopes)
    col = r.choice(["x", "x", "x", "id"])
    ref = f"{name}.{col}" if name else col
    last, k, back = r.random() < 0.7, r.choice([0, 0, 1, 2]), r.choice([0, 0, 0, 1, 2, -1, -2])
    if last and k == 0 and r.random() < 0.7:
        text = ref
    else:
        text = f"{'LAST' if last else 'FIRST'}({ref}{f', {k}' if k else ''})"
    return moved(text, back), nav(last, names, col, k, back)


def make_agg(r, scopes, cols="x"):
    name, names = r.choice(scopes)
    q = f"{name}." if name else ""
    kind = r.choice(["count*", "COUNT", "SUM", "MIN", "MAX", "mins", "distinct", "first", "filter", "expr"])
    values = lambda ctx, col: [v for v in (ctx.rows[i][col] for i in rows_in(ctx, names)) if v is not None]
    if kind == "count*":
        return (f"COUNT({q}*)" if name else "COUNT(*)"), lambda ctx: len(rows_in(ctx, names))
    if kind == "filter":
        return (f"COUNT({q}x) FILTER (WHERE {q}x > 1)"), lambda ctx: sum(v > 1 for v in values(ctx, "x"))
    if kind == "expr":
        return f"SUM({q}x * 2 + {q}id)", lambda ctx: (lambda vs: sum(vs) if vs else None)(
            [ctx.rows[i]["x"] * 2 + ctx.rows[i]["id"] for i in rows_in(ctx, names) if ctx.rows[i]["x"] is not None])
    if kind == "mins":
        return f"CHAR_LENGTH(MIN({q}s))", lambda ctx: (lambda vs: len(min(vs, key=lambda v: v.encode())) if vs else None)(
            values(ctx, "s"))
    if kind == "distinct":
        return f"COUNT(DISTINCT {q}x)", lambda ctx: len(set(values(ctx, "x")))
    if kind == "first":
        return f"CHAR_LENGTH(LAST_VALUE({q}s))", lambda ctx: (
            lambda ids: None if not ids or ctx.rows[ids[-1]]["s"] is None else len(ctx.rows[ids[-1]]["s"]))(
                rows_in(ctx, names))
    f = {"COUNT": len, "SUM": lambda vs: sum(vs) if vs else None, "MIN": lambda vs: min(vs) if vs else None,
         "MAX": lambda vs: max(vs) if vs else None}[kind]
    return f"{kind}({q}x)", lambda ctx: f(values(ctx, "x"))


def compare(op, a, b):
    if a is None or b is None:
        return None
    return {"<": a < b, ">": a > b, "=": a == b, "<>": a != b, "<=": a <= b}[op]


def make_operand(r, scopes, me, dynamic):
    roll = r.random()
    if roll < 0.35:
        c = r.randrange(5)
        return str(c), lambda ctx: c
    if roll < 0.55 or not dynamic:
        back = r.choice([1, 1, 1, 2, 3, -1, -2])
        return moved(r.choice(["", me + "."]) + "x", back), nav(True, None, "x", 0, back)
    if roll < 0.85:
        return make_nav(r, scopes)
    if roll < 0.97:
        return make_agg(r, scopes)
    return "MATCH_NUMBER()", lambda ctx: ctx.number


def make_condition(r, scopes, me, dynamic, depth=1):
    roll = r.random()
    if depth and roll < 0.3:
        a, f = make_condition(r, scopes, me, dynamic, 0)
        b, g = make_condition(r, scopes, me, dynamic, 0)
        if r.random() < 0.6:
            return f"({a} AND {b})", lambda ctx: (lambda p, q: False if p is False or q is False else
                                                 None if p is None or q is None else True)(f(ctx), g(ctx))
        return f"({a} OR {b})", lambda ctx: (lambda p, q: True if p or q else
                                             None if p is None or q is None else False)(f(ctx), g(ctx))
    here = nav(True, None, "x", 0, 0)
    if roll < 0.4:
        return f"{r.choice(['', me + '.'])}f", lambda ctx: ctx.rows[ctx.path[-1][0]]["f"]
    if roll < 0.47:
        a, f = make_operand(r, scopes, me, dynamic)
        if a.isdigit():
            a, f = "x", here
        return f"{a} IS NULL", lambda ctx: f(ctx) is None
    if dynamic and roll < 0.52:
        a, f = make_classifier(r, scopes)
        name = r.choice([s[0] for s in scopes[1:]])
        return f"{a} = '{name}'", lambda ctx: compare("=", f(ctx), name)
    op = r.choice(["<", ">", "=", "<>", "<="])
    a, f = make_operand(r, scopes, me, dynamic)
    left = r.choice(["x", me + ".x"])
    return f"{left} {op} {a}", lambda ctx: compare(op, here(ctx), f(ctx))


# ---- the slow matcher ----

class Matcher:
    def __init__(self, rows, pattern, defines, within, number):
        self.rows, self.defines, self.within, self.number, self.steps = rows, defines, within, number, 0
        self.pattern = pattern

    def run(self, x, i, path, start, shown):
        """All ways to match x from row i, the preferred first: (next row, path)."""
        kind = x[0]
        if kind == "var":
            self.steps += 1
            if self.steps > STEPS_MAX:
                raise TooLong
            if i >= len(self.rows) or (self.within and self.rows[i]["ts"] - self.rows[start]["ts"] >= self.within):
                return
            path = path + [(i, x[1], shown)]
            cond = self.defines.get(x[1])
            if cond is None or cond(Ctx(self.rows, path, self.number)) is True:
                yield i + 1, path
        elif kind == "anchor":
            if i == 0 if x[1] == "^" else i >= len(self.rows):
                yield i, path
        elif kind == "seq":
            yield from self.seq(x[1], i, path, start, shown)
        elif kind == "alt":
            for y in x[1]:
                yield from self.run(y, i, path, start, shown)
        elif kind == "permute":
            yield from self.permute(x[1], i, path, start, shown)
        elif kind == "exclude":
            yield from self.run(x[1], i, path, start, False)
        else:
            yield from self.times(x, 0, i, path, start, shown)

    def seq(self, xs, i, path, start, shown):
        if not xs:
            yield i, path
            return
        for j, p in self.run(xs[0], i, path, start, shown):
            yield from self.seq(xs[1:], j, p, start, shown)

    def permute(self, xs, i, path, start, shown):
        if not xs:
            yield i, path
        for k in range(len(xs)):
            for j, p in self.run(xs[k], i, path, start, shown):
                yield from self.permute(xs[:k] + xs[k + 1:], j, p, start, shown)

    def times(self, x, done, i, path, start, shown):
        _, y, lo, hi, reluctant = x
        may_stop = done >= lo
        if may_stop and reluctant:
            yield i, path
        if hi is None or done < hi:
            for j, p in self.run(y, i, path, start, shown):
                if may_stop and j == i:
                    continue  # an iteration without rows ends the loop
                yield from self.times(x, done + 1, j, p, start, shown)
        if may_stop and not reluctant:
            yield i, path

    def first(self, start):
        for _, path in self.run(self.pattern, start, [], start, True):
            return path
        return None


def expect(rows, q):
    out, keys = [], []
    for row in rows:
        if row["k"] not in keys:
            keys.append(row["k"])
    for key in (keys if q["by"] else [None]):
        mine = [row for row in rows if not q["by"] or row["k"] == key]
        start, number, covered = 0, 1, 0
        while start < len(mine):
            path = Matcher(mine, q["pattern"], q["defines"], q["within"], number).first(start)
            if path is None:
                if q["show"] == "WITH UNMATCHED ROWS" and start >= covered:
                    out.append(lone(mine, start, None, q))
                start += 1
                continue
            if path:
                out += result(mine, path, number, key, q)
            elif not q["all"]:
                row = {"k": key} if q["by"] else {}
                empty = Ctx(mine, [], number, start)
                row.update({f"m{i}": f(empty) for i, (_, f, _) in enumerate(q["measures"])})
                out.append(mine[start]["ts"] if q["window"] else row)
            elif q["show"] != "OMIT EMPTY MATCHES":
                out.append(lone(mine, start, Ctx(mine, [], number), q))
            number += 1
            covered = max(covered, path[-1][0] + 1 if path else start + 1)
            start = after(path, start, q)
    if q["window"]:
        w = q["window"]
        return [{"w": iso(t), "n": n} for t, n in Counter(t - t % w for t in out).items()]
    return out


def after(path, start, q):
    kind, names = q["skip"]
    if not path:
        return start + 1
    if kind == "past":
        return path[-1][0] + 1
    at = [i for i, v, _ in path if kind != "next" and v in names]
    if not at:
        return start + 1
    to = at[0] if kind == "first" else at[-1]
    return to if to > start else start + 1


def lone(mine, start, ctx, q):
    """A row that ALL ROWS shows by itself: of an empty match, or (ctx None) of none."""
    if q["window"]:
        return mine[start]["ts"]
    row = {c: mine[start][c] for c in ("k", "x", "s", "f", "o", "id")}
    row["ts"] = iso(mine[start]["ts"])
    return {**row, **{f"m{i}": f(ctx) if ctx else None for i, (_, f, _) in enumerate(q["measures"])}}


def result(mine, path, number, key, q):
    out = []
    whole = Ctx(mine, path, number)
    for n in range(len(path)) if q["all"] else [len(path) - 1]:
        if q["all"] and not path[n][2]:
            continue
        part = Ctx(mine, path[:n + 1], number)
        row = {"k": key} if q["by"] else {}
        if q["all"]:
            row = {c: mine[path[n][0]][c] for c in ("k", "x", "s", "f", "o", "id")}
            row["ts"] = iso(mine[path[n][0]]["ts"])
        for i, (_, f, final) in enumerate(q["measures"]):
            row[f"m{i}"] = f(whole if final else part)
        out.append(mine[path[n][0]]["ts"] if q["window"] else row)
    return out


# ---- queries ----

def make_many_ways(r):
    """The same row and position are come to in many ways, whose conditions differ by what they have taken."""
    times = lambda x, lo: ("times", x, lo, None, r.random() < 0.3)
    some = r.choice([times(("alt", [("var", "A"), ("var", "B")]), 1), ("seq", [times(("var", "A"), 0), times(("var", "B"), 0)]),
                     times(("seq", [times(("var", "A"), 1), ("times", ("var", "B"), 0, 1, False)]), 1)])
    tail = [r.choice([("var", "C"), ("seq", [("var", "C"), ("var", "D")])])]
    return ("seq", [("var", "S")] * r.randrange(2) + [some] + tail)


def make_query(r, n):
    many_ways = r.random() < 0.3
    while True:
        pattern = make_pattern(r, r.choice([1, 2, 2, 3]), ["A", "B", "C", "D"][:r.randrange(1, 5)])
        if r.random() < 0.1:
            pattern = ("seq", [("anchor", "^"), pattern] if r.random() < 0.5 else [pattern, ("anchor", "$")])
        if many_ways:
            pattern = make_many_ways(r)
        names = names_of(pattern, [])
        if names and (least(pattern) or r.random() < 0.4):
            break
    scopes = [(None, None)] + [(v, {v}) for v in names]
    subset = set(r.sample(names, r.randrange(1, len(names) + 1))) if r.random() < 0.3 else None
    if subset:
        scopes.append(("U", subset))
    dynamic = many_ways or r.random() < 0.5
    conditions = {v: make_condition(r, scopes, v, dynamic, 0) if many_ways and v in "AB" else
                  make_condition(r, scopes, v, dynamic) for v in names if many_ways or r.random() < 0.8}
    all_rows = r.random() < 0.35
    measures = []
    for _ in range(r.randrange(1, 5)):
        roll = r.random()
        text, f = (make_nav(r, scopes) if roll < 0.5 else make_agg(r, scopes) if roll < 0.8 else
                   make_classifier(r, scopes) if roll < 0.9 else
                   ("MATCH_NUMBER()", lambda ctx: ctx.number) if roll < 0.95 else
                   ("CAST(MATCH_ROWTIME() AS VARCHAR)", None))
        final = r.random() < 0.3
        if f is None:
            text, f = "MATCH_ROWTIME()", lambda ctx: (
                iso(ctx.rows[ctx.path[-1][0]]["ts"]) if ctx.path else iso(ctx.rows[ctx.start]["ts"]) if ctx.start is not None
                else None)
            final = True
        measures.append((text, f, final))
    skip = r.choice(["past", "past", "past", "next", "first", "last"])
    skip_name, skip_set = r.choice([s for s in scopes if s[0]])
    show = r.choice(["", "", "SHOW EMPTY MATCHES", "OMIT EMPTY MATCHES", "WITH UNMATCHED ROWS", "WITH UNMATCHED ROWS"])
    if not all_rows or (show == "WITH UNMATCHED ROWS" and holds(pattern, "exclude")):
        show = ""
    alias = r.choice(["", "", " AS z", " z"])
    q = {"pattern": pattern, "show": show, "defines": {v: c[1] for v, c in conditions.items()}, "measures": measures,
         "all": all_rows, "by": r.random() < 0.8, "skip": (skip, skip_set),
         "within": r.choice([None, None, 1, 1000, 5000]), "order": r.random() < 0.3,
         "window": r.choice([None, None, None, None, 1000, 3000])}
    sink = f"CREATE STREAM out{n} WITH (connector = 'file', path = 'out{n}.jsonl', format = 'json') AS"
    time = "ts"
    if q["window"] and not all_rows:
        measures.append(("MATCH_ROWTIME()", lambda ctx: None, False))
        time = f"m{next(i for i, m in enumerate(measures) if m[0] == 'MATCH_ROWTIME()')}"
    sql = [f"CREATE VIEW v{n} AS" if q["window"] else sink, f"SELECT * FROM t{alias} MATCH_RECOGNIZE ("]
    if q["by"]:
        sql.append(f"  PARTITION BY {'z.' if alias else ''}k")
    sql.append("  ORDER BY ts" + (", o DESC NULLS LAST, id DESC" if q["order"] else ""))
    sql.append("  MEASURES " + ", ".join(f"{'FINAL ' if final else ''}{text} AS m{i}"
                                         for i, (text, _, final) in enumerate(measures)))
    sql.append(f"  {'ALL ROWS' if all_rows else 'ONE ROW'} PER MATCH {show}")
    sql.append("  AFTER MATCH SKIP " + {"past": "PAST LAST ROW", "next": "TO NEXT ROW", "first": f"TO FIRST {skip_name}",
                                        "last": f"TO LAST {skip_name}"}[skip])
    within = f" WITHIN INTERVAL '{q['within'] / 1000:.3f}' SECOND" if q["within"] else ""
    sql.append(f"  PATTERN ({pattern_text(pattern)}){within}")
    if subset:
        sql.append("  SUBSET U = (" + ", ".join(sorted(subset)) + ")")
    if conditions:
        sql.append("  DEFINE " + ", ".join(f"{v} AS {c[0]}" for v, c in conditions.items()))
    if q["window"]:
        sql[-1] += ") AS m;"
        sql += [sink, f"SELECT window_start AS w, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE v{n}, DESCRIPTOR({time}), "
                f"INTERVAL '{q['window'] // 1000}' SECOND)) GROUP BY window_start, window_end"]
    else:
        sql[-1] += ") AS m"
    return q, "\n".join(sql) + ";\n"


def canonical(rows):
    return sorted(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in rows)


def ordered(rows, q):
    if q["order"]:
        return sorted(rows, key=lambda w: (w["ts"], w["o"] is None, -(w["o"] or 0), -w["id"]))
    return sorted(rows, key=lambda w: w["ts"])


def run_case(weir, seed):
    r = random.Random(seed)
    rows, delay = make_rows(r), r.choice([0, 100, 1000, 10000])
    good, queries = in_time(rows, delay), []
    while len(queries) < QUERIES:
        q, sql = make_query(r, len(queries))
        try:
            queries.append((sql, canonical(expect(ordered(good, q), q))))
        except TooLong:
            pass
    script = ("CREATE STREAM t (ts TIMESTAMP(3), k VARCHAR, x BIGINT, s VARCHAR, f BOOLEAN, o INTEGER, id BIGINT, "
              f"WATERMARK FOR ts AS ts - INTERVAL '{delay / 1000:.3f}' SECOND) "
              f"WITH (connector = 'file', path = 't.jsonl', format = 'json'{common.chunk(r)});\n")
    workers, batch = common.workers(r), r.choice([1, 7, 50, 4096])
    evaluator = "SET evaluator = 'sqlite';\n" if r.random() < 0.1 else ""
    with common.folder() as d:
        with open(os.path.join(d, "t.jsonl"), "w", encoding="utf-8") as f:
            for row in rows:
                f.write(json.dumps({**row, "ts": iso(row["ts"])}) + "\n")
        left = list(enumerate(queries))
        # a query that is refused, for a SKIP that would loop, is taken out
        for _ in range(QUERIES + 1):
            with open(os.path.join(d, "case.sql"), "w", encoding="utf-8") as f:
                f.write(evaluator + script + "".join(sql for _, (sql, _) in left))
            p = subprocess.run([weir, "run", "--quiet", f"--workers={workers}", f"--batch-rows={batch}", "case.sql"],
                               cwd=d, capture_output=True, text=True, timeout=common.TIMEOUT)
            if p.returncode != 2 or "found again for ever" not in p.stderr:
                break
            bad = {int(line.split(":")[1]) for line in p.stderr.split("\n")
                   if "found again for ever" in line and line.startswith("case.sql:")}
            at, keep = (evaluator + script).count("\n") + 1, []
            for n, (sql, want) in left:
                lines = range(at, at + sql.count("\n"))
                at += sql.count("\n")
                if not any(b in lines for b in bad):
                    keep.append((n, (sql, want)))
            left = keep
        if p.returncode != 0:
            return f"exit status {p.returncode}\n{evaluator}{script}{''.join(s for _, (s, _) in left)}{p.stderr}"
        for n, (sql, want) in left:
            with open(os.path.join(d, f"out{n}.jsonl"), encoding="utf-8") as f:
                got = canonical(json.loads(line) for line in f)
            if got != want:
                data = "".join(json.dumps({**row, "ts": iso(row["ts"])}) + "\n" for row in rows)
                return (f"workers {workers}, batch {batch}\n{data}{evaluator}{script}{sql}"
                           f"missing {[w for w in want if w not in got][:5]}\nsurplus {[w for w in got if w not in want][:5]}\n"
                           f"{len(got)} rows, expected {len(want)}")
    return None, max(1, len(left))


if __name__ == "__main__":
    common.main("patterns", run_case)
