#!/usr/bin/env python3
"""Windows over TIMESTAMP_LTZ in the time zone of the session: weir against plain Python and its zoneinfo.

Usage: zones.py WEIR [--queries N] [--seed S] [--stop]

Rows lie around a change of clocks, out of order, some late. A row is in the windows that hold what clocks show at
its time; a window is over when no later moment shows a time in it: worked out here from every change of the zone in
the days around, row by row. A failure prints what is needed to repeat it.
"""
import json
import os
import random
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import common

EPOCH = datetime(1970, 1, 1)
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns",
         "Pacific/Chatham", "Asia/Tokyo", "Africa/Casablanca", "+05:30", "UTC"]
CHANGES = {"Europe/Berlin": ["2026-03-29T01", "2026-10-25T01"], "America/New_York": ["2026-03-08T07", "2026-11-01T06"],
           "Australia/Lord_Howe": ["2026-04-04T15", "2026-10-03T15"], "America/St_Johns": ["2026-03-08T05", "2026-11-01T04"],
           "Pacific/Chatham": ["2026-04-04T14", "2026-09-26T14"], "Africa/Casablanca": ["2026-02-15T02", "2026-03-22T02"]}
MIN, HOUR = 60000, 3600000


def text(ms):
    return (EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Zone:
    def __init__(self, name):
        self.name = name
        self.z = ZoneInfo(name) if name != "+05:30" else timezone(timedelta(hours=5, minutes=30))
        self.kept = {}

    def shown(self, ms):
        quarter = ms // (15 * MIN)  # clocks change at full quarters of an hour
        if quarter not in self.kept:
            at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=quarter * 15 * MIN)
            self.kept[quarter] = int(at.astimezone(self.z).utcoffset().total_seconds() * 1000)
        return ms + self.kept[quarter]

    def least(self, ms):
        """The least that is shown at ms or at any moment after it."""
        after = range((ms // (15 * MIN) + 1) * 15 * MIN, ms + 6 * HOUR, 15 * MIN)
        return min([self.shown(ms)] + [self.shown(t) for t in after])


class Case:
    def __init__(self, r):
        self.zone = Zone(r.choice(ZONES))
        near = r.choice(CHANGES.get(self.zone.name, ["2026-05-05T00"]))
        self.mid = int((datetime.fromisoformat(near + ":00:00") - EPOCH).total_seconds() * 1000)
        self.span = r.choice([2 * HOUR, 8 * HOUR, 72 * HOUR])
        self.delay = r.choice([0, 5 * MIN, HOUR, 200 * HOUR])
        t, self.rows = self.mid - self.span, []
        for i in range(r.choice([1, 30, 200, 600])):
            t += r.choice([0, 1, self.span // 300, self.span // 40, MIN])
            back = r.choice([0, 0, 0, MIN, 20 * MIN, 2 * HOUR])
            self.rows.append((max(0, t - back), r.choice("abc")))
        self.kind = r.choice(["tumble", "hop", "cumulate", "group"])
        self.slide = r.choice([MIN, 10 * MIN, 30 * MIN, HOUR, 24 * HOUR])
        self.size = self.slide * (r.choice([2, 3, 4]) if self.kind in ("hop", "cumulate") else 1)
        self.by_key = r.random() < 0.5

    def windows(self, t):
        if self.kind == "cumulate":
            s = t // self.size * self.size
            return [(s, s + k * self.slide) for k in range(1, self.size // self.slide + 1) if s + k * self.slide > t]
        first = t // self.slide * self.slide - self.size + self.slide
        return [(s, s + self.size) for s in range(first, t + 1, self.slide) if s + self.size > t]

    def expect(self):
        groups, late, wm = {}, 0, None
        for ts, k in self.rows:
            t = self.zone.shown(ts)
            over = None if wm is None else self.zone.least(wm + 1) - 1
            open_ = [w for w in self.windows(t) if over is None or w[1] - 1 > over]
            late += not open_
            for w in open_:
                g = groups.setdefault(w + ((k,) if self.by_key else ()), [0, set()])
                g[0] += 1
                g[1].add(t)
            w = ts - self.delay
            wm = w if wm is None else max(wm, w)
        rows = []
        for key, (n, times) in groups.items():
            rows.append({"s": text(key[0]), "e": text(key[1]), **({"k": key[2]} if self.by_key else {}), "n": n,
                         "lo": text(min(times)), "hi": text(max(times))})
        return rows, late

    def sql(self):
        iv = lambda ms: f"INTERVAL '{ms // MIN}' MINUTE"
        keys = "k, " if self.by_key else ""
        tail = "COUNT(*) AS n, MIN(CAST(ts AS TIMESTAMP(3))) AS lo, MAX(CAST(ts AS TIMESTAMP(3))) AS hi"
        create = (f"SET time_zone = '{self.zone.name}';\nCREATE STREAM t (ts TIMESTAMP_LTZ(3), k VARCHAR, WATERMARK FOR ts AS ts - "
                  f"INTERVAL '{self.delay // 1000}' SECOND(7)) WITH (connector = 'file', path = 't.jsonl', format = 'json');\n")
        if self.kind == "group":
            w = f"TUMBLE(ts, {iv(self.size)})"
            return create + (f"SELECT TUMBLE_START(ts, {iv(self.size)}) AS s, TUMBLE_END(ts, {iv(self.size)}) AS e, {keys}{tail} "
                             f"FROM t GROUP BY {keys}{w};")
        args = {"tumble": iv(self.size)}.get(self.kind, f"{iv(self.slide)}, {iv(self.size)}")
        return create + (f"SELECT window_start AS s, window_end AS e, {keys}{tail} FROM TABLE({self.kind.upper()}(TABLE t, DESCRIPTOR(ts), "
                         f"{args})) GROUP BY {keys}window_start, window_end;")


def run_case(weir, seed):
    r = random.Random(seed)
    c = Case(r)
    want, late = c.expect()
    workers, batch = r.choice([1, 2, 3, 8]), r.choice([1, 7, 4096])
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "t.jsonl"), "w") as f:
            f.writelines(json.dumps({"ts": text(ts), "k": k}) + "\n" for ts, k in c.rows)
        with open(os.path.join(d, "q.sql"), "w") as f:
            f.write(c.sql())
        p = subprocess.run([weir, "run", "q.sql", "--workers", str(workers), "--batch-rows", str(batch)], cwd=d,
                           capture_output=True, text=True, timeout=60)
    key = lambda row: json.dumps(row)
    got = sorted((json.loads(line) for line in p.stdout.splitlines()), key=key)
    what = f"seed {seed}, workers {workers}, batch {batch}, {len(c.rows)} rows\n{c.sql()}\n{p.stderr}"
    if p.returncode:
        return "failed: " + what
    if got != sorted(want, key=key):
        wrong = [x for x in got if x not in want][:5], [x for x in want if x not in got][:5]
        return f"differs: {what}\n weir only: {wrong[0]}\n here only: {wrong[1]}"
    if f"{late:,} late" not in p.stderr:
        return f"{late} late rows expected: {what}"
    return None


if __name__ == "__main__":
    common.main("zones", run_case)
