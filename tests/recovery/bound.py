#!/usr/bin/env python3
"""State that is larger than the memory budget: the same rows as with enough of it, and never more memory than that.

Usage: bound.py WEIR [--rows N] [--memory TEXT] [--seed N] [NAME …]

Each query keeps several times the budget. It is run without one and with one, which must give the same rows, use the disk and
keep resident memory below the budget and what a process takes by itself; and the same once more with snapshots, killed three times
at random instants. What cannot lie on disk must end with a message that names the operator and the option, and go on, from
its last snapshot, when it is given more.
"""
import argparse
import hashlib
import os
import random
import re
import subprocess
import sys
import tempfile
import time

ROWS = """CREATE STREAM g (WATERMARK FOR event_time AS event_time - INTERVAL '1' SECOND) WITH (connector = 'datagen', kind = 'clicks', rows = {rows}, event_rate = 100000);
CREATE VIEW clicks AS SELECT *, MOD(CAST(latency_ms * 1000 AS BIGINT) * 7919 + bytes, {keys}) AS k FROM g;
CREATE STREAM out WITH (connector = 'file', path = 'out.csv', format = 'csv') AS
"""
ITSELF = 64 << 20  # code, stacks, the allocator's slack; ASan's takes much more, so it is not held to it
WINDOW = "SELECT window_start, k, COUNT(*) AS n, SUM(bytes) AS s FROM TABLE({fn}) GROUP BY window_start, window_end, k;"
QUERIES = {
    "tumble": WINDOW.format(fn="TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' DAY)"),
    "hop": WINDOW.format(fn="HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' DAY, INTERVAL '2' DAY)"),
    "session": WINDOW.format(fn="SESSION(TABLE clicks PARTITION BY k, DESCRIPTOR(event_time), INTERVAL '10' MINUTE)"),
    "stagger": "SELECT STREAM k, COUNT(*) AS n, SUM(bytes) AS s FROM clicks WINDOWED BY STAGGER (PARTITION BY k RANGE INTERVAL '10' MINUTE);",
    "over": "SELECT k, COUNT(*) OVER w AS n, SUM(bytes) OVER w AS s FROM clicks WINDOW w AS (PARTITION BY k ORDER BY event_time "
            "RANGE BETWEEN INTERVAL '10' MINUTE PRECEDING AND CURRENT ROW);",
    "join": "SELECT a.k, a.bytes, b.bytes AS c FROM clicks AS a JOIN clicks AS b ON a.k = b.k AND b.event_time BETWEEN "
            "a.event_time - INTERVAL '10' MINUTE AND a.event_time AND a.bytes < b.bytes - 40000;",
    "first": "SELECT k, bytes FROM (SELECT k, bytes, ROW_NUMBER() OVER (PARTITION BY k ORDER BY event_time) AS n FROM clicks) AS t WHERE n = 1;",
    "match": "SELECT * FROM clicks MATCH_RECOGNIZE (PARTITION BY k ORDER BY event_time MEASURES A.bytes AS b, B.bytes AS c PATTERN (A B) "
             "WITHIN INTERVAL '10' MINUTE DEFINE B AS B.bytes < 500) AS m;",
    "table_fn": "SELECT k, bytes, EXPECTED FROM TABLE(ANOMALY_ZSCORE(TABLE clicks PARTITION BY k, DESCRIPTOR(bytes), window_size => 16, "
                "max_partitions => 100000000));",
}
IN_MEMORY = {"sort": "SELECT k, bytes, latency_ms FROM clicks ORDER BY latency_ms, k, bytes;"}


class Test:
    def __init__(self, o):
        self.weir, self.memory, self.asan = os.path.abspath(o.weir), o.memory, "asan" in o.weir
        self.head = ROWS.format(rows=o.rows, keys=o.rows * 2 // 3)
        self.random = random.Random(o.seed)
        self.failed = 0

    def fail(self, what):
        self.failed += 1
        print(f"FAIL {what}", flush=True)

    def start(self, folder, sql, *more):
        cmd = [self.weir, "run", "--workers=2", *more, "-e", self.head + sql]
        return subprocess.Popen(cmd, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def run(self, folder, sql, *more):
        """Exit status, what it said, largest resident memory [bytes], seconds."""
        began = time.monotonic()
        p = self.start(folder, sql, *more)
        said = p.stderr.read()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        return p.returncode, said, usage.ru_maxrss * 1024, time.monotonic() - began

    @staticmethod
    def rows(folder):
        """How many, and their sum, whatever their order."""
        n = total = 0
        with open(os.path.join(folder, "out.csv"), "rb") as f:
            for line in f:
                n += 1
                total += int.from_bytes(hashlib.blake2b(line, digest_size=16).digest(), "little")
        return n, total % (1 << 128)

    def kill_some(self, folder, sql, state, seconds):
        """Each start goes on where the one before it was killed, which has had some, much or all of the state."""
        kills = 0
        for _ in range(3):
            p = self.start(folder, sql, *state)
            try:
                p.communicate(timeout=self.random.uniform(0.2, 0.8) * seconds)
                break
            except subprocess.TimeoutExpired:
                p.kill()
                p.communicate()
                kills += 1
        return kills

    def query(self, name, sql):
        with tempfile.TemporaryDirectory() as d:
            status, said, peak, _ = self.run(d, sql)
            want = self.rows(d)
            if status != 0 or want[0] < 2:
                return self.fail(f"{name}: without a budget: {said}")
            status, said, least, seconds = self.run(d, sql, f"--memory={self.memory}")
            if status != 0 or self.rows(d) != want or "went to disk" not in said:
                return self.fail(f"{name}: {want[0]} rows expected, {self.rows(d)[0]} found: {said}")
            if not self.asan and least > size(self.memory) + ITSELF:
                self.fail(f"{name}: {least >> 20} MiB were resident with a budget of {self.memory}")
            state = ["--state=state", "--snapshot-interval=50ms", f"--memory={self.memory}"]
            kills = self.kill_some(d, sql, state, seconds)
            status, said, last, _ = self.run(d, sql, *state)
            if status != 0 or self.rows(d) != want:
                return self.fail(f"{name}: after {kills} kills {want[0]} rows expected, {self.rows(d)[0]} found: {said}")
            if not self.asan and last > size(self.memory) + ITSELF:
                self.fail(f"{name}: {last >> 20} MiB were resident after {kills} kills with a budget of {self.memory}")
            print(f"{name}: {want[0]} rows; resident {peak >> 20} MiB without a budget, {least >> 20} with {self.memory}, {last >> 20} "
                  f"after {kills} kills", flush=True)

    def refused(self, name, sql):
        with tempfile.TemporaryDirectory() as d:
            self.run(d, sql)
            want = self.rows(d)
            state = ["--state=state", "--snapshot-interval=50ms"]
            status, said, peak, _ = self.run(d, sql, *state, f"--memory={self.memory}")
            told = re.search(r"memory budget of .* is used up .*; sort .* keeps .* --memory", said)
            if status != 1 or not told or (not self.asan and peak > size(self.memory) + ITSELF):
                return self.fail(f"{name}: status {status}, {peak >> 20} MiB resident: {said}")
            status, said, _, _ = self.run(d, sql, *state)
            if status != 0 or self.rows(d) != want:
                return self.fail(f"{name}: with more memory {want[0]} rows expected, {self.rows(d)[0]} found: {said}")
            print(f"{name}: ended with a message, and went on with more memory", flush=True)


def size(text):
    return int(text.removesuffix("MiB")) << 20


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("names", nargs="*")
    a.add_argument("--rows", type=int, default=1_500_000)
    a.add_argument("--memory", default="64MiB")
    a.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    o = a.parse_args()
    t = Test(o)
    for name, sql in QUERIES.items():
        if not o.names or name in o.names:
            t.query(name, sql)
    for name, sql in IN_MEMORY.items():
        if not o.names or name in o.names:
            t.refused(name, sql)
    print(f"memory: {t.failed} failed (seed {o.seed})")
    sys.exit(1 if t.failed else 0)


if __name__ == "__main__":
    main()
