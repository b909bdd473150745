#!/usr/bin/env python3
"""What a query costs as keys and overlapping windows get more: events per CPU second, 5,000,000 clicks, 1 worker.

Usage: scale.py FILE [--rounds N]

FILE is the clicks file of bench/run.py. COUNT and SUM by a key of so many values; windows slide by a minute and
are so many minutes long. "worst" is the best rate by the rate: the design says it stays below 3.
"""
import argparse
import os
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
WEIR = os.path.join(os.path.dirname(HERE), "weir")
KEYS = (10, 1_000, 100_000, 1_000_000)
WINDOWS = (1, 10, 100)
VIEW = "CREATE VIEW v AS SELECT *, MOD(CAST(latency_ms * 1000 AS BIGINT) * 7919 + bytes, {n}) AS k FROM clicks;\n"
SINK = "CREATE STREAM result WITH (connector = 'blackhole') AS "
WINDOW = SINK + "SELECT window_start, window_end, {key}, COUNT(*), SUM(bytes) FROM TABLE({fn}) GROUP BY window_start, window_end, {key};"
SESSION = "SESSION(TABLE v PARTITION BY k, DESCRIPTOR(event_time), INTERVAL '30' SECOND)"
OVER = (SINK + "SELECT k, COUNT(*) OVER w, SUM(bytes) OVER w FROM v WINDOW w AS (PARTITION BY k ORDER BY event_time "
        "RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW);")


def tumble(n):
    return VIEW.format(n=n) + WINDOW.format(key="k", fn="TUMBLE(TABLE v, DESCRIPTOR(event_time), INTERVAL '1' MINUTE)")


def hop(n):
    fn = f"HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE, INTERVAL '{n}' MINUTE)"
    return WINDOW.format(key="page", fn=fn)


SERIES = [("tumble 1 min, keys", KEYS, tumble),
          ("session 30 s, keys", KEYS, lambda n: VIEW.format(n=n) + WINDOW.format(key="k", fn=SESSION)),
          ("OVER 1 min, keys", KEYS, lambda n: VIEW.format(n=n) + OVER),
          ("hop by page, overlapping windows", WINDOWS, hop)]


def cpu(sql):
    p = subprocess.Popen([WEIR, "run", "--workers=1", "-e", sql], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = p.stderr.read().decode().strip()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        raise SystemExit(f"{sql}\n{said}")
    return usage.ru_utime + usage.ru_stime


def main():
    a = argparse.ArgumentParser()
    a.add_argument("file")
    a.add_argument("--rows", type=int, default=5_000_000)
    a.add_argument("--rounds", type=int, default=3)
    o = a.parse_args()
    with open(os.path.join(HERE, "queries", "q1.sql"), encoding="utf-8") as f:
        create = f.read().split(";")[0].replace("clicks.jsonl", os.path.abspath(o.file)) + ";\n"
    print("\nM events per CPU second as keys and windows get more, 1 worker")
    for name, sizes, sql in SERIES:
        rates = [o.rows / statistics.median(cpu(create + sql(n)) for _ in range(o.rounds)) / 1e6 for n in sizes]
        cells = "  ".join(f"{n:,}: {r:.1f}" for n, r in zip(sizes, rates))
        print(f"  {name:34} {cells}  worst {max(rates) / min(rates):.1f}")


main()
