#!/usr/bin/env python3
"""ORDER BY over endless input, and SELECT DISTINCT: the very rows in the very order, against DuckDB.

Usage: order.py WEIR [--queries N] [--seed S]

A file is read on as it grows, so the input never ends; LIMIT ends the query after as many rows as must come: those
that the last watermark has passed. Which rows are late is worked out here by position. A failure prints what is needed
to repeat it.
"""
import json
import random

import changes
import common
from changes import Window, Wrong, iso, main

TIES = ["k", "g", "b", "s", "d"]


def both(keys):
    """ORDER BY as weir and DuckDB write it; NULL is the largest value in weir."""
    weir = ", ".join(c + d + n for c, _, d, n in keys)
    duck = ", ".join(c + d + (n or (" NULLS FIRST" if d else " NULLS LAST")) for _, c, d, n in keys)
    return weir, duck


class Case(changes.Case):
    def __init__(self, seed):
        r = self.r = random.Random(seed)
        self.delay = r.choice([0, 100, 2000])
        self.rows = changes.make_rows(r, 300) or [{"ts": changes.T0, "k": "a", "g": 1, "b": 1, "s": "x", "d": 1.5}]
        self.win, self.form, self.keys = None, "op", None
        more = [(c, c, r.choice(["", " DESC"]), r.choice(["", " NULLS FIRST", " NULLS LAST"]))
                for c in r.sample(TIES, r.randrange(0, 3))]
        {"rows": self.by_rows, "windows": self.by_windows, "distinct": self.distinct}[
            r.choice(["rows", "rows", "windows", "windows", "distinct"])](r, more)
        self.workers, self.batch = common.workers(r, [1, 1, 2, 3, 8]), r.choice([1, 7, 4096])
        self.chunk = r.choice([1, 100, 512 * 1024])

    def watermarks(self):
        """The watermark before each row, and the last one; None: none yet."""
        wm = None
        for x in self.rows:
            yield wm
            wm = max(x["ts"] - self.delay, wm if wm is not None else x["ts"] - self.delay)
        yield wm

    def by_rows(self, r, more):
        size = r.choice([1, 1000, 60000])
        unit = {1: "ts", 1000: "FLOOR(ts TO SECOND)", 60000: "FLOOR(ts TO MINUTE)"}[size]
        if size == 1000 and r.random() < 0.5:
            size, unit = 5000, "STEP(ts BY INTERVAL '5' SECOND)"
        wms = list(self.watermarks())

        def passed(x, wm):
            return wm is not None and x["ts"] // size * size <= wm + 1 - size

        self.want = [dict(x, ws=iso(x["ts"] // size * size)) for x, wm in zip(self.rows, wms)
                     if passed(x, wms[-1]) and not passed(x, wm)]
        weir, duck = both([(unit, "ws", "", "")] + more)
        rest = ", ".join(c + " NULLS LAST" for c in TIES)
        self.weir = f"SELECT {unit} AS w, {', '.join(TIES)} FROM t ORDER BY {weir}"
        self.duck = f"SELECT ws, {', '.join(TIES)} FROM t ORDER BY {duck}, ws, {rest}"

    def by_windows(self, r, more):
        win = Window(r)
        first = r.choice(["window_end", "window_time"] + ([] if win.kind == "CUMULATE" else ["window_start"]))
        last = list(self.watermarks())[-1]
        rows, _ = win.expand(self.rows, self.delay, 0)
        closed = {iso(e) for x in self.rows for _, e in win.of(x["ts"]) if e - 1 <= last}
        self.want = [x for x in rows if x["we"] in closed]
        keys = [(first, "ws" if first == "window_start" else "we", "", "")]
        keys += [(c, c, d, n) for c, _, d, n in more if c in ("k", "g")] + [("n", "n", r.choice(["", " DESC"]), "")]
        weir, duck = both(keys)
        table = win.table
        body = "COUNT(*) AS n, SUM(b) AS z"
        limit, top = "", ""
        if first != "window_time" and r.random() < 0.5: # the first rows of each window
            n = r.randrange(1, 4)
            weir, duck = weir + ", k, g", duck + ", k NULLS LAST, g NULLS LAST"
            limit = f" LIMIT {n} BY window_start, window_end"
            top = f" QUALIFY ROW_NUMBER() OVER (PARTITION BY ws, we ORDER BY {duck}) <= {n}"
        self.weir = (f"SELECT window_start, window_end, k, g, {body} FROM {table} GROUP BY window_start, window_end, "
                     f"window_time, k, g ORDER BY {weir}{limit}")
        self.duck = (f"SELECT * FROM (SELECT ws, we, k, g, COUNT(*) AS n, SUM(b)::BIGINT AS z FROM t GROUP BY ws, we, k, g)"
                     f"{top} ORDER BY {duck}, ws, we, k NULLS LAST, g NULLS LAST, n, z NULLS LAST")

    def distinct(self, r, more):
        cols = ", ".join(r.sample(TIES, r.randrange(1, 4)))
        self.want = self.rows
        self.weir = f"SELECT DISTINCT {cols} FROM t"
        self.duck = f"SELECT DISTINCT {cols} FROM t"

    def script(self):
        return ("CREATE STREAM t (ts TIMESTAMP(3), k VARCHAR, g INTEGER, b INTEGER, s VARCHAR, d DECIMAL(10,2), "
                f"WATERMARK FOR ts AS ts - INTERVAL '{self.delay / 1000}' SECOND) WITH (connector = 'file', tail = 'true', "
                f"path = 'in.jsonl', format = 'json', chunk_bytes = '{self.chunk}');\n"
                f"SELECT * FROM ({self.weir}) LIMIT {self.rows_wanted};\n")

    def check(self, weir):
        want = changes.duck_list(self.want, self.duck)
        self.rows_wanted = len(want)
        if not want:
            return
        lines, _ = self.run(weir)
        got = [tuple(changes.canon(v) for v in json.loads(x).values()) for x in lines]
        if self.weir.startswith("SELECT DISTINCT"):
            got, want = sorted(got, key=repr), sorted(want, key=repr)
        if got != want:
            at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
            raise Wrong(f"row {at} of {len(want)}:\n  {want[at:at + 2]} expected\n  {got[at:at + 2]} found")


if __name__ == "__main__":
    main(Case, "order")
