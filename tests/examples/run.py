#!/usr/bin/env python3
"""Runs every example and compares its output with tests/examples/NAME.expected.

Usage: run.py WEIR [--write]

Rows are compared as a set; long outputs by their number and a digest. clicks.sql reads data that the
example clicks.sql's own demo makes; here a small file of the same kind is made by datagen.
"""
import hashlib
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CLICKS = ("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = 20000, seed = 643); "
          "CREATE STREAM f WITH (connector = 'file', path = 'clicks.jsonl', format = 'json') AS SELECT * FROM g;")
EXAMPLES = ["clicks.sql", "telemetry.sql", "log_errors.sql"] + [f"nexmark/q{n}.sql" for n in (0, 1, 2, 5, 7)]


def run(weir, args, cwd):
    p = subprocess.run([weir, "run", "--format=json", *args], cwd=cwd, capture_output=True, text=True, timeout=120)
    if p.returncode != 0:
        raise SystemExit(f"{args}: exit status {p.returncode}\n{p.stderr}")
    return p.stdout


def output(weir, name):
    with tempfile.TemporaryDirectory() as d:
        for f in os.listdir(os.path.join(ROOT, "examples")):
            if f.endswith(".jsonl"):
                os.symlink(os.path.join(ROOT, "examples", f), os.path.join(d, f))
        if name == "clicks.sql":
            run(weir, ["--workers=1", "-e", CLICKS], d)
        out = run(weir, [os.path.join(ROOT, "examples", name)], d)
        if name == "clicks.sql":
            out += open(os.path.join(d, "page_minutes.jsonl")).read()
    lines = sorted(l for l in out.split("\n") if l)
    if len(lines) > 60:
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        lines = [f"{len(lines)} rows, sha256 {digest}"] + lines[:5]
    return "\n".join(lines) + "\n"


def main():
    weir, write = os.path.abspath(sys.argv[1]), "--write" in sys.argv
    passed = failed = 0
    for name in EXAMPLES:
        got, path = output(weir, name), os.path.join(HERE, name.replace("/", "_") + ".expected")
        if write:
            open(path, "w").write(got)
        want = open(path).read() if os.path.exists(path) else ""
        if got == want:
            passed += 1
        else:
            failed += 1
            print(f"FAIL {name}\n  expected:\n{want}\n  found:\n{got}")
    print(f"examples: {passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
