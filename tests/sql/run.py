#!/usr/bin/env python3
"""Golden SQL cases: runs every tests/sql/**/*.test with several numbers of workers and batch sizes.

A case file has sections, each begun by a line "--- KIND ARGUMENTS":
  --- input NAME     a file put into the case's directory
  --- sql            the script; it runs with that directory as its working directory
  --- expect         rows on standard output, in any order ("expect ordered": in this order)
  --- expect NAME    the same for a file that the script writes
  --- error          the exit status is not 0 and standard error has each of these lines
  --- stats          words that the closing summary must have, e.g. "3 late"
  --- options        more options of weir run
Lines before the first section say what the case is about.

Usage: run.py WEIR [--quick] [FILES]
"""
import os
import subprocess
import sys
import tempfile

VARIANTS = [(1, 4096), (2, 4096), (3, 1), (8, 7)]


def parse(path):
    sections, current = [], None
    for line in open(path, encoding="utf-8", errors="surrogateescape"):
        if line.startswith("--- "):
            words = line[4:].split()
            current = (words[0], words[1:], [])
            sections.append(current)
        elif current:
            current[2].append(line)
    return [(kind, args, "".join(body)) for kind, args, body in sections]


def rows(text, ordered):
    lines = [l for l in text.split("\n") if l]
    return lines if ordered else sorted(lines)


def differ(got, want, ordered, what):
    g, w = rows(got, ordered), rows(want, ordered)
    if g == w:
        return None
    lines = [f"  {what}:"]
    if ordered or len(g) + len(w) < 40:
        lines += ["    expected:"] + [f"      {l}" for l in w] + ["    found:"] + [f"      {l}" for l in g]
    else:
        lines += [f"    missing {l}" for l in sorted(set(w) - set(g))[:10]]
        lines += [f"    surplus {l}" for l in sorted(set(g) - set(w))[:10]]
    return "\n".join(lines)


def run_case(weir, sections, workers, batch):
    with tempfile.TemporaryDirectory() as d:
        sql, options, wants_error = "", [], False
        for kind, args, body in sections:
            if kind == "input":
                with open(os.path.join(d, args[0]), "w", encoding="utf-8", errors="surrogateescape") as f:
                    f.write(body)
            elif kind == "sql":
                sql = body
            elif kind == "options":
                options += body.split()
            elif kind == "error":
                wants_error = True
        with open(os.path.join(d, "case.sql"), "w", encoding="utf-8") as f:
            f.write(sql)
        cmd = [weir, "run", "--format", "json", f"--workers={workers}", f"--batch-rows={batch}", *options, "case.sql"]
        try:
            p = subprocess.run(cmd, cwd=d, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return "  did not end within 120 s"
        out, err = (x.decode("utf-8", "surrogateescape") for x in (p.stdout, p.stderr))
        if p.returncode < 0 or "Sanitizer" in err:
            return f"  crashed ({p.returncode}):\n{err}"
        if (p.returncode != 0) != wants_error:
            return f"  exit status {p.returncode}\n{err}"
        return check_output(sections, d, out, err)


def check_output(sections, d, out, err):
    for kind, args, body in sections:
        if kind == "expect":
            names = [a for a in args if a != "ordered"]
            got = open(os.path.join(d, names[0]), encoding="utf-8").read() if names else out
            bad = differ(got, body, "ordered" in args, names[0] if names else "standard output")
            if bad:
                return bad + ("\n" + err if err else "")
        if kind in ("error", "stats"):
            for line in body.split("\n"):
                if line and line not in err:
                    return f"  standard error lacks: {line}\n  it is:\n{err}"
    return None


def find(where):
    for root, _, files in os.walk(where):
        for f in sorted(files):
            if f.endswith(".test"):
                yield os.path.join(root, f)


def main():
    args = [a for a in sys.argv[1:] if a != "--quick"]
    weir, files = os.path.abspath(args[0]), args[1:] or sorted(find(os.path.dirname(os.path.abspath(__file__))))
    variants = VARIANTS[1:2] if "--quick" in sys.argv else VARIANTS
    passed = failed = 0
    for path in files:
        sections = parse(path)
        for workers, batch in variants:
            bad = run_case(weir, sections, workers, batch)
            if bad:
                failed += 1
                print(f"FAIL {os.path.relpath(path)} (workers {workers}, batch {batch})\n{bad}")
                break
            passed += 1
    print(f"sql: {passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
