#!/usr/bin/env python3
"""Snapshots of a large keyed state: how long workers pause, what throughput is lost, what is written, how soon a
crashed job goes on.

Usage: snapshots.py [--query NAME] [--keys N] [--hot N ...] [--seconds N] [--rounds N] [--workers N] [--interval TEXT] [--dir DIR]

What is kept is, by --query: a window of 400 days (tumble), a session of each key (session), the rows of the last 2 N / 1000
seconds of event time (over, join), the last 10 rows of each key (rows), all rows of both sides (pairs), the 3 best rows of each
key (rank).

It takes rows of N keys until nearly all are there (2 N rows), then rows of which each is of one of
N / hot keys: five seconds, in which snapshots still have to do with all keys, and then as many as are asked for. A few
rows of the input go straight to standard output: their times tell how far the job has come at which moment, so the rate is
that of the steady part alone. Jobs without and with snapshots take turns. At last one is killed, and the rows that come
after a new start tell when it is back: the first may be one that was read by a worker while the other still loaded.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from datetime import datetime

HERE = os.path.dirname(os.path.abspath(__file__))
WEIR = os.path.join(os.path.dirname(HERE), "weir")
SQL = """
CREATE STREAM clicks (event_time TIMESTAMP(3), bytes BIGINT, latency_ms DOUBLE, WATERMARK FOR event_time AS event_time)
WITH (connector = 'datagen', kind = 'clicks', rows = 100000000000, event_rate = 1000);
CREATE VIEW v AS SELECT *, MOD(CAST(latency_ms * 1000 AS BIGINT) * 7919 + bytes * 31,
  CASE WHEN event_time < TIMESTAMP '2026-01-01 00:00:00' + INTERVAL '1' SECOND * {fill_s} THEN {keys} ELSE {hot} END) AS k FROM clicks;
CREATE STREAM result WITH (connector = 'blackhole') AS
{query};
SELECT event_time FROM clicks WHERE bytes = 4242;
"""
CALLS = "COUNT(*) AS n, SUM(bytes) AS s, MIN(latency_ms) AS lo, MAX(latency_ms) AS hi, AVG(latency_ms) AS a"
SOME = "(SELECT * FROM v WHERE MOD(bytes, 64) = 0)"
QUERIES = {
    "tumble": f"SELECT window_start, k, {CALLS} FROM TABLE(TUMBLE(TABLE v, DESCRIPTOR(event_time), INTERVAL '400' DAY)) "
              "GROUP BY window_start, window_end, k",
    "session": f"SELECT window_start, k, {CALLS} FROM TABLE(SESSION(TABLE v PARTITION BY k, DESCRIPTOR(event_time), "
               "INTERVAL '400' DAY)) GROUP BY window_start, window_end, k",
    "over": "SELECT k, COUNT(*) OVER w AS n, SUM(bytes) OVER w AS s, MAX(latency_ms) OVER w AS hi FROM v WINDOW w AS "
            "(PARTITION BY k ORDER BY event_time RANGE BETWEEN INTERVAL '1' SECOND * {fill_s} PRECEDING AND CURRENT ROW)",
    "rows": "SELECT k, COUNT(*) OVER w AS n, SUM(bytes) OVER w AS s, MAX(latency_ms) OVER w AS hi FROM v WINDOW w AS "
            "(PARTITION BY k ORDER BY event_time ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)",
    "join": f"SELECT a.k, a.bytes, b.latency_ms FROM v a JOIN {SOME} b ON a.k = b.k AND b.event_time BETWEEN "
            "a.event_time AND a.event_time + INTERVAL '1' SECOND * {fill_s}",
    "pairs": f"SELECT a.k, a.bytes, b.latency_ms FROM v a JOIN {SOME} b ON a.k = b.k AND b.bytes = 64 EMIT CHANGES",
    "rank": "SELECT k, bytes, latency_ms, r FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY latency_ms DESC) AS r "
            "FROM v) WHERE r <= 3 EMIT CHANGES",
}
BEGIN = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


class Job:
    """weir run over the rows of SQL; place(): how many rows had been read when a row came out, and when that was."""

    def __init__(self, o, hot, state):
        more = [f"--state={state}", f"--snapshot-interval={o.interval}"] if state else []
        fill_s = o.keys * 2 // 1000
        sql = SQL.format(keys=o.keys, hot=max(1, o.keys // hot), fill_s=fill_s, query=QUERIES[o.query].format(fill_s=fill_s))
        self.began = time.monotonic()
        self.p = subprocess.Popen([WEIR, "run", f"--workers={o.workers}", "--quiet", "--format=json", "--stats=json", *more, "-e", sql],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def place(self):
        line = self.p.stdout.readline()
        if not line:
            raise SystemExit(self.p.stderr.read())
        at = datetime.fromisoformat(json.loads(line)["event_time"].replace("Z", "+00:00"))
        return (at - BEGIN).total_seconds() * 1000, time.monotonic()

    def reach(self, rows=0, seconds=0):
        """Goes on for as long, or until as many rows have been read."""
        first = at = self.place()
        while at[0] < rows or at[1] < first[1] + seconds:
            at = self.place()
        return at

    def end(self, sig):
        """CPU seconds, largest resident memory [bytes], metrics."""
        self.p.send_signal(sig)
        while self.p.stdout.read(1 << 20):
            pass
        said = self.p.stderr.read()
        _, _, usage = os.wait4(self.p.pid, 0)
        found = said.find("{")
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, json.JSONDecoder().raw_decode(said[found:])[0] if found >= 0 else None


class Case:
    """A share of hot keys, measured without and with snapshots."""

    def __init__(self, o, hot, state):
        self.o, self.hot, self.state = o, hot, state
        self.rate, self.first, self.fill = ({False: [], True: []} for _ in range(3))
        self.memory = {False: 0, True: 0}
        self.metrics = []

    def measure(self, saves):
        shutil.rmtree(self.state, ignore_errors=True)
        j = Job(self.o, self.hot, self.state if saves else None)
        filled = j.reach(rows=self.o.keys * 2)
        settled = j.reach(seconds=5)
        after = j.reach(seconds=self.o.seconds)
        _, memory, metrics = j.end(signal.SIGINT)
        self.fill[saves].append(filled[1] - j.began)
        self.first[saves].append((settled[0] - filled[0]) / (settled[1] - filled[1]))
        self.rate[saves].append((after[0] - settled[0]) / (after[1] - settled[1]))
        self.memory[saves] = max(self.memory[saves], memory)
        if saves:
            self.metrics.append(metrics["snapshots"])

    def tell(self):
        rate, first, fill = ({s: statistics.median(x[s]) for s in x} for x in (self.rate, self.first, self.fill))
        print(f"{self.o.keys:,} keys, then {self.o.keys // self.hot:,} of them: without snapshots filled in {fill[False]:.1f} s, "
              f"then {rate[False] / 1e6:.1f} M rows/s, {self.memory[False] / 1e9:.2f} GB resident")
        print(f"  with snapshots: {fill[True]:.1f} s, then {rate[True] / 1e6:.1f} M rows/s, {self.memory[True] / 1e9:.2f} GB; lost: "
              f"{100 * (1 - rate[True] / rate[False]):.1f} % of the steady rate, {100 * (1 - first[True] / first[False]):.1f} % in the "
              "five seconds before")
        for m in self.metrics:
            p = m["pause"]
            print(f"  {m['taken']} snapshots, {m['bytes'] / 1e6:,.0f} MB, the last {m['last_bytes'] / 1e6:,.1f} MB; pauses p50 "
                  f"{p['p50_seconds'] * 1e3:.1f} p99 {p['p99_seconds'] * 1e3:.1f} most {p['max_seconds'] * 1e3:.1f} ms", flush=True)


def recover(o, state):
    shutil.rmtree(state, ignore_errors=True)
    j = Job(o, 1000, state)
    j.reach(rows=o.keys * 2)
    j.reach(seconds=5)
    j.end(signal.SIGKILL)
    kept = sum(os.path.getsize(os.path.join(state, f)) for f in os.listdir(state))
    j = Job(o, 1000, state)
    rows = [j.place()[1] - j.began for _ in range(10)]
    j.end(signal.SIGKILL)
    print(f"after kill -9: {kept / 1e6:,.0f} MB in the folder, first row {rows[0]:.2f} s after the new start, the tenth after {rows[-1]:.2f} s")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--query", choices=list(QUERIES), default="tumble")
    a.add_argument("--keys", type=int, default=10_000_000)
    a.add_argument("--hot", type=int, nargs="*", default=[1000, 10])
    a.add_argument("--seconds", type=float, default=10)
    a.add_argument("--workers", type=int, default=2)
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--interval", default="1s")
    a.add_argument("--dir", default=None, help="where snapshots go")
    o = a.parse_args()
    with tempfile.TemporaryDirectory(dir=o.dir) as d:
        state = os.path.join(d, "state")
        for hot in o.hot:
            case = Case(o, hot, state)
            for _ in range(o.rounds):
                for saves in (False, True):
                    case.measure(saves)
            case.tell()
        recover(o, state)


main()
