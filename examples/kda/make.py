#!/usr/bin/env python3
"""Makes the input of these examples, the same each time: ticker.jsonl, five minutes of trades of eight companies,
and access.log, what a web server wrote in three minutes. Run it in this folder; the files are kept beside it."""
import json
import random
from datetime import datetime, timedelta

START = datetime(2026, 3, 2, 14, 30)
COMPANIES = [("AMZN", "TECHNOLOGY", 92.0), ("INTC", "TECHNOLOGY", 38.0), ("SAC", "ENERGY", 52.0), ("QXZ", "RETAIL", 66.0),
             ("TBV", "HEALTHCARE", 190.0), ("WAS", "RETAIL", 14.0), ("BNM", "TECHNOLOGY", 183.0), ("DFG", "FINANCIAL", 120.0)]


def trades(r):
    """A trade a second or so. It arrives up to four seconds after it happened; INTC's come late more often. WAS
    falls for a minute, which is what the alerts find."""
    price = {t: p for t, _, p in COMPANIES}
    at = 0.0
    while at < 300:
        at += r.uniform(0.4, 1.6)
        falls = 100 < at < 170
        ticker, sector, _ = COMPANIES[5] if falls and r.random() < 0.3 else r.choice(COMPANIES)
        step = r.gauss(0, 0.002)
        if ticker == "WAS" and falls:
            step -= 0.012
        change = round(price[ticker] * step, 2)
        price[ticker] = round(price[ticker] + change, 2)
        late = r.uniform(0, 20 if ticker == "INTC" else 4)
        yield at, {"ARRIVAL": stamp(at), "EVENT_TIME": stamp(at - late), "TICKER_SYMBOL": ticker, "SECTOR": sector,
                   "CHANGE": change, "PRICE": price[ticker]}


def stamp(seconds):
    return (START + timedelta(seconds=seconds)).isoformat(sep=" ", timespec="milliseconds")


def requests(r):
    pages = ["/", "/cart", "/search?q=shoes", "/checkout", "/login"]
    at = 0.0
    while at < 180:
        at += r.uniform(0.2, 1.8)
        page = r.choice(pages)
        status = 500 if page == "/checkout" and 60 < at < 110 else r.choice([200] * 12 + [302, 404])
        when = (START + timedelta(seconds=at)).strftime("%d/%b/%Y:%H:%M:%S +0000")
        yield f'192.0.2.{r.randint(1, 9)} - - [{when}] "GET {page} HTTP/1.1" {status} {r.randint(200, 9000)}'
    yield "the disk is full"


def main():
    r = random.Random(7)
    with open("ticker.jsonl", "w", encoding="utf-8") as f:
        for _, row in trades(r):
            f.write(json.dumps(row) + "\n")
    with open("access.log", "w", encoding="utf-8") as f:
        for line in requests(r):
            f.write(line + "\n")


main()
