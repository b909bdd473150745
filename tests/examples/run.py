#!/usr/bin/env python3
"""Runs every example, compares its rows with those that oracle.py works out in Python over the same input,
and its text with tests/examples/NAME.expected.

Usage: run.py WEIR [--write]

The text is compared with its lines sorted; a long output by the number and a digest of its lines. clicks.sql
reads what `make demo` makes; here a smaller file of the same kind is made. --write writes the expected
text, once the rows are right.
"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile

import oracle

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "examples")
CLICKS = ("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = 20000, event_rate = 50); "
          "CREATE STREAM f WITH (connector = 'file', path = 'clicks.jsonl', format = 'json') AS SELECT * FROM g;")


def run(weir, args, cwd):
    p = subprocess.run([weir, "run", "--format=json", *args], cwd=cwd, capture_output=True, text=True, timeout=120)
    if p.returncode != 0:
        raise SystemExit(f"{args}: exit status {p.returncode}\n{p.stderr}")
    return [line for line in p.stdout.split("\n") if line]


def one(weir, name, write):
    """The complaints about one example."""
    def sql(text):
        return [json.loads(line) for line in run(weir, ["-e", text], d)]

    with tempfile.TemporaryDirectory() as d:
        for f in ("log.jsonl", "kda/ticker.jsonl", "kda/companies.csv", "kda/access.log"):
            os.symlink(os.path.join(EXAMPLES, f), os.path.join(d, os.path.basename(f)))
        if name in ("clicks.sql", "minutes.sql"):
            run(weir, ["--workers=1", "-e", CLICKS], d)  # in order of time
        if name == "minutes.sql":
            run(weir, [os.path.join(EXAMPLES, "clicks.sql")], d)
        out = run(weir, [os.path.join(EXAMPLES, name)], d)
        if name == "clicks.sql":
            with open(os.path.join(d, "page_minutes.jsonl"), encoding="utf-8") as f:
                out = f.read().split("\n")[:-1]
        bad = oracle.differences(list(oracle.ORACLES[name](d, sql)), [json.loads(line) for line in out])
    return bad or text_differences(name, sorted(out), write)


def text_differences(name, lines, write):
    path = os.path.join(HERE, name.replace("/", "_") + ".expected")
    if len(lines) > 60:
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        lines = [f"{len(lines)} rows, sha256 {digest}"] + lines[:5]
    got = "\n".join(lines) + "\n"
    if write:
        with open(path, "w", encoding="utf-8") as f:
            f.write(got)
    with open(path, encoding="utf-8") as f:
        want = f.read()
    return [] if got == want else [f"expected text:\n{want}\n  found:\n{got}"]


def main():
    weir, write = os.path.abspath(sys.argv[1]), "--write" in sys.argv
    there = {os.path.relpath(os.path.join(d, f), EXAMPLES) for d, _, fs in os.walk(EXAMPLES) for f in fs
             if f.endswith(".sql")}
    failed = 0
    for name in sorted(there | oracle.ORACLES.keys()):
        bad = one(weir, name, write) if name in oracle.ORACLES else ["oracle.py does not know it"]
        failed += bool(bad)
        if bad:
            print(f"FAIL {name}\n  " + "\n  ".join(bad))
    print(f"examples: {len(there) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
