#!/usr/bin/env python3
"""Runs the examples of docs/SQL.md.

  ```json NAME      a file that the examples read
  ```sql prelude    goes before every other example
  ```sql            an example; it must run
  ```json           the rows that the example before it prints, in any order

Usage: docs.py WEIR
"""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    weir = os.path.abspath(sys.argv[1])
    with open(os.path.join(ROOT, "docs", "SQL.md"), encoding="utf-8") as f:
        blocks = re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", f.read(), re.M | re.S)
    files, prelude, failed, n = {}, "", 0, 0
    for i, (kind, arg, body) in enumerate(blocks):
        if kind == "json" and arg:
            files[arg] = body
        elif kind == "sql" and arg == "prelude":
            prelude = body
        elif kind == "sql":
            n += 1
            rows = blocks[i + 1][2] if i + 1 < len(blocks) and blocks[i + 1][0] == "json" else None
            failed += not right(weir, files, prelude + body, rows)
    print(f"docs/SQL.md: {n - failed} of {n} examples right")
    sys.exit(1 if failed or not n else 0)


def right(weir, files, sql, rows):
    with tempfile.TemporaryDirectory() as d:
        for name, body in {**files, "example.sql": sql}.items():
            with open(os.path.join(d, name), "w", encoding="utf-8") as f:
                f.write(body)
        p = subprocess.run([weir, "run", "--quiet", "--format=json", "example.sql"], cwd=d, capture_output=True, text=True,
                           timeout=60)
    if p.returncode == 0 and (rows is None or sorted(p.stdout.split("\n")) == sorted(rows.split("\n"))):
        return True
    print(f"---- this example of docs/SQL.md is wrong:\n{sql}---- exit status {p.returncode}\n{p.stdout}{p.stderr}")
    if rows:
        print(f"---- expected\n{rows}")
    return False


main()
