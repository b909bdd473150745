#!/usr/bin/env python3
"""Random DECIMAL expressions: weir against exact fractions, with the types that docs/SQL.md promises.

Usage: decimals.py WEIR [--scripts N] [--seed S]

Each script reads random numbers, with more digits than their columns keep, from JSON, CSV or text that is cast, and
evaluates random expressions over columns of random precision and scale. A value is compared as text, so that its
scale counts; a row whose value does not fit must be missing. A failure prints what is needed to repeat it.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

TIMEOUT = 60  # seconds; a script takes milliseconds
DIGITS = 18
INTS = {"SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}  # and how many digits each counts as
BITS = {"SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}


class Fails(Exception):
    """The row has no value."""


# ---- types: (kind, precision, scale) ----

def decimal(whole, scale):
    return ("DECIMAL", min(DIGITS, max(1, whole + scale)), scale)


def whole(t):
    return t[1] - t[2]


def capped(digits, scale, kept):
    """Digits of the fraction beside so many whole ones."""
    return scale if digits + scale <= DIGITS else min(scale, DIGITS, max(DIGITS - digits, kept, 6))


def spelled(t):
    return f"DECIMAL({t[1]}, {t[2]})" if t[0] == "DECIMAL" else t[0]


def rounded(x, scale):
    """To the nearest, halves away from zero."""
    n = abs(x) * 10**scale
    n = (2 * n.numerator + n.denominator) // (2 * n.denominator)
    return Fraction(-n if x < 0 else n, 10**scale)


def cut(x, scale=0):
    n = abs(x) * 10**scale
    return Fraction((-1 if x < 0 else 1) * (n.numerator // n.denominator), 10**scale)


def fit(t, x):
    """x as a value of t, or no value."""
    if t[0] == "DECIMAL":
        x = rounded(x, t[2])
        if abs(x) * 10**t[2] >= 10**t[1]:
            raise Fails
    else:
        x = rounded(x, 0)
        if not -2**(BITS[t[0]] - 1) <= x < 2**(BITS[t[0]] - 1):
            raise Fails
    return x


def text(x, scale):
    n = abs(x) * 10**scale
    assert n.denominator == 1
    digits = str(n.numerator).rjust(scale + 1, "0")
    return ("-" if x < 0 else "") + (digits[:-scale] + "." + digits[-scale:] if scale else digits)


# ---- expressions: (SQL, type, function of a row) ----

def column(r, cols):
    i = r.randrange(len(cols))
    return f"c{i}", cols[i], lambda row: row[i]


def constant(r):
    if r.random() < 0.4:
        n = r.choice([1, 2, 3, 7, 10, 1000, -1, -3, 2**31, 10**17])
        return str(n), ("INTEGER", 10, 0) if abs(n) < 2**31 else ("BIGINT", 19, 0), lambda row: Fraction(n)
    scale = r.randrange(1, 10)
    n = r.randrange(1, 10**r.randrange(1, 10))
    s = text(Fraction(n, 10**scale), scale)
    digits = len(s.lstrip("0").replace(".", ""))
    return s, ("DECIMAL", max(digits, scale), scale), lambda row: Fraction(n, 10**scale)


def arithmetic(r, a, b, op):
    (sa, ta, fa), (sb, tb, fb) = a, b
    if "DECIMAL" not in (ta[0], tb[0]):
        t = max(ta, tb, key=lambda t: t[1])
    elif op == "*":
        scale = capped(whole(ta) + whole(tb), ta[2] + tb[2], max(ta[2], tb[2]))
        t = decimal(whole(ta) + whole(tb), scale)
    elif op == "/":
        n = whole(ta) + tb[2]
        t = decimal(n, capped(n, max(6, ta[2] + tb[1] + 1), ta[2]))
    elif op == "%":
        t = decimal(min(whole(ta), whole(tb)), max(ta[2], tb[2]))
    else:
        t = decimal(max(whole(ta), whole(tb)) + 1, max(ta[2], tb[2]))

    def value(row):
        x, y = fa(row), fb(row)
        if x is None or y is None:
            return None
        if op in "/%" and y == 0:
            raise Fails
        if op == "/":
            return fit(t, cut(x / y) if t[0] != "DECIMAL" else x / y)
        return fit(t, x + y if op == "+" else x - y if op == "-" else x * y if op == "*" else x - y * cut(x / y))
    return (f"MOD({sa}, {sb})" if op == "%" and r.random() < 0.5 else f"({sa} {op} {sb})"), t, value


def unary(sql, t, f, of):
    return sql, t, lambda row: None if of(row) is None else fit(t, f(of(row)))


def function(r, a):
    sql, t, of = a
    k = r.randrange(6)
    if k == 0:
        p = r.choice([DIGITS, r.randrange(1, DIGITS + 1)])
        to = ("DECIMAL", p, r.randrange(0, p + 1))
        return unary(f"CAST({sql} AS {spelled(to)})", to, lambda x: x, of)
    if k == 1:
        kind = r.choice(list(INTS))
        return unary(f"CAST({sql} AS {kind})", (kind, INTS[kind], 0), lambda x: x, of)
    if k == 2:
        return unary(f"ABS({sql})", t, abs, of)
    if t[0] != "DECIMAL":
        return unary(f"(- {sql})", t, lambda x: -x, of)
    if k == 3:
        scale = min(t[2], DIGITS - 1)
        return unary(f"SIGN({sql})", ("DECIMAL", max(t[1], scale + 1), scale), lambda x: (x > 0) - (x < 0), of)
    if k == 4:
        up = r.random() < 0.5
        to = decimal(whole(t) + 1, 0) if t[2] else t
        return unary(f"{'CEIL' if up else 'FLOOR'}({sql})", to, lambda x: Fraction(-(-x // 1) if up else x // 1), of)
    n = r.randrange(-3, 20)
    scale = min(t[2], max(n, 0))
    name, carry = r.choice([("ROUND", n < t[2]), ("TRUNCATE", 0)])
    to = decimal(whole(t) + carry, scale)
    unit = Fraction(10)**min(n, t[2])
    whole_units = (lambda x: rounded(x, 0)) if name == "ROUND" else cut
    return unary(f"{name}({sql}, {n})", to, lambda x: whole_units(x * unit) / unit, of)


def number(r, cols, depth):
    if depth == 0:
        return column(r, cols)
    if r.random() < 0.3:
        return function(r, number(r, cols, depth - 1))
    b = constant(r) if r.random() < 0.25 else number(r, cols, depth - 1)
    return arithmetic(r, number(r, cols, depth - 1), b, r.choice("++-**//%"))


def comparison(r, cols, depth):
    (sa, _, fa), (sb, _, fb) = number(r, cols, depth), number(r, cols, depth)
    op, holds = r.choice([("=", lambda x, y: x == y), ("<>", lambda x, y: x != y), ("<", lambda x, y: x < y),
                          ("<=", lambda x, y: x <= y), (">", lambda x, y: x > y), (">=", lambda x, y: x >= y)])

    def value(row):
        x, y = fa(row), fb(row)
        return None if x is None or y is None else bool(holds(x, y))
    return f"({sa} {op} {sb})", None, value


def membership(r, cols):
    items = [r.choice([column, lambda r, cols: constant(r)])(r, cols) for _ in range(r.randrange(1, 5))]
    sx, _, fx = column(r, cols)

    def value(row):
        x, ys = fx(row), [f(row) for _, _, f in items]
        return None if x is None else True if x in ys else None if None in ys else False
    return f"({sx} IN ({', '.join(s for s, _, _ in items)}))", None, value


# ---- data ----

def raw(r, t):
    """A number as it may stand in a file: often close to a tie, or too large."""
    if r.random() < 0.1:
        return None
    digits = r.randrange(1, max(2, whole(t) + (2 if r.random() < 0.03 else 1)))
    scale = r.choice([0, t[2], t[2] + 1, t[2] + 2, r.randrange(0, 20)]) if t[0] == "DECIMAL" else 0
    n = r.choice([r.randrange(10**digits), 10**digits - 1, 0, 1]) * 10**scale + (r.randrange(10**scale) if scale else 0)
    if scale > t[2]:
        n = n // 10**(scale - t[2]) * 10**(scale - t[2]) + r.choice([0, 1, 4, 5, 6]) * 10**(scale - t[2] - 1)
    if t[0] != "DECIMAL" and n >= 2**(BITS[t[0]] - 1):
        n //= 10
    return text(Fraction(r.choice([-1, 1]) * n, 10**scale), scale)


def taken(types, s):
    """A number of the file as it goes through columns of these types."""
    if s is None:
        return None
    x = Fraction(s)
    for t in types:
        x = fit(t, x)
    return x


def stream(r, cols, rows, folder):
    """Writes the rows. Returns SQL that makes t of them, the types through which each column goes, and whether a
    value that does not fit fails only what needs it, not the row."""
    form = r.choice(["json", "json text", "csv", "cast", "insert"])
    with open(os.path.join(folder, "t.txt"), "w", encoding="utf-8") as f:
        if form == "csv":
            f.write(",".join(["id"] + [f"c{i}" for i in range(len(cols))]) + "\n")
        for n, row in enumerate(rows):
            if form == "csv":
                f.write(",".join([str(n)] + [x or "" for x in row]) + "\n")
            else:
                quote = '"' if form in ("json text", "cast") else ""
                items = [f'"c{i}": ' + ("null" if x is None else quote + x + quote) for i, x in enumerate(row)]
                f.write(f'{{"id": {n}, {", ".join(items)}}}\n')

    def declared(name, kinds, options=""):
        return f"CREATE STREAM {name} (id INTEGER, {', '.join(f'c{i} {k}' for i, k in enumerate(kinds))}){options};\n"
    options = f" WITH (connector = 'file', path = 't.txt', format = '{'csv' if form == 'csv' else 'json'}')"
    kinds, ways = [spelled(t) for t in cols], [[t] for t in cols]
    if form == "cast":
        casts = ", ".join(f"CAST(c{i} AS {k}) AS c{i}" for i, k in enumerate(kinds))
        return declared("f", ["VARCHAR"] * len(cols), options) + f"CREATE VIEW t AS SELECT id, {casts} FROM f;\n", ways, True
    if form == "insert":
        wide = [("DECIMAL", DIGITS, min(DIGITS, t[2] + 2)) if t[0] == "DECIMAL" else t for t in cols]
        return (declared("f", [spelled(t) for t in wide], options) + declared("t", kinds) +
                "INSERT INTO t SELECT * FROM f;\n", [[w, t] for w, t in zip(wide, cols)], False)
    return declared("t", kinds, options), ways, False


# ---- one script ----

def aggregate(r, cols, rows):
    i = r.randrange(len(cols))
    t, values = cols[i], [row[i] for row in rows if row[i] is not None]
    if t[0] != "DECIMAL":
        return None
    name = r.choice(["SUM", "AVG", "MIN", "MAX"])
    to = ("DECIMAL", DIGITS, t[2] if name == "SUM" else max(t[2], 6)) if name in ("SUM", "AVG") else t
    x = (None if not values else sum(values) if name == "SUM" else sum(values) / len(values) if name == "AVG"
         else min(values) if name == "MIN" else max(values))
    try:
        return f"{name}(c{i})", {0: show(None if x is None else fit(to, x), to)}
    except Fails:
        return f"{name}(c{i})", {}


def show(x, t):
    return "null" if x is None else ("true" if x else "false") if t is None else text(x, t[2])


def run_script(path, seed):
    r = random.Random(seed)
    cols = [(k, INTS[k], 0) if r.random() < 0.2 else ("DECIMAL", p, r.randrange(p + 1))
            for k, p in ((r.choice(list(INTS)), r.choice([DIGITS, r.randrange(1, DIGITS + 1)])) for _ in range(5))]
    given = [[raw(r, t) for t in cols] for _ in range(r.choice([1, 40, 200]))]
    with tempfile.TemporaryDirectory() as folder:
        sql, ways, lazy = stream(r, cols, given, folder)
        rows = []
        for row in given:
            rows.append([])
            for types, x in zip(ways, row):
                try:
                    rows[-1].append(taken(types, x))
                except Fails:
                    rows[-1].append(Fails)
        if lazy:
            keep = [str(n) for n, row in enumerate(rows) if Fails not in row]
            sql = sql.replace("FROM f;", f"FROM f WHERE id IN ({', '.join(keep) or -1});")
        used = " OR ".join(f"c{i} IS NULL" for i in range(len(cols)))
        good = {n: row for n, row in enumerate(rows) if Fails not in row}
        wants = []
        for q in range(12):
            kind = r.randrange(8)
            if kind == 0:
                a = aggregate(r, cols, list(good.values()))
                if a:
                    sql += f"SELECT {q} AS q, 0 AS id, {a[0]} AS v FROM t WHERE ({used}) IS NOT UNKNOWN;\n"
                    wants.append((q, a[0], a[1]))
                continue
            e = (membership(r, cols) if kind == 1 else comparison(r, cols, r.randrange(3)) if kind < 4
                 else number(r, cols, r.randrange(1, 4)))
            want = {}
            for n, row in good.items():
                try:
                    want[n] = show(e[2](row), e[1])
                except Fails:
                    pass
            sql += f"SELECT {q} AS q, id, {e[0]} AS v FROM t WHERE ({used}) IS NOT UNKNOWN;\n"
            wants.append((q, e[0], want))
        how = [f"--workers={r.choice([1, 2, 8])}", f"--batch-rows={r.choice([1, 7, 4096])}"]
        sql = r.choice(["", "", "SET evaluator = 'sqlite';\n"]) + sql
        with open(os.path.join(folder, "q.sql"), "w", encoding="utf-8") as f:
            f.write(sql)
        p = subprocess.run([path, "run", "--format=json", *how, "q.sql"], cwd=folder, capture_output=True, timeout=TIMEOUT)
        what = f"seed {seed}, {' '.join(how)}\n{sql}\n{p.stderr.decode()}"
        if p.returncode != 0:
            return "failed: " + what
        got = {}
        for line in p.stdout.decode().splitlines():
            o = json.loads(line, parse_float=str, parse_int=str)
            v = o["v"]
            got.setdefault(int(o["q"]), {})[int(o["id"])] = v if isinstance(v, str) else json.dumps(v)
        for q, e, want in wants:
            have = got.get(q, {})
            for n in sorted(set(want) | set(have)):
                if want.get(n) != have.get(n):
                    return (f"query {q}, row {n}, {[s for s in given[n]]}: {e} is {have.get(n, 'no value')}, "
                            f"not {want.get(n, 'no value')}: {what}")
    return None


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("--scripts", type=int, default=200)
    a.add_argument("--seed", type=int, default=1)
    o = a.parse_args()
    path, passed, failed = os.path.abspath(o.weir), 0, 0
    for seed in range(o.seed, o.seed + o.scripts):
        bad = run_script(path, seed)
        if bad:
            failed += 1
            if failed <= 3:
                print("FAIL", bad, flush=True)
        else:
            passed += 1
    print(f"decimals: {passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
