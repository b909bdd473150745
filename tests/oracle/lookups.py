#!/usr/bin/env python3
"""Random lookup joins with tables of SQLite and Postgres: weir against DuckDB; and tables that change meanwhile.

Usage: lookups.py WEIR [--queries N] [--seed S]

A stream with NULLs and repeated keys, a table with several rows a key, keys without rows and NULLs in the key; keys of
one column or several, of many types, constants among them; residual conditions; caches of every size, workers and
batch sizes. Then what a live stream finds in a table that changes, by the settings of the cache, and after the
connection was cut. A failure prints what is needed to repeat it.
"""
import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter

import duckdb

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import pg  # noqa: E402

TIMEOUT = 120
WORDS = ["", "a", "b", "äöü", "exactly12byt", "thirteen byte", 'quotes " and \' and \\', "{a,b}", "NULL",
         "a much longer string that does not fit inline"]
# name, weir, SQLite, Postgres, DuckDB, values
TYPES = [("i", "INTEGER", "INTEGER", "INTEGER", "INTEGER", lambda r: r.randrange(-3, 12)),
         ("b", "BIGINT", "INTEGER", "BIGINT", "BIGINT", lambda r: r.choice([0, 1, 5000000000, -9223372036854775807])),
         ("s", "VARCHAR", "TEXT", "VARCHAR", "VARCHAR", lambda r: r.choice(WORDS)),
         ("d", "DECIMAL(8,2)", "NUMERIC", "NUMERIC(8,2)", "DECIMAL(8,2)", lambda r: r.choice([0, 0.5, -1.25, 3, 100000.01])),
         ("f", "DOUBLE", "REAL", "DOUBLE PRECISION", "DOUBLE", lambda r: r.choice([0.0, 0.1, -2.5, 1e300])),
         ("t", "DATE", "TEXT", "DATE", "DATE", lambda r: f"2026-01-0{r.randrange(1, 5)}"),
         ("o", "BOOLEAN", "INTEGER", "BOOLEAN", "BOOLEAN", lambda r: r.random() < 0.5)]
CONSTANTS = {"i": ["1", "3"], "b": ["5000000000"], "s": ["'a'", "'{a,b}'"], "o": ["TRUE"], "t": ["DATE '2026-01-02'"]}


def row(r, nulls):
    return {n: None if r.random() < nulls else f(r) for n, *_, f in TYPES}


def insert(rows, names):
    def text(v):
        return "NULL" if v is None else str(v).upper() if isinstance(v, bool) else \
            "'" + v.replace("'", "''") + "'" if isinstance(v, str) else repr(v)
    return "".join(f"INSERT INTO u VALUES ({', '.join(text(x[n]) for n in names)});\n" for x in rows)


def case(r, db):
    rows = [row(r, 0.1) for _ in range(r.choice([0, 1, 20, 300]))]
    table = [row(r, 0.1) for _ in range(r.choice([0, 1, 20, 100]))]
    keys = r.sample([n for n, *_ in TYPES], r.choice([1, 1, 1, 2, 3]))
    conds = [r.choice([f"s.{k} = u.{k}", f"u.{k} = s.{k}"]) for k in keys]
    if r.random() < 0.3:
        c = r.choice([k for k in CONSTANTS if k not in keys])
        conds.append(f"u.{c} = {r.choice(CONSTANTS[c])}")
    if r.random() < 0.4:
        conds.append(r.choice(["s.i < u.i", "s.i + u.i > 3", "s.s <> u.s", "(s.o OR u.i > 2)", "s.i > 3", "u.i < 5",
                               "u.s LIKE '%a%'"]))
    r.shuffle(conds)
    cols = ", ".join(f"{t}.{n} AS {t}{n}" for t in "su" for n, *_ in TYPES if r.random() < 0.6) or "s.i AS si"
    on = " AND ".join(conds)
    options = r.choice(["", ", lookup_cache_rows = 0", ", lookup_cache_rows = 1", ", lookup_cache_rows = 7", ", lookup_cache_ttl = '1 us'"])
    left, kind, as_of = "s", r.choice(["JOIN", "LEFT JOIN"]), r.choice(["", " FOR SYSTEM_TIME AS OF s.ROWTIME"])
    weir, duck = f"SELECT {cols} FROM s {kind} u{as_of} ON {on}", f"SELECT {cols} FROM s {kind} u ON {on}"
    if not as_of and r.random() < 0.3:
        weir = f"SELECT {cols} FROM u {kind.replace('LEFT', 'RIGHT')} s ON {on}"
    where = "path = 'u.db'" if db == "sqlite" else "url = '$PGURL'"
    ddl = f"CREATE STREAM s ({', '.join(f'{n} {w}' for n, w, *_ in TYPES)}) WITH (connector = 'file', path = 's.jsonl', format = 'json');\n" \
          f"CREATE TABLE u ({', '.join(f'{n} {w}' for n, w, *_ in TYPES)}) WITH (connector = '{db}', {where}, table = 'u'{options});\n"
    return rows, table, ddl + weir + ";", duck


def duck_rows(rows, table, sql):
    db = duckdb.connect()
    for name, data in (("s", rows), ("u", table)):
        db.execute(f"CREATE TABLE {name} ({', '.join(f'{n} {d}' for n, _, _, _, d, _ in TYPES)})")
        if data:
            db.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(TYPES))})", [[x[n] for n, *_ in TYPES] for x in data])
    canon = lambda v: float(v) if type(v).__name__ == "Decimal" else str(v) if type(v).__name__ == "date" else v
    return [[canon(v) for v in x] for x in db.execute(sql).fetchall()]


def fill(d, db, script):
    """The table's database; its URL for Postgres."""
    if db == "sqlite":
        c = sqlite3.connect(os.path.join(d, "u.db"))
        c.executescript(script)
        c.close()
        return None
    return pg.server().database(script)


def run_case(path, seed):
    r = random.Random(seed)
    db = r.choice(["sqlite", "sqlite", "postgres"])
    rows, table, sql, duck = case(r, db)
    names = [n for n, *_ in TYPES]
    types = [(t[0], t[2 if db == "sqlite" else 3]) for t in TYPES]
    script = f"CREATE TABLE u ({', '.join(f'{n} {t}' for n, t in types)});\n"
    if r.random() < 0.5:
        script += f"CREATE INDEX x ON u ({r.choice(names)}, {r.choice('ib')});\n".replace("(i, i)", "(i)").replace("(b, b)", "(b)")
    workers, batch = r.choice([1, 2, 3, 8]), r.choice([1, 7, 100, 4096])
    with tempfile.TemporaryDirectory() as d:
        name = fill(d, db, script + insert(table, names))
        if name:
            sql = sql.replace("$PGURL", pg.server().url(name))
        with open(os.path.join(d, "s.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(json.dumps(x, ensure_ascii=False) + "\n" for x in rows)
        p = subprocess.run([path, "run", "--format=json", f"--workers={workers}", f"--batch-rows={batch}", "-e", sql], cwd=d,
                           capture_output=True, timeout=TIMEOUT)
    if name:
        pg.server().drop(name)
    what = f"seed {seed}, workers {workers}, batch {batch}, {len(rows)} and {len(table)} rows\n{sql}\nduckdb: {duck}\n{p.stderr.decode()}"
    if p.returncode != 0:
        return "failed: " + what
    got = Counter(str([float(v) if isinstance(v, float) else v for v in json.loads(l).values()]) for l in p.stdout.decode().split("\n") if l)
    want = Counter(map(str, duck_rows(rows, table, duck)))
    if got != want:
        show = lambda c: "\n".join(f"    {n} x {x}" for x, n in sorted(c.items())[:8])
        return f"differs: {what}  weir too many:\n{show(got - want)}\n  weir too few:\n{show(want - got)}"
    return None


# ---- tables that change ----

def live(path, db, options, change, want, retry_seen=False):
    """Asks for keys 1, 2, 1, 2 one by one; change(ask, url) runs between the pairs. want: the four names."""
    with tempfile.TemporaryDirectory() as d:
        name = fill(d, db, "CREATE TABLE u (id INTEGER PRIMARY KEY, name VARCHAR(20)); INSERT INTO u VALUES (1, 'Ann');")
        where = "path = 'u.db'" if db == "sqlite" else f"url = '{pg.server().url(name)}'"
        sql = f"CREATE STREAM s (id INT) WITH (connector = 'stdin', format = 'json'); CREATE TABLE u (id INT, name VARCHAR) " \
              f"WITH (connector = '{db}', {where}, table = 'u'{options}); SELECT s.id, name FROM s LEFT JOIN u ON s.id = u.id;"
        p = subprocess.Popen([path, "run", "--format=json", "--quiet", "--workers=1", "-e", sql], cwd=d, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        got = []
        for i, key in enumerate([1, 2, 1, 2]):
            if i == 2:
                change(d, name)
            try:
                p.stdin.write(json.dumps({"id": key}) + "\n")
                p.stdin.flush()
            except BrokenPipeError:
                break
            line = p.stdout.readline()
            if not line:
                break
            got.append(json.loads(line)["name"])
        p.stdin.close()
        err = p.stderr.read()
        p.wait(TIMEOUT)
        if name:
            pg.server().drop(name)
    if isinstance(want, str):
        return None if got == ["Ann", None] and want in err and p.returncode == 1 else f"{db}{options}: {got}, {p.returncode}, {err}"
    return None if got == want and p.returncode == 0 else f"{db}{options}: found {got}, expected {want}; {p.returncode}, {err}"


def updated(d, name):
    script = "UPDATE u SET name = 'Anna' WHERE id = 1; INSERT INTO u VALUES (2, 'Bob');"
    if name:
        pg.server().sql(name, script)
    else:
        c = sqlite3.connect(os.path.join(d, "u.db"))
        c.executescript(script)
        c.close()


def cut(d, name):
    updated(d, name)
    pg.server().sql("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def dropped(d, name):
    if name:
        pg.server().sql(name, "DROP TABLE u")
    else:
        c = sqlite3.connect(os.path.join(d, "u.db"))
        c.executescript("DROP TABLE u")
        c.close()


def changes(path):
    old, new, keep, none = ["Ann", None, "Ann", None], ["Ann", None, "Anna", "Bob"], ", lookup_cache_ttl = '0 s'", ", lookup_cache_rows = 0"
    for db in ("sqlite", "postgres"):
        yield live(path, db, keep, updated, old)
        yield live(path, db, none, updated, new)
        yield live(path, db, ", lookup_cache_ttl = '1 us'", updated, new)
        yield live(path, db, keep + ", lookup_cache_rows = 1", updated, new)  # each key drives the other out
        yield live(path, db, none, dropped, "no such table: u" if db == "sqlite" else 'relation "u" does not exist')
    yield live(path, "postgres", none, cut, new)
    yield live(path, "postgres", none + ", lookup_retries = 0", cut, "Postgres: cannot look up rows in table 'u'")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("--queries", type=int, default=100)
    a.add_argument("--seed", type=int, default=1)
    args = a.parse_args()
    path, bad = os.path.abspath(args.weir), 0
    for i in range(args.queries):
        why = run_case(path, args.seed * 1000003 + i)
        if why:
            bad += 1
            print(why)
            if bad >= 3:
                break
    n = 0
    for why in changes(path):
        n += 1
        if why:
            bad += 1
            print("a table that changes: " + why)
    print(f"lookups: {args.queries} queries and {n} changing tables, {bad} wrong")
    sys.exit(1 if bad else 0)


main()
