#!/usr/bin/env python3
"""Every query of bench/nexmark on a small seed, its rows compared with DuckDB's over the same tables.

Usage: run.py WEIR [--events N] [--workers N] [qN ...]

The queries run as they are, but for the number of events and where the result goes. The three tables come out
of weir's generator as JSON; DuckDB reads those and knows nothing else of weir.
"""
import argparse
import decimal
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import datetime

import duckdb

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QUERIES = os.path.join(ROOT, "bench", "nexmark")
TABLES = {"person": "id BIGINT, name VARCHAR, city VARCHAR, state VARCHAR, dateTime TIMESTAMP",
          "auction": "id BIGINT, itemName VARCHAR, description VARCHAR, initialBid BIGINT, reserve BIGINT, "
                     "dateTime TIMESTAMP, expires TIMESTAMP, seller BIGINT, category BIGINT",
          "bid": "auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, dateTime TIMESTAMP, "
                 "extra VARCHAR"}

PRICES = {"": "", "_low": "price < 10000", "_middle": "price >= 10000 AND price < 1000000", "_high": "price >= 1000000"}
WHERE = {k: f"FILTER (WHERE {v})" if v else "" for k, v in PRICES.items()}
STATS = ", ".join([f"count(*) {w} AS bids{k}" for k, w in WHERE.items()] +
                  [f"count(DISTINCT bidder) {w} AS bidders{k}" for k, w in WHERE.items()] +
                  [f"count(DISTINCT auction) {w} AS auctions{k}" for k, w in WHERE.items()])
DAY = "strftime(dateTime, '%Y-%m-%d')"
TEN = "time_bucket(INTERVAL 10 SECOND, {}.dateTime)"
WINNING = ("(SELECT * FROM (SELECT a.id, a.itemName, a.seller, a.category, b.auction, b.bidder, b.price, b.dateTime, "
           "row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.dateTime, b.extra) AS rn FROM auction a "
           "JOIN bid b ON a.id = b.auction WHERE b.dateTime BETWEEN a.dateTime AND a.expires) WHERE rn = 1)")
HOPS = ("(SELECT s + INTERVAL (2 * i) SECOND AS ws, auction, count(*) AS num FROM (SELECT auction, "
        "time_bucket(INTERVAL 2 SECOND, dateTime) - INTERVAL 8 SECOND AS s FROM bid), range(5) r(i) GROUP BY ALL)")
DUCK = {
    "q0": "SELECT auction, bidder, price, dateTime, extra FROM bid",
    "q1": "SELECT auction, bidder, 0.908 * price AS price, dateTime, extra FROM bid",
    "q2": "SELECT auction, price FROM bid WHERE auction % 123 = 0",
    "q3": "SELECT p.name, p.city, p.state, a.id FROM auction a, person p WHERE a.seller = p.id AND category = 10 "
          "AND state IN ('OR', 'ID', 'CA')",
    "q4": f"SELECT category, avg(price) AS average FROM {WINNING} GROUP BY category",
    "q5": f"SELECT ws AS window_start, ws + INTERVAL 10 SECOND AS window_end, auction, num FROM {HOPS} "
          "QUALIFY num = max(num) OVER (PARTITION BY ws)",
    "q6": "SELECT seller, id, avg(price) OVER (PARTITION BY seller ORDER BY dateTime, id ROWS 9 PRECEDING) AS average "
          f"FROM {WINNING}",
    "q7": "SELECT auction, bidder, price, dateTime, extra FROM bid QUALIFY price = max(price) OVER (PARTITION BY "
          "time_bucket(INTERVAL 10 SECOND, dateTime))",
    "q8": f"SELECT p.id, p.name, {TEN.format('p')} AS window_start, count(*) AS auctions FROM person p JOIN auction a "
          f"ON p.id = a.seller AND {TEN.format('p')} = {TEN.format('a')} GROUP BY ALL",
    "q9": f"SELECT id, itemName, seller, auction, bidder, price, dateTime AS bid_time FROM {WINNING}",
    "q10": f"SELECT auction, bidder, price, dateTime, extra, {DAY} AS dt, strftime(dateTime, '%H:%M') AS hm FROM bid",
    "q11": "SELECT bidder, min(dateTime) AS window_start, max(dateTime) + INTERVAL 10 SECOND AS window_end, "
           "count(*) AS bids FROM (SELECT *, sum(fresh) OVER (PARTITION BY bidder ORDER BY dateTime ROWS UNBOUNDED "
           "PRECEDING) AS session FROM (SELECT *, CASE WHEN dateTime <= lag(dateTime) OVER (PARTITION BY bidder ORDER "
           "BY dateTime) + INTERVAL 10 SECOND THEN 0 ELSE 1 END AS fresh FROM bid)) GROUP BY bidder, session",
    "q12": "SELECT bidder, count(*) AS bids FROM bid GROUP BY bidder",
    "q13": "SELECT b.auction, b.bidder, b.price, b.dateTime, s.note FROM bid b JOIN side s ON b.auction % 1000 = s.k",
    "q14": "SELECT auction, bidder, 0.908 * price AS price, CASE WHEN hour(dateTime) BETWEEN 8 AND 18 THEN 'day' WHEN "
           "hour(dateTime) <= 6 OR hour(dateTime) >= 20 THEN 'night' ELSE 'between' END AS time_of_day, dateTime, extra, "
           "length(extra) - length(replace(extra, 'c', '')) AS cs FROM bid WHERE 0.908 * price > 1000000 AND "
           "0.908 * price < 50000000",
    "q15": f"SELECT {DAY} AS dt, {STATS} FROM bid GROUP BY 1",
    "q16": f"SELECT channel, {DAY} AS dt, max(strftime(dateTime, '%H:%M')) AS last_minute, {STATS} FROM bid GROUP BY 1, 2",
    "q17": f"SELECT auction, {DAY} AS dt, " + ", ".join(f"count(*) {w} AS bids{k}" for k, w in WHERE.items()) +
           ", min(price) AS least, max(price) AS most, avg(price) AS average, sum(price) AS total FROM bid GROUP BY 1, 2",
    "q18": "SELECT auction, bidder, price, channel, dateTime, extra FROM bid QUALIFY row_number() OVER (PARTITION BY "
           "bidder, auction ORDER BY dateTime DESC, price DESC, extra) = 1",
    "q19": "SELECT auction, bidder, price, dateTime, extra, row_number() OVER (PARTITION BY auction ORDER BY price DESC, "
           "dateTime, extra) AS rn FROM bid QUALIFY rn <= 10",
    "q20": "SELECT b.auction, b.bidder, b.price, b.channel, b.dateTime AS bid_time, a.itemName, a.description, "
           "a.initialBid, a.reserve, a.dateTime AS auction_time, a.expires, a.seller, a.category FROM bid b JOIN "
           "auction a ON b.auction = a.id WHERE category = 10",
    "q21": "SELECT * FROM (SELECT auction, bidder, price, channel, CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' "
           "THEN '1' WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3' ELSE nullif(regexp_extract(url, "
           "'[&?]channel_id=([^&]*)', 1), '') END AS channel_id FROM bid) WHERE channel_id IS NOT NULL",
    "q22": "SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS dir1, split_part(url, '/', 5) AS dir2, "
           "split_part(url, '/', 6) AS dir3 FROM bid",
    "q23": "SELECT b.auction, b.bidder, b.price, b.dateTime AS bid_time, a.itemName, a.category, p.name, p.city, p.state "
           "FROM bid b JOIN auction a ON b.auction = a.id JOIN person p ON a.seller = p.id",
}


def weir(binary, sql, cwd, workers):
    p = subprocess.run([binary, "run", "--quiet", f"--workers={workers}", "-e", sql], cwd=cwd, capture_output=True,
                       text=True, timeout=600)
    if p.returncode != 0:
        raise RuntimeError(f"exit status {p.returncode}\n{p.stderr}")


def value(v):
    """One form for what JSON and DuckDB say."""
    if isinstance(v, datetime):
        return v.strftime("%Y-%m-%dT%H:%M:%S.") + f"{v.microsecond // 1000:03d}Z"
    if isinstance(v, (float, decimal.Decimal)):
        return float(f"{float(v):.9g}")
    if isinstance(v, int) and not isinstance(v, bool):
        return float(f"{v:.9g}") if abs(v) > 1e9 else v
    return v


def rows_of(path, columns):
    with open(path, encoding="utf-8") as f:
        made = [json.loads(line) for line in f]
    return [tuple(value(r[c]) for c in columns) for r in made]


def arrival(rows):
    """q12: windows are of the clock; what a bidder bid in all of them is not."""
    total = Counter()
    for r in rows:
        total[r["bidder"]] += r["bids"]
    return [(k, n) for k, n in total.items()]


def check(o, d, db, name):
    with open(os.path.join(QUERIES, name + ".sql"), encoding="utf-8") as f:
        sql = f.read()
    sql = sql.replace("events = 1000000", f"events = {o.events}")
    out = os.path.join(d, name + ".json")
    sink = f"CREATE STREAM result WITH (connector = 'file', path = '{name}.json', format = 'json') AS"
    sql, n = re.subn(r"CREATE STREAM result WITH \([^)]*\) AS", sink, sql)
    if n != 1:
        return f"{name}.sql has no CREATE STREAM result"
    weir(o.weir, sql, d, o.workers)
    cursor = db.execute(DUCK[name])
    columns = [c[0] for c in cursor.description]
    want = Counter(tuple(value(v) for v in r) for r in cursor.fetchall())
    if name == "q12":
        with open(out, encoding="utf-8") as f:
            got = Counter(arrival([json.loads(line) for line in f]))
    else:
        got = Counter(rows_of(out, columns))
    if not want:
        return "no rows are expected: the test says nothing"
    if got == want:
        return None
    more, less = list((got - want).items())[:3], list((want - got).items())[:3]
    return f"{sum(got.values())} rows, expected {sum(want.values())}; only weir: {more}; only DuckDB: {less}"


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weir")
    a.add_argument("queries", nargs="*")
    a.add_argument("--events", type=int, default=20000)
    a.add_argument("--workers", type=int, default=2)
    o = a.parse_args()
    o.weir = os.path.abspath(o.weir)
    failed = 0
    there = sorted((f[:-4] for f in os.listdir(QUERIES) if f.endswith(".sql")), key=lambda q: int(q[1:]))
    with tempfile.TemporaryDirectory() as d, duckdb.connect() as db:
        os.symlink(os.path.join(QUERIES, "side.csv"), os.path.join(d, "side.csv"))
        db.execute(f"CREATE TABLE side AS SELECT * FROM read_csv('{d}/side.csv', header=true, columns={{'k': 'BIGINT', 'note': 'VARCHAR'}})")
        for t, columns in TABLES.items():
            weir(o.weir, f"CREATE STREAM {t} WITH (connector = 'datagen', kind = '{t}', events = {o.events}); CREATE "
                 f"STREAM f WITH (connector = 'file', path = '{t}.json', format = 'json') AS SELECT * FROM {t};", d, 1)
            types = ", ".join("'{}': '{}'".format(*c.split(" ", 1)) for c in columns.split(", "))
            db.execute(f"CREATE TABLE {t} AS SELECT * FROM read_json('{d}/{t}.json', columns={{{types}}})")
        for name in o.queries or there:
            try:
                bad = check(o, d, db, name) if name in DUCK else "there is no DuckDB form of it"
            except RuntimeError as e:
                bad = str(e)
            failed += bool(bad)
            if bad:
                print(f"FAIL {name}: {bad}")
    n = len(o.queries or there)
    print(f"nexmark: {n - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
