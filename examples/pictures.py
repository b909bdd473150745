#!/usr/bin/env python3
"""Draws the pictures of examples/kda and examples/telemetry from what the examples really print.

Usage: pictures.py WEIR     writes the .svg beside each example; the same output gives the same picture
"""
import json
import os
import subprocess
import sys
from datetime import datetime

HERE = os.path.dirname(os.path.abspath(__file__))
W, H, LEFT, RIGHT, TOP, BOTTOM = 780, 300, 60, 140, 34, 36
COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f"]


def run(weir, folder, *args):
    p = subprocess.run([weir, "run", "--quiet", "--format", "json", "--workers", "1", *args], cwd=os.path.join(HERE, folder),
                       capture_output=True, text=True, check=True, timeout=300)
    return [json.loads(line) for line in p.stdout.split("\n") if line]


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def lines(path):
    with open(os.path.join(HERE, path), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


class Plot:
    """Time from left to right, a value from bottom to top; y labels are numbers or names of rows."""

    def __init__(self, title, x, y, rows=None):
        self.x, self.y, self.rows, self.keys = x, y, rows, []
        self.out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{W}" height="{H}" font-family="sans-serif" font-size="11">',
                    f'<rect width="{W}" height="{H}" fill="white"/>', f'<text x="{LEFT}" y="20" font-size="14">{title}</text>']
        for i in range(len(rows) if rows else 5):
            v = i if rows else y[0] + (y[1] - y[0]) * i / 4
            name = rows[i] if rows else f"{v:g}" if abs(v) >= 100 or v == int(v) else f"{v:.1f}"
            self.out.append(f'<line x1="{LEFT}" x2="{W - RIGHT}" y1="{self.py(v)}" y2="{self.py(v)}" stroke="#ddd"/>')
            self.out.append(f'<text x="{LEFT - 6}" y="{self.py(v) + 4}" text-anchor="end">{name}</text>')
        t = x[0] - x[0] % 60
        step = 60 if x[1] - x[0] < 700 else 300
        while t <= x[1]:
            if t >= x[0]:
                at = datetime.utcfromtimestamp(t).strftime("%H:%M")
                self.out.append(f'<line x1="{self.px(t)}" x2="{self.px(t)}" y1="{TOP}" y2="{H - BOTTOM}" stroke="#eee"/>')
                self.out.append(f'<text x="{self.px(t)}" y="{H - BOTTOM + 16}" text-anchor="middle">{at}</text>')
            t += step

    def px(self, t):
        return round(LEFT + (t - self.x[0]) / (self.x[1] - self.x[0]) * (W - LEFT - RIGHT), 1)

    def py(self, v):
        return round(H - BOTTOM - (v - self.y[0]) / ((self.y[1] - self.y[0]) or 1) * (H - TOP - BOTTOM), 1)

    def line(self, points, colour, name=None, width=1.5, steps=False):
        path, before = [], None
        for t, v in points:
            if steps and before is not None:
                path.append(f"{self.px(t)},{before}")
            before = self.py(v)
            path.append(f"{self.px(t)},{before}")
        self.out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="{width}" points="{" ".join(path)}"/>')
        self.key(name, colour)

    def dots(self, points, colour, name=None, r=2.5):
        for t, v in points:
            self.out.append(f'<circle cx="{self.px(t)}" cy="{self.py(v)}" r="{r}" fill="{colour}" fill-opacity="0.8"/>')
        self.key(name, colour)

    def bar(self, t0, t1, v, colour, name=None, height=8):
        self.out.append(f'<rect x="{self.px(t0)}" y="{self.py(v) - height / 2}" width="{max(round(self.px(t1) - self.px(t0), 1), 2)}" '
                        f'height="{height}" fill="{colour}" fill-opacity="0.7"/>')
        self.key(name, colour)

    def key(self, name, colour):
        if not name or name in self.keys:
            return
        y = TOP + 8 + 16 * len(self.keys)
        self.keys.append(name)
        self.out.append(f'<rect x="{W - RIGHT + 10}" y="{y - 8}" width="9" height="9" fill="{colour}"/>'
                        f'<text x="{W - RIGHT + 24}" y="{y}">{name}</text>')

    def write(self, path):
        with open(os.path.join(HERE, path), "w", encoding="utf-8") as f:
            f.write("\n".join(self.out) + "\n</svg>\n")


def span(values):
    lo, hi = min(values), max(values)
    room = (hi - lo) * 0.05 or 1
    return lo - room, hi + room


def ticker(weir):
    trades = [r for r in lines("kda/ticker.jsonl") if r["TICKER_SYMBOL"] == "WAS"]
    rows = [r for r in run(weir, "kda", "ticker.sql") if r["TICKER_SYMBOL"] == "WAS"]
    points = [(seconds(r["ARRIVAL"] + "Z"), r["PRICE"]) for r in trades]
    ends = sorted((seconds(r["ROWTIME"]), r) for r in rows)
    p = Plot("ticker.sql: WAS by the minute", (points[0][0] - 20, ends[-1][0] + 10), span([v for _, v in points]))
    for end, r in ends:
        p.out.append(f'<rect x="{p.px(end - 60)}" y="{p.py(r["MAX_PRICE"])}" width="{round(p.px(end) - p.px(end - 60), 1)}" '
                     f'height="{round(p.py(r["MIN_PRICE"]) - p.py(r["MAX_PRICE"]), 1)}" fill="#1f77b4" fill-opacity="0.15"/>')
        p.line([(end - 60, r["AVG_PRICE"]), (end, r["AVG_PRICE"])], COLOURS[0], "mean of the minute", 2)
    p.key("least to greatest", "#cfe0f0")
    p.dots(points, COLOURS[7], "trades")
    p.dots([(end, r["OF_TEN"]) for end, r in ends], COLOURS[1], "mean of ten", 4)
    p.write("kda/ticker.svg")


def alerts(weir):
    rows = run(weir, "kda", "alerts.sql")
    trades = [r for r in lines("kda/ticker.jsonl")]
    change = [(seconds(r["ARRIVAL"] + "Z"), 100 * r["CHANGE"] / (r["PRICE"] - r["CHANGE"])) for r in trades]
    p = Plot("alerts.sql: change of price in percent", (change[0][0] - 5, change[-1][0] + 5), span([v for _, v in change]))
    p.dots(change, "#bbb", "trades", 1.8)
    for kind, colour, r in (("simple", COLOURS[0], 3.5), ("throttled", COLOURS[1], 6)):
        p.dots([(seconds(x["ROWTIME"]), x["CHANGE_PERCENT"]) for x in rows if x["KIND"] == kind], colour, kind, r)
    p.write("kda/alerts.svg")


def bars(title, names, groups, path):
    """Groups of bars: {group: {name: value}}."""
    most = max(v for g in groups.values() for v in g.values())
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{W}" height="{H}" font-family="sans-serif" font-size="11">',
           f'<rect width="{W}" height="{H}" fill="white"/>', f'<text x="{LEFT}" y="20" font-size="14">{title}</text>']
    wide = (W - LEFT - RIGHT) / len(groups)
    for i, (group, values) in enumerate(groups.items()):
        for k, name in enumerate(names):
            v, one = values.get(name, 0), wide * 0.8 / len(names)
            h = v / most * (H - TOP - BOTTOM - 14)
            x, y = LEFT + i * wide + wide * 0.1 + k * one, H - BOTTOM - h
            out.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{one - 1:.1f}" height="{h:.1f}" fill="{COLOURS[k]}" fill-opacity="0.8"/>')
            if v:
                out.append(f'<text x="{x + one / 2:.1f}" y="{y - 3:.1f}" text-anchor="middle" font-size="9">{v:,.0f}</text>')
        for k, word in enumerate(group.split(" ", 1)):
            out.append(f'<text x="{LEFT + (i + 0.5) * wide:.1f}" y="{H - BOTTOM + 14 + 11 * k}" text-anchor="middle" font-size="9">{word}</text>')
    for k, name in enumerate(names):
        out.append(f'<rect x="{W - RIGHT + 10}" y="{TOP + 16 * k}" width="9" height="9" fill="{COLOURS[k]}"/>'
                   f'<text x="{W - RIGHT + 24}" y="{TOP + 8 + 16 * k}">{name}</text>')
    with open(os.path.join(HERE, path), "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n</svg>\n")


def reference_join(weir):
    rows = sorted(run(weir, "kda", "reference_join.sql"), key=lambda r: r["TICKER_SYMBOL"])
    bars("reference_join.sql: money per company, by its name where there is one", ["money"],
         {r["COMPANY"] or r["TICKER_SYMBOL"] + " (no name)": {"money": r["MONEY"]} for r in rows}, "kda/reference_join.svg")


def stagger(weir):
    groups = {}
    for r in sorted(run(weir, "kda", "stagger.sql"), key=lambda r: r["ticker_symbol"]):
        groups.setdefault(r["ticker_symbol"], {})[r["kind"]] = r["results"]
    bars("stagger.sql: results for five minutes of each company; fewer are less torn", ["tumbling", "stagger"], groups, "kda/stagger.svg")


def log_parsing(weir):
    groups, pages = {}, []
    for r in sorted(run(weir, "kda", "log_parsing.sql"), key=lambda r: (r["minute_of"], r["page"])):
        groups.setdefault(r["minute_of"][11:16], {})[r["page"]] = r["failed"]
        pages += [r["page"]] if r["page"] not in pages else []
    bars("log_parsing.sql: failures per page and minute", pages, groups, "kda/log_parsing.svg")


def telemetry(weir):
    with open(os.path.join(HERE, "telemetry", "alerts.sql"), encoding="utf-8") as f:
        script = f.read()
    alarms = run(weir, "telemetry", "alerts.sql")
    device = max({a["device_id"] for a in alarms}, key=lambda d: (sum(a["device_id"] == d for a in alarms), d))
    head = script[:script.rindex("SELECT device_id")]
    rows = run(weir, "telemetry", "-e", head + f"SELECT event_time, temperature, vibration, anomaly, score FROM scored WHERE device_id = '{device}';")
    rows.sort(key=lambda r: r["event_time"])
    times = [seconds(r["event_time"]) for r in rows]
    p = Plot(f"alerts.sql: score of {device}, what was planted, and its alarms", (times[0], times[-1]), (0, max(r["score"] for r in rows) * 1.05))
    for a in alarms:
        if a["device_id"] == device:
            p.bar(seconds(a["since"]), seconds(a["till"]), 0.1, COLOURS[1], "alarm", 10)
    p.line(list(zip(times, [r["score"] for r in rows])), COLOURS[0], "score", 1)
    p.dots([(t, r["score"]) for t, r in zip(times, rows) if r["anomaly"]], COLOURS[4], "planted", 4)
    p.line([(times[0], 5), (times[-1], 5)], "#999", "begins above", 1)
    p.line([(times[0], 3), (times[-1], 3)], "#ccc", "over below", 1)
    p.write("telemetry/alerts.svg")


def main():
    weir = os.path.abspath(sys.argv[1])
    chosen = sys.argv[2:]
    for picture in (ticker, alerts, reference_join, stagger, log_parsing, telemetry):
        if not chosen or picture.__name__ in chosen:
            picture(weir)


main()
