#!/usr/bin/env python3
"""Random expressions of every type: weir against DuckDB, row by row.

Usage: expressions.py WEIR [--scripts N] [--seed S]

Where the two differ on purpose (docs/SQL.md says why), DuckDB's text says weir's meaning: integers divide to integers,
casts round halves away from zero and take text whole, a division by zero and an overflow fail. A row that fails in DuckDB
must be missing in weir, and the other way; only AND and OR, which weir evaluates no further than needed, may save one, and
where one operand is NULL and another fails, weir fails. A failure prints what is needed to repeat it.
"""
import argparse
import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile
from datetime import date, datetime, time, timedelta

import duckdb

TIMEOUT = 60  # seconds; a script takes milliseconds
EPOCH = datetime(1970, 1, 1)
INTS = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT"]
BITS = dict(zip(INTS, [8, 16, 32, 64]))
COLUMNS = [("t1", "TINYINT"), ("t2", "SMALLINT"), ("i", "INTEGER"), ("j", "INTEGER"), ("b", "BIGINT"), ("x", "DOUBLE"),
           ("y", "DOUBLE"), ("r", "REAL"), ("s", "VARCHAR"), ("u", "VARCHAR"), ("p", "BOOLEAN"), ("q", "BOOLEAN"),
           ("d", "DATE"), ("e", "DATE"), ("ts", "TIMESTAMP"), ("us", "TIMESTAMP"), ("m", "DECIMAL")]
WEIR = {"VARCHAR": "VARCHAR", "TIMESTAMP": "TIMESTAMP(6)", "DECIMAL": "DECIMAL(10,2)"}
DUCK = {"DECIMAL": "DECIMAL(10,2)"}
TEXTS = ["", " ", "a", "A", "ab", "Abc", "12", " -7 ", "+5", "1.5", "1e2", "x1", "true", "FALSE", "no", "2026-02-28", "2024-02-29 23:59:59",
         "2026-02-30", "10:20:30", "äöü", "水a", "a%b", "a_b", "a,b,,c", "a longer text that is not kept inline", "99999999999",
         "-129", "0.005", "9223372036854775808", "-9223372036854775808", "\\", "2026-01-01T00:00:00.123456", "1 2"]
PATTERNS = ["a%", "%b", "%a%", "_", "a_b", "%", "", "a!%b", "a!_b", "!!%", "%1%2%", "_b%", "%ä%", "水_"]
UNITS = ["SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]


class Expr:
    """Text for weir, text for DuckDB, type; lazy: an error inside may be saved by AND or OR, as in BETWEEN."""

    def __init__(self, weir, duck, type, lazy=False, constant=False):
        self.weir, self.duck, self.type, self.lazy, self.constant = weir, duck, type, lazy, constant

    def column(self):
        name = next(c for c, t in COLUMNS if t == self.type)  # a constant has the type of some column
        return Expr(name, name, self.type)


def form(weir, duck, type, *args):
    """{0}, {1}, … are args in both. Constants alone are not put together: both engines refuse at once what fails."""
    if args and all(a.constant for a in args):
        args = (args[0].column(),) + args[1:]
    return Expr(weir.format(*[a.weir for a in args]), (duck or weir).format(*[a.duck for a in args]), type, any(a.lazy for a in args))


def literal(s):
    return "'" + s.replace("'", "''") + "'"


def constant(text, type):
    return Expr(text, f"CAST({text} AS {DUCK.get(type, type)})", type, constant=True)


# ---- one generator a type: g(r, depth) ----

def column(r, *types):
    name, type = r.choice([c for c in COLUMNS if c[1] in types])
    return Expr(name, name, type)


def int_constant(r):
    n = r.choice([0, 1, 2, 3, 7, 10, -1, -2, -7, 100, 127, -128, 2**31 - 1, 2**40])
    return constant(str(n), "INTEGER" if abs(n) < 2**31 else "BIGINT")


def choice(r, g, depth):
    """CASE, COALESCE, NULLIF, IF over values of g, which are of one type."""
    a, k = g(r, depth - 1), r.randrange(5)
    b = g(r, depth - 1)
    t = wider(a.type, b.type)
    if k == 0:
        return form("CASE WHEN {2} THEN {0} ELSE {1} END", None, t, a, b, boolean(r, depth - 1))
    if k == 1:
        return form("COALESCE({0}, {1})", None, t, a, b)
    if k == 2:
        return form("NULLIF({0}, {1})", "CASE WHEN {0} = {1} THEN NULL ELSE {0} END", a.type, a, b)
    if k == 3:
        return form("CASE {0} WHEN {1} THEN {0} WHEN {2} THEN {1} END", None, t, a, b, g(r, 0))
    return form("IF({2}, {0}, {1})", "CASE WHEN {2} THEN {0} ELSE {1} END", t, a, b, boolean(r, depth - 1))


def extreme(r, g, depth):
    """GREATEST and LEAST are NULL when any value is."""
    a, b, f = g(r, depth - 1), g(r, depth - 1), r.choice(["GREATEST", "LEAST"])
    return form(f + "({0}, {1})", "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN " + f + "({0}, {1}) END", wider(a.type, b.type), a, b)


def wider(a, b):
    if a == b or a not in INTS or b not in INTS:
        return a if a != "DATE" else b
    return a if BITS[a] > BITS[b] else b


def integer(r, depth):
    if depth <= 0:
        return int_constant(r) if r.random() < 0.25 else column(r, *INTS)
    k = r.randrange(24)
    a = integer(r, depth - 1)
    if k < 5:
        b = integer(r, depth - 1)
        t = wider(a.type, b.type)
        if k < 3:
            return form("({0} " + "+-*"[k] + " {1})", f"(CAST({{0}} AS {t}) " + "+-*"[k] + f" CAST({{1}} AS {t}))", t, a, b)
        op = "/" if k == 3 else "%"
        duck = f"(CAST({{0}} AS {t}) {'//' if k == 3 else '%'} CAST({{1}} AS {t}))"
        if op == "%":  # the least integer has a rest by -1, too
            duck = f"CASE WHEN {{1}} = -1 THEN CAST({{0}} AS {t}) & 0 ELSE {duck} END"
        return form("({0} " + op + " {1})", "CASE WHEN {1} = 0 AND {0} IS NOT NULL THEN CAST('no ' || id AS INTEGER) ELSE " + duck + " END", t, a, b)
    if k == 5:
        return form("(- {0})", f"(- CAST({{0}} AS {a.type}))", a.type, a)
    if k == 6:
        return form("ABS({0})", None, a.type, a)
    if k == 7:
        return choice(r, integer, depth)
    if k == 8:
        t = r.choice(INTS)
        return form(f"CAST({{0}} AS {t})", None, t, a)
    if k == 9:
        t = r.choice(INTS)
        return form(f"CAST({{0}} AS {t})", f"CAST(round({{0}}) AS {t})", t, double(r, depth - 1))
    if k == 10:
        t, blank = r.choice(INTS), "' ' || chr(9) || chr(10) || chr(13)"
        duck = (f"CASE WHEN {{0}} IS NULL THEN NULL WHEN regexp_full_match(trim({{0}}, {blank}), '[+-]?[0-9]+') "
                f"THEN CAST(trim({{0}}, {blank}) AS {t}) ELSE CAST('no ' || id AS INTEGER) END")
        return form(f"CAST({{0}} AS {t})", duck, t, text(r, depth - 1))
    if k == 11:
        return form("CHAR_LENGTH({0})", "length({0})", "BIGINT", text(r, depth - 1))
    if k == 12:
        return form("POSITION({0} IN {1})", "strpos({1}, {0})", "BIGINT", text(r, 0), text(r, depth - 1))
    if k == 13:
        u = r.choice(["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DOY", "DOW", "HOUR", "MINUTE", "SECOND"])
        duck = f"extract({u} FROM {{0}})" + (" + 1" if u == "DOW" else "")
        return form(f"EXTRACT({u} FROM {{0}})", duck, "BIGINT", timestamp(r, depth - 1))
    if k == 14:
        u = r.choice(UNITS)
        return form(f"TIMESTAMPDIFF({u}, {{0}}, {{1}})", f"datesub('{u.lower()}', {{0}}, {{1}})", "BIGINT",
                    timestamp(r, depth - 1), timestamp(r, depth - 1))
    if k == 15:
        return form("SIGN({0})", f"CAST(sign({{0}}) AS {a.type})", a.type, a)
    if k == 16:
        f, op = r.choice([("BITAND", "&"), ("BITOR", "|")])
        return form(f + "({0}, {1})", f"(CAST({{0}} AS BIGINT) {op} CAST({{1}} AS BIGINT))", "BIGINT", a, integer(r, depth - 1))
    if k == 17:
        return form("ASCII({0})", "CASE WHEN {0} <> '' THEN unicode({0}) END", "BIGINT", text(r, depth - 1))
    if k == 18:
        u = r.choice(["SECOND", "MINUTE", "HOUR", "DAY"])
        return form(f"CAST(({{0}} - {{1}}) {u} AS BIGINT)", f"datesub('{u.lower()}', {{1}}, {{0}})", "BIGINT", timestamp(r, depth - 1), timestamp(r, depth - 1))
    if k == 19:
        return form("OCTET_LENGTH({0})", "octet_length(encode({0}))", "BIGINT", text(r, depth - 1))
    if k == 20:
        return form("UNIX_TIMESTAMP({0})", "CAST(floor(epoch_us({0}) / 1e6) AS BIGINT)", "BIGINT", timestamp(r, depth - 1))
    if k == 21:
        return extreme(r, integer, depth)
    if k == 22:
        return form("INSTR({0}, {1})", "strpos({0}, {1})", "BIGINT", text(r, depth - 1), text(r, 0))
    t = r.choice(INTS)
    return form(f"CAST({{0}} AS {t})", f"CAST(round({{0}}) AS {t})", t, column(r, "DECIMAL"))


def double(r, depth):
    if depth <= 0:
        return constant(r.choice(["0e0", "1e0", "-2.5e0", "0.1e0", "1e9", "3e0"]), "DOUBLE") if r.random() < 0.2 else column(r, "DOUBLE")
    k, a = r.randrange(15), double(r, depth - 1)
    if k < 3:
        return form("({0} " + "+-*"[k] + " {1})", None, "DOUBLE", a, double(r, depth - 1))
    if k == 3:
        return form("({0} / {1})", "CASE WHEN {1} = 0 AND {0} IS NOT NULL THEN CAST('no ' || id AS INTEGER) ELSE {0} / {1} END", "DOUBLE", a, double(r, depth - 1))
    if k == 4:
        return form("({0} % {1})", "CASE WHEN {1} = 0 AND {0} IS NOT NULL THEN CAST('no ' || id AS INTEGER) ELSE {0} % {1} END", "DOUBLE", a, double(r, depth - 1))
    if k == 5:
        return form(r.choice(["ABS({0})", "FLOOR({0})", "CEIL({0})", "ROUND({0})", "(- {0})"]), None, "DOUBLE", a)
    if k == 6:
        return form("TRUNCATE({0})", "trunc({0})", "DOUBLE", a)
    if k == 7:
        return choice(r, double, depth)
    if k == 8:
        return form("CAST({0} AS DOUBLE)", None, "DOUBLE", r.choice([integer, real, lambda r, _: column(r, "DECIMAL")])(r, depth - 1))
    if k == 9:
        return form("SQRT({0})", "CASE WHEN {0} < 0 THEN CAST('no ' || id AS INTEGER) ELSE sqrt({0}) END", "DOUBLE", a)
    if k == 10:
        return form(r.choice(["SIN({0})", "COS({0})", "TAN({0})", "ATAN({0})", "TANH({0})", "DEGREES({0})", "RADIANS({0})", "CBRT({0})"]), None, "APPROX", a)
    if k == 11:
        f, g = r.choice([("LN", "ln"), ("LOG10", "log10"), ("LOG2", "log2")])
        return form(f + "({0})", f"CASE WHEN {{0}} <= 0 THEN CAST('no ' || id AS INTEGER) ELSE {g}({{0}}) END", "APPROX", a)
    if k == 12:
        return form("POWER(ABS({0}), 1.5e0)", "pow(abs({0}), 1.5)", "APPROX", a)
    if k == 13:
        return extreme(r, double, depth)
    return form("({0} + {1})", "(CAST({0} AS DOUBLE) + {1})", "DOUBLE", integer(r, depth - 1), a)


def real(r, depth):
    if depth <= 0 or r.random() < 0.5:
        return column(r, "REAL")
    return form("({0} " + r.choice("+-*") + " {1})", None, "REAL", real(r, depth - 1), real(r, depth - 1))


def text(r, depth):
    if depth <= 0:
        return Expr(*(literal(r.choice(TEXTS)),) * 2, "VARCHAR", constant=True) if r.random() < 0.25 else column(r, "VARCHAR")
    k, a = r.randrange(24), text(r, depth - 1)
    n = r.randrange(0, 5)
    if k == 0:
        return form("({0} || {1})", None, "VARCHAR", a, text(r, depth - 1))
    if k == 1:
        return form(f"SUBSTRING({{0}} FROM {n + 1} FOR {r.randrange(5)})", None, "VARCHAR", a)
    if k == 2:
        return form(f"SUBSTRING({{0}} FROM {n + 1})", None, "VARCHAR", a)
    if k == 3:
        return form(r.choice(["TRIM({0})", "LTRIM({0})", "RTRIM({0})"]), None, "VARCHAR", a)
    if k == 4:
        return form("REPLACE({0}, {1}, {2})", None, "VARCHAR", a, text(r, 0), text(r, 0))
    if k == 5:
        return form(r.choice([f"LEFT({{0}}, {n})", f"RIGHT({{0}}, {n})"]), None, "VARCHAR", a)
    if k == 6:
        return form(f"{r.choice(['LPAD', 'RPAD'])}({{0}}, {n}, 'xy')", None, "VARCHAR", a)
    if k == 7:
        return form(f"REPEAT({{0}}, {n})", None, "VARCHAR", a)
    if k == 8:
        return choice(r, text, depth)
    if k == 9:
        return form("CAST({0} AS VARCHAR)", None, "VARCHAR", r.choice([integer, lambda r, _: column(r, "DECIMAL")])(r, depth - 1))
    if k == 10:
        return form("CAST({0} AS VARCHAR)", "upper(CAST({0} AS VARCHAR))", "VARCHAR", boolean(r, depth - 1))
    if k == 11:
        return form("CAST({0} AS VARCHAR)", None, "VARCHAR", column(r, "DATE"))
    if k == 12:
        return form("CAST({0} AS VARCHAR)", "strftime({0}, '%Y-%m-%d %H:%M:%S.%f')", "VARCHAR", column(r, "TIMESTAMP"))
    if k == 13:
        return form(f"CAST({{0}} AS VARCHAR({n + 1}))", f"left({{0}}, {n + 1})", "VARCHAR", a)
    if k == 14:
        return form("CONCAT_WS(',', {0}, {1})", None, "VARCHAR", a, text(r, depth - 1))
    if k == 15:
        return form(f"SPLIT_INDEX({{0}}, ',', {n})", f"string_split({{0}}, ',')[{n + 1}]", "VARCHAR", a)
    if k == 16:
        return form(r.choice(["UPPER", "LOWER"]) + "({0} || 'aZ')", None, "VARCHAR", form("CAST({0} AS VARCHAR)", None, "VARCHAR", integer(r, depth - 1)))
    if k == 17:
        return form("HEX({0})", None, "VARCHAR", a)
    if k == 18:
        return form("TO_BASE64({0})", "base64(encode({0}))", "VARCHAR", a)
    if k == 19:
        return form("TRANSLATE({0}, 'ab12ä', 'xyä')", None, "VARCHAR", a)
    if k == 20:
        return form(f"OVERLAY({{0}} PLACING {{1}} FROM {n + 1} FOR {n})", f"left({{0}}, {n}) || {{1}} || substring({{0}}, {2 * n + 1})", "VARCHAR", a, text(r, 0))
    if k == 21:
        return extreme(r, text, depth)
    if k == 22:
        return form("CONCAT({0}, {1})", "({0} || {1})", "VARCHAR", a, text(r, depth - 1))
    f = r.choice([("yyyy-MM-dd", "%Y-%m-%d"), ("HH:mm:ss", "%H:%M:%S"), ("dd.MM.yy", "%d.%m.%y"), ("DDD", "%j"), ("hh a", "%I %p")])
    return form(f"DATE_FORMAT({{0}}, '{f[0]}')", f"strftime({{0}}, '{f[1]}')", "VARCHAR", column(r, "TIMESTAMP"))


def day(r, depth):
    if depth <= 0:
        return constant("DATE '2024-02-29'", "DATE") if r.random() < 0.2 else column(r, "DATE")
    k, a, n = r.randrange(7), day(r, depth - 1), r.randrange(-40, 40)
    if k == 0:
        return choice(r, day, depth)
    if k == 1:
        return form("CAST({0} AS DATE)", None, "DATE", timestamp(r, depth - 1))
    if k == 2:
        return form(f"({{0}} + INTERVAL '{n}' DAY)", f"CAST({{0}} + INTERVAL ({n}) DAY AS DATE)", "DATE", a)
    if k == 3:
        return form(f"({{0}} - INTERVAL '{n}' MONTH)", f"CAST({{0}} - INTERVAL ({n}) MONTH AS DATE)", "DATE", a)
    if k == 4:
        return form("LAST_DAY({0})", None, "DATE", a)
    if k == 5:
        return extreme(r, day, depth)
    u = r.choice(UNITS[3:])
    return form(f"FLOOR({{0}} TO {u})", f"CAST(date_trunc('{u.lower()}', {{0}}) AS DATE)", "DATE", a)


def timestamp(r, depth):
    if depth <= 0:
        return constant("TIMESTAMP '2026-03-31 12:34:56.789012'", "TIMESTAMP") if r.random() < 0.2 else column(r, "TIMESTAMP")
    k, a, n, u = r.randrange(8), timestamp(r, depth - 1), r.randrange(-100, 100), r.choice(UNITS)
    if k == 0:
        return choice(r, timestamp, depth)
    if k == 1:
        return form("CAST({0} AS TIMESTAMP(6))", "CAST({0} AS TIMESTAMP)", "TIMESTAMP", day(r, depth - 1))
    if k == 2:
        return form(f"FLOOR({{0}} TO {u})", f"CAST(date_trunc('{u.lower()}', {{0}}) AS TIMESTAMP)", "TIMESTAMP", a)
    if k == 3:
        cut, one = f"CAST(date_trunc('{u.lower()}', {{0}}) AS TIMESTAMP)", f"INTERVAL {3 if u == 'QUARTER' else 1} {'MONTH' if u == 'QUARTER' else u}"
        return form(f"CEIL({{0}} TO {u})", f"CASE WHEN {cut} = {{0}} THEN {{0}} ELSE {cut} + {one} END", "TIMESTAMP", a)
    if k == 4:
        unit = r.choice(["SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR"])
        return form(f"({{0}} + INTERVAL '{n}' {unit}(3))" if unit != "SECOND" else f"({{0}} + INTERVAL '{n}' SECOND)",
                    f"({{0}} + INTERVAL ({n}) {unit})", "TIMESTAMP", a)
    if k == 5:
        unit = r.choice(["SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR"])
        return form(f"TIMESTAMPADD({unit}, {{1}}, {{0}})", f"({{0}} + {{1}} * INTERVAL 1 {unit})", "TIMESTAMP", a, column(r, "TINYINT"))
    if k == 6:
        step = r.choice([1, 7, 10, 60, 900, 86400])
        us = step * 1000000
        return form(f"STEP({{0}} BY INTERVAL '{step}' SECOND)",
                    f"make_timestamp(epoch_us({{0}}) - ((epoch_us({{0}}) % {us}) + {us}) % {us})",
                    "TIMESTAMP", a)
    return form("CAST({0} AS TIMESTAMP(6))", "CAST({0} AS TIMESTAMP)", "TIMESTAMP", a)


def number(r, depth):
    """Of several kinds; a REAL is compared as the DOUBLE that it is."""
    a = r.choice([integer, double, real, lambda r, _: column(r, "DECIMAL")])(r, depth)
    return form("{0}", "CAST({0} AS DOUBLE)", "DOUBLE", a) if a.type == "REAL" else a


def boolean(r, depth):
    if depth <= 0:
        return column(r, "BOOLEAN")
    k = r.randrange(16)
    if k == 14:
        return form(r.choice(["STARTS_WITH({0}, {1})", "ENDS_WITH({0}, {1})", "CONTAINS({0}, {1})"]), None, "BOOLEAN", text(r, depth - 1), text(r, 0))
    if k == 15:
        return choice(r, boolean, depth)
    if k < 2:
        e = form("({0} " + ("AND", "OR")[k] + " {1})", None, "BOOLEAN", boolean(r, depth - 1), boolean(r, depth - 1))
        e.lazy = True
        return e
    if k == 2:
        return form("(NOT {0})", None, "BOOLEAN", boolean(r, depth - 1))
    if k == 3:
        return form("({0} IS " + r.choice(["TRUE", "NOT TRUE", "FALSE", "NOT FALSE", "NULL", "NOT NULL"]) + ")", None, "BOOLEAN", boolean(r, depth - 1))
    if k == 4:
        return form("({0} IS " + r.choice(["NULL", "NOT NULL"]) + ")", None, "BOOLEAN", r.choice(VALUES)(r, depth - 1))
    if k == 5:
        c, esc = text(r, depth - 1), r.choice(["", "", " ESCAPE '!'"])
        pattern = r.choice([p for p in PATTERNS if esc or "!" not in p])
        return form(f"({{0}} {r.choice(['', 'NOT '])}LIKE {literal(pattern)}{esc})", None, "BOOLEAN", c)
    g = r.choice([number, number, text, day, timestamp, boolean, lambda r, n: r.choice([day, timestamp])(r, n)])
    a, b = g(r, depth - 1), g(r, depth - 1)
    if k < 9:
        return form("({0} " + r.choice(["=", "<>", "<", "<=", ">", ">="]) + " {1})", None, "BOOLEAN", a, b)
    if k == 9:
        return form(r.choice(["({0} IS DISTINCT FROM {1})", "({0} IS NOT DISTINCT FROM {1})"]), None, "BOOLEAN", a, b)
    if k == 10:
        e = form(r.choice(["({0} BETWEEN {1} AND {2})", "({0} NOT BETWEEN {1} AND {2})"]), None, "BOOLEAN", a, b, g(r, 0))
        e.lazy = True
        return e
    if k == 11:
        e = form("({0} BETWEEN SYMMETRIC {1} AND {2})", "(({0} BETWEEN {1} AND {2}) OR ({0} BETWEEN {2} AND {1}))", "BOOLEAN", a, b, g(r, 0))
        e.lazy = True
        return e
    null = r.choice(["", ", NULL"])
    return form("({0} " + r.choice(["IN", "NOT IN"]) + " ({1}, {2}" + null + "))", None, "BOOLEAN", a, b, g(r, 0))


VALUES = [integer, double, real, text, boolean, day, timestamp]


# ---- data ----

def value(r, type):
    if r.random() < 0.12:
        return None
    if type in INTS:
        top = 2**(BITS[type] - 1)
        return r.choice([r.randrange(-10, 11), r.randrange(-top, top), r.choice([0, 1, -1, top - 1, -top])])
    if type in ("DOUBLE", "REAL"):
        v = r.choice([float(r.randrange(-10, 11)), r.randrange(-1000, 1000) / 8, r.uniform(-1e6, 1e6), r.choice([0.0, 0.5, -0.5, 2.5, -2.5, 1e15, 0.1, 1e18])])
        return struct.unpack("f", struct.pack("f", v))[0] if type == "REAL" else v
    if type == "VARCHAR":
        return r.choice(TEXTS)
    if type == "BOOLEAN":
        return r.random() < 0.5
    if type == "DECIMAL":
        return f"{r.choice([r.randrange(-10**9, 10**9), r.randrange(-300, 300)]) / 100:.2f}"
    if type == "DATE":
        return date(1970, 1, 1) + timedelta(days=r.choice([r.randrange(-30000, 30000), r.randrange(20000, 21000), 59, 789, 19782]))
    us = r.choice([r.randrange(-10**15, 2 * 10**15), r.randrange(10**9) * 10**6, r.randrange(20000, 21000) * 86400 * 10**6, -1, 0])
    return EPOCH + timedelta(microseconds=us)


def in_json(v, type):
    if isinstance(v, datetime):
        return v.strftime("%Y-%m-%d %H:%M:%S.%f") if v.year >= 1000 else v.isoformat()
    return v.isoformat() if isinstance(v, date) else v


def canon(v, type):
    """DuckDB's value as weir writes it in JSON."""
    if v is None:
        return None
    if isinstance(v, datetime):
        return v.isoformat(timespec="microseconds") + "Z"
    if isinstance(v, date):
        return v.isoformat()
    if isinstance(v, float):
        return None if math.isinf(v) or math.isnan(v) else v
    return v


def same(a, b, type):
    if type in ("DOUBLE", "REAL", "APPROX") and a is not None and b is not None:
        return a == b or math.isclose(a, b, rel_tol={"DOUBLE": 1e-14, "APPROX": 1e-9, "REAL": 1e-7}[type], abs_tol=1e-300)
    return a == b


# ---- one script ----

def run_script(path, seed):
    r = random.Random(seed)
    rows = [[value(r, t) for _, t in COLUMNS] for _ in range(r.choice([1, 25, 70]))]
    exprs = [r.choice(VALUES + [boolean, text])(r, r.randrange(1, 4)) for _ in range(12)]
    db = duckdb.connect()
    db.execute("PRAGMA disable_optimizer")  # it takes what fails out of TRY, or away altogether
    db.execute(f"CREATE TABLE t (id INTEGER, {', '.join(f'{c} {DUCK.get(t, t)}' for c, t in COLUMNS)})")
    db.executemany(f"INSERT INTO t VALUES ({', '.join('?' * (len(COLUMNS) + 1))})", [[n] + row for n, row in enumerate(rows)])
    sql = r.choice(["", "SET evaluator = 'sqlite';\n"])
    sql += (f"CREATE STREAM t (id INTEGER, {', '.join(f'{c} {WEIR.get(t, t)}' for c, t in COLUMNS)}) "
            "WITH (connector = 'file', path = 't.jsonl', format = 'json');\n")
    wants = []
    for q, e in enumerate(exprs):
        sql += f"SELECT {q} AS q, id, {e.weir} AS v FROM t;\n"
        got = db.execute(f"SELECT id, TRY({e.duck}), TRY(({e.duck}) IS NULL) FROM t ORDER BY id").fetchall()
        wants.append({n: canon(v, e.type) for n, v, ok in got if ok is not None and not (isinstance(v, float) and math.isnan(v))})
    how = [f"--workers={r.choice([1, 2])}", f"--batch-rows={r.choice([1, 7, 4096])}"]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "t.jsonl"), "w", encoding="utf-8") as f:
            for n, row in enumerate(rows):
                f.write(json.dumps({"id": n} | {c: in_json(v, t) for (c, t), v in zip(COLUMNS, row)}) + "\n")
        with open(os.path.join(folder, "q.sql"), "w", encoding="utf-8") as f:
            f.write(sql)
        p = subprocess.run([path, "run", "--format=json", *how, "q.sql"], cwd=folder, capture_output=True, timeout=TIMEOUT)
    what = f"seed {seed}, {' '.join(how)}\n{p.stderr.decode()}"
    if p.returncode != 0:
        return f"failed: {what}\n{sql}"
    got = [{} for _ in exprs]
    for line in p.stdout.decode().splitlines():
        o = json.loads(line)
        got[o["q"]][o["id"]] = o["v"]
    for e, have, want in zip(exprs, got, wants):
        for n in range(len(rows)):
            saved = e.lazy and (n in want) != (n in have)
            if saved or (n in have) == (n in want) and same(have.get(n), want.get(n), e.type):
                continue
            if n not in have and want[n] is None:  # NULL + what fails: DuckDB looks at the NULL first
                continue
            return (f"row {n}: weir {repr(have[n]) if n in have else 'fails'}, DuckDB {repr(want[n]) if n in want else 'fails'}\n"
                    f"{e.weir}\n{e.duck}\n{dict(zip([c for c, _ in COLUMNS], rows[n]))}\n{what}")
    return None


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("--scripts", type=int, default=200)
    a.add_argument("--seed", type=int, default=1)
    o = a.parse_args()
    path, passed, failed, refused = os.path.abspath(o.weir), 0, 0, 0
    for seed in range(o.seed, o.seed + o.scripts):
        try:
            bad = run_script(path, seed)
        except duckdb.Error as e:
            refused += 1
            bad = f"seed {seed}: the oracle refused: {e}" if refused > o.scripts // 50 + 1 else None
        if bad:
            failed += 1
            if failed <= 5:
                print("FAIL", bad, flush=True)
        else:
            passed += 1
    print(f"expressions: {passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
