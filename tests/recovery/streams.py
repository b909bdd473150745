#!/usr/bin/env python3
"""Kills `weir run --data --state` that reads a stream, while others put to it, split and merge it: its output must hold each
record once.

Usage: streams.py WEIR [--rounds N] [--seed N]
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

SQL = """CREATE STREAM s (id INT, k VARCHAR) WITH (connector = 'stream', format = 'json', start = '%s');
CREATE STREAM o WITH (connector = 'file', path = 'out.jsonl', format = 'json') AS SELECT id, k FROM s;"""


class Round:
    def __init__(self, weir, d, seed):
        self.weir, self.d, self.rnd, self.n = weir, d, random.Random(seed), 0
        self.start = self.rnd.choice(["earliest", "latest"])
        self.run("streams", "--data", "d", "create", "s", "--shards", str(self.rnd.randint(1, 3)))

    def run(self, *args, stdin=""):
        subprocess.run([self.weir, *args], input=stdin, capture_output=True, text=True, check=True, cwd=self.d, timeout=120)

    def job(self):
        return subprocess.Popen([self.weir, "run", "--data", "d", "--state", "st", "--snapshot-interval", "50ms", "--quiet",
                                 "--workers", str(self.rnd.randint(1, 3)), "-e", SQL % self.start],
                                cwd=self.d, stderr=subprocess.PIPE)

    def put(self):
        k = self.rnd.randint(1, 400)
        rows = ({"id": self.n + i, "k": f"k{(self.n + i) % 7}"} for i in range(k))
        self.run("put", "s", "--data", "d", "--quiet", "--key-before", "~", stdin="".join(f"{r['k']}~{json.dumps(r)}\n" for r in rows))
        self.n += k

    def ids(self):
        try:
            with open(os.path.join(self.d, "out.jsonl"), encoding="utf-8") as f:
                return [json.loads(x)["id"] for x in f if x.endswith("\n")]
        except FileNotFoundError:
            return []

    def wait_for_rows(self, n):
        until = time.monotonic() + 60
        while len(self.ids()) < n:
            if time.monotonic() > until:
                raise AssertionError(f"{len(self.ids())} rows of {n} after a minute, start = '{self.start}'")
            time.sleep(0.05)

    def play(self):
        job = self.job()
        if self.start == "latest":  # what is put before the first snapshot may belong to the past
            while not self.has_snapshot():
                time.sleep(0.05)
        for _ in range(10):
            self.put()
            if self.rnd.random() < 0.6:
                self.run("streams", "--data", "d", "reshard", "s", str(self.rnd.randint(1, 4)))
            if self.rnd.random() < 0.3:
                self.wait_for_rows(self.n // 2)
            if self.rnd.random() < 0.6:
                job.kill()
                job.communicate()
                job = self.job()
        for _ in range(5):  # a job that has just begun cuts its file back to the snapshot: then once more
            self.wait_for_rows(self.n)
            job.send_signal(signal.SIGINT)
            said = job.communicate()[1]
            assert job.returncode in (130, -signal.SIGINT), (job.returncode, said)
            got = self.ids()
            if len(got) >= self.n:
                break
            job = self.job()
        assert sorted(got) == list(range(self.n)), f"{self.n} records, {len(got)} rows, {len(set(got))} of them different"

    def has_snapshot(self):
        path = os.path.join(self.d, "st")
        return os.path.isdir(path) and any(x.endswith(".snapshot") for x in os.listdir(path))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("weir")
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    for i in range(a.rounds):
        seed = a.seed * 1009 + i
        with tempfile.TemporaryDirectory() as d:
            try:
                Round(os.path.abspath(a.weir), d, seed).play()
            except AssertionError as e:
                print(f"FAIL seed {seed}: {e}")
                sys.exit(1)
    print(f"streams: {a.rounds} rounds, each record once (seed {a.seed})")


main()
