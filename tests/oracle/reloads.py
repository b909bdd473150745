#!/usr/bin/env python3
"""Reference files that change under a live stream: what each row meets.

Usage: reloads.py WEIR [--cases N] [--seed S]

A live stream (a file that grows) is joined with a file. Rows are sent one by one; between them the file is replaced, cut
back, broken, removed, written to while it is read (a time of change in the future), or left alone. What a row meets is
worked out here. Times of change are set, so nothing depends on how long anything takes.
"""
import argparse
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile

TIMEOUT = 10
OLD = 1000000000  # a time of change long ago

JOINS = {  # what a key gives for the rows (id, name) of the file
    "SELECT s.id, name FROM s LEFT JOIN t ON s.id = t.id": lambda k, t: sorted([n for i, n in t if i == k]) or [None],
    "SELECT s.id, name FROM s JOIN t FOR SYSTEM_TIME AS OF s.ROWTIME ON s.id = t.id": lambda k, t: sorted(n for i, n in t if i == k),
    "SELECT s.id, UPPER(name) AS name FROM (SELECT * FROM t WHERE name <> 'x') AS u RIGHT JOIN s ON s.id = u.id":
        lambda k, t: sorted(n.upper() for i, n in t if i == k and n != "x") or [None],
    "SELECT s.id, name FROM s JOIN t ON s.id < t.id": lambda k, t: sorted(n for i, n in t if k < i),
    "SELECT id, 'in' AS name FROM s WHERE id IN (SELECT id FROM t)": lambda k, t: ["in"] if any(i == k for i, n in t) else [],
    "SELECT id, 'not' AS name FROM s WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.id = s.id AND name <> 'x')":
        lambda k, t: [] if any(i == k and n != "x" for i, n in t) else ["not"],
}


def send(d, k):
    with open(os.path.join(d, "s.jsonl"), "a") as f:
        f.write(json.dumps({"id": k}) + "\n")


def next_row(p):
    """The next row that weir prints; None: it prints none for as long as would be wrong in any case."""
    if not p.left:
        ready, _, _ = select.select([p.stdout], [], [], TIMEOUT)
        data = os.read(p.stdout.fileno(), 65536) if ready else b""
        p.left = data.decode().split("\n")[:-1]
    return json.loads(p.left.pop(0)) if p.left else None


class File:
    def __init__(self, r, d, form):
        self.r, self.path, self.form, self.stamp = r, os.path.join(d, "t." + form), form, OLD
        self.rows = []

    def text(self, rows):
        if self.form == "csv":
            return "id,name\n" + "".join(f"{i},{n}\n" for i, n in rows)
        return "".join(json.dumps({"id": i, "name": n}) + "\n" for i, n in rows)

    def write(self, text, when=None):
        """In place, or by another file of that name; with a new time of change."""
        self.stamp += 1
        path = self.path
        if self.r.random() < 0.5:
            path += ".new"
        with open(path, "w") as f:
            f.write(text)
        os.utime(path, (when or self.stamp,) * 2)
        os.rename(path, self.path)

    def some(self):
        return [(self.r.randrange(5), self.r.choice(["a", "b", "x", "yy"])) for _ in range(self.r.randrange(6))]


def change(r, f, held, workers):
    """Something happens to the file; what it now holds, None: nothing that can be read."""
    # What a worker holds when it can read nothing depends on when it had rows: that is for one worker.
    kind = r.choice(["replace", "replace", "nothing", "empty"] + (["broken", "gone"] if workers == 1 else []))
    if kind == "nothing":
        return held
    if kind == "gone":
        if os.path.exists(f.path):
            os.remove(f.path)
        return None
    if kind == "broken":
        f.write(f.text(f.some()) + ("x,c\n" if f.form == "csv" else '{"id": 1, "na'))
        return None
    rows = [] if kind == "empty" else f.some()
    f.write(f.text(rows))
    return rows


def case(path, seed):
    r = random.Random(seed)
    sql, expected = r.choice(list(JOINS.items()))
    workers, form, log = r.choice([1, 1, 2, 8]), r.choice(["csv", "jsonl"]), []
    with tempfile.TemporaryDirectory() as d:
        f = File(r, d, form)
        held = f.some()
        while not any(expected(k, held) for k in range(5)):  # an answer to the first row says that the file has been read
            held = f.some()
        f.write(f.text(held))
        script = f"CREATE STREAM s (id INT) WITH (connector = 'file', path = 's.jsonl', tail = true, format = 'json');\n" \
                 f"CREATE TABLE t (id INT, name VARCHAR) WITH (connector = 'file', path = 't.{form}', " \
                 f"format = '{'csv' if form == 'csv' else 'json'}', reload_interval = '1 us');\n{sql};\n"
        open(os.path.join(d, "s.jsonl"), "w").close()
        p = subprocess.Popen([path, "run", "--format=json", f"--workers={workers}", "-e", script], cwd=d, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.left = []
        why, loaded = None, held
        for step in range(8):
            if step:
                held = change(r, f, held, workers)
            now = loaded if held is None else held  # once a row comes
            answered = [k for k in range(5) if expected(k, now)]  # a row without an answer could not be waited for
            if not answered:
                continue
            k = r.choice(answered)
            want, loaded = expected(k, now), now
            log.append((k, held, want))
            send(d, k)
            got = []
            while len(got) < len(want):
                row = next_row(p)
                if row is None:
                    break
                got.append(row)
            names = sorted((x["name"] for x in got), key=str)
            if names != sorted(want, key=str) or any(x["id"] != k for x in got):
                why = f"step {step}: found {got}, expected {want} for {k}"
                break
        p.send_signal(signal.SIGINT)
        rest, err = "".join(map(str, p.left)) + p.stdout.read().decode(), p.stderr.read().decode()
        p.wait(TIMEOUT)
    if not why and rest:
        why = f"too many rows: {rest}"
    if not why and p.returncode != 130 and log:
        why = f"exit status {p.returncode}"
    return why and f"seed {seed}, workers {workers}\n{script}{why}\nsteps: {log}\n{err}"


def told(path):
    """A broken file is said once in error_stream and in the notes, by however many workers."""
    with tempfile.TemporaryDirectory() as d:
        f = File(random.Random(1), d, "csv")
        f.write("id,name\n1,a\n")
        sql = "CREATE STREAM s (id INT) WITH (connector = 'file', path = 's.jsonl', tail = true, format = 'json');\n" \
              "CREATE TABLE t (id INT, name VARCHAR) WITH (connector = 'file', path = 't.csv', format = 'csv', reload_interval = '1 us');\n" \
              "SELECT s.id, name FROM s LEFT JOIN t ON s.id = t.id; SELECT error_name AS id, message AS name FROM error_stream;"
        open(os.path.join(d, "s.jsonl"), "w").close()
        p = subprocess.Popen([path, "run", "--format=json", "--workers=2", "-e", sql], cwd=d, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.left = []
        out = []
        for text in ("id,name\n1,a\n", "id,name\n1,b\nx,c\n", "id,name\n1,d\n"):
            f.write(text)
            for _ in range(3):
                send(d, 1)
                got = next_row(p)
                while got["id"] != 1:
                    out.append(got)
                    got = next_row(p)
                out.append(got)
        p.send_signal(signal.SIGINT)
        out += [json.loads(l) for l in p.left + p.stdout.read().decode().split("\n") if l]
        err = p.stderr.read().decode()
        p.wait(TIMEOUT)
    names = [x["name"] for x in out if x["id"] == 1]
    errors = [x for x in out if x["id"] != 1]
    ok = names == ["a"] * 6 + ["d"] * 3 and len(errors) == 1 and errors[0]["id"] == "table not reloaded" \
        and errors[0]["name"].startswith("not read anew, rows go on with what was read before: t.csv, byte 12: id: 'x' is no INTEGER") \
        and "stream t: changed and could not be read anew, 1 time; the last: t.csv" in err and "stream t: changed and was read anew, " in err
    return None if ok else f"a broken file: {out}\n{err}"


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("--cases", type=int, default=40)
    a.add_argument("--seed", type=int, default=1)
    args = a.parse_args()
    path = os.path.abspath(args.weir)
    bad = [w for w in [told(path)] + [case(path, args.seed * 1000003 + i) for i in range(args.cases)] if w]
    print("\n".join(bad[:3]) + ("\n" if bad else "") + f"reloads: {args.cases + 1} cases, {len(bad)} wrong")
    sys.exit(1 if bad else 0)


main()
