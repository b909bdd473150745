#!/usr/bin/env python3
"""Golden SQL cases: runs every tests/sql/**/*.test with several numbers of workers and batch sizes, and once with
SQLite as the evaluator of all expressions.

A case file has sections, each begun by a line "--- KIND ARGUMENTS":
  --- input NAME     a file put into the case's directory ("input NAME hex": its bytes in hexadecimal,
                     "input NAME gzip": packed); folders in NAME are made
  --- sqlite NAME    a script of SQLite's, run to make the database NAME in that directory
  --- postgres       a script of Postgres', run in a database of a server that the tests start; $PGURL in the SQL says
                     where it is
  --- extension NAME a C source, compiled into the case's directory: an SQLite extension
  --- stdin          standard input of the script
  --- sql            the script; it runs with that directory as its working directory. Several: one after
                     the other in the same directory, standard outputs joined
  --- expect         rows on standard output, in any order ("expect ordered": in this order)
  --- expect NAME    the same for a file that the script writes
  --- changes        what stands after the changes on standard output (JSON with a column op, or Debezium's form),
                     applied in order; each must fit what stands ("changes NAME": of a file; "changes NAME
                     COLUMN…": upserts by these columns)
  --- error          the exit status is not 0 and standard error has each of these lines
  --- errors         errors of the SQL: standard error of "weir run" and of "weir check" is exactly this, the
                     exit status is 2, nothing is printed
  --- notes          what SHOW, DESCRIBE and EXPLAIN print: each of these lines is on standard output
  --- stats          words that the closing summary must have, e.g. "3 late"
  --- options        more options of weir run; with --application there may be no "sql"
Lines before the first section say what the case is about. Folders named pending hold cases that do not pass
yet; they run only when named.

Usage: run.py WEIR [--quick] [--accept] [FILES]
  --quick    one variant of each case
  --accept   writes what weir says into the "errors" sections; read the difference before you commit it
"""
import gzip
import json
import os
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import pg  # noqa: E402

# workers, rows of a batch, what goes before the script
REFERENCE = "SET evaluator = 'sqlite'; "
ON_DISK = "SET memory = '1'; "  # all state that can be lies on disk
VARIANTS = [(1, 4096, ""), (2, 4096, ""), (3, 1, ""), (8, 7, ""), (2, 5, REFERENCE), (2, 100, ON_DISK)]


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


def table_of(text, key=()):
    """Applies a changelog; raises RuntimeError when a row that is taken back does not stand. With a key +U replaces
    the row that has it."""
    stands = []
    for line in (l for l in text.split("\n") if l):
        row = json.loads(line)
        op = row.pop("op")
        gone, come = (row["before"], row["after"]) if "before" in row else (
            (row, None) if op in ("-U", "-D") else (None, row))
        same = [x for x in stands if key and all(x[k] == row[k] for k in key)]
        if key and len(same) != (op != "+I"):
            raise RuntimeError(f"  does not fit the rows of this key, {same}: {line}")
        if key and op == "+U":
            gone = same[0]
        if gone is not None:
            if gone not in stands:
                raise RuntimeError(f"  takes back what does not stand: {line}")
            stands.remove(gone)
        if come is not None:
            stands.append(come)
    return "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in stands)


def put(d, name, how, body):
    path = os.path.join(d, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    data = bytes.fromhex(body) if how == ["hex"] else body.encode("utf-8", "surrogateescape")
    with open(path, "wb") as f:
        f.write(gzip.compress(data) if how == ["gzip"] else data)


def compiled(source, made={}):
    """The shared library of a C source, compiled once."""
    if source not in made:
        with tempfile.TemporaryDirectory() as d:
            put(d, "x.c", [], source)
            subprocess.run([*os.environ.get("CC", "cc").split(), "-shared", "-fPIC", "-O1", "-o", "x.so", "x.c"], cwd=d, check=True)
            with open(os.path.join(d, "x.so"), "rb") as f:
                made[source] = f.read().hex()
    return made[source]


def call(cmd, d, stdin):
    p = subprocess.run(cmd, cwd=d, capture_output=True, timeout=120, input=stdin)
    out, err = (x.decode("utf-8", "surrogateescape") for x in (p.stdout, p.stderr))
    if p.returncode < 0 or "Sanitizer" in err or "runtime error:" in err:
        raise RuntimeError(f"  crashed ({p.returncode}):\n{err}")
    return p.returncode, out, err


def run_case(weir, sections, workers, batch, before):
    with tempfile.TemporaryDirectory() as d:
        options, wants_error, stdin, scripts, database = [], False, b"", [], None
        for kind, args, body in sections:
            if kind == "input":
                put(d, args[0], args[1:], body)
            elif kind == "extension":
                put(d, args[0], ["hex"], compiled(body))
            elif kind == "sqlite":
                db = sqlite3.connect(os.path.join(d, args[0]))
                db.executescript(body)
                db.close()
            elif kind == "postgres":
                database = pg.server().database(body)
            elif kind == "stdin":
                stdin = body.encode("utf-8", "surrogateescape")
            elif kind == "sql":
                scripts.append("case.sql" if not scripts else f"case{len(scripts) + 1}.sql")
                put(d, scripts[-1], [], before + (body.replace("$PGURL", pg.server().url(database)) if database else body))
            elif kind == "options":
                options += body.split()
            elif kind in ("error", "errors"):
                wants_error = True
        if not scripts:  # an application that has its code in itself
            scripts.append(None)
        cmd = [weir, "run", "--format", "json", f"--workers={workers}", f"--batch-rows={batch}", *options]
        out = err = ""
        try:
            for script in scripts:
                status, o, e = call([*cmd, script] if script else cmd, d, stdin)
                out, err = out + o, err + e
                if (status != 0) != wants_error:
                    return f"  exit status {status}\n{e}"
            return (check_output(sections, d, out, err)
                    or check_errors([weir, "check", *options, *filter(None, scripts)], sections, d, status, out, err))
        except subprocess.TimeoutExpired:
            return "  did not end within 120 s"
        except RuntimeError as crash:
            return str(crash)
        finally:
            if database:
                pg.server().drop(database)


def accept_errors(weir, path, sections):
    with tempfile.TemporaryDirectory() as d:
        options, scripts = [], []
        for kind, args, body in sections:
            if kind == "extension":
                put(d, args[0], ["hex"], compiled(body))
            elif kind == "input":
                put(d, args[0], args[1:], body)
            elif kind == "options":
                options += body.split()
            elif kind == "sql":
                scripts = ["case.sql"]
                put(d, "case.sql", [], body)
        err = call([weir, "check", *options, *scripts], d, b"")[2]
    with open(path, encoding="utf-8") as f:
        head = f.read().partition("--- errors\n")[0]
    with open(path, "w", encoding="utf-8") as f:
        f.write(head + "--- errors\n" + err)


def check_errors(check, sections, d, status, out, err):
    for kind, _, body in sections:
        if kind == "errors":
            checked = call(check, d, b"")
            for got, what in ((status, "exit status of run"), (checked[0], "exit status of check")):
                if got != 2:
                    return f"  {what} is {got}"
            return (differ(err, body, True, "standard error of run") or differ(out, "", True, "standard output")
                    or differ(checked[2], body, True, "standard error of check"))
    return None


def check_output(sections, d, out, err):
    for kind, args, body in sections:
        if kind == "expect":
            names = [a for a in args if a != "ordered"]
            got = open(os.path.join(d, names[0]), encoding="utf-8").read() if names else out
            bad = differ(got, body, "ordered" in args, names[0] if names else "standard output")
            if bad:
                return bad + ("\n" + err if err else "")
        if kind == "changes":
            got = table_of(open(os.path.join(d, args[0]), encoding="utf-8").read() if args else out, args[1:])
            bad = differ(got, body, False, "what stands after the changes")
            if bad:
                return bad + ("\n" + err if err else "")
        if kind in ("error", "stats"):
            for line in body.split("\n"):
                if line and line not in err:
                    return f"  standard error lacks: {line}\n  it is:\n{err}"
        if kind == "notes":
            for line in body.split("\n"):
                if line and line not in out.split("\n"):
                    return f"  standard output lacks: {line}\n  it is:\n{out}"
    return None


def find(where):
    for root, folders, files in os.walk(where):
        folders[:] = sorted(f for f in folders if f != "pending")
        for f in sorted(files):
            if f.endswith(".test"):
                yield os.path.join(root, f)


def chosen(variants, sections):
    kinds = {kind for kind, _, _ in sections}
    if "errors" in kinds:  # nothing runs
        return variants[:1]
    if "sql" not in kinds:  # there is nothing to put a setting before
        variants = [v for v in variants if not v[2]]
    return [v for v in variants if not (v[2] and kinds & {"notes", "error"})]


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    weir, files = os.path.abspath(args[0]), args[1:] or sorted(find(os.path.dirname(os.path.abspath(__file__))))
    variants = VARIANTS[1:2] if "--quick" in sys.argv else VARIANTS
    passed = failed = 0
    for path in files:
        sections = parse(path)
        if "--accept" in sys.argv and any(kind == "errors" for kind, _, _ in sections):
            accept_errors(weir, path, sections)
            sections = parse(path)
        for workers, batch, before in chosen(variants, sections):
            bad = run_case(weir, sections, workers, batch, before)
            if bad:
                failed += 1
                print(f"FAIL {os.path.relpath(path)} (workers {workers}, batch {batch}{', ' + before if before else ''})\n{bad}")
                break
            passed += 1
    print(f"sql: {passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
