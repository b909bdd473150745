#!/usr/bin/env python3
"""Runs the examples of docs/SQL.md.

  ```json NAME      a file that the examples read; beside them is ref.db, of SQLite, with CUSTOMERS, and the data
                    directory d
  ```sql prelude    goes before every other example
  ```sql            an example; it must run
  ```json           the rows that the example before it prints, in any order

and the conditions in the last column of the tables whose head there is "this is TRUE", or "this is TRUE of v": aggregates of its rows. A row without one fails.

Usage: docs.py WEIR
"""
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

CUSTOMERS = "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO customers VALUES (1, 'Ann'), (3, 'Cid');"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    weir = os.path.abspath(sys.argv[1])
    with open(os.path.join(ROOT, "docs", "SQL.md"), encoding="utf-8") as f:
        page = f.read()
    blocks = re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", page, re.M | re.S)
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
    v = re.search(r"`(\(VALUES .*\) AS v\(x, s, b\))`", page)
    for head, rows in (("this is TRUE", ""), ("this is TRUE of v", " FROM " + (v.group(1) if v else "v"))):
        conditions = true_rows(page, head)
        n += len(conditions)
        failed += wrong_conditions(weir, conditions, rows)
    print(f"docs/SQL.md: {n - failed} of {n} examples right")
    sys.exit(1 if failed or not n else 0)


def true_rows(page, head):
    found, inside = [], False
    for line in page.split("\n"):
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        inside = bool(cells) and (inside or cells[-1] == head)
        if inside and cells[-1] != head and cells[-1].strip("-"):
            found.append(cells[-1].strip("`").replace("\\|", "|"))
    return found


def wrong_conditions(weir, conditions, rows):
    """All in one row; when that fails, each by itself, to tell which."""
    if conditions and not untrue(weir, conditions, rows):
        return 0
    wrong = 0 if conditions else 1
    for c in conditions:
        said = untrue(weir, [c], rows)
        if said:
            wrong += 1
            print(f"---- this condition of docs/SQL.md is not TRUE: {c}\n{said}")
    return wrong


def untrue(weir, conditions, rows):
    """What weir says when not all of them are TRUE."""
    sql = "SELECT " + ",\n  ".join(f"({c}) AS c{i}" for i, c in enumerate(conditions)) + rows
    p = subprocess.run([weir, "run", "--quiet", "--format=json", "-e", sql], capture_output=True, text=True, timeout=60)
    want = "{" + ",".join(f'"c{i}":true' for i in range(len(conditions))) + "}\n"
    return "" if p.returncode == 0 and p.stdout == want else p.stdout + p.stderr + f"exit status {p.returncode}"


def right(weir, files, sql, rows):
    with tempfile.TemporaryDirectory() as d:
        for name, body in {**files, "example.sql": sql}.items():
            with open(os.path.join(d, name), "w", encoding="utf-8") as f:
                f.write(body)
        db = sqlite3.connect(os.path.join(d, "ref.db"))
        db.executescript(CUSTOMERS)
        db.close()
        p = subprocess.run([weir, "run", "--quiet", "--format=json", "--data=d", "example.sql"], cwd=d, capture_output=True, text=True,
                           timeout=60)
    if p.returncode == 0 and (rows is None or sorted(p.stdout.split("\n")) == sorted(rows.split("\n"))):
        return True
    print(f"---- this example of docs/SQL.md is wrong:\n{sql}---- exit status {p.returncode}\n{p.stdout}{p.stderr}")
    if rows:
        print(f"---- expected\n{rows}")
    return False


main()
