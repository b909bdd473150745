#!/usr/bin/env python3
"""Bytes per key of each stateful operator: how much the peak of resident memory rises with the number of keys.

Usage: memory.py [--rows N] [--keys N]

The same rows are generated twice, with few keys and with many, all of them open at the end; the difference of the
peaks by the difference in keys is what one key costs, growth of tables (up to twice what they hold) included.
Prints a table; `make bench` calls it.
"""
import argparse
import os
import subprocess

WEIR = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "weir")
ROWS = """CREATE STREAM g (WATERMARK FOR event_time AS event_time - INTERVAL '1' SECOND) WITH (connector = 'datagen', kind = 'clicks', rows = {rows}, event_rate = 100000);
CREATE VIEW clicks AS SELECT *, MOD(CAST(latency_ms * 1000 AS BIGINT) * 7919 + bytes, {keys}) AS k FROM g;
CREATE STREAM result WITH (connector = 'blackhole') AS
"""
WINDOW = "SELECT window_start, window_end, k, {what} FROM TABLE({fn}) GROUP BY window_start, window_end, k;"
T = "TABLE clicks, DESCRIPTOR(event_time)"
OPERATORS = {
    "tumble 60 s, COUNT and SUM": WINDOW.format(
        what="COUNT(*), SUM(bytes)", fn=f"TUMBLE({T}, INTERVAL '1' MINUTE)"),
    "hop 60/10 s, COUNT and SUM": WINDOW.format(
        what="COUNT(*), SUM(bytes)", fn=f"HOP({T}, INTERVAL '10' SECOND, INTERVAL '1' MINUTE)"),
    "hop 60/10 s, AVG of DOUBLE": WINDOW.format(
        what="AVG(latency_ms)", fn=f"HOP({T}, INTERVAL '10' SECOND, INTERVAL '1' MINUTE)"),
    "session 60 s, COUNT and SUM": WINDOW.format(
        what="COUNT(*), SUM(bytes)", fn="SESSION(TABLE clicks PARTITION BY k, DESCRIPTOR(event_time), INTERVAL '1' MINUTE)"),
    "OVER 1 min, COUNT and SUM (10 rows a key)": "SELECT k, COUNT(*) OVER w, SUM(bytes) OVER w FROM clicks WINDOW w AS ("
        "PARTITION BY k ORDER BY event_time RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW);",
    "LAG": "SELECT k, LAG(bytes) OVER (PARTITION BY k ORDER BY event_time) FROM clicks;",
    "first row of each key": "SELECT k FROM (SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY event_time) AS n FROM clicks) "
        "AS t WHERE n = 1;",
    "best 3 rows of each key (changes)": "SELECT k, bytes FROM (SELECT k, bytes, ROW_NUMBER() OVER (PARTITION BY k ORDER BY latency_ms DESC) "
        "AS n FROM clicks) AS t WHERE n <= 3;",
    "interval join, 1 min (10 rows a key)": "SELECT a.k, b.bytes FROM clicks AS a JOIN (SELECT * FROM clicks WHERE MOD(bytes, 1000) = 0) AS b "
        "ON a.k = b.k AND b.event_time BETWEEN a.event_time AND a.event_time + INTERVAL '1' MINUTE;",
    "window join, 1 min (10 rows a key)": f"SELECT a.k, b.bytes FROM TABLE(TUMBLE({T}, INTERVAL '1' MINUTE)) AS a JOIN (SELECT * FROM "
        f"TABLE(TUMBLE({T}, INTERVAL '1' MINUTE)) WHERE MOD(bytes, 1000) = 0) AS b ON a.k = b.k "
        "AND a.window_start = b.window_start AND a.window_end = b.window_end;",
    "pattern A B, one row open": "SELECT * FROM clicks MATCH_RECOGNIZE (PARTITION BY k ORDER BY event_time MEASURES A.bytes AS b "
        "PATTERN (A B) WITHIN INTERVAL '1' MINUTE DEFINE B AS B.bytes < 0) AS m;",
    "group by (changes), COUNT and SUM": "SELECT k, COUNT(*), SUM(bytes) FROM clicks GROUP BY k;",
}


def peak(sql):
    """Bytes."""
    p = subprocess.Popen([WEIR, "run", "--workers=1", "-e", sql], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = p.stderr.read().decode().strip()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        raise SystemExit(said)
    return usage.ru_maxrss * 1024


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--rows", type=int, default=5_000_000)
    a.add_argument("--keys", type=int, default=500_000)
    o = a.parse_args()
    few = o.keys // 100
    print(f"\nbytes per key, {few:,} against {o.keys:,} keys", flush=True)
    for name, sql in OPERATORS.items():
        base, full = (peak(ROWS.format(rows=o.rows, keys=k) + sql) for k in (few, o.keys))
        print(f"  {name:44} {(full - base) / (o.keys - few):6.0f}")


main()
