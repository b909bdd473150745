#!/usr/bin/env python3
"""Snapshots of a large keyed state: how long workers pause, what throughput is lost, what is written, how soon a
crashed job goes on.

Usage: snapshots.py [--query tumble|session|over|rows|join|pairs|rank] [--keys N] [--rounds N] [--workers N] [--hot N]
                    [--interval TEXT] [--dir DIR]

What is kept is, by --query: a window of 400 days (tumble), a session of each key (session), the rows of the last 2 N / 1000
seconds (over, join), the last 10 rows of each key (rows), all rows of both sides (pairs), the 3 best rows of each key (rank).

It takes rows of N keys until nearly all are there ("fill"), then as many rows again, twice, of which
each is of one of N / hot keys ("steady"). Runs without and with snapshots alternate; each is run with the fill alone and with
both, so that the difference is the steady part. A few rows of the input go straight to standard output: the first one that
comes after a kill -9 and a new start tells when the job is back.
"""
import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WEIR = os.path.join(os.path.dirname(HERE), "weir")
SQL = """
CREATE STREAM clicks (event_time TIMESTAMP(3), bytes BIGINT, latency_ms DOUBLE, WATERMARK FOR event_time AS event_time)
WITH (connector = 'datagen', kind = 'clicks', rows = {rows}, event_rate = 1000);
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
    "join": f"SELECT a.k, a.page, b.latency_ms FROM v a JOIN {SOME} b ON a.k = b.k AND b.event_time BETWEEN "
            "a.event_time AND a.event_time + INTERVAL '1' SECOND * {fill_s}",
    "pairs": f"SELECT a.k, a.page, b.latency_ms FROM v a JOIN {SOME} b ON a.k = b.k AND b.bytes = 64 EMIT CHANGES",
    "rank": "SELECT k, page, latency_ms, r FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY latency_ms DESC) AS r "
            "FROM v) WHERE r <= 3 EMIT CHANGES",
}
SAID = re.compile(r"([\d,]+) snapshots?, ([\d.]+) (\w*)B; workers paused for ([\d.]+) (\w+) at most, mostly less than ([\d.]+) (\w+)")
UNIT = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
MS = {"ms": 1, "s": 1000}


class Bench:
    def __init__(self, o, folder):
        self.o, self.folder = o, folder

    def sql(self, rows):
        fill_s = self.o.keys * 2 // 1000
        return SQL.format(rows=rows, keys=self.o.keys, hot=max(1, self.o.keys // self.o.hot), fill_s=fill_s,
                          query=QUERIES[self.o.query].format(fill_s=fill_s))

    def command(self, rows, state):
        more = [f"--state={state}", f"--snapshot-interval={self.o.interval}"] if state else []
        return [WEIR, "run", f"--workers={self.o.workers}", "--format=json", *more, "-e", self.sql(rows)]

    def run(self, rows, state=None):
        """Seconds, CPU seconds, largest resident memory [bytes], what the summary says of snapshots."""
        if state:
            shutil.rmtree(state, ignore_errors=True)
        began = time.monotonic()
        p = subprocess.Popen(self.command(rows, state), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = p.stderr.read()
        _, status, usage = os.wait4(p.pid, 0)
        if status != 0:
            raise SystemExit(said)
        return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, SAID.search(said)

    def first_row(self, rows, state):
        """Seconds from start to the first row, of a job that is killed then."""
        began = time.monotonic()
        p = subprocess.Popen(self.command(rows, state), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        p.stdout.read(1)
        took = time.monotonic() - began
        p.send_signal(signal.SIGKILL)
        p.wait()
        return took

    def crash(self, rows, state, seconds):
        shutil.rmtree(state, ignore_errors=True)
        p = subprocess.Popen(self.command(rows, state), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        p.send_signal(signal.SIGKILL)
        p.wait()


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--query", choices=list(QUERIES), default="tumble")
    a.add_argument("--keys", type=int, default=10_000_000)
    a.add_argument("--hot", type=int, default=1000)
    a.add_argument("--workers", type=int, default=2)
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--interval", default="1s")
    a.add_argument("--dir", default=None, help="where snapshots go")
    o = a.parse_args()
    fill, both = o.keys * 2, o.keys * 6
    with tempfile.TemporaryDirectory(dir=o.dir) as d:
        b = Bench(o, d)
        state = os.path.join(d, "state")
        took = {(saves, rows): [] for saves in (False, True) for rows in (fill, both)}
        used = {key: [] for key in took}
        pauses, memory, written = [], {False: 0, True: 0}, []
        for _ in range(o.rounds):
            for saves in (False, True):
                for rows in (fill, both):
                    s, cpu, rss, m = b.run(rows, state if saves else None)
                    took[saves, rows].append(s)
                    used[saves, rows].append(cpu)
                    memory[saves] = max(memory[saves], rss)
                    if m:
                        pauses.append((float(m[6]) * MS[m[7]], float(m[4]) * MS[m[5]]))
                        written.append((rows, int(m[1].replace(",", "")), float(m[2]) * UNIT[m[3]]))
        rate, cost = {}, {}
        for saves in (False, True):
            more = statistics.median(took[saves, both]) - statistics.median(took[saves, fill])
            cpu = statistics.median(used[saves, both]) - statistics.median(used[saves, fill])
            rate[saves], cost[saves] = (both - fill) / more / 1e6, cpu / (both - fill) * 1e9
            print(f"{'with' if saves else 'without'} snapshots: fill {statistics.median(took[saves, fill]):.2f} s, CPU "
                  f"{statistics.median(used[saves, fill]):.2f} s; steady {rate[saves]:.2f} M rows/s, CPU {cost[saves]:.0f} ns a row; "
                  f"resident {memory[saves] / 1e9:.2f} GB")
        print(f"lost, steady: {100 * (1 - rate[True] / rate[False]):.1f} % of throughput, {100 * (cost[True] / cost[False] - 1):.1f} % more CPU")
        print(f"pauses: p99 {max(p for p, _ in pauses):.1f} ms, most {max(m for _, m in pauses):.1f} ms (largest of all runs)")
        for rows, n, size in written:
            print(f"{'fill' if rows == fill else 'both'}: {n} snapshots, {size / 1e6:.0f} MB")
        seconds = statistics.median(took[True, both]) * 0.8
        b.crash(both * 4, state, seconds)
        kept = sum(os.path.getsize(os.path.join(state, f)) for f in os.listdir(state))
        print(f"after kill -9: {kept / 1e6:.0f} MB in the folder, first row after {b.first_row(both * 4, state):.2f} s")


main()
