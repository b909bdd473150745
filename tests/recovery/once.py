#!/usr/bin/env python3
"""Kills `weir run --state` whose results go into streams and databases, and looks at them from outside all the while:
no row may ever be seen that is not in the end, none twice, and none may be missing.

Usage: once.py WEIR [--rounds N] [--seed N] [KIND …]

streams   a file into one stream by two statements, that stream into a second one and into a file, while shards are split
          and merged; a reader of each stream runs from the beginning to the end
"""
import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

STREAMS = """CREATE STREAM i (id BIGINT, k VARCHAR) WITH (connector = 'file', path = 'in.jsonl', format = 'json');
CREATE STREAM a1 (id BIGINT, k VARCHAR) WITH (connector = 'stream', stream = 'a', format = 'json', partition_by = 'k');
CREATE STREAM a2 (id BIGINT, k VARCHAR) WITH (connector = 'stream', stream = 'a', format = 'json', partition_by = 'k');
INSERT INTO a1 SELECT id, k FROM i WHERE MOD(id, 2) = 0;
INSERT INTO a2 SELECT id, k FROM i WHERE MOD(id, 2) = 1;
CREATE STREAM c WITH (connector = 'file', path = 'copy.jsonl', format = 'json') AS SELECT id, k FROM i;
CREATE STREAM a (id BIGINT, k VARCHAR) WITH (connector = 'stream', format = 'json');
CREATE STREAM b WITH (connector = 'stream', format = 'json', partition_by = 'k') AS SELECT id, k FROM a;
CREATE STREAM f WITH (connector = 'file', path = 'out.jsonl', format = 'json') AS SELECT id, k FROM a;"""


def ids(path):
    try:
        with open(path, encoding="utf-8") as f:
            return [json.loads(x)["id"] for x in f if x.endswith("\n")]
    except FileNotFoundError:
        return []


class Round:
    def __init__(self, weir, d, seed):
        self.weir, self.d, self.rnd, self.kills = weir, d, random.Random(seed), 0
        self.n = self.rnd.randint(20000, 150000)
        with open(self.at("in.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(f'{{"id":{i},"k":"k{i % 37}"}}\n' for i in range(self.n))

    def at(self, name):
        return os.path.join(self.d, name)

    def run(self, *args):
        p = subprocess.run([self.weir, *args], capture_output=True, text=True, cwd=self.d, timeout=120)
        assert p.returncode == 0, (args, p.stderr)
        return p.stdout

    def start(self, sql, *more):
        with open(self.at("said"), "ab") as said:
            return subprocess.Popen([self.weir, "run", "--state", "st", "--snapshot-interval", f"{self.rnd.choice([2, 5, 20])}ms",
                                     "--quiet", "--workers", str(self.rnd.randint(1, 3)), *more, "-e", sql],
                                    cwd=self.d, stdout=subprocess.DEVNULL, stderr=said)

    def said(self):
        with open(self.at("said"), encoding="utf-8") as f:
            return f.read()[-600:]

    def check(self, what, got, whole):
        twice = [i for i, n in collections.Counter(got).items() if n > 1]
        assert not twice, f"{what}: {len(twice)} rows twice, such as {twice[:3]}"
        assert not whole or sorted(got) == list(range(self.n)), f"{what}: {len(got)} rows of {self.n}"

    # ---- streams ----

    def tail(self, name):
        with open(self.at("seen." + name), "wb") as out:
            return subprocess.Popen([self.weir, "tail", name, "--data", "d", "--from", "earliest"], cwd=self.d, stdout=out,
                                    stderr=subprocess.PIPE)

    def streams(self):
        for name in "ab":
            self.run("streams", "--data", "d", "create", name, "--shards", str(self.rnd.randint(1, 3)))
        readers = [self.tail(name) for name in "ab"]
        done = False
        for left in range(self.rnd.randint(4, 12), -1, -1):
            job = self.start(STREAMS, "--data", "d")
            until = time.monotonic() + (60 if left == 0 else self.rnd.uniform(0.01, 0.08))
            while time.monotonic() < until and job.poll() is None:
                seen = [ids(self.at("seen." + name)) for name in "ab"]
                for name, got in zip("ab", seen):
                    self.check("reader of " + name, got, False)
                done = all(len(got) >= self.n for got in seen) and len(ids(self.at("out.jsonl"))) >= self.n
                if done:
                    break
                time.sleep(0.02)
            assert job.poll() is None, f"it ended by itself: {self.said()}"
            if done:
                job.send_signal(signal.SIGINT)
                assert job.wait(60) in (130, -signal.SIGINT), (job.returncode, self.said())
                break
            job.kill()
            job.wait()
            self.kills += 1
            if self.rnd.random() < 0.5:
                self.run("streams", "--data", "d", "reshard", self.rnd.choice("ab"), str(self.rnd.randint(1, 5)))
        for r in readers:
            r.terminate()
            r.wait()
        for name in "ab":
            self.check(f"stream {name}", [json.loads(x)["id"] for x in self.run("tail", name, "--data", "d", "--once", "--from",
                                                                                "earliest").splitlines()], True)
        self.check("file", ids(self.at("out.jsonl")), True)
        self.check("file of what has ended", ids(self.at("copy.jsonl")), True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("weir")
    p.add_argument("kinds", nargs="*")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    weir, kills, passed = os.path.abspath(a.weir), 0, 0
    for i in range(a.rounds):
        for kind in a.kinds or ["streams"]:
            seed = a.seed * 1009 + i
            with tempfile.TemporaryDirectory() as d:
                r = Round(weir, d, seed)
                try:
                    getattr(r, kind)()
                except AssertionError as e:
                    print(f"FAIL {kind}, seed {seed}, after {r.kills} kills: {e}")
                    sys.exit(1)
                kills += r.kills
                passed += 1
    print(f"once: {passed} rounds, {kills} kills, each row once (seed {a.seed})")


main()
