#!/usr/bin/env python3
"""Kills `weir serve` at random instants, starts it again until all its jobs have finished, and compares what they wrote
with undisturbed runs.

Usage: kills.py WEIR [--kills N] [--rows N] [--seed N] [NAME …]

The jobs are those of tests/recovery: files to files, by windows, sessions, OVER and joins. A round submits them all to
one server, which is killed (or, one time in four, stopped by SIGTERM) after a random time, until nothing is left to do.
"""
import argparse
import glob
import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

from serve import Server

HERE = os.path.dirname(os.path.abspath(__file__))
RECOVERY = os.path.join(os.path.dirname(HERE), "recovery")
spec = importlib.util.spec_from_file_location("recovery", os.path.join(RECOVERY, "run.py"))
recovery = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recovery)

NAMES = ["windows", "sessions", "over", "join_window", "join_interval"]


def renamed(name, text):
    """Each job writes files of its own."""
    return re.sub(r"'out", f"'out_{name}_", text)


class Round:
    def __init__(self, weir, jobs, data, rnd):
        self.jobs, self.rnd, self.folder = jobs, rnd, tempfile.mkdtemp(prefix="weir-kills-")
        os.symlink(data, os.path.join(self.folder, "clicks.jsonl"))
        self.server = Server(weir, self.folder, "--restart-delay", "10ms")
        for job in jobs:
            self.server.submit(renamed(job.name, job.sql), job.name, workers=rnd.choice([1, 2]),
                               snapshot_interval=f"{rnd.choice([3, 10, 30])}ms")
        self.kills = 0

    def states(self):
        return {j["name"]: j for j in self.server.get("/v1/jobs")["jobs"]}

    def disturb(self, seconds):
        """False: all jobs have come to an end before the server was to be killed."""
        end = time.monotonic() + self.rnd.uniform(0.05, 1.2) * seconds
        while time.monotonic() < end:
            if all(j["state"] in ("finished", "failed") for j in self.states().values()):
                return False
            time.sleep(self.rnd.uniform(0, 0.02))
        if self.rnd.random() < 0.25:
            status = self.server.stop()
            assert status == 0, f"stopped with {status}: {self.server.said[-5:]}"
        else:
            self.server.kill()
            self.kills += 1
        self.server.start()
        return True

    def run(self, seconds, limit):
        """What differs."""
        for _ in range(limit):
            if not self.disturb(seconds):
                break
        else:  # enough of it: the rest undisturbed
            for job in self.jobs:
                self.server.until(job.name, "finished", "failed")
        bad = [f"{n}: {j['state']}: {j.get('error')}" for n, j in self.states().items()
               if j["state"] != "finished" or j["restarts"]]
        assert self.server.stop() == 0
        got = recovery.rows(self.folder)
        for job in self.jobs:
            mine = {f: r for f, r in got.items() if f.startswith(f"out_{job.name}_")}
            want = {renamed(job.name, "'" + f)[1:]: r for f, r in job.want.items()}
            bad += recovery.differences(job.name, want, mine)
        if bad:
            bad.append(f"see {self.folder}")
        else:
            shutil.rmtree(self.folder)
        return bad


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("names", nargs="*")
    a.add_argument("--kills", type=int, default=20)
    a.add_argument("--rows", type=int, default=60_000)
    a.add_argument("--seed", type=int, default=0)
    o = a.parse_args()
    weir = os.path.abspath(o.weir)
    seed = o.seed or random.randrange(1 << 30)
    rnd = random.Random(seed)
    with tempfile.TemporaryDirectory() as d:
        data = os.path.join(d, "data.jsonl")
        make = (f"CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = {o.rows}, event_rate = 200);"
                f"CREATE STREAM f WITH (connector = 'file', path = '{data}', format = 'json') AS SELECT * FROM g;")
        subprocess.run([weir, "run", "--quiet", "--workers=1", "-e", make], check=True)
        recovery.disorder(data, random.Random(1))
        names = o.names or NAMES
        paths = [p for p in sorted(glob.glob(os.path.join(RECOVERY, "*.sql"))) if os.path.basename(p)[:-4] in names]
        jobs = [recovery.Job(weir, p, data) for p in paths]
        seconds = sum(j.seconds for j in jobs)
        kills = rounds = failed = 0
        while kills < o.kills and failed < 3:
            r = Round(weir, jobs, data, rnd)
            bad = r.run(seconds, 25)
            kills += r.kills
            rounds += 1
            failed += bool(bad)
            for line in bad:
                print(line, flush=True)
    print(f"server kills: {kills} kills, {rounds} rounds of {len(jobs)} jobs, {failed} failed (seed {seed})")
    sys.exit(1 if failed else 0)


main()
