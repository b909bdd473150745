#!/usr/bin/env python3
"""make bench: weir against the bare limit and DuckDB, on the clicks file, in one interleaved run.

Usage: run.py [--rounds N] [--rows N] [--no-duckdb]

Ratios are what counts; machines are noisy, so the programs take turns and medians are printed. CPU
seconds are user + system of the whole process, start included. "limit" is bench/limit.c on one thread:
the least this machine must do for the query on this file. Flink's figures are those of docs/BENCHMARKS.md,
measured on another day: events per CPU second, a ratio to them is an order of magnitude, not a race.
"""
import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
WORK = os.path.join(ROOT, "build", "bench")
FLINK = {"q1": 79_000, "q2": 48_000, "q3": 98_000, "q4": 15_000, "q5": 60_000}
DUCK_COLUMNS = ("{event_time: 'TIMESTAMP', user_id: 'VARCHAR', page: 'VARCHAR', country: 'VARCHAR', status: 'INTEGER', "
                "latency_ms: 'DOUBLE', bytes: 'BIGINT'}")
DUCK = ("import duckdb, sys; db = duckdb.connect(config={'threads': int(sys.argv[1])}); "
        "print(len(db.execute(\"SELECT date_trunc('minute', event_time) AS w, page, count(*), avg(latency_ms), "
        "min(latency_ms), max(latency_ms), sum(latency_ms) FROM read_json('clicks.jsonl', format='newline_delimited', "
        "columns=" + DUCK_COLUMNS + ") GROUP BY ALL\").fetchall()))")


def measure(cmd, cwd=WORK):
    """CPU seconds, wall seconds, peak resident MiB, output."""
    start = time.monotonic()
    p = subprocess.Popen(cmd, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = p.stdout.read().decode()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        raise SystemExit(f"{' '.join(cmd)}: exit status {p.returncode}\n{out}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss / 1024, out


def build(o):
    os.makedirs(WORK, exist_ok=True)
    cc = ["gcc", "-O3", "-march=native", "-D_GNU_SOURCE"]
    subprocess.check_call(cc + ["-o", f"{WORK}/limit", f"{HERE}/limit.c", "-lpthread"])
    subprocess.check_call(cc + ["-o", f"{WORK}/gen_clicks", f"{HERE}/gen_clicks.c", "-lm"])
    data = f"{WORK}/clicks-{o.rows}.jsonl"
    if not os.path.exists(data):
        with open(data + ".part", "wb") as f:
            subprocess.check_call([f"{WORK}/gen_clicks", str(o.rows), "json", "643"], stdout=f)
        os.rename(data + ".part", data)
    link(data)
    return data


def link(data, name="clicks.jsonl"):
    path = os.path.join(WORK, name)
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(data, path)


def weir(query, workers):
    return [os.path.join(ROOT, "weir"), "run", f"--workers={workers}", os.path.join(HERE, "queries", query + ".sql")]


def variants(data, rows):
    """The same events in shapes that the fast path of the decoder does not like."""
    r = random.Random(1)
    made = {}
    shapes = {"ordered": (0, False), "reordered10": (0.1, False), "shuffled": (1, False), "unicode": (0, True)}
    for name, (share, uni) in shapes.items():
        path = f"{WORK}/clicks-{name}-{rows}.jsonl"
        made[name] = path
        if os.path.exists(path):
            continue
        with open(data) as f, open(path + ".part", "w") as g:
            for i, line in enumerate(f):
                if i == rows:
                    break
                if uni:
                    line = line.replace('"/p/', '"/sé/')
                elif r.random() < share:
                    items = list(json.loads(line).items())
                    r.shuffle(items)
                    line = json.dumps(dict(items), separators=(",", ":")) + "\n"
                g.write(line)
        os.rename(path + ".part", path)
    return made


def at_once(cmd, n):
    """Wall seconds of n processes that share nothing but the machine: what two workers can be at best."""
    start = time.monotonic()
    ps = [subprocess.Popen(cmd, cwd=WORK, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(n)]
    if any([p.wait() for p in ps]):
        raise SystemExit(f"{' '.join(cmd)} failed")
    return time.monotonic() - start


class Table:
    def __init__(self, rounds):
        self.rounds, self.runs, self.pairs = rounds, {}, {}

    def add(self, name, cmd):
        self.runs[name] = (cmd, [])

    def add_pair(self, name):
        self.pairs[name] = []

    def run(self):
        for _ in range(self.rounds):
            for name, (cmd, samples) in self.runs.items():
                samples.append(measure(cmd))
            for name, seconds in self.pairs.items():
                seconds.append(at_once(self.runs[name][0], 2))

    def median(self, name, i):
        return statistics.median(s[i] for s in self.runs[name][1])

    def apart(self, name):
        """The throughput of two processes, each alone with a copy, by that of one."""
        return 2 * self.median(name, 1) / statistics.median(self.pairs[name])

    def cpu(self, name):
        return self.median(name, 0)

    def limit_cpu(self, name):  # the probe says its own, without mapping the file
        return statistics.median(float(re.search(r"cpu ([0-9.]+)", s[3])[1]) for s in self.runs[name][1])


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--rows", type=int, default=5_000_000)
    a.add_argument("--no-duckdb", action="store_true")
    o = a.parse_args()
    data = build(o)
    t = Table(o.rounds)
    for q in ("scan", "q1", "q2"):
        t.add(f"limit {q}", [f"{WORK}/limit", "clicks.jsonl", q])
    queries = ("scan", "q1", "q2", "q3", "q3_json", "q4", "q5", "q6", "sqlite", "sqlite_dict")
    for q in queries:
        t.add(f"weir {q}", weir(q, 1))
    for q in ("q1", "q2"):
        t.add(f"weir {q} x2", weir(q, 2))
        t.add_pair(f"weir {q}")
    if not o.no_duckdb:
        py = os.path.join(ROOT, "build", "venv", "bin", "python")
        t.add("duckdb q1", [py, "-c", DUCK, "1"])
        t.add("duckdb q1 x2", [py, "-c", DUCK, "2"])
    t.run()
    report(o, t, queries)
    shapes(o, data)
    script("scale.py", data, f"--rows={o.rows}")
    script("memory.py")


def report(o, t, queries):
    rate = lambda cpu: o.rows / cpu / 1e6
    print(f"\n{o.rows:,} clicks, medians of {o.rounds} interleaved rounds; M events per CPU second, 1 worker\n")
    print(f"{'query':12} {'weir':>8} {'limit':>8} {'share':>7} {'x Flink':>8} {'RSS MiB':>8}")
    for q in queries:
        cpu = t.cpu(f"weir {q}")
        lim = t.limit_cpu(f"limit {q}") if f"limit {q}" in t.runs else None
        share = f"{lim / cpu:7.0%}" if lim else " " * 7
        flink = f"{o.rows / cpu / FLINK[q]:8.0f}" if q in FLINK else " " * 8
        print(f"{q:12} {rate(cpu):8.1f} {rate(lim) if lim else float('nan'):8.1f} {share} {flink} {t.median(f'weir {q}', 2):8.0f}")
    for q in ("q1", "q2"):
        print(f"{q}: two workers {t.median(f'weir {q}', 1) / t.median(f'weir {q} x2', 1):.2f} times one's throughput (wall), "
              f"two processes that share nothing {t.apart(f'weir {q}'):.2f} times")
    if "duckdb q1" in t.runs:
        for x in ("", " x2"):
            print(f"q1{x}: {t.median('duckdb q1' + x, 1) / t.median('weir q1' + x, 1):.1f} times DuckDB's batch scan (wall)")


def shapes(o, data):
    rows = min(o.rows, 1_000_000)
    made = variants(data, rows)
    t = Table(o.rounds)
    for name, path in made.items():
        link(path, f"{name}.jsonl")
        sql = open(os.path.join(HERE, "queries", "scan.sql")).read().replace("clicks.jsonl", f"{name}.jsonl")
        t.add(name, [os.path.join(ROOT, "weir"), "run", "--workers=1", "-e", sql])
    t.run()
    print("\nshape of the JSON, cost against ordered keys (all seven columns decoded)")
    for name in made:
        print(f"  {name:12} {t.cpu(name) / t.cpu('ordered'):.2f}")


def script(name, *args):
    sys.stdout.flush()
    subprocess.check_call([sys.executable, os.path.join(HERE, name), *args])


main()
