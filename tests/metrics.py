#!/usr/bin/env python3
"""The exposition of metrics as Prometheus reads it, held together with the JSON and with what the job did.

Usage: metrics.py WEIR        (needs prometheus_client: make venv)
"""
import json
import math
import os
import subprocess
import sys
import tempfile

from prometheus_client.parser import text_string_to_metric_families

WEIR = os.path.abspath(sys.argv[1])
# A name that has to be escaped, rows that are bad, late and filtered, state at the end of some operators.
COLS = "(ts TIMESTAMP(3), k VARCHAR, v BIGINT, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)"
SQL = r"""
CREATE STREAM t {cols} WITH (connector = 'file', path = '{dir}/in*.jsonl', format = 'json');
CREATE STREAM o WITH (connector = 'file', path = '{dir}/o.jsonl', format = 'json') AS
  SELECT window_start, k, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))
  WHERE v > 0 GROUP BY window_start, window_end, k;
SELECT k, SUM(v) OVER (PARTITION BY k ORDER BY ts) AS s FROM t;
"""
NAME = 'in "a\\b.jsonl'


def make_input(d):
    good = bad = 0
    for name, shift in ((NAME, 0), ("in2.jsonl", 3)):
        with open(os.path.join(d, name), "w", encoding="utf-8") as f:
            for i in range(600):
                second = (i * 7 + shift) % 60 if i % 50 == 49 else i // 10
                f.write(json.dumps({"ts": f"2026-01-01T00:00:{second:02}Z", "k": f"k{i % 9}", "v": i % 3}) + "\n")
                good += 1
            f.write('{"ts": "yesterday"}\nnonsense\n')
            bad += 2
    return good, bad


def run(d, workers, form, state):
    sql = SQL.format(dir=d, cols=COLS)
    args = ["run", "-q", "-w", str(workers), "--stats", form, "-e", sql]
    if state:
        args += ["--state", os.path.join(d, "state-" + form), "--snapshot-interval", "1ms"]
    p = subprocess.run([WEIR, *args], capture_output=True, text=True, timeout=120, check=False)
    assert p.returncode == 0, (p.returncode, p.stderr[:4000])
    return p.stderr, p.stdout.count("\n")


def families(text):
    """By name; the parser has checked the syntax and the escapes."""
    found = {}
    for f in text_string_to_metric_families(text):
        assert f.name not in found, ("twice", f.name)
        found[f.name] = f
        assert f.documentation.endswith("."), f.name
        assert f.type in ("counter", "gauge", "summary"), (f.name, f.type)
        seen = set()
        for s in f.samples:
            key = (s.name, tuple(sorted(s.labels.items())))
            assert key not in seen, ("twice", key)
            seen.add(key)
            assert s.labels["job"] == "run" and math.isfinite(s.value), s
    for kind in "HELP", "TYPE":
        lines = [line.split()[2] for line in text.split("\n") if line.startswith(f"# {kind} ")]
        assert len(lines) == len(set(lines)) > 50, kind
    return found


def total(found, name, **labels):
    values = [s.value for s in found[name].samples if all(s.labels.get(k) == v for k, v in labels.items())]
    assert values, (name, labels)
    return sum(values)


def check(workers, state):
    with tempfile.TemporaryDirectory() as d:
        good, bad = make_input(d)
        text, printed = run(d, workers, "prometheus", state)
        found = families(text)
        with open(os.path.join(d, "o.jsonl"), encoding="utf-8") as f:
            lines = f.readlines()
        o_bytes = os.path.getsize(os.path.join(d, "o.jsonl"))
        assert total(found, "weir_rows_in") == good + bad
        assert total(found, "weir_bad_rows") == bad == total(found, "weir_operator_bad_rows", operator="SOURCE")
        assert total(found, "weir_sink_rows", stream="o") == len(lines) > 0
        assert total(found, "weir_sink_rows", stream="stdout") == printed
        assert total(found, "weir_rows_out") == len(lines) + printed
        assert total(found, "weir_sink_bytes", stream="o") == o_bytes
        late = total(found, "weir_late_rows")
        assert late == total(found, "weir_operator_late_rows") > 0
        counted = sum(json.loads(line)["n"] for line in lines)
        passed = total(found, "weir_operator_rows_out", operator="FILTER")
        assert counted == passed - total(found, "weir_operator_late_rows", operator="AGG_LOCAL"), (counted, passed)
        shards = {s.labels["shard"]: s.value for s in found["weir_split_rows"].samples}
        assert shards == {os.path.join(d, NAME): (good + bad) / 2, os.path.join(d, "in2.jsonl"): (good + bad) / 2}, shards
        assert total(found, "weir_split_ended") == 2 and total(found, "weir_job_running") == 0
        assert len(found["weir_worker_cpu_seconds"].samples) == workers
        assert total(found, "weir_worker_cpu_seconds") > 0
        assert bool(found["weir_operator_worker_rows_in"].samples) == (workers > 1)
        assert bool(found["weir_snapshots"].samples) == state
        if state:
            durations = {s.name: s.value for s in found["weir_snapshot_duration_seconds"].samples}
            assert durations["weir_snapshot_duration_seconds_count"] == total(found, "weir_snapshots")
            assert total(found, "weir_snapshots_failed") == 0
        m = json.loads(run(d, workers, "json", state)[0])
        assert m["rows_in"] == good + bad and m["late_rows"] == late and m["bad_rows"] == bad, m
        assert {s["shard"]: s["rows"] for s in m["splits"]} == shards
        assert m["sinks"][1]["rows"] + m["sinks"][0]["rows"] == len(lines) + printed, m["sinks"]
        assert (m["snapshots"] is not None) == state
        names = {k for k, v in m.items() if not isinstance(v, (list, dict))}
        assert {"rows_in", "watermark", "watermark_lag_seconds", "busy", "backpressure"} <= names, names


def main():
    n = 0
    for workers in 1, 2, 3:
        for state in False, True:
            check(workers, state)
            n += 1
    print(f"metrics: {n} expositions read")


main()
