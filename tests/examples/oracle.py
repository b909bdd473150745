"""What the examples must give, worked out again in plain Python over the same input.

One function per example: takes the folder with the input and a function that runs SQL and returns its rows;
returns the expected rows. Numbers that are sums of floats or sketches are compared with a tolerance.
"""
import json
import re
from collections import defaultdict
from datetime import datetime, timedelta, timezone

# Relative and absolute; APPROX_PERCENTILE promises 1 %, and all of these are rounded to one digit.
TOLERANCE = {"p95_ms": (0.01, 0.051), "avg_ms": (0, 0.051), "avg_celsius": (0, 0.051),
             "score": (0, 0.051), "alarms": (0, 2.01), "alarms_planted": (0, 2.01)}
GENERATOR = "CREATE STREAM g WITH (connector = 'datagen', {}); SELECT {} FROM g;"


def time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def iso(t):
    return t.strftime("%Y-%m-%dT%H:%M:%S.") + f"{t.microsecond // 1000:03d}Z"


def floor(t, seconds):
    epoch = int(t.timestamp())
    return datetime.fromtimestamp(epoch - epoch % seconds, timezone.utc)


def hops(t, slide, size):
    """All windows of a hop that hold t."""
    end = floor(t, slide) + timedelta(seconds=slide)
    while end - timedelta(seconds=size) <= t:
        yield end - timedelta(seconds=size), end
        end += timedelta(seconds=slide)


def window(start, end):
    return {"window_start": iso(start), "window_end": iso(end)}


def lines(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            try:
                yield json.loads(line)
            except ValueError:
                yield line.rstrip("\n")


def clicks(folder, _):
    groups = defaultdict(list)
    for r in lines(folder + "/clicks.jsonl"):
        groups[floor(time(r["event_time"]), 60), r["page"]].append(r)
    for (start, page), rows in groups.items():
        ms = sorted(r["latency_ms"] for r in rows)
        yield window(start, start + timedelta(minutes=1)) | {
            "page": page, "clicks": len(rows), "errors": sum(r["status"] >= 400 for r in rows),
            "avg_ms": sum(ms) / len(ms), "p95_ms": ms[-(-95 * len(ms) // 100) - 1], "max_ms": ms[-1]}


def minutes(folder, _):
    groups = defaultdict(list)
    for r in lines(folder + "/page_minutes.jsonl"):
        groups[r["window_start"]].append(r)
    for start, rows in sorted(groups.items())[:10]:
        clicks, most = sum(r["clicks"] for r in rows), max(r["clicks"] for r in rows)
        yield {"minute": start[11:16], "clicks": clicks, "errors": sum(r["errors"] for r in rows),
               "avg_ms": sum(r["avg_ms"] * r["clicks"] for r in rows) / clicks, "max_ms": max(r["max_ms"] for r in rows),
               "busiest_page": min(r["page"] for r in rows if r["clicks"] == most), "its_clicks": most}


def log_errors(folder, _):
    groups, bad = defaultdict(list), []
    for r in lines(folder + "/log.jsonl"):
        if isinstance(r, str):
            bad.append(r)
        elif r["level"] == "ERROR":
            hour, end = floor(time(r["ts"]), 3600), floor(time(r["ts"]), 600) + timedelta(minutes=10)
            while end <= hour + timedelta(hours=1):
                groups[hour, end, r["service"]].append(r)
                end += timedelta(minutes=10)
    for (hour, end, service), rows in groups.items():
        yield {"since": f"{hour:%H:%M}", "till": f"{end:%H:%M}", "service": service, "errors": len(rows),
               "last_message": max(rows, key=lambda r: r["ts"])["message"]}
    yield {"source": "log", "unreadable": len(bad), "for_example": min(bad)}


def telemetry(_, sql):
    groups = defaultdict(list)
    for r in sql(GENERATOR.format("kind = 'telemetry', rows = 3600, devices = 20, seed = 7", "*")):
        for start, end in hops(time(r["event_time"]), 10, 60):
            groups[start, end, r["device_id"]].append(r)
    for (_start, end, device), rows in groups.items():
        avg, most = sum(r["temperature"] for r in rows) / len(rows), max(r["vibration"] for r in rows)
        if avg > 59 or most > 5:
            yield {"window_end": iso(end), "device_id": device, "avg_celsius": avg, "max_vibration": most,
                   "alarm": "hot" if avg > 59 else "shaking"}


def failing_users(_, sql):
    users = defaultdict(list)
    rows = sql(GENERATOR.format("kind = 'clicks', rows = 100000, event_rate = 800", "event_time, user_id, page, status"))
    for r in sorted(rows, key=lambda r: r["event_time"]):
        users[r["user_id"]].append(r)
    for user, mine in users.items():
        at = 0
        while at < len(mine):
            end, limit = at, time(mine[at]["event_time"]) + timedelta(minutes=1)
            while end < len(mine) and mine[end]["status"] >= 400 and time(mine[end]["event_time"]) < limit:
                end += 1
            run = mine[at:end]
            if len(run) >= 3:
                yield {"user_id": user, "failures": len(run), "first_page": run[0]["page"], "last_page": run[-1]["page"],
                       "worst": max(r["status"] for r in run), "since": run[0]["event_time"], "till": run[-1]["event_time"]}
            at = end if len(run) >= 3 else at + 1


def bids(sql, options):
    return sql(GENERATOR.format(f"kind = 'bid', {options}, seed = 1", "auction, bidder, price, dateTime, extra"))


def q0(_, sql):
    return bids(sql, "rows = 20")


def q1(_, sql):
    return [r | {"price": r["price"] * 908 / 1000} for r in bids(sql, "rows = 20")]


def q2(_, sql):
    return [{k: r[k] for k in ("auction", "price")} for r in bids(sql, "rows = 9200") if r["auction"] % 123 == 0]


def q5(_, sql):
    counts = defaultdict(lambda: defaultdict(int))
    for r in bids(sql, "rows = 92000, event_rate = 1000"):
        for w in hops(time(r["dateTime"]), 2, 10):
            counts[w][r["auction"]] += 1
    for w, c in counts.items():
        num = max(c.values())
        yield window(*w) | {"auction": min(a for a in c if c[a] == num), "num": num}


def q7(_, sql):
    groups = defaultdict(list)
    for r in bids(sql, "rows = 92000, event_rate = 1000"):
        groups[floor(time(r["dateTime"]), 10)].append(r)
    for start, rows in groups.items():
        price = max(r["price"] for r in rows)
        best = [r for r in rows if r["price"] == price]
        yield window(start, start + timedelta(seconds=10)) | {
            "price": price, "auction": min(r["auction"] for r in best), "bidder": min(r["bidder"] for r in best)}


# ---- examples/kda ----

def trades(folder):
    for r in lines(folder + "/ticker.jsonl"):
        yield r | {"at": time(r["ARRIVAL"] + "Z"), "event": time(r["EVENT_TIME"] + "Z")}


def kda_ticker(folder, _):
    groups, last = defaultdict(list), defaultdict(list)
    for r in trades(folder):
        ten = last[r["TICKER_SYMBOL"]] = (last[r["TICKER_SYMBOL"]] + [r["PRICE"]])[-10:]
        groups[floor(r["at"], 60), r["TICKER_SYMBOL"]].append((r["PRICE"], sum(ten) / len(ten)))
    for (start, ticker), rows in groups.items():
        prices = [p for p, _ in rows]
        yield {"ROWTIME": iso(start + timedelta(minutes=1)), "TICKER_SYMBOL": ticker, "TRADES": len(rows), "MIN_PRICE": min(prices),
               "MAX_PRICE": max(prices), "AVG_PRICE": sum(prices) / len(prices), "OF_TEN": rows[-1][1]}


def kda_alerts(folder, _):
    before = defaultdict(list)
    for r in trades(folder):
        percent = 100 * r["CHANGE"] / (r["PRICE"] - r["CHANGE"])
        if abs(percent) <= 1:
            continue
        row = {"ROWTIME": iso(r["at"]), "TICKER_SYMBOL": r["TICKER_SYMBOL"], "CHANGE_PERCENT": percent, "PRICE": r["PRICE"]}
        yield row | {"KIND": "simple"}
        if not [t for t in before[r["TICKER_SYMBOL"]] if t >= r["at"] - timedelta(minutes=1)]:
            yield row | {"KIND": "throttled"}
        before[r["TICKER_SYMBOL"]].append(r["at"])


def kda_reference_join(folder, _):
    with open(folder + "/companies.csv", encoding="utf-8") as f:
        names = dict(line.strip().split(",") for line in f)
    groups = defaultdict(list)
    for r in trades(folder):
        groups[r["TICKER_SYMBOL"]].append(r["PRICE"])
    for ticker, prices in groups.items():
        yield {"TICKER_SYMBOL": ticker, "COMPANY": names.get(ticker), "TRADES": len(prices), "MONEY": sum(prices)}


def kda_stagger(folder, _):
    tumbling, stagger, counts = defaultdict(int), defaultdict(list), defaultdict(lambda: [0, 0])
    for r in trades(folder):
        key = r["TICKER_SYMBOL"], floor(r["event"], 60)
        tumbling[key, floor(r["at"], 60)] += 1
        opened = stagger[key]
        if not opened or r["at"] >= opened[-1][0] + timedelta(seconds=90):
            opened.append([r["at"], 0])
        opened[-1][1] += 1
    for (key, _minute), n in tumbling.items():
        counts["tumbling", key[0]][0] += 1
        counts["tumbling", key[0]][1] += n
    for key, windows in stagger.items():
        for _start, n in windows:
            counts["stagger", key[0]][0] += 1
            counts["stagger", key[0]][1] += n
    for (kind, ticker), (results, n) in counts.items():
        yield {"kind": kind, "ticker_symbol": ticker, "results": results, "trades": n}


def kda_log_parsing(folder, _):
    groups = defaultdict(list)
    for r in lines(folder + "/access.log"):
        m = re.fullmatch(r'\S+ \S+ \S+ \[([^ ]+) [^]]*\] "\S+ (\S+) [^"]*" (\d+) .*', r)
        if m:
            at = datetime.strptime(m.group(1), "%d/%b/%Y:%H:%M:%S").replace(tzinfo=timezone.utc)
            groups[floor(at, 60), m.group(2)].append(int(m.group(3)) >= 400)
    for (start, page), failed in groups.items():
        if any(failed):
            yield {"minute_of": iso(start), "page": page, "requests": len(failed), "failed": sum(failed)}


# ---- examples/telemetry ----

def z(values, least):
    """How far the last of them is off their mean, in standard deviations, to which `least` is added."""
    mean = sum(values) / len(values)
    return abs(values[-1] - mean) / ((sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5 + least)


def telemetry_alerts(_, sql):
    devices = defaultdict(list)
    rows = sql(GENERATOR.format("kind = 'telemetry', rows = 12000, devices = 20, anomaly_rate = 0.003, seed = 7", "*"))
    for r in sorted(rows, key=lambda r: r["event_time"]):
        devices[r["device_id"]].append(r | {"at": time(r["event_time"])})
    for device, mine in devices.items():
        for i, r in enumerate(mine):
            last = [x for x in mine[:i + 1] if x["at"] >= r["at"] - timedelta(minutes=2)]
            r["score"] = 0 if len(last) < 30 else max(z([x["temperature"] for x in last], 0.01), z([x["vibration"] for x in last], 0.001))
        i = 0
        while i < len(mine):
            end = next((k + 1 for k in range(i + 1, len(mine) - 1) if mine[k]["score"] < 3 and mine[k + 1]["score"] < 3), None)
            if mine[i]["score"] > 5 and end and mine[end]["at"] < mine[i]["at"] + timedelta(minutes=1):
                alarm = mine[i:end + 1]
                yield {"device_id": device, "since": iso(mine[i]["at"]), "till": iso(mine[end]["at"]),
                       "score": max(x["score"] for x in alarm), "planted": any(x["anomaly"] for x in alarm)}
                i = end
            i += 1


def telemetry_forest(_, sql):
    """What is planted behind the first 256 readings of a device; a forest finds that, but for one or two."""
    rows = sql(GENERATOR.format("kind = 'telemetry', rows = 36000, devices = 20, anomaly_rate = 0.003, seed = 11", "*"))
    devices = defaultdict(list)
    for r in sorted(rows, key=lambda r: r["event_time"]):
        devices[r["device_id"]].append(r["anomaly"])
    for device, planted in sorted(devices.items()):
        n = sum(planted[256:])
        yield {"device_id": device, "planted": n, "alarms": n, "alarms_planted": n}


ORACLES = {"kda/ticker.sql": kda_ticker, "kda/alerts.sql": kda_alerts, "kda/reference_join.sql": kda_reference_join,
           "kda/stagger.sql": kda_stagger, "kda/log_parsing.sql": kda_log_parsing, "telemetry/alerts.sql": telemetry_alerts,
           "telemetry/forest.sql": telemetry_forest,
           "clicks.sql": clicks, "minutes.sql": minutes, "log_errors.sql": log_errors, "telemetry.sql": telemetry,
           "failing_users.sql": failing_users,
           "nexmark/q0.sql": q0, "nexmark/q1.sql": q1, "nexmark/q2.sql": q2, "nexmark/q5.sql": q5,
           "nexmark/q7.sql": q7}


def close(name, a, b):
    relative, absolute = TOLERANCE.get(name, (1e-9, 1e-9))
    if name in TOLERANCE or isinstance(a, float) or isinstance(b, float):
        return a is not None and b is not None and abs(a - b) <= relative * abs(a) + absolute
    return a == b


def exact(row):
    return json.dumps({k: v for k, v in row.items() if k not in TOLERANCE and not isinstance(v, float)}, sort_keys=True)


def differences(want, got):
    """What differs between two lists of rows, in any order; at most five lines."""
    want, got = sorted(want, key=exact), sorted(got, key=exact)
    out = [] if len(want) == len(got) else [f"{len(want)} rows expected, {len(got)} found"]
    for a, b in zip(want, got):
        if a.keys() != b.keys() or not all(close(k, a[k], b[k]) for k in a):
            out.append(f"expected {json.dumps(a)}\n  found    {json.dumps(b)}")
    return out[:5]
