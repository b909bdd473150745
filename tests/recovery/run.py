#!/usr/bin/env python3
"""Kills `weir run --state` at random instants until it ends by itself, and compares what it wrote with an undisturbed run.

Usage: run.py WEIR [--kills N] [--rows N] [--seed N] [NAME …]

Each .sql file here is a job: it reads clicks.jsonl and writes files called out*. A round runs a job with a random
number of workers, another one at each start, memory enough or far too little, snapshots every few milliseconds, and kill -9 after a random time, until
the job says that it has finished. Then each file must hold the rows of the undisturbed run: all of them, none twice.
Files called *.changes hold changelogs: the tables that they make are compared. Those called *.ordered have an order.
Rounds go on until N kills have been survived.
"""
import argparse
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from results import differences, make_clicks, rows

HERE = os.path.dirname(os.path.abspath(__file__))
BUDGETS = ["1", "1MiB", "0", "0"]  # two of them put all state on disk that can be there
# A dozen operators on each worker, or rows that wait for no key: they do not fit into less.
MANY = {"match": ["128MiB", "0"], "kinesis": ["64MiB", "0"]}
IN_MEMORY = {"sort", "sort_time"}  # jobs whose state cannot


def newest(folder):
    """Of the snapshots there."""
    return max(glob.glob(os.path.join(folder, "state", "*.snapshot")), default="")


class Job:
    def __init__(self, weir, path, data):
        self.weir, self.name, self.data = weir, os.path.basename(path)[:-4], data
        with open(path, encoding="utf-8") as f:
            self.sql = f.read()
        with tempfile.TemporaryDirectory() as d:
            began = time.monotonic()
            done = self.start(d, 2, []).wait()
            self.seconds = time.monotonic() - began
            if done != 0:
                raise SystemExit(f"{self.name}: the undisturbed run failed")
            self.want = rows(d)
        if not self.want or any(r == [b""] for r in self.want.values()):
            raise SystemExit(f"{self.name}: the undisturbed run wrote nothing")

    def start(self, folder, workers, more):
        link = os.path.join(folder, "clicks.jsonl")
        if not os.path.exists(link):
            os.symlink(self.data, link)
        cmd = [self.weir, "run", "--quiet", f"--workers={workers}", *more, "-e", self.sql]
        return subprocess.Popen(cmd, cwd=folder, stdout=subprocess.DEVNULL, stderr=open(os.path.join(folder, "said"), "ab"))

    def round(self, rnd):
        """Kills, differences."""
        kills, limit = 0, 60
        folder = tempfile.mkdtemp(prefix="weir-recovery-")
        seen = []
        for _ in range(limit):
            workers = rnd.choice([1, 2, 3])
            memory = "0" if self.name in IN_MEMORY else rnd.choice(MANY.get(self.name, BUDGETS))
            p = self.start(folder, workers, ["--state=state", f"--snapshot-interval={rnd.choice([3, 10, 30])}ms", f"--memory={memory}"])
            left = rnd.uniform(0.2, 1.3) * self.seconds * (1 + kills / 10)  # or a slow one would never end
            if rnd.random() < 0.3:  # at the first snapshot, which has what was loaded and hardly more
                until, had = time.monotonic() + left, newest(folder)
                while p.poll() is None and time.monotonic() < until and newest(folder) == had:
                    time.sleep(0.0005)
                left = 0
            try:
                p.wait(left)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
                kills += 1
                seen.append(f"{workers} workers, memory {memory}, killed")
                continue
            if p.returncode != 0:
                break
            bad = differences(self.name, self.want, rows(folder))
            if not bad:
                shutil.rmtree(folder)
            else:
                bad.append(f"{self.name}: {'; '.join(seen)}; see {folder}")
            return kills, bad
        with open(os.path.join(folder, "said"), encoding="utf-8") as f:
            said = f.read().strip().split("\n")[-1]
        return kills, [f"{self.name}: exit status {p.returncode} after {kills} kills: {said}; see {folder}"]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("names", nargs="*")
    a.add_argument("--kills", type=int, default=100)
    a.add_argument("--rows", type=int, default=200_000)
    a.add_argument("--seed", type=int, default=0)
    o = a.parse_args()
    weir = os.path.abspath(o.weir)
    seed = o.seed or random.randrange(1 << 30)
    rnd = random.Random(seed)
    with tempfile.TemporaryDirectory() as d:
        data = os.path.join(d, "data.jsonl")
        make_clicks(weir, data, o.rows, random.Random(1))
        paths = [p for p in sorted(glob.glob(os.path.join(HERE, "*.sql"))) if not o.names or os.path.basename(p)[:-4] in o.names]
        jobs = [Job(weir, p, data) for p in paths]
        kills = failed = passed = 0
        while kills < o.kills:
            for job in jobs:
                n, bad = job.round(rnd)
                kills += n
                failed += bool(bad)
                passed += not bad
                for line in bad:
                    print(line, flush=True)
                if failed > 5:
                    break
            if failed > 5:
                break
    print(f"recovery: {kills} kills, {passed} rounds passed, {failed} failed (seed {seed})")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
