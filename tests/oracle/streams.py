#!/usr/bin/env python3
"""Streams of a data directory: random records, splits, merges and reopenings through the commands, then SQL over them with
several formats, workers and batch sizes; everything is compared with plain Python over what was put.

Usage: streams.py WEIR [--cases N] [--seed K]
"""
import argparse
import collections
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import traceback

COLS = "(id BIGINT, k VARCHAR, v BIGINT)"


class Case:
    def __init__(self, weir, d, rnd):
        self.weir, self.d, self.rnd, self.rows = weir, d, rnd, []

    def run(self, *args, stdin=""):
        p = subprocess.run([self.weir, *args], input=stdin, capture_output=True, text=True, timeout=120, cwd=self.d)
        assert p.returncode == 0, (args, p.stderr)
        return p.stdout

    def sql(self, text, *args):
        return [json.loads(x) for x in self.run("run", "--data", "d", "--quiet", *args, "-e", text).splitlines()]

    def tail(self, name):
        return [json.loads(x) for x in
                self.run("tail", name, "--data", "d", "--from", "earliest", "--once", "--format", "json").splitlines()]

    def shards(self, name):
        lines = self.run("streams", "--data", "d", "describe", name).splitlines()[1:]
        return [(int(x[8:20]), "  closed " in x, *map(int, x.split("  ")[2].split(" .. "))) for x in lines]


def put(c):
    lines = []
    for _ in range(c.rnd.randint(1, 120)):
        row = {"id": len(c.rows), "k": f"key{c.rnd.randint(0, 20)}", "v": c.rnd.randint(-1000, 1000)}
        c.rows.append(row)
        text = json.dumps(row, indent=None)
        lines.append(f"{row['k']}~{text}\n")
    c.run("put", "s", "--data", "d", "--key-before", "~", "--quiet", stdin="".join(lines))


def change(c):
    live = [x for x in c.shards("s") if not x[1]]
    live.sort(key=lambda x: x[2])
    what = c.rnd.random()
    if what < 0.5:
        n, _, lo, hi = c.rnd.choice(live)
        at = [] if c.rnd.random() < 0.5 else [str(c.rnd.randint(lo + 1, hi))]
        c.run("streams", "--data", "d", "split", "s", str(n), *at)
    elif what < 0.8 and len(live) > 1:
        i = c.rnd.randrange(len(live) - 1)
        c.run("streams", "--data", "d", "merge", "s", str(live[i + 1][0]), str(live[i][0]))
    else:
        c.run("streams", "--data", "d", "reshard", "s", str(c.rnd.randint(1, 5)))


def check_places(c):
    """Each record is in the shard that owned its key, in the order put; sequence numbers of a key rise."""
    got = c.tail("s")
    assert sorted(json.loads(r["data"])["id"] for r in got) == list(range(len(c.rows)))
    owner = {n: (lo, hi) for n, _, lo, hi in c.shards("s")}
    last, last_id = {}, {}
    for r in got:
        row = json.loads(r["data"])
        assert row == c.rows[row["id"]] and r["key"] == row["k"], r
        lo, hi = owner[int(r["shard"][8:])]
        assert lo <= int(hashlib.md5(r["key"].encode()).hexdigest(), 16) <= hi, r
        assert last_id.get(r["key"], -1) < row["id"], (r, last_id)
        assert last.get(r["key"], 0) < int(r["sequence"]), r
        last_id[r["key"]], last[r["key"]] = row["id"], int(r["sequence"])


def by_key(rows):
    groups = collections.defaultdict(list)
    for r in rows:
        groups[r["k"]].append(r["v"])
    return sorted((k, len(v), sum(v), max(v)) for k, v in groups.items())


def check_order(c):
    """Rows of a key leave in the order in which they were put, through splits and merges, however many workers read
    the shards: straight to the output, and through an exchange."""
    flags = ("--workers", str(c.rnd.choice([2, 3, 8])), "--batch-rows", str(c.rnd.choice([1, 7, 4096])))
    source = (f"CREATE STREAM s {COLS} WITH (connector = 'stream', format = 'json', end = 'latest', "
              f"chunk_bytes = '{c.rnd.choice([1, 100, 1000])}');")
    ways = {"straight": "SELECT k, id FROM s",
            "exchanged": "SELECT k, id FROM s LIMIT 1000000000"}
    for way, query in ways.items():
        c.run("run", "--data", "d", "--quiet", *flags, "-e", source +
              f"CREATE STREAM f WITH (connector = 'file', path = '{way}.jsonl', format = 'json') AS {query};")
        last = {}
        with open(os.path.join(c.d, f"{way}.jsonl"), encoding="utf-8") as f:
            for r in map(json.loads, f):
                assert last.get(r["k"], -1) < r["id"], (way, flags, source, r, last[r["k"]])
                last[r["k"]] = r["id"]
        assert last == {r["k"]: r["id"] for r in c.rows}, (way, flags)


def check_sql(c, n):
    flags = ("--workers", str(c.rnd.choice([1, 2, 3, 8])), "--batch-rows", str(c.rnd.choice([1, 7, 4096])))
    fmt = c.rnd.choice(["format = 'json'", "format = 'msgpack'", "format = 'csv', header = 'false'"])
    by = c.rnd.choice(["partition_by = 'k', ", "partition_by = 'k,id', ", ""])
    source = f"CREATE STREAM s {COLS} WITH (connector = 'stream', format = 'json', end = 'latest');"
    copy = f"o{n}"
    c.run("run", "--data", "d", "--quiet", *flags, "-e", source +
          f"CREATE STREAM {copy} WITH (connector = 'stream', {by}shards = '3', {fmt}) AS SELECT id, k, v FROM s WHERE v > 0;")
    for name, f, want in (("s", "format = 'json'", c.rows), (copy, fmt, [r for r in c.rows if r["v"] > 0])):
        got = c.sql(f"CREATE STREAM {name} {COLS} WITH (connector = 'stream', {f}, end = 'latest'); SELECT id, k, v FROM {name};", *flags)
        assert sorted(got, key=lambda r: r["id"]) == want, (name, len(got), len(want))
        got = c.sql(f"CREATE STREAM {name} {COLS} WITH (connector = 'stream', {f}, end = 'latest'); "
                    f"SELECT k, COUNT(*) AS n, SUM(v) AS s, MAX(v) AS m FROM {name} GROUP BY k;", *flags)
        assert sorted((r["k"], r["n"], r["s"], r["m"]) for r in got) == by_key(want), (name, flags)
    if by:
        want = {r["id"]: r["k"] + ("|" + str(r["id"]) if "id" in by else "") for r in c.rows}
        if "msgpack" not in fmt:
            for r in c.tail(copy):
                i = json.loads(r["data"])["id"] if "json" in fmt else int(r["data"].split(",")[0])
                assert r["key"] == want[i], r


def main():
    p = argparse.ArgumentParser()
    p.add_argument("weir")
    p.add_argument("--cases", type=int, default=20)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    for i in range(a.cases):
        seed = a.seed * 100003 + i
        rnd = random.Random(seed)
        with tempfile.TemporaryDirectory() as d:
            c = Case(os.path.abspath(a.weir), d, rnd)
            try:
                c.run("streams", "--data", "d", "create", "s", "--shards", str(rnd.randint(1, 3)))
                for n in range(rnd.randint(2, 8)):
                    put(c)
                    if rnd.random() < 0.6:
                        change(c)
                    if n % 3 == 2:
                        check_places(c)
                check_places(c)
                for n in range(3):
                    check_order(c)
                for n in range(2):
                    check_sql(c, n)
            except AssertionError as e:
                traceback.print_exc(limit=-2)
                print(f"FAIL seed {seed}: {str(e)[:2000]}")
                sys.exit(1)
    print(f"streams: {a.cases} cases agree (seed {a.seed})")


main()
