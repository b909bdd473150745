#!/usr/bin/env python3
"""Does what pages of docs/ show: each page in a folder of its own.

  ```LANG NAME   a file
  ```console     commands after "$ ", run by sh with weir on the path; below each what it prints, standard error
                 included. A line "..." stands for any lines. Times such as (8.1 ms) may differ

Usage: docs.py WEIR PAGE...
"""
import os
import re
import subprocess
import sys
import tempfile


def plain(text):
    return re.sub(r"\(\d+\.\d ms\)", "(… ms)", re.sub(r"in [\d.]+ m?s \([^)]*\)", "in … s", text)).rstrip("\n")


def matches(got, want):
    pattern = "".join("(?:.*\n)*" if line == "..." else re.escape(line) + "\n" for line in plain(want).split("\n"))
    return re.fullmatch(pattern, plain(got) + "\n") is not None


def page(weir, path):
    n = failed = 0
    with open(path, encoding="utf-8") as f:
        text = f.read()
    root = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    with tempfile.TemporaryDirectory() as d:
        os.symlink(os.path.join(root, "examples"), os.path.join(d, "examples"))
        os.mkdir(os.path.join(d, ".bin"))
        os.symlink(weir, os.path.join(d, ".bin", "weir"))
        env = os.environ | {"PATH": os.path.join(d, ".bin") + ":" + os.environ["PATH"], "TMPDIR": tempfile.gettempdir()}
        for kind, name, body in re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", text, re.M | re.S):
            if kind != "console":
                if name:
                    with open(os.path.join(d, name), "w", encoding="utf-8") as f:
                        f.write(body)
                continue
            for command, want in re.findall(r"^\$ ([^\n]*(?:\\\n[^\n]*)*)\n((?:(?!\$ )[^\n]*\n)*)", body, re.M):
                n += 1
                p = subprocess.run(["sh", "-c", command], cwd=d, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, timeout=120)
                if not matches(p.stdout, want):
                    failed += 1
                    print(f"FAIL {os.path.basename(path)}: {command}\n  expected:\n{want}\n  found:\n{p.stdout}")
    return n, failed


def main():
    weir, n, failed = os.path.abspath(sys.argv[1]), 0, 0
    for path in sys.argv[2:]:
        k, bad = page(weir, path)
        n, failed = n + k, failed + bad
    print(f"pages: {n - failed} commands passed, {failed} failed")
    sys.exit(1 if failed or n == 0 else 0)


main()
