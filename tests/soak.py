#!/usr/bin/env python3
"""All oracles in turn, with fresh seeds, under every build, for so many minutes.

Usage: soak.py MINUTES [ORACLE…]

A failure is shown as the oracle shows it, with the command that repeats it; the soak goes on, and fails at its end.
"""
import random
import re
import subprocess
import sys
import time

BUILDS = {"release": 4, "asan": 2, "tsan": 1}  # how many times as many cases as under TSan
THREADED = ["run", "over", "joins", "recent", "sessions", "changes", "rank", "match"]
ORACLES = {**{name: ("--queries", 40) for name in THREADED}, "lookups": ("--queries", 8), "zones": ("--queries", 8),
           "expressions": ("--scripts", 8), "decimals": ("--scripts", 8), "functions": ("--rows", 200)}


def main():
    if len(sys.argv) < 2 or not re.fullmatch(r"[0-9]*\.?[0-9]+", sys.argv[1]) or set(sys.argv[2:]) - set(ORACLES):
        sys.exit(f"{__doc__}\nOracles: {', '.join(ORACLES)}")
    end, names = time.monotonic() + 60 * float(sys.argv[1]), sys.argv[2:] or list(ORACLES)
    fresh, runs, failed = random.SystemRandom(), 0, []
    while not runs or time.monotonic() < end:
        for build in BUILDS:
            for name in names:
                if build == "tsan" and name not in THREADED:
                    continue
                option, n = ORACLES[name]
                command = [sys.executable, f"tests/oracle/{name}.py", f"build/{build}/weir", option, str(n * BUILDS[build]),
                           "--seed", str(fresh.randrange(10**9))] + (["--workers", "2,8"] if build == "tsan" else [])
                p = subprocess.run(command, capture_output=True, text=True)
                runs += 1
                print(f"{build:8}{(p.stdout.strip() or p.stderr.strip()).splitlines()[-1]}", flush=True)
                if p.returncode != 0:
                    failed.append(" ".join(command))
                    print(f"{p.stdout}{p.stderr}\nFAILED: {failed[-1]}", flush=True)
    print("\n".join([f"soak: {runs} runs, {len(failed)} failed"] + failed))
    sys.exit(1 if failed else 0)


main()
