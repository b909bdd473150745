#!/usr/bin/env python3
"""Ranks that change: Top-N and the last row of a key over random rows, against DuckDB.

Usage: rank.py WEIR [--queries N] [--seed S]

Over the rows of a stream (which are only added), over GROUP BY … EMIT CHANGES (whose rows are taken back), and per
window. As in changes.py a changelog is right when each change fits what stands, when what stands at the end is what
DuckDB says of the same rows, and, with one worker and one row a batch, when what stands after each row is the result
of the rows so far. Rows that are equal in ORDER BY stand in the order of the source, in the reverse one where it ends
with falling time. A failure prints what is needed to repeat it.
"""
import json
import os
import subprocess
import sys

import changes
from changes import Window, Wrong, iso, main

FNS = ["ROW_NUMBER", "ROW_NUMBER", "RANK", "DENSE_RANK"]


def order_of(r, columns, total):
    """ORDER BY as weir and DuckDB write it. total: columns that make it one without ties."""
    keys = [[c, r.choice(["", " DESC"]), r.choice(["", "", " NULLS FIRST", " NULLS LAST"])]
            for c in r.sample(columns, r.randrange(1, min(3, len(columns)) + 1))]
    if len(keys) == 1 and keys[0][0] == "ts":
        keys[0][1] = " DESC"  # rising time alone is an OVER in the order of time, which is final
    keys += [[c, "", ""] for c in total if c not in [k[0] for k in keys]]
    weir = ", ".join("".join(k) for k in keys)
    # NULL is the largest value in weir
    duck = ", ".join(c + d + (n or (" NULLS FIRST" if d else " NULLS LAST")) for c, d, n in keys)
    return weir, duck, keys[-1][0] == "ts" and keys[-1][1] == " DESC"


def bound_of(r):
    """Weir's condition on rn, and the first and last rank it leaves; None: no last one."""
    n = r.choice([1, 1, 2, 3, 10])
    return r.choice([(f"rn <= {n}", 1, n), (f"rn < {n + 1}", 1, n), (f"{n} >= rn", 1, n), (f"rn BETWEEN 1 AND {n}", 1, n),
                     ("rn = 1", 1, 1), ("1 = rn", 1, 1), (f"rn = {n}", n, n), (f"rn BETWEEN 2 AND {n + 1}", 2, n + 1),
                     (f"rn > 1 AND rn <= {n + 1}", 2, n + 1), ("rn >= 1", 1, None), ("rn <= 0", 1, 0)])


class Case(changes.Case):
    def __init__(self, seed):
        r = self.r = changes.random.Random(seed)
        self.delay = r.choice([0, 100, 2000])
        self.win, self.lateness, self.form = None, 0, "op"
        self.rows = changes.make_rows(r, 300)
        kind = r.choice(["rows", "rows", "last", "grouped", "grouped", "windowed"])
        table, duck_table, columns, total, cols = "t", "t", ["ts", "g", "b", "s", "d"], [], ["k", "g", "b", "s", "d"]
        part = r.choice([[], ["k"], ["g"], ["k", "g"]])
        self.ids = None
        if kind == "grouped":
            by = r.choice([["k"], ["g"], ["k", "g"]])
            where = r.choice(["", " WHERE b > 0"])
            having = r.choice(["", " HAVING COUNT(*) > 1"])
            body = f"SELECT {', '.join(by)}, COUNT(*) AS n, SUM(b) AS z FROM t{where} GROUP BY {', '.join(by)}{having}"
            table, duck_table = f"({body} EMIT CHANGES)", f"({body.replace('SUM(b)', 'SUM(b)::BIGINT')})"
            columns, total, cols = ["n", "z"] + by, by, by + ["n", "z"]
            part = r.choice([[], by[:1]])
            self.ids = by
        elif kind == "windowed":
            self.win = Window(r)
            self.win.attached = True  # rows carry their windows
            table = self.win.table
            part = ["window_start", "window_end"] + r.choice([[], ["k"]])
        fn, (bound, lo, hi) = r.choice(FNS), bound_of(r)
        weir_order, duck_order, last = order_of(r, columns, total)
        if kind == "last":
            fn, bound, lo, hi = "ROW_NUMBER", "rn = 1", 1, 1
            weir_order, duck_order, last = "ts DESC", "ts DESC NULLS FIRST", True
            part = r.choice([["k"], ["g"], ["k", "g"]])
        if fn == "ROW_NUMBER" and not total:
            duck_order += ", n DESC" if last else ", n"
        self.plan(fn, bound, lo, hi, part, cols, table, duck_table, weir_order, duck_order)
        self.workers, self.batch = r.choice([1, 1, 2, 3, 8]), r.choice([1, 7, 4096])
        self.chunk = r.choice([1, 100, 512 * 1024])
        self.steps = not self.win and r.random() < 0.25
        if self.steps:
            self.workers, self.batch, self.rows, self.form = 1, 1, self.rows[:25], "op"

    def plan(self, fn, bound, lo, hi, part, cols, table, duck_table, weir_order, duck_order):
        r = self.r
        duck_part = [{"window_start": "ws", "window_end": "we"}.get(c, c) for c in part]
        shows = r.random() < 0.6
        out = part + (["rn"] if shows else [])
        rest = [c for c in cols if c not in out]
        out += r.sample(rest, r.randrange(0 if out else 1, len(rest) + 1))
        self.keys = None
        if fn == "ROW_NUMBER" and (shows or (lo, hi) == (1, 1)):
            self.keys = part + (["rn"] if shows else [])
        over = f"{fn}() OVER ({'PARTITION BY ' + ', '.join(part) + ' ' if part else ''}ORDER BY {weir_order})"
        dover = f"{fn}() OVER ({'PARTITION BY ' + ', '.join(duck_part) + ' ' if part else ''}ORDER BY {duck_order})"
        items = ", ".join(out)
        if fn == "ROW_NUMBER" and not shows and hi and r.random() < 0.5:
            by = f" BY {', '.join(part)}" if part else ""
            self.weir = f"SELECT {items} FROM {table} AS x ORDER BY {weir_order} LIMIT {hi - lo + 1}{by} OFFSET {lo - 1}"
        elif r.random() < 0.3:
            self.weir = (f"SELECT {items.replace('rn', over + ' AS rn', 1) if shows else items} FROM {table} AS x "
                         f"QUALIFY {bound if shows else bound.replace('rn', over)}")
        else:
            more = r.choice(["", "", " AND b > -50"]) if "b" in cols else ""
            self.weir = f"SELECT {items} FROM (SELECT *, {over} AS rn FROM {table}) WHERE {bound}{more}"
            bound += more
        if self.ids is None or r.random() < 0.8:
            self.weir += " EMIT CHANGES"
        duck_items = ", ".join({"window_start": "ws", "window_end": "we"}.get(c, c) for c in out)
        self.duck = f"SELECT {duck_items} FROM (SELECT *, {dover} AS rn FROM {duck_table}) WHERE {bound}"
        self.out = out
        if not self.weir.endswith("EMIT CHANGES"):
            return
        keys = [k for k in (self.keys, self.ids if self.ids and set(part) <= set(self.ids) else None) if k is not None]
        keys = [k for k in keys if k and set(k) <= set(out)]
        if not self.win and keys and r.random() < 0.5:
            self.form, self.keys = "upsert", r.choice(keys)

    TYPES = {"k": "VARCHAR", "g": "INTEGER", "b": "INTEGER", "s": "VARCHAR", "d": "DECIMAL(10,2)", "rn": "BIGINT",
             "n": "BIGINT", "z": "BIGINT", "window_start": "TIMESTAMP(3)", "window_end": "TIMESTAMP(3)"}

    def script(self):
        head = ("CREATE STREAM t (ts TIMESTAMP(3), k VARCHAR, g INTEGER, b INTEGER, s VARCHAR, d DECIMAL(10,2), "
                f"WATERMARK FOR ts AS ts - INTERVAL '{self.delay / 1000}' SECOND) WITH (connector = 'file', "
                f"path = 'in.jsonl', format = 'json', chunk_bytes = '{self.chunk}');\n")
        if self.form == "op":
            return head + self.weir + ";\n"
        columns = ", ".join(f"{c} {self.TYPES[c]}" for c in self.out)
        return (head + f"CREATE STREAM o ({columns}, PRIMARY KEY ({', '.join(self.keys)}) NOT ENFORCED) WITH (connector = "
                f"'stdout', format = 'json');\nINSERT INTO o {self.weir};\n")

    def key_columns(self):
        return [self.out.index(k) for k in self.keys]

    def check(self, weir):
        lines, err = self.run(weir)
        rows, late = self.rows, 0
        if self.win:
            rows, late = self.win.expand(rows, self.delay, 0)
        want = changes.duck(rows, self.duck)
        for _, got in self.tables(lines):
            pass
        if not lines:
            got = changes.Counter()
        if got != want:
            raise Wrong(f"the table at the end:\n  missing {list((want - got).items())[:5]}\n"
                        f"  surplus {list((got - want).items())[:5]}")
        if self.steps and '"op":' in (lines[0] if lines else ""):
            self.check_steps(lines)

    def tables(self, lines):
        """What stands after each change."""
        stands, keys, before = changes.Counter(), {}, None
        upsert = self.form == "upsert"
        for line in lines:
            row = json.loads(line)
            op = row.pop("op", "+I")
            values = tuple(changes.canon(v) for v in row.values())
            # a condition beside that on rn reads a column that the result may not show
            if op == "+U" and before == ("-U", values) and " AND b > " not in self.weir:
                raise Wrong(f"an update that changes nothing: {line}")
            before = (op, values)
            key = tuple(values[i] for i in self.key_columns()) if self.keys is not None else None
            if upsert and op == "+U":
                if key not in keys:
                    raise Wrong(f"+U of a key that does not stand: {line}")
                stands.subtract([keys.pop(key)])
            elif op in ("-U", "-D"):
                if stands[values] <= 0:
                    raise Wrong(f"{op} of a row that does not stand: {line}")
                stands[values] -= 1
                keys.pop(key, None)
            if op in ("+I", "+U"):
                if key is not None and key in keys:
                    raise Wrong(f"{op} of a key that stands: {line}")
                keys[key] = values
                stands[values] += 1
            yield op, +stands

    def check_steps(self, lines):
        want, at = [], 0
        for i in range(1, len(self.rows) + 1):
            table = changes.duck(self.rows[:i], self.duck)
            if (table or want) and (not want or want[-1] != table):
                want.append(table)
        for op, stands in self.tables(lines):
            if op != "-U" and at < len(want) and stands == want[at]:
                at += 1
        if at < len(want):
            raise Wrong(f"after row {at + 1} or so there should stand {dict(want[at])}")


def check_ttl(weir):
    """state_ttl forgets a key that had no row for so long: what was told of it stands, and it begins anew. What is
    forgotten when is a matter of the watermark, so one worker takes row by row."""
    rows = [(1, "a", 9), (2, "a", 1), (3, "b", 3), (8, "a", 3), (15, "a", 4), (24, "a", 5), (29, "a", 6), (33, "b", 5), (34, "a", 8)]
    script = ("SET state_ttl = '10 s';\nCREATE STREAM t (ts TIMESTAMP(3), k VARCHAR, v INTEGER, WATERMARK FOR ts AS ts) WITH "
              "(connector = 'stdin', format = 'json', chunk_bytes = '1');\nSELECT k, v FROM (SELECT *, ROW_NUMBER() OVER "
              "(PARTITION BY k ORDER BY v DESC) AS rn FROM t) WHERE rn = 1 EMIT CHANGES;\n")
    lines = [{"ts": iso(changes.T0 + t * 1000), "k": k, "v": v} for t, k, v in rows]
    p = subprocess.run([weir, "run", "--format", "json", "--workers=1", "--batch-rows=1", "-e", script],
                               input="".join(json.dumps(x) + "\n" for x in lines), capture_output=True, text=True,
                               timeout=60)
    want = ['{"op":"+I","k":"a","v":9}', '{"op":"+I","k":"b","v":3}', '{"op":"+I","k":"b","v":5}']
    if p.stdout.split() != want:
        sys.exit(f"FAIL state_ttl: {want} expected, found {p.stdout} {p.stderr}\n{script}")


if __name__ == "__main__":
    check_ttl(os.path.abspath(sys.argv[1]))
    main(Case, "rank")
