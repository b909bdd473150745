#!/usr/bin/env python3
"""Submits, stops and deletes jobs in a loop, and holds the server's memory, threads and descriptors against what they were.

Usage: soak.py WEIR [--jobs N] [--grow BYTES]

The first tenth warms up: buffers, threads of the pool, the allocator's arenas. After that resident memory may grow by
--grow (what an allocator keeps), however many jobs there are.
"""
import argparse
import os
import sys
import tempfile

from serve import Server, resident

SQL = ("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rate = 1000);"
       "SELECT window_start, page, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE g, DESCRIPTOR(ROWTIME), INTERVAL '1' SECOND))"
       " GROUP BY window_start, window_end, page;")


def count(pid, what):
    return len(os.listdir(f"/proc/{pid}/{what}"))


def once(s, i):
    name = f"job{i}"
    s.submit(SQL, name, workers=1 + i % 2)
    if i % 3 == 0:
        s.post(f"/v1/jobs/{name}/pause")
        s.post(f"/v1/jobs/{name}/resume")
    if i % 5 == 0:
        s.error("POST", "/v1/jobs", {"sql": "SELECT nothing FROM nowhere"})
        s.raw(b"GET /v1/jobs/" + name.encode() + b"/output?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n").close()
    s.post(f"/v1/jobs/{name}/stop")
    assert s.get(f"/v1/jobs/{name}")["state"] == "stopped"
    s.get("/metrics")
    s.call("DELETE", f"/v1/jobs/{name}")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("--jobs", type=int, default=10000)
    a.add_argument("--grow", type=int, default=16 << 20)
    o = a.parse_args()
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # the disk is not what is tested
    with tempfile.TemporaryDirectory(prefix="weir-soak-", dir=shm) as d, Server(o.weir, d) as s:
        warm = max(o.jobs // 10, 20)
        for i in range(warm):
            once(s, i)
        first = resident(s.p.pid), count(s.p.pid, "fd"), count(s.p.pid, "task")
        for i in range(warm, o.jobs):
            once(s, i)
            if i % 1000 == 0:
                print(f"{i} jobs, {resident(s.p.pid) >> 10} KiB", flush=True)
        last = resident(s.p.pid), count(s.p.pid, "fd"), count(s.p.pid, "task")
        assert s.stop() == 0
    ok = last[0] - first[0] <= o.grow and last[1] <= first[1] + 4 and last[2] <= first[2] + 2
    print(f"soak: {o.jobs} jobs; after {warm} and all: {first[0] >> 10} and {last[0] >> 10} KiB, "
          f"{first[1]} and {last[1]} descriptors, {first[2]} and {last[2]} threads: {'flat' if ok else 'GROWN'}")
    sys.exit(0 if ok else 1)


main()
