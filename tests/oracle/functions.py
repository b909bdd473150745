#!/usr/bin/env python3
"""Scalar functions against Python's own: random arguments go in as JSON lines with what Python makes of them; weir
counts where it differs.

Usage: functions.py WEIR [--rows N] [--seed K]
"""
import argparse
import datetime as dt
import hashlib
import json
import math
import os
import random
import re
import string
import subprocess
import sys
import tempfile
import unicodedata
import urllib.parse
import zlib
import zoneinfo

EPOCH = dt.datetime(1970, 1, 1)
LETTERS = "abcXYZ019 _-.,/%+&=?äßÉñşжΩ漢😀"


def text(rnd, most=20):
    return "".join(rnd.choice(LETTERS) for _ in range(rnd.randint(0, most)))


def moment(rnd, lo=1850, hi=2250):
    start, end = dt.datetime(lo, 1, 1), dt.datetime(hi, 1, 1)
    return start + dt.timedelta(microseconds=rnd.randrange(int((end - start).total_seconds())) * 10**6 + rnd.randrange(10**6))


def stamp(t):
    return t.isoformat(" ", "microseconds")


# ---- one function a family: a dict of columns; names are those of the SQL below ----


def zones(rnd):
    name = rnd.choice(ZONES)
    zone = zoneinfo.ZoneInfo(name)
    t = moment(rnd, 1880, 2200).replace(microsecond=0)
    if rnd.random() < 0.6:  # near the next change of the clock, if there is one within two years
        step, offset = dt.timedelta(days=1), t.replace(tzinfo=dt.timezone.utc).astimezone(zone).utcoffset()
        for _ in range(750):
            if t.year >= 2210 or t.replace(tzinfo=dt.timezone.utc).astimezone(zone).utcoffset() != offset:
                break
            t += step
        t += dt.timedelta(minutes=rnd.randrange(-1500, 1500))
    shown = t.replace(tzinfo=dt.timezone.utc).astimezone(zone).replace(tzinfo=None)
    local = t.replace(tzinfo=zone)  # fold 0: the first of two
    return {"t": stamp(t), "z": name, "shown": stamp(shown), "was": stamp(t - local.utcoffset())}


def clocks(rnd):
    t = moment(rnd, 1583, 3000)
    iso = t.isocalendar()
    return {"t": stamp(t), "formatted": t.strftime("%d.%m.%y %H:%M:%S.%f %a %B %j %I %p ") + f"{iso[0]:04}-W{iso[1]:02}-{iso[2]} {t.year:04}",
            "java": f"{t.year:04}-{t.month}-{t.day:02} {t.hour}:{t.minute:02} {t.strftime('%p')} Q{(t.month + 2) // 3}",
            "wk": iso[1], "iy": iso[0], "wd": iso[2], "dy": t.timetuple().tm_yday, "ep": math.floor((t - EPOCH).total_seconds()),
            "ce": (t.year + 99) // 100}


def digests(rnd):
    s = text(rnd, 200)
    b = s.encode()
    return {"s": s, **{k: hashlib.new(k, b).hexdigest() for k in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")},
            "crc": zlib.crc32(b), "url": urllib.parse.quote_plus(s, safe="*").replace("~", "%7E")}


def letters(rnd):
    """Characters of a version of Unicode that both know, whose other case is one character."""
    s = ""
    while len(s) < 12:
        c = chr(rnd.choice((rnd.randrange(0x20, 0x250), rnd.randrange(0x370, 0x600), rnd.randrange(0x1e00, 0x2000), rnd.randrange(0x10400, 0x10450))))
        if unicodedata.category(c) not in ("Cn", "Cs", "Cc") and len(c.upper()) == len(c.lower()) == 1 and c not in "Σ":
            s += c
    return {"s": s, "up": s.upper(), "low": s.lower()}


PATTERNS = [r"a|X", r"[a-c]+", r"\d+", r"(\w)\1", r"^.", r".$", r"[^ -~]", r"(a)|(b)", r"b*", r"(?i)x|É", r"\s*,\s*", r"(.)(.)", r"(?<=a)b", r"."]


def regexes(rnd):
    s, k = text(rnd, 30), rnd.randrange(len(PATTERNS))
    p = re.compile(PATTERNS[k], re.ASCII if "\\w" in PATTERNS[k] else 0)
    m = p.search(s)
    return {"s": s, "k": k, "found": m is not None, "first": m.group(0) if m else None, "at": m.start() + 1 if m else 0,
            "n": sum(1 for _ in p.finditer(s)), "put": p.sub("<\\g<0>>", s)}


def distances(rnd):
    a, b = text(rnd, 9), text(rnd, 9)
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            last, row[j + 1] = row[j + 1], min(last + (x != y), row[j] + 1, row[j + 1] + 1)
    place = [rnd.uniform(-90, 90), rnd.uniform(-180, 180), rnd.uniform(-90, 90), rnd.uniform(-180, 180)]
    p, q, r, s = map(math.radians, place)
    angle = math.atan2(math.hypot(math.cos(r) * math.sin(s - q), math.cos(p) * math.sin(r) - math.sin(p) * math.cos(r) * math.cos(s - q)),
                       math.sin(p) * math.sin(r) + math.cos(p) * math.cos(r) * math.cos(s - q))
    return {"a": a, "b": b, "lev": row[-1], "la": place[0], "lo": place[1], "lb": place[2], "lp": place[3], "m": angle * 6371008.8}


# name, columns of the input, conditions that must hold; {p} is the pattern of a CASE per pattern
def per_pattern(call):
    whens = " ".join(f"WHEN {i} THEN {call.format(p=chr(39) + p + chr(39))}" for i, p in enumerate(PATTERNS))
    return f"CASE k {whens} END"


FAMILIES = [
    (zones, "t TIMESTAMP(6), z VARCHAR, shown TIMESTAMP(6), was TIMESTAMP(6)",
     ["t AT TIME ZONE z = shown", "TO_UTC_TIMESTAMP(t, z) = was", "CONVERT_TZ(t, 'UTC', z) = shown"]),
    (clocks, "t TIMESTAMP(6), formatted VARCHAR, java VARCHAR, wk INT, iy INT, wd INT, dy INT, ep BIGINT, ce INT",
     ["DATE_FORMAT(t, '%d.%m.%y %H:%M:%S.%f %a %B %j %I %p %G-W%V-%u %Y') = formatted", "DATE_FORMAT(t, 'yyyy-M-dd H:mm a QQQ') = java",
      "TO_TIMESTAMP(DATE_FORMAT(t, 'dd MMMM yyyy hh:mm:ss.SSSSSS a'), 'dd MMMM yyyy hh:mm:ss.SSSSSS a') = FLOOR(t TO MILLISECOND)",
      "TO_DATE(DATE_FORMAT(t, 'YYYY ww e'), 'YYYY ww e') = CAST(t AS DATE)", "EXTRACT(WEEK FROM t) = wk AND EXTRACT(ISOYEAR FROM t) = iy",
      "EXTRACT(ISODOW FROM t) = wd AND EXTRACT(DOY FROM t) = dy", "EXTRACT(EPOCH FROM t) = ep AND UNIX_TIMESTAMP(t) = ep",
      "EXTRACT(CENTURY FROM t) = ce AND FLOOR(t TO CENTURY) = MAKE_DATE((ce - 1) * 100 + 1, 1, 1)"]),
    (digests, "s VARCHAR, md5 VARCHAR, sha1 VARCHAR, sha224 VARCHAR, sha256 VARCHAR, sha384 VARCHAR, sha512 VARCHAR, crc BIGINT, url VARCHAR",
     ["MD5(s) = md5", "SHA1(s) = sha1", "SHA224(s) = sha224", "SHA256(s) = sha256", "SHA384(s) = sha384", "SHA512(s) = sha512",
      "SHA2(s, 512) = sha512", "CRC32(s) = crc", "URL_ENCODE(s) = url", "URL_DECODE(url) = s", "DECODE(ENCODE(s, 'UTF-16'), 'UTF-16') = s",
      "DECODE(FROM_BASE64(TO_BASE64(s)), 'UTF-8') = s"]),
    (letters, "s VARCHAR, up VARCHAR, low VARCHAR", ["UPPER(s) = up", "LOWER(s) = low"]),
    (regexes, "s VARCHAR, k INT, found BOOLEAN, first VARCHAR, at INT, n INT, put VARCHAR",
     [per_pattern("REGEXP_LIKE(s, {p})") + " = found", per_pattern("REGEXP_EXTRACT(s, {p})") + " IS NOT DISTINCT FROM first",
      per_pattern("REGEXP_INSTR(s, {p})") + " = at", per_pattern("REGEXP_COUNT(s, {p})") + " = n",
      per_pattern("REGEXP_REPLACE(s, {p}, '<\\0>')") + " = put"]),
    (distances, "a VARCHAR, b VARCHAR, lev INT, la DOUBLE, lo DOUBLE, lb DOUBLE, lp DOUBLE, m DOUBLE",
     ["LEVENSHTEIN(a, b) = lev", "ABS(GEO_DISTANCE(la, lo, lb, lp) - m) < 0.1"]),
]
ZONES = sorted(z for z in zoneinfo.available_timezones() if z not in ("localtime", "Factory"))


def check(weir, d, family, columns, conditions, rows, rnd):
    with open(os.path.join(d, "in.jsonl"), "w", encoding="utf-8") as f:
        for _ in range(rows):
            f.write(json.dumps(family(rnd)) + "\n")
    sql = f"CREATE STREAM v ({columns}) WITH (connector = 'file', path = 'in.jsonl', format = 'json', on_error = 'fail');\n"
    sql += "".join(f"SELECT {i} AS c, v.* FROM v WHERE ({c}) IS NOT TRUE;\n" for i, c in enumerate(conditions))
    p = subprocess.run([weir, "run", "--quiet", "--format=json", "-e", sql], cwd=d, capture_output=True, text=True, timeout=300)
    wrong = p.stdout.splitlines()
    if p.returncode == 0 and not wrong:
        return 0
    print(f"{family.__name__}: {len(wrong)} differ\n{p.stderr}")
    for line in wrong[:3]:
        print(f"  not true: {conditions[json.loads(line)['c']][:300]}\n  of {line}")
    return max(1, len(wrong))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("--rows", type=int, default=3000)
    a.add_argument("--seed", type=int, default=1)
    o = a.parse_args()
    weir, failed, done = os.path.abspath(o.weir), 0, 0
    for family, columns, conditions in FAMILIES:
        with tempfile.TemporaryDirectory() as d:
            failed += check(weir, d, family, columns, conditions, o.rows, random.Random(f"{o.seed} {family.__name__}"))
            done += o.rows * len(conditions)
    print(f"functions: {done - failed} passed, {failed} failed (seed {o.seed})")
    sys.exit(1 if failed else 0)


main()
