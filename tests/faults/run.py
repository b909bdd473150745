#!/usr/bin/env python3
"""Makes a call of a running job fail, and the job go on from its snapshot: its output must be that of an undisturbed run.

Usage: run.py WEIR SHIM [--budget N] [--seed N] [--part disk|clock|memory|sql|damage] [NAME …]

  disk    the n-th write, read, fsync, rename, open, … of state, data and output fails, takes half, or is the last
          thing the process does; or all of them fail for a while, as on a full disk
  clock   the wall clock jumps at the n-th look at it, threads cannot be had
  memory  the n-th allocation fails, or all from the n-th on
  sql     the same over the golden SQL cases
  damage  a byte of state or data is flipped, a file cut off (damage.py)

Each part makes N trials, spread over all jobs, kinds and actions, with n by chance (--seed). A trial that brings
something to light prints what is needed to do it again.
"""
import argparse
import glob
import os
import random
import shutil
import sys
import tempfile

from damage import damage
from rig import HERE, Failed, Job, Run, StreamJob

sys.path.insert(0, os.path.join(HERE, "..", "recovery"))
from results import make_clicks  # noqa: E402

ROWS = 3000
MOST_FAILED = 8
SUITES = ("windows", "sessions", "over", "join_interval", "changes", "ends", "sort", "match", "upserts", "rank",
          "join_changes", "ttl")
DISK = [(kind, action) for kind, actions in {
    "write": "kill tear short EIO ENOSPC EINTR", "read": "kill short EIO EINTR", "sync": "kill EIO ENOSPC", "rename": "kill EIO ENOSPC",
    "open": "kill EMFILE EACCES ENOSPC", "unlink": "kill EIO", "truncate": "kill EIO", "mkdir": "kill EACCES", "list": "EMFILE",
    "mmap": "ENOMEM", "disk": "kill tear EIO ENOSPC"}.items() for action in actions.split()]
CLOCK = [("wall", a) for a in ("31536000", "-31536000", "300", "-300")] + [("thread", "EAGAIN")]


def places(rnd, kind, action, count):
    """Which calls are hit: one, or some in a row."""
    n = rnd.randint(1, max(1, count))
    if kind == "wall":
        return f"{n}-"
    if action in ("ENOSPC", "EIO", "ENOMEM") and rnd.random() < 0.4:
        return f"{n}-{n + rnd.choice([1, 3, 10, 40])}"
    return str(n)


def jobs_of(o, data):
    paths = [p for p in sorted(glob.glob(os.path.join(HERE, "..", "recovery", "*.sql")))
             if os.path.basename(p)[:-4] in (o.names or SUITES)]
    streams = [p for p in sorted(glob.glob(os.path.join(HERE, "*.sql"))) if not o.names or os.path.basename(p)[:-4] in o.names]
    return [Job(o.weir, o.shim, p, data) for p in paths] + [StreamJob(o.weir, o.shim, p, data) for p in streams]


class Tally:
    """Trials, those that met their fault, those that failed; a part is given up when there are too many of the last."""

    def __init__(self, part, seed):
        self.part, self.seed, self.tried, self.hit, self.failed, self.ended = part, seed, 0, 0, 0, {}

    def trial(self, run, *args):
        self.tried += 1
        try:
            met = run(*args)
            self.hit += bool(met)
            if isinstance(met, str):
                self.ended[met] = self.ended.get(met, 0) + 1
        except Failed as e:
            print(f"FAIL {self.part} (seed {self.seed}): {e}", flush=True)
            self.failed += 1
            if self.failed == MOST_FAILED:
                raise

    def __str__(self):
        ended = "".join(f", {n} ended by {x} without memory" for x, n in self.ended.items())
        return f"faults: {self.part}: {self.tried} trials, {self.hit} met their fault{ended}, {self.failed} failed (seed {self.seed})"


def system_calls(o, rnd, jobs, faults, tally):
    for i in range(o.budget):
        job = jobs[i % len(jobs)]
        kind, action = faults[i // len(jobs) % len(faults)] if o.budget >= len(faults) * len(jobs) else rnd.choice(faults)
        count = job.count().get(kind, 0)
        if count == 0:
            continue
        tally.trial(job.trial, rnd, kind, places(rnd, kind, action, count), action)


def memory(o, rnd, jobs, tally):
    for i in range(o.budget):
        job = jobs[i % len(jobs)]
        only = rnd.choice(["own", "own", "libs"])
        n = int(job.count(only)["malloc"] ** rnd.uniform(0.3, 1))
        tally.trial(job.trial, rnd, "malloc", f"{n}{rnd.choice(['', '', '-'])}", "ENOMEM", only)


def sql_memory(o, rnd, tally):
    """Golden cases: exit status 1 and a message, or 0 and the right rows."""
    sys.path.insert(0, os.path.join(HERE, "..", "sql"))
    import importlib.util
    spec = importlib.util.spec_from_file_location("golden", os.path.join(HERE, "..", "sql", "run.py"))
    golden = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(golden)
    cases = [(p, golden.parse(p)) for p in golden.find(os.path.join(HERE, "..", "sql"))]
    cases = [(p, s) for p, s in cases if not {"postgres", "sqlite", "stdin"} & {k for k, _, _ in s} and sum(k == "sql" for k, _, _ in s) == 1]
    for _ in range(o.budget):
        path, sections = rnd.choice(cases)
        tally.trial(sql_trial, o, rnd, golden, os.path.relpath(path), sections)


def sql_trial(o, rnd, golden, path, sections):
    d = tempfile.mkdtemp(prefix="weir-fault-")
    options = []
    for kind, args, body in sections:
        if kind == "input":
            golden.put(d, args[0], args[1:], body)
        elif kind == "extension":
            golden.put(d, args[0], ["hex"], golden.compiled(body))
        elif kind == "sql":
            golden.put(d, "case.sql", [], body)
        elif kind == "options":
            options += body.split()
    cmd = [o.weir, "run", "--format", "json", "--workers=2", *options, "case.sql"]
    kept = {f: os.path.join(d, f) for f in os.listdir(d)}
    only = rnd.choice(["own", "own", "libs"])
    count = max(1, Run(cmd, d, o.shim, only=only).counts.get("malloc", 1))
    for f in os.listdir(d):
        if f not in kept and os.path.isfile(os.path.join(d, f)):
            os.unlink(os.path.join(d, f))
    at = f"{rnd.randint(1, count)}{rnd.choice(['', '-'])}"
    r = Run(cmd, d, o.shim, f"malloc:{at}:ENOMEM", only)
    try:
        r.sound(False)
        wants_error = any(k in ("error", "errors") for k, _, _ in sections)
        bad = None
        if r.hit and r.status == 0:
            bad = "exit status 0" if wants_error else golden.check_output(sections, d, r.out.decode("utf-8", "surrogateescape"), r.err)
        if bad:
            raise Failed(bad)
    except Failed as e:
        raise Failed(f"{path}, malloc:{at}:ENOMEM of {only}: {e}\n{r.err}\n{r.hit}; see {d}") from None
    shutil.rmtree(d)
    return r.excused() or bool(r.hit)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("shim")
    a.add_argument("names", nargs="*")
    a.add_argument("--budget", type=int, default=100)
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--rows", type=int, default=ROWS)
    a.add_argument("--part", action="append", choices=["disk", "clock", "memory", "sql", "damage"])
    o = a.parse_intermixed_args()
    o.weir, o.shim = os.path.abspath(o.weir), os.path.abspath(o.shim)
    if not os.path.exists(o.shim):
        a.error(f"there is no {o.shim}: make {os.path.relpath(o.shim)}")
    seed = o.seed or random.randrange(1 << 30)
    failed = False
    with tempfile.TemporaryDirectory(prefix="weir-fault-") as d:
        data = os.path.join(d, "data.jsonl")
        make_clicks(o.weir, data, o.rows, random.Random(1))
        jobs = jobs_of(o, data)
        for part in o.part or ["disk", "clock", "memory", "sql", "damage"]:
            rnd, tally = random.Random(f"{seed} {part}"), Tally(part, seed)
            try:
                if part == "damage":
                    damage(o, rnd, jobs, tally)
                elif part == "sql":
                    sql_memory(o, rnd, tally)
                elif part == "memory":
                    memory(o, rnd, jobs, tally)
                else:
                    system_calls(o, rnd, jobs, DISK if part == "disk" else CLOCK, tally)
            except Failed:
                print("too many have failed", flush=True)
            print(tally, flush=True)
            failed |= tally.failed > 0 or tally.hit == 0
    sys.exit(1 if failed else 0)


main()
