#!/usr/bin/env python3
"""Updating results: random changelogs of weir, applied in order, against DuckDB and a model.

Usage: changes.py WEIR [--queries N] [--seed S]

A changelog is right when each change fits what stands (an update-before or delete takes a row that is there, an
insert of a keyed result brings a key that is not), when what stands at the end is what DuckDB says of the same
rows, and, with one worker and one row a batch, when what stands after each row is the result of the rows so far.
Which rows a window takes is worked out here by position. A failure prints what is needed to repeat it.
"""
import json
import os
import random
import re
import subprocess
from collections import Counter
from datetime import datetime, timedelta, timezone

import common

END = 1 << 62
T0 = int(datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp() * 1000)
EPOCH = datetime(1970, 1, 1)
WORDS = ["", "a", "b", "ab", "äöü", "exactly12byt", "thirteen byte", "a much longer string that does not fit inline"]
# weir and DuckDB; the second half can give up rows
AGGS = [("COUNT(*)", "COUNT(*)"), ("COUNT(b)", "COUNT(b)"), ("SUM(b)", "SUM(b)::BIGINT"),
        ("ROUND(AVG(b), 6)", "ROUND(AVG(b), 6)"), ("SUM(d)", "SUM(d)"),
        ("SUM(b) FILTER (WHERE g > 0)", "(SUM(b) FILTER (WHERE g > 0))::BIGINT"),
        ("COUNT(*) FILTER (WHERE b > 0)", "COUNT(*) FILTER (WHERE b > 0)"),
        ("MIN(b)", "MIN(b)"), ("MAX(s)", "MAX(s)"), ("COUNT(DISTINCT b)", "COUNT(DISTINCT b)"),
        ("MIN(d)", "MIN(d)"), ("MAX(b) - MIN(b)", "MAX(b) - MIN(b)")]
BACK = 7  # of those


class Wrong(Exception):
    pass


def iso(ms):
    return (EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def make_rows(r, most):
    n, t, rows = r.choice([0, 1, 5, 40, most]), T0 + r.randrange(100000), []
    step, jitter = r.choice([5, 300, 5000]), r.choice([0, 400, 20000])
    words = r.sample(WORDS, r.randrange(1, 6))
    for _ in range(n):
        t += int(r.expovariate(1 / step))
        row = {"ts": max(0, t - (r.randrange(jitter + 1) if r.random() < 0.4 else 0)), "k": r.choice(words),
               "g": r.randrange(-2, 3), "b": r.randrange(-100, 100), "s": r.choice(WORDS),
               "d": r.randrange(-10**5, 10**5) / 100}
        for c in row:
            if c != "ts" and r.random() < 0.1:
                row[c] = None
        rows.append(row)
    return common.on_borders(r, rows)


def canon(v):
    if v is None or isinstance(v, (bool, str)):
        return v
    return round(float(v), 6)


def duck(rows, sql):
    return Counter(duck_list(rows, sql))


def duck_list(rows, sql):
    names = ["n", "ts", "k", "g", "b", "s", "d", "ws", "we"]
    types = ["INTEGER", "TIMESTAMP", "VARCHAR", "INTEGER", "INTEGER", "VARCHAR", "DECIMAL(10,2)", "VARCHAR", "VARCHAR"]
    db = common.table("t", list(zip(names, types)),
                      [[i, EPOCH + timedelta(milliseconds=x["ts"])] + [x.get(n) for n in names[2:]] for i, x in enumerate(rows)])
    return [tuple(canon(v) for v in row) for row in db.execute(sql).fetchall()]


# ---- changelogs ----

def apply_op(lines, n_key):
    """Yields what stands after each change: a Counter of rows. n_key: the first columns tell rows apart."""
    stands, keys, before = Counter(), {}, None
    for line in lines:
        row = json.loads(line)
        op = row.pop("op")
        values = tuple(canon(v) for v in row.values())
        if op in ("-U", "-D"):
            if stands[values] <= 0:
                raise Wrong(f"{op} of a row that does not stand: {line}")
            stands[values] -= 1
            if not stands[values]:
                del stands[values]
            if n_key is not None:
                del keys[values[:n_key]]
        else:
            if n_key is not None and values[:n_key] in keys:
                raise Wrong(f"{op} of a key that stands: {line}")
            keys[values[:n_key]] = values
            stands[values] += 1
        yield op, stands
    del before


def apply_upsert(lines, n_key):
    keys = {}
    for line in lines:
        row = json.loads(line)
        op = row.pop("op")
        values = tuple(canon(v) for v in row.values())
        if op not in ("+I", "+U", "-D"):
            raise Wrong(f"no upsert: {line}")
        if (op == "+I") == (values[:n_key] in keys):
            raise Wrong(f"{op}, but what stands is {keys.get(values[:n_key])}: {line}")
        if op == "-D":
            if keys.pop(values[:n_key]) != values:
                raise Wrong(f"-D of a row that does not stand: {line}")
        else:
            keys[values[:n_key]] = values
    return Counter(keys.values())


def apply_debezium(lines):
    stands = Counter()
    for line in lines:
        e = json.loads(line)
        b, a = (tuple(canon(v) for v in x.values()) if x else None for x in (e["before"], e["after"]))
        if e["op"] != ("u" if b and a else "c" if a else "d"):
            raise Wrong(f"op does not fit: {line}")
        if b:
            if stands[b] <= 0:
                raise Wrong(f"before does not stand: {line}")
            stands[b] -= 1
        if a:
            stands[a] += 1
    return +stands


def final_table(lines, form, n_key):
    if form == "upsert":
        return apply_upsert(lines, n_key)
    if form == "debezium":
        return apply_debezium(lines)
    last = Counter()
    for _, last in apply_op(lines, n_key):
        pass
    return last


# ---- queries ----

def pick_aggs(r, only_back):
    picked = r.sample(AGGS[:BACK] if only_back else AGGS, r.randrange(1, 4))
    return [f"{w} AS c{i}" for i, (w, _) in enumerate(picked)], [f"{d} AS c{i}" for i, (_, d) in enumerate(picked)]


def grouped(r, only_back):
    keys = r.choice([[], ["k"], ["g"], ["k", "g"], ["k"]])
    w, d = pick_aggs(r, only_back)
    where = r.choice(["", "", " WHERE b > 0", " WHERE k <> 'a'"])
    having = r.choice(["", "", " HAVING COUNT(*) > 2", " HAVING SUM(b) < 100"]) if keys else ""
    by = f" GROUP BY {', '.join(keys)}" if keys else ""
    tail = f" FROM t{where}{by}{having}"
    return f"SELECT {', '.join(keys + w)}{tail}", f"SELECT {', '.join(keys + d)}{tail}", keys


def histogram(r):
    w, d, keys = grouped(r, True)
    outer = r.choice(["COUNT(*) AS n", "COUNT(*) AS n, SUM(c0) AS z", "MIN(c0) AS n, MAX(c0) AS z",
                      "COUNT(DISTINCT c0) AS n, MAX(c0) FILTER (WHERE c0 < 5) AS z"])
    douter = outer.replace("SUM(c0)", "SUM(c0)::DECIMAL(38,6)")
    if "AVG" in w:
        outer = douter = r.choice(["COUNT(*) AS n", "MAX(c0) AS n"])
    by = r.choice(["", keys[0] if keys else "", "c0"])
    head, tail = (f"{by}, ", f" GROUP BY {by}") if by else ("", "")
    if by == "c0" and "AVG" in w:
        head, tail, by = "", "", ""
    where = r.choice(["", " WHERE c0 > 1"])
    emit = r.choice([" EMIT CHANGES", " EMIT CHANGES", ""])  # the inner one's results may be final
    return (f"SELECT {head}{outer} FROM ({w}{emit}){where}{tail}",
            f"SELECT {head}{douter} FROM ({d}){where}{tail}", [by] if by else [])


def union(r):
    a, b = grouped(r, False), grouped(r, False)
    aw, bw = (f"SELECT c0 FROM ({x[0]} EMIT CHANGES)" for x in (a, b))
    ad, bd = (f"SELECT c0 FROM ({x[1]})" for x in (a, b))
    if ("MAX(s)" in a[0]) or ("MAX(s)" in b[0]):
        return aw, ad, None
    if r.random() < 0.5:
        return aw, ad, None
    return (f"SELECT CAST(c0 AS DOUBLE) AS c FROM ({a[0]} EMIT CHANGES) UNION ALL "
            f"SELECT CAST(c0 AS DOUBLE) AS c FROM ({b[0]} EMIT CHANGES)",
            f"{ad.replace('c0', 'c0::DOUBLE', 1)} UNION ALL {bd.replace('c0', 'c0::DOUBLE', 1)}", None)


class Window:
    """A window function with its SQL, and which windows a row at t has, as (start, end)."""

    def __init__(self, r):
        self.kind = r.choice(["TUMBLE", "HOP", "CUMULATE"])
        self.slide = r.choice([1000, 5000])
        self.size = self.slide * (1 if self.kind == "TUMBLE" else r.randrange(1, 5))
        a, b = (f"INTERVAL '{x // 1000}' SECOND" for x in (self.slide, self.size))
        args = a if self.kind == "TUMBLE" else f"{a}, {b}"
        self.table = f"TABLE({self.kind}(TABLE t, DESCRIPTOR(ts), {args}))"
        self.attached = r.random() < 0.2  # the rows carry their windows: late ones are counted per window
        if self.attached:
            self.table = f"(SELECT * FROM {self.table} WHERE window_end > window_start)"

    def of(self, t):
        if self.kind == "CUMULATE":
            s = t // self.size * self.size
            return [(s, e) for e in range(s + self.slide, s + self.size + 1, self.slide) if e > t]
        last = t // self.slide * self.slide
        return [(s, s + self.size) for s in range(last - self.size + self.slide, last + 1, self.slide)]

    def expand(self, rows, delay, lateness):
        """Each row once per window that still takes it; how many rows none takes."""
        wm, out, late = None, [], 0
        for x in rows:
            mine = [(s, e) for s, e in self.of(x["ts"]) if wm is None or e - 1 > wm - lateness]
            late += not mine
            out += [dict(x, ws=iso(s), we=iso(e)) for s, e in mine]
            wm = max(x["ts"] - delay, wm if wm is not None else x["ts"] - delay)
        return out, late


def windowed(r):
    win = Window(r)
    keys = r.choice([[], ["k"], ["g", "k"]])
    w, d = pick_aggs(r, False)
    lateness = r.choice([0, 0, 700, 3000, 60000])
    emit = r.choice(["", f" EMIT EARLY EVERY INTERVAL '{r.choice([1, 3])}' SECOND", " EMIT CHANGES", " EMIT ON WINDOW CLOSE"])
    if lateness:
        emit += f" ALLOWED LATENESS INTERVAL '{lateness / 1000}' SECOND"
    having = r.choice(["", "", " HAVING COUNT(*) > 2"])
    keys_w, keys_d = ["window_start", "window_end", *keys], ["ws", "we", *keys]
    return (f"SELECT {', '.join(keys_w + w)} FROM {win.table} GROUP BY {', '.join(keys_w)}{having}{emit}",
            f"SELECT {', '.join(keys_d + d)} FROM t GROUP BY {', '.join(keys_d)}{having}", keys_d, win, lateness)


class Sessions:
    """Sessions with EMIT, one row after the other, as docs/SQL.md and runtime/ops/session_changes.h define them."""
    AGGS = {"COUNT(*)": len, "COUNT(b)": lambda x: len(of(x, "b")), "SUM(b)": lambda x: sum(of(x, "b")) if of(x, "b") else None,
            "MIN(b)": lambda x: min(of(x, "b"), default=None), "MAX(g)": lambda x: max(of(x, "g"), default=None),
            "COUNT(DISTINCT g)": lambda x: len(set(of(x, "g")))}

    def __init__(self, r):
        self.gap = r.choice([300, 1000, 5000, 60000])
        self.by = r.choice([[], ["k"], ["k"], ["g", "k"]])
        self.aggs = r.sample(list(self.AGGS), r.randrange(1, 4))
        self.lateness = r.choice([0, 700, 3000, 3000, 60000])
        self.every = r.choice([1000, 10000])
        self.emit = r.choice(["EARLY", "CHANGES", "CLOSE"] if self.lateness else ["EARLY", "CHANGES"])
        self.having = r.random() < 0.3
        sec = lambda ms: f"INTERVAL '{ms / 1000}' SECOND"
        tail = (f"{' HAVING COUNT(*) > 2' if self.having else ''}"
                f"{ {'EARLY': ' EMIT EARLY EVERY ' + sec(self.every), 'CHANGES': ' EMIT CHANGES', 'CLOSE': ''}[self.emit]}"
                f"{' ALLOWED LATENESS ' + sec(self.lateness) if self.lateness else ''}")
        items = [f"{a} AS c{i}" for i, a in enumerate(self.aggs)]
        if r.random() < 0.3:
            g = f"ts, {sec(self.gap)}"
            head = [f"SESSION_START({g}) AS window_start", f"SESSION_END({g}) AS window_end"]
            self.sql = f"SELECT {', '.join(head + self.by + items)} FROM t GROUP BY {', '.join([f'SESSION({g})'] + self.by)}{tail}"
        else:
            part = f" PARTITION BY {', '.join(self.by)}" if self.by else ""
            head = ["window_start", "window_end"] + self.by
            self.sql = (f"SELECT {', '.join(head + items)} FROM TABLE(SESSION(TABLE t{part}, DESCRIPTOR(ts), {sec(self.gap)})) "
                        f"GROUP BY {', '.join(head)}{tail}")

    def table_row(self, key, s):
        row = (iso(s["lo"]), iso(s["hi"] + self.gap), *key, *(canon(self.AGGS[a](s["rows"])) for a in self.aggs))
        return None if self.having and len(s["rows"]) <= 2 else row

    def ended(self, s, wm):
        return wm is not None and s["hi"] + self.gap <= wm

    def say(self, key):
        """What stands for the key is what should."""
        self.told[key] = [self.table_row(key, s) for s in self.live.get(key, [])
                          if self.emit != "CLOSE" or self.ended(s, self.wm)]

    def say_if(self, key):
        live = self.live.get(key, [])
        if self.emit != "EARLY" or not live or any(self.ended(s, self.wm) for s in live):
            self.say(key)

    def advance(self, wm):
        tick = self.emit == "EARLY" and wm != END and (self.wm is None or wm // self.every > self.wm // self.every)
        was, self.wm = self.wm, wm
        for key, live in self.live.items():
            if tick or any(not self.ended(s, was) and self.ended(s, wm) for s in live):
                self.say(key)
        for key, live in self.live.items():
            over = [s for s in live if self.ended(s, wm if wm == END else wm - self.lateness)]
            self.final += [self.table_row(key, s) for s in over]
            live[:] = [s for s in live if s not in over]
            self.told[key] = [x for x in self.told.get(key, []) if x not in [self.table_row(key, s) for s in over]]

    def join(self, x):
        key, t = tuple(x[c] for c in self.by), x["ts"]
        live = self.live.setdefault(key, [])
        hit = [s for s in live if s["lo"] - self.gap <= t <= s["hi"] + self.gap]
        if not hit and self.wm is not None and t + self.gap <= self.wm - self.lateness:
            self.late += 1
            return key
        live[:] = [s for s in live if s not in hit]
        live.append({"lo": min([t] + [s["lo"] for s in hit]), "hi": max([t] + [s["hi"] for s in hit]),
                     "rows": [x] + [y for s in hit for y in s["rows"]]})
        return key

    def run(self, rows, delay):
        """The table after each row and its watermark, and at the end."""
        self.live, self.told, self.final, self.wm, self.late = {}, {}, [], None, 0
        waiting, tables, largest = [], [], None
        for i, x in enumerate([*rows, None]):
            if x and (largest is None or x["ts"] > largest - self.lateness):
                self.say_if(self.join(x))
            elif x:
                waiting.append((largest, x))
            largest = END if x is None else max(x["ts"] - delay, largest if largest is not None else x["ts"] - delay)
            due = [w for w in waiting if w[0] < largest]
            waiting = [w for w in waiting if w[0] >= largest]
            for at in sorted({w for w, _ in due}):
                if at != self.wm:
                    self.advance(at)
                keys = [self.join(y) for w, y in due if w == at]
                for key in keys:
                    self.say_if(key)
            if largest != self.wm:
                self.advance(largest)
            tables.append(Counter(x for x in [*self.final, *(y for t in self.told.values() for y in t)] if x))
        return tables


def of(rows, column):
    return [x[column] for x in rows if x[column] is not None]


COLUMN_TYPES = {"k": "VARCHAR", "g": "INTEGER", "window_start": "TIMESTAMP(3)", "window_end": "TIMESTAMP(3)"}


class Case:
    def __init__(self, seed):
        r = self.r = random.Random(seed)
        self.delay = r.choice([0, 100, 2000])
        self.win, self.lateness = None, 0
        kind = r.choice(["grouped", "histogram", "union", "windowed", "windowed", "session", "session"])
        self.rows = make_rows(r, 400)
        self.session = Sessions(r) if kind == "session" else None
        if kind == "session":
            self.weir, self.duck, self.keys = self.session.sql, "(worked out here)", ["window_start", "window_end", *self.session.by]
        elif kind == "windowed":
            self.weir, self.duck, self.keys, self.win, self.lateness = windowed(r)
        else:
            self.weir, self.duck, self.keys = {"grouped": lambda r: grouped(r, False), "histogram": histogram,
                                               "union": union}[kind](r)
            if kind != "union":
                self.weir += " EMIT CHANGES"
        self.form, self.keyed = "op", r.random() < 0.5
        if kind in ("grouped", "session") and self.keys and r.random() < 0.5:
            self.form = r.choice(["upsert", "debezium", "op in a stream"])
        self.workers, self.batch = common.workers(r, [1, 1, 2, 3, 8]), r.choice([1, 7, 4096])
        self.chunk = r.choice([1, 100, 512 * 1024])
        self.steps = (kind == "grouped" or "EMIT CHANGES)" in self.weir) and kind != "union" and self.form == "op" and r.random() < 0.5
        if self.steps:
            self.workers, self.batch, self.rows = 1, 1, self.rows[:60]
        self.session_steps = self.session and self.form == "op" and r.random() < 0.5
        if self.session_steps:
            self.workers, self.batch, self.chunk = 1, 1, 1

    def script(self):
        head = ("CREATE STREAM t (ts TIMESTAMP(3), k VARCHAR, g INTEGER, b INTEGER, s VARCHAR, d DECIMAL(10,2), "
                f"WATERMARK FOR ts AS ts - INTERVAL '{self.delay / 1000}' SECOND) WITH (connector = 'file', "
                f"path = 'in.jsonl', format = 'json', chunk_bytes = '{self.chunk}');\n")
        if self.form == "op":
            return head + self.weir + ";\n"
        return head + self.stream("o", "connector = 'stdout'") + f"INSERT INTO o {self.weir};\n"

    def stream(self, name, connector):
        n = len(set(re.findall(r" AS (c\d)", self.weir)))
        columns = [f"{k} {COLUMN_TYPES[k]}" for k in self.keys] + [f"c{i} {self.type_of(i)}" for i in range(n)]
        key = f", PRIMARY KEY ({', '.join(self.keys)}) NOT ENFORCED" if self.form == "upsert" or self.keyed else ""
        return (f"CREATE STREAM {name} ({', '.join(columns)}{key}) WITH ({connector}, format = 'json', "
                f"changelog = '{self.form.split()[0]}');\n")

    def type_of(self, i):
        item = self.weir.split(f" AS c{i}")[0].split(" AS c")[-1]
        return ("VARCHAR" if "MAX(s)" in item else "DOUBLE" if "AVG" in item
                else "DECIMAL(18,2)" if "(d)" in item else "BIGINT")

    def check_read_back(self, weir, lines, want):
        """What was written, read as a stream, makes the same table; so does what is aggregated from it."""
        r = self.r
        read = self.stream("i", f"connector = 'file', path = 'in.jsonl', chunk_bytes = '{r.choice([1, 300, 512 * 1024])}'")
        script = read + r.choice(["SELECT * FROM i;", "SELECT c0, COUNT(*) AS n FROM i GROUP BY c0 EMIT CHANGES;"])
        if "GROUP" in script:
            table = Counter()
            for row, times in want.items():
                table[row[len(self.keys)]] += times
            want = Counter({(c, float(n)): 1 for c, n in table.items()})
        with common.folder() as d:
            with open(os.path.join(d, "in.jsonl"), "w", encoding="utf-8") as f:
                f.writelines(x + "\n" for x in lines)
            p = subprocess.run([weir, "run", "--format", "json", f"--workers={common.workers(r, [1, 2, 8])}",
                                f"--batch-rows={r.choice([1, 7, 4096])}", "-e", script], cwd=d, capture_output=True, timeout=60)
        out, err = p.stdout.decode("utf-8"), p.stderr.decode("utf-8", "replace")
        if p.returncode != 0 or "Sanitizer" in err or "runtime error:" in err or ", 0 bad" not in err:
            raise Wrong(f"read back: exit status {p.returncode}\n{script}\n{err}")
        got = final_table([x for x in out.split("\n") if x], "op", None)
        if got != want:
            raise Wrong(f"read back: {script}\n  missing {list((want - got).items())[:5]}\n  surplus {list((got - want).items())[:5]}")

    def run(self, weir):
        with common.folder() as d:
            with open(os.path.join(d, "in.jsonl"), "wb") as f:
                for row in self.rows:  # chunks of a byte take a line each, when all lines are of one length
                    f.write(json.dumps(dict(row, ts=iso(row["ts"])), ensure_ascii=False).encode().ljust(255) + b"\n")
            with open(os.path.join(d, "q.sql"), "w", encoding="utf-8") as f:
                f.write(self.script())
            p = subprocess.run([weir, "run", "--format", "json", f"--workers={self.workers}",
                                f"--batch-rows={self.batch}", "q.sql"], cwd=d, capture_output=True, timeout=common.TIMEOUT)
        out, err = p.stdout.decode("utf-8"), p.stderr.decode("utf-8", "replace")
        if p.returncode != 0 or "Sanitizer" in err or "runtime error:" in err:
            raise Wrong(f"exit status {p.returncode}\n{err}")
        return [x for x in out.split("\n") if x], err

    def check(self, weir):
        lines, err = self.run(weir)
        rows, late = self.rows, 0
        if self.win:
            rows, late = self.win.expand(rows, self.delay, self.lateness)
        tables = self.session.run(rows, self.delay) if self.session else []
        late = self.session.late if self.session else late
        want = tables[-1] if tables else duck(rows, self.duck)
        if lines and self.form.startswith("op") and '"op":' not in lines[0]:  # append-only
            got = Counter(tuple(canon(v) for v in json.loads(x).values()) for x in lines)
        else:
            got = final_table(lines, self.form, None if self.keys is None else len(self.keys))
        if got != want:
            raise Wrong(f"the table at the end:\n  missing {list((want - got).items())[:5]}\n"
                        f"  surplus {list((got - want).items())[:5]}")
        if late and not (self.win and self.win.attached) and f"{late:,} late" not in err:
            raise Wrong(f"expected {late} late rows:\n{err}")
        if self.form != "op":
            self.check_read_back(weir, lines, want)
        if self.steps:
            self.check_steps(lines)
        if self.session_steps:
            self.check_tables(lines, tables)

    def check_tables(self, lines, tables):
        """The changes lead from each table to the next."""
        want = [t for i, t in enumerate(tables) if t != (tables[i - 1] if i else Counter())]
        at, near = 0, None
        for i, (_, stands) in enumerate(apply_op(lines, len(self.keys))):
            if at == len(want):
                break
            missing, surplus = want[at] - stands, stands - want[at]
            if near is None or len(missing) + len(surplus) < len(near[1]) + len(near[2]):
                near = (i, missing, surplus)
            if not missing and not surplus:
                at, near = at + 1, None
        if at < len(want):
            raise Wrong(f"table {at + 1} of {len(want)} never stands; line {near[0] + 1} comes near:\n"
                        f"  missing {dict(near[1])}\n  surplus {dict(near[2])}" if near else f"table {at + 1} never stands")

    def check_steps(self, lines):
        """What stands after each row is the result of the rows so far, between them nothing else but the moment
        between the two halves of an update."""
        want = []
        for i in range(1, len(self.rows) + 1):
            table = duck(self.rows[:i], self.duck)
            if table and (not want or want[-1] != table):
                want.append(table)
        # An aggregate without keys, also an inner one, says nothing before a row comes.
        at = None if not self.keys or "(SELECT" in self.duck else 0
        for op, stands in apply_op(lines, len(self.keys)):
            whole = op != "-U"
            if at is None:
                at = want.index(stands) if stands in want else None
            if at is None:
                continue
            if whole and at < len(want) and stands == want[at]:
                at += 1
        if at is not None and at < len(want):
            raise Wrong(f"after row {at + 1} or so there should stand {dict(want[at])}")


def main(cases=Case, name="changes"):
    def run_case(weir, seed):
        case = cases(seed)
        try:
            case.check(weir)
        except Wrong as e:
            return f"workers {case.workers}, batch {case.batch}\n{case.script()}\nDuckDB: {case.duck}\n{e}"
        return None

    common.main(name, run_case)


if __name__ == "__main__":
    main()
