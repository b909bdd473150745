#!/usr/bin/env python3
"""Random cut forests against the Python package rrcf: the same work, points per second of CPU each.

Usage: rcf.py BENCH_RCF

Every point is scored, inserted into each tree, and the oldest one taken out: bench_rcf's line "every". rrcf does it with
ten trees, in which it takes a tenth as long.
"""
import random
import re
import subprocess
import sys
import time

import numpy
import rrcf

TREES, SAMPLE, POINTS = 10, 256, 150


def rrcf_rate():
    r = random.Random(1)
    points = [numpy.array([r.gauss(0, 1) for _ in range(4)]) for _ in range(SAMPLE + POINTS)]
    forest = [rrcf.RCTree(random_state=k) for k in range(TREES)]
    for i, p in enumerate(points):
        if i == SAMPLE:
            start = time.process_time()
        for tree in forest:
            if i >= SAMPLE:
                tree.forget_point(i - SAMPLE)
            tree.insert_point(p, index=i)
            if i >= SAMPLE:
                tree.codisp(i)
    return POINTS / (time.process_time() - start) * TREES / 100


def main():
    out = subprocess.run([sys.argv[1], "100000"], text=True, stdout=subprocess.PIPE, check=True).stdout
    ours = float(re.search(r"^every +(\d+) points/s", out, re.M).group(1))
    theirs = rrcf_rate()
    print(f"100 trees, every point in and out: {ours:.0f} points per CPU second, rrcf {theirs:.1f}: {ours / theirs:.0f} times")


if __name__ == "__main__":
    main()
