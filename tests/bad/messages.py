#!/usr/bin/env python3
"""Wrong SQL, and what weir check says of it. tests/bad/sql/*.txt:

  # SQL            a line put before each script of the file: it is line 1, the script line 2
  ? SQL            a script that is wrong
  ! message        what weir check says, line by line; below each script

Of each: the exit status is 2, nothing is printed to standard output, the text is what stands there. Besides,
whatever it says has a place in the script, names no internals, and comes to an end: at most MOST errors for one
mistake.

Usage: messages.py WEIR [--accept] [FILES]
  --accept   writes what weir says below each script; read the difference before you commit it
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MOST = 4
INTERNALS = re.compile(r"\bTK_|\bWR_|wri?_[a-z]|\(null\)|assert|0x[0-9a-f]{4}|internal error", re.I)


def read(path):
    """Head lines, the prelude, and (script, message) pairs."""
    head, prelude, cases = [], "", []
    with open(path, encoding="utf-8") as f:
        for line in f.read().split("\n"):
            if line.startswith("# ") or line == "#":
                prelude = line[2:]
            if line.startswith("? "):
                cases.append([line[2:], []])
            elif line.startswith("! ") and cases:
                cases[-1][1].append(line[2:])
            elif not cases:
                head.append(line)
    return head, prelude, cases


def said(weir, prelude, sql, d):
    with open(os.path.join(d, "q.sql"), "w", encoding="utf-8") as f:
        f.write(prelude + "\n" + sql + "\n")
    p = subprocess.run([weir, "check", "q.sql"], cwd=d, capture_output=True, timeout=60)
    return p.returncode, p.stdout.decode(), p.stderr.decode("utf-8", "replace")


def wrong(status, out, err, want):
    """What is wrong with an answer, or nothing."""
    if status != 2 or out:
        return f"exit status {status}, standard output {out!r}"
    if "q.sql:2:" not in err:
        return "no place in the script"
    if INTERNALS.search(err):
        return "it speaks of internals"
    if len(re.findall(r"^q\.sql:\d+:\d+: error", err, re.M)) > MOST:
        return "more errors than mistakes"
    if any(len(line.encode()) > 400 for line in err.split("\n")):
        return "a line without end"
    if want is not None and err.rstrip("\n") != "\n".join(want):
        return "not what was expected:\n    " + "\n    ".join(want)
    return None


def run(weir, path, accept, d):
    head, prelude, cases = read(path)
    failed = 0
    for case in cases:
        status, out, err = said(weir, prelude, case[0], d)
        bad = wrong(status, out, err, None if accept else case[1])
        if accept:
            case[1] = err.rstrip("\n").split("\n")
        if bad:
            failed += 1
            print(f"FAIL {os.path.basename(path)}: {case[0]}\n  {bad}\n  it says:\n    " + "\n    ".join(err.split("\n")))
    if accept:
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(head).rstrip("\n") + "\n")
            for sql, want in cases:
                f.write(f"\n? {sql}\n" + "".join(f"! {line}\n" for line in want))
    return len(cases), failed, [sql for sql, _ in cases]


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    weir, accept = os.path.abspath(args[0]), "--accept" in sys.argv
    files = args[1:] or sorted(os.path.join(HERE, "sql", f) for f in os.listdir(os.path.join(HERE, "sql")) if f.endswith(".txt"))
    total, failed, scripts = 0, 0, set()
    with tempfile.TemporaryDirectory() as d:
        for path in files:
            n, bad, sqls = run(weir, path, accept, d)
            total, failed = total + n, failed + bad
            scripts.update(sqls)
    print(f"messages: {total - failed} passed, {failed} failed, {len(scripts)} scripts")
    sys.exit(1 if failed or (not args[1:] and len(scripts) < 200) else 0)


main()
