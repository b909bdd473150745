#!/usr/bin/env python3
"""Random joins of the Kinesis dialect, with OVER behind the items of FROM, against a search that tries everything.

Usage: recent.py WEIR [--queries N] [--seed S]

Two recorded streams (or one, joined with itself) with ties in time, NULLs and rows behind others. Here every row is taken in the order
of arrival (time, then the left stream, then its place; of a self join the place first), and looks for the rows that are in the window of
the other side at that moment. A failure prints what is needed to repeat it.
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
WORDS = ["", "a", "b", "a much longer string that does not fit inline"]
TYPES = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]


def iso(ms):
    return None if ms is None else (EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def stream(r, n_max, step):
    rows, t = [], T0 + r.randrange(3000)
    nulls, back = r.choice([0, 0.1]), r.choice([0, 0, 0.1])
    keys = r.sample(WORDS, r.randrange(1, len(WORDS) + 1))
    for i in range(r.choice([0, 3, 30, n_max])):
        t += int(r.expovariate(1 / step)) // r.choice([1, 1, 1000])
        row = {"ts": t - (r.randrange(3 * step) if r.random() < back else 0), "k": r.choice(keys), "v": r.randrange(-3, 4), "id": i}
        if r.random() < nulls:
            row["k"] = None
        rows.append(row)
    return rows


def in_time(rows):
    """Equal times are in time: the watermark is a tick behind the latest row."""
    out, most = [], None
    for row in rows:
        if most is None or row["ts"] >= most:
            out.append(row)
            most = row["ts"]
    return out


class Window:
    """kind: none, range (by: ms), rows (by: how many before the current one)"""

    def __init__(self, r, step, kind=None):
        self.kind = kind or r.choice(["none", "range", "range", "rows"])
        self.by = {"none": 0, "range": r.choice([0, step, 10 * step, 1000]), "rows": r.choice([0, 1, 2, 10, 100])}[self.kind]

    def sql(self):
        if self.kind == "none":
            return ""
        if self.kind == "range":
            return f" OVER (RANGE INTERVAL '{self.by / 1000:.3f}' SECOND(6,3) PRECEDING)"
        return f" OVER (ROWS {self.by} PRECEDING)" if self.by else " OVER (ROWS CURRENT ROW)"


def join(sides, windows, kind, test):
    """Rows (rowtime, l, r) of the join; sides: rows in time, in the order of their source."""
    events = [(row["ts"], row["place"], s, row) for s in (0, 1) for row in sides[s]]
    events.sort(key=lambda e: e[:3])
    out, there = [], ([], [])
    pads = ("LEFT" in kind or "FULL" in kind, "RIGHT" in kind or "FULL" in kind)

    def leaves(s, x, at):
        there[s].remove(x)
        if pads[s] and not x["met"]:
            out.append((at, x["row"], None) if s == 0 else (at, None, x["row"]))

    def pass_time(t):
        for s in (0, 1):
            w = windows[s]
            for x in [x for x in there[s] if w.kind != "rows" and x["row"]["ts"] + w.by < t]:
                leaves(s, x, x["row"]["ts"] + w.by)

    for t, _, s, row in events:
        pass_time(t)
        new = {"row": row, "met": False}
        for x in list(there[1 - s]):
            l, rr = (row, x["row"]) if s == 0 else (x["row"], row)
            if test(l, rr):
                new["met"] = x["met"] = True
                out.append((t, l, rr))
        there[s].append(new)
        if windows[s].kind == "rows" and len(there[s]) > windows[s].by + 1:
            leaves(s, there[s][0], t)
    for s in (0, 1):
        for x in list(there[s]):
            leaves(s, x, x["row"]["ts"] + windows[s].by if windows[s].kind != "rows" else events[-1][0] + 1)
    return out


def conditions(r):
    """(SQL, test) of ON: three-valued logic comes down to: NULL is no match."""
    eq = lambda l, x: l["k"] is not None and l["k"] == x["k"]
    return r.choice([("l.k = r.k", eq), ("l.k = r.k", eq), ("l.k = r.k AND l.v < r.v", lambda l, x: eq(l, x) and l["v"] < x["v"]),
                     ("l.v = r.v AND l.v > 0", lambda l, x: l["v"] == x["v"] and l["v"] > 0),
                     ("l.v + r.v = 0 AND r.v >= 0", lambda l, x: l["v"] + x["v"] == 0 and x["v"] >= 0),
                     ("l.k IS NOT DISTINCT FROM r.k", lambda l, x: l["k"] == x["k"])])


def run_case(path, seed):
    r = random.Random(seed)
    step, n_max = r.choice([5, 300, 2000]), r.choice([60, 200])
    itself = r.random() < 0.2
    rows = [stream(r, n_max, step), stream(r, n_max, step)]
    sides = [in_time(rows[0]), in_time(rows[0] if itself else rows[1])]
    sides = [[dict(row, place=(0 if itself else s, i)) for i, row in enumerate(side)] for s, side in enumerate(sides)]
    windows, kind, (on, test) = [Window(r, step), Window(r, step)], r.choice(TYPES), conditions(r)
    names = ["l", "l" if itself else "r"]
    sql = "".join(f"CREATE STREAM {n} (ts TIMESTAMP, k VARCHAR(64), v INTEGER, id INTEGER) WITH (connector = 'file', path = '{n}.jsonl', "
                  f"format = 'json'{common.chunk(r)}) ROWTIME FROM ts;\n" for n in "lr")
    sql += f"SELECT STREAM ROWTIME, l.id AS li, l.k AS lk, l.ROWTIME AS lt, r.id AS ri, r.k AS rk, r.ROWTIME AS rt FROM {names[0]}{windows[0].sql()} AS l " \
           f"{kind} {names[1]}{windows[1].sql()} AS r ON {on};"
    workers, batch = common.workers(r), r.choice([1, 7, 100, 4096])
    with common.folder() as d:
        for n, part in zip("lr", rows):
            with open(os.path.join(d, n + ".jsonl"), "w", encoding="utf-8") as f:
                for row in part:
                    f.write(json.dumps(dict(row, ts=iso(row["ts"]))) + "\n")
        with open(os.path.join(d, "q.sql"), "w", encoding="utf-8") as f:
            f.write(sql)
        p = subprocess.run([path, "run", "--format=json", f"--workers={workers}", f"--batch-rows={batch}", "q.sql"], cwd=d,
                           capture_output=True, timeout=common.TIMEOUT)
    err = p.stderr.decode()
    what = f"seed {seed}, workers {workers}, batch {batch}, {len(rows[0])} and {len(rows[1])} rows\n{sql}\n{err}"
    if p.returncode != 0:
        return "failed: " + what
    of = lambda x: [x["id"], x["k"], iso(x["ts"])] if x else [None, None, None]
    want = Counter(str([iso(t)] + of(l) + of(x)) for t, l, x in join(sides, windows, kind, test))
    got = Counter(str(list(json.loads(line).values())) for line in p.stdout.decode().split("\n") if line)
    if got == want:
        return None
    show = lambda c: "\n".join(f"    {n} x {x}" for x, n in sorted(c.items())[:8])
    return f"differs: {what}  weir too many:\n{show(got - want)}\n  weir too few:\n{show(want - got)}"


if __name__ == "__main__":
    common.main("recent", run_case)
