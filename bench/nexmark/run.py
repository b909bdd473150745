#!/usr/bin/env python3
"""make bench-nexmark: the Nexmark queries over a million events of the built-in generator.

Usage: run.py [--events N] [--rounds N] [qN ...]

Of each 50 events one is a person, three are auctions and 46 are bids, as published. "events/s per core" counts
the events of the tables that a query reads by CPU seconds of the whole process, start, generator and
planning included: the median of the rounds. --markdown prints the table of docs/BENCHMARKS.md.
"""
import argparse
import os
import statistics
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
WEIR = os.path.join(os.path.dirname(os.path.dirname(HERE)), "weir")


def run(sql, cwd):
    """CPU seconds, peak resident MiB, the closing line."""
    p = subprocess.Popen([WEIR, "run", "--workers=1", "-e", sql], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = p.stderr.read().decode().strip()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        raise SystemExit(f"exit status {p.returncode}\n{said}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said.split("\n")[-1]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("queries", nargs="*")
    a.add_argument("--events", type=int, default=1_000_000)
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--markdown", action="store_true")
    o = a.parse_args()
    names = o.queries or sorted((f[:-4] for f in os.listdir(HERE) if f.endswith(".sql")), key=lambda q: int(q[1:]))
    print("| query | what | events read | M events/s per core | rows out | resident MiB |\n|---|---|---|---|---|---|" if o.markdown else
          f"{'query':6} {'read':>8} {'M events/s':>10} {'rows out':>10} {'RSS MiB':>8}  what")
    with tempfile.TemporaryDirectory() as d:
        os.symlink(os.path.join(HERE, "side.csv"), os.path.join(d, "side.csv"))
        for name in names:
            with open(os.path.join(HERE, name + ".sql"), encoding="utf-8") as f:
                sql = f.read().replace("events = 1000000", f"events = {o.events}")
            what = sql.split("\n")[0].split(": ", 1)[1].rstrip(".")
            runs = [run(sql, d) for _ in range(o.rounds)]
            rows = int(runs[0][2].split(" rows in")[0].replace(",", ""))
            rate = rows / statistics.median(r[0] for r in runs) / 1e6
            rss = statistics.median(r[1] for r in runs)
            out = runs[0][2].split(" rows in, ")[1].split(" out")[0]
            print(f"| {name} | {what} | {rows:,} | {rate:.2f} | {out} | {rss:.0f} |" if o.markdown else
                  f"{name:6} {rows:8} {rate:10.2f} {out:>10} {rss:8.0f}  {what}")


main()
