"""What a job has written, and how it differs from what it should: for the tests that kill, fail and damage."""
import collections
import glob
import json
import os
import subprocess


def table_of(lines):
    """What stands when all changes have been applied; a change that does not fit what stands is a row of its own."""
    stands = collections.Counter()
    for line in lines:
        op, row = (json.loads(line)["op"], line.split(b",", 1)[1]) if line else ("", b"")
        if op in ("-U", "-D") and stands[row] == 0:
            stands[b"does not stand: " + line] += 1
        elif op:
            stands[row] += -1 if op in ("-U", "-D") else 1
    return sorted(stands.elements())


def rows(folder):
    """File -> its rows, sorted: workers promise no order. Of changes, which are coalesced by batches, the table that
    they make."""
    found = {}
    for path in sorted(glob.glob(os.path.join(folder, "out*"))):
        with open(path, "rb") as f:
            lines = f.read().split(b"\n")
        if path.endswith(".changes"):
            lines = table_of(lines)
        elif not path.endswith(".ordered"):
            lines.sort()
        found[os.path.basename(path)] = lines
    return found


def differences(name, want, got):
    said = []
    for file in sorted(set(want) | set(got)):
        a, b = want.get(file, []), got.get(file, [])
        if a == b:
            continue
        want_n, got_n = collections.Counter(a), collections.Counter(b)
        missing, extra = list((want_n - got_n).elements()), list((got_n - want_n).elements())
        said.append(f"{name}: {file}: {len(a)} rows expected, {len(b)} found; missing {missing[:2]}, too many {extra[:2]}")
    return said


def disorder(path, rnd):
    """Rows up to three seconds out of order, some of which are too late, and some lines that are no JSON."""
    with open(path, encoding="utf-8") as f:
        lines = list(enumerate(f))
    lines.sort(key=lambda x: x[0] + rnd.uniform(0, 480 if rnd.random() < 0.99 else 3000))
    with open(path, "w", encoding="utf-8") as f:
        for i, line in lines:
            f.write(line if i % 5000 else line[:20] + "\n")


def make_clicks(weir, path, n, rnd):
    """A file of clicks, out of order."""
    sql = (f"CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = {n}, event_rate = 200);"
           f"CREATE STREAM f WITH (connector = 'file', path = '{path}', format = 'json') AS SELECT * FROM g;")
    subprocess.run([weir, "run", "--quiet", "--workers=1", "-e", sql], check=True)
    disorder(path, rnd)
