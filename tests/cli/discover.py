#!/usr/bin/env python3
"""weir discover: what it makes of records, and that what it prints runs.

Usage: discover.py WEIR [NAME ...]
"""
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

WEIR = os.path.abspath(sys.argv[1])
CASES = []


def case(f):
    CASES.append(f)
    return f


def weir(d, *args, stdin=None):
    p = subprocess.run([WEIR, *args], cwd=d, capture_output=True, text=True, timeout=120, **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}))
    assert "Sanitizer" not in p.stderr and p.returncode >= 0, p
    return p


def discover(d, text, *args, name="r.jsonl"):
    with open(os.path.join(d, name), "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    p = weir(d, "discover", name, *args)
    assert p.returncode == 0 and not p.stderr, p
    return p.stdout


def columns(sql):
    """Name and what stands between it and the comment, in order."""
    out = {}
    for line in re.search(r"\(\n(.*)\n\) WITH", sql, re.S).group(1).split("\n"):
        m = re.match(r'  ("(?:[^"]|"")+"|\w+) (.*?),?\s+-- ', line)
        out[m.group(1)] = m.group(2)
    return out


def runs(d, sql, rows, bad=0):
    """What was printed runs as it is: so many rows come, so many are bad."""
    p = weir(d, "run", "--format", "json", "-", stdin=sql)
    assert p.returncode == 0, (sql, p)
    assert p.stdout.count("\n") == min(rows, 10), (sql, p)
    if rows <= 10:
        assert f" {bad} bad" in p.stderr, (sql, p)
    return [json.loads(line) for line in p.stdout.split("\n") if line]


def jsonl(*rows):
    return "".join(json.dumps(r) + "\n" for r in rows)


@case
def widths_have_room(d):
    sql = discover(d, jsonl({"small": 1, "big": 200000000, "huge": 2**53, "real": 1.5, "mix": 1, "s": "abc", "long": "x" * 70, "b": True, "no": None, "id": 0},
                            {"small": 99, "big": 5, "huge": 1, "real": 2, "mix": "x", "s": "abcdefgh", "long": "y", "b": False, "no": None}))
    c = columns(sql)
    assert c == {"small": "INTEGER", "big": "BIGINT", "huge": "BIGINT", "real": "DOUBLE", "mix": "VARCHAR", "s": "VARCHAR(16)",
                 "long": "VARCHAR(256)", "b": "BOOLEAN", "no": c["no"], "id": "INTEGER"}, c
    assert c["no"].startswith('VARCHAR'), c
    assert "mixed: 1 texts, 1 numbers" in sql and "from 1 to 99" in sql, sql
    runs(d, sql, 2)


@case
def times_of_all_kinds(d):
    sql = discover(d, jsonl(*[{"ts": f"2026-01-01 00:00:{s:02}.5", "day": "2026-01-01", "micro": f"2026-01-01T00:00:00.12345{s % 10}Z", "n": s} for s in (1, 5, 3, 20)]))
    c = columns(sql)
    assert c["ts"] == "TIMESTAMP(3)" and c["day"] == "DATE" and c["micro"] == "TIMESTAMP(6)", c
    assert c["WATERMARK"] == "FOR ts AS ts - INTERVAL '5' SECOND" and "out of order" in sql, sql
    assert "ROWTIME FROM ts" in sql, sql
    runs(d, sql, 4)


@case
def numbers_are_times_where_the_name_says_so(d):
    for unit, k in (("epoch_s", 1), ("epoch_ms", 1000), ("epoch_us", 1000000)):
        sql = discover(d, jsonl(*[{"event_time": (1767225600 + i) * k, "count": 1767225600 + i} for i in range(3)]))
        c = columns(sql)
        assert c["event_time"] == "TIMESTAMP(3)" and c["count"] == "BIGINT" and f"timestamp_format = '{unit}'" in sql, sql
        rows = runs(d, sql, 3)
        assert rows[0]["event_time"].startswith("2026-01-01T00:00:0"), rows
    sql = discover(d, jsonl({"ts": 1767225600, "created_at": "2026-01-01 00:00:00"}, {"ts": 1767225601, "created_at": "2026-01-01 00:00:01"}))
    c = columns(sql)
    assert c["ts"] == "BIGINT" and c["ts_time"] == "AS CAST(TO_TIMESTAMP_LTZ(ts, 0) AS TIMESTAMP(3))", c
    assert sorted(r["ts_time"] for r in runs(d, sql, 2)) == ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z"]


@case
def other_patterns(d):
    sql = discover(d, jsonl({"t": "31/Jan/2026:08:30:00 +0100", "u": "31.01.2026 08:30:00", "v": "01/31/2026 08:30:00", "w": "31/01/2026 08:30:00", "x": "2026/01/31 08:30:00"}))
    row = runs(d, sql, 1)[0]
    assert row["t_time"] == "2026-01-31T07:30:00.000Z", row
    assert all(row[k + "_time"] == "2026-01-31T08:30:00.000Z" for k in "uvwx"), row


@case
def nested_arrays_and_odd_names(d):
    sql = discover(d, jsonl({"user": {"id": 7, "home": {"city": "Bonn"}}, "list": [1, 2, 3], "a b": 1, "order": 2, "it's": {"x y": 3}, "user_id": 9, "empty": {}},
                            {"user": {"id": 8}, "list": [], "a b": None, "order": 3, "it's": {"x y": 4}, "user_id": 10, "empty": {}}))
    c = columns(sql)
    assert c["user_id"] == "INTEGER FROM '$.user.id'" and c["user_home_city"] == "VARCHAR(16) FROM '$.user.home.city'", c
    assert c["list"] == "VARCHAR" and "arrays of at most 3" in sql and c['"a b"'] == "INTEGER" and c['"order"'] == "INTEGER", sql
    rows = sorted(runs(d, sql, 2), key=lambda r: r["user_id"])
    assert rows[0]["user_home_city"] == "Bonn" and rows[0]["a b"] == 1 and rows[0]["it's_x y"] == 3 and rows[0]["user_id_2"] == 9, rows


@case
def csv_of_all_kinds(d):
    sql = discover(d, "id;name;price\n1;Ann;1.5\n2;Bob;2\n", name="p.csv")
    assert columns(sql)["id"] == "INTEGER" and columns(sql)["price"] == "DOUBLE" and "delimiter = ';'" in sql and "with a head" in sql, sql
    assert sorted(r["name"] for r in runs(d, sql, 2)) == ["Ann", "Bob"]
    sql = discover(d, "1,Ann,00123\n2,Bob,00456\n", name="q.csv")
    assert columns(sql) == {"column_1": "INTEGER", "column_2": "VARCHAR(16)", "column_3": "VARCHAR(16)"} and "header = 'false'" in sql, sql
    runs(d, sql, 2)
    sql = discover(d, "a\tb\n1\t\"x\ty\"\n", name="t.tsv")
    assert "delimiter = '\\t'" in sql, sql
    assert runs(d, sql, 1)[0]["b"] == "x\ty"
    sql = discover(d, 'when,n,ok\n2026-01-01 00:00:00,1,true\n2026-01-01 00:01:00,,false\n', name="u.csv")
    assert columns(sql)["ok"] == "BOOLEAN" and columns(sql)["WATERMARK"].startswith("FOR") and "1 of 2 NULL" in sql, sql
    runs(d, sql, 2)
    sql = discover(d, "just some words\nand some more\n", name="words.txt")
    assert "format = 'raw'" in sql, sql
    runs(d, sql, 2)


@case
def where_records_come_from(d):
    text = jsonl({"a": 1}, {"a": 2})
    with gzip.open(os.path.join(d, "r.jsonl.gz"), "wt") as f:
        f.write(text)
    p = weir(d, "discover", "r.jsonl.gz")
    assert p.returncode == 0, p
    runs(d, p.stdout, 2)
    p = weir(d, "discover", "-", stdin=text)
    assert p.returncode == 0 and "connector = 'stdin'" in p.stdout, p
    weir(d, "streams", "--data", "d", "create", "clicks")
    p = weir(d, "put", "clicks", "--data", "d", stdin=text)
    assert p.returncode == 0, p
    p = weir(d, "discover", "clicks", "--data", "d")
    assert p.returncode == 0 and "connector = 'stream', start = 'earliest'" in p.stdout, p
    q = subprocess.run([WEIR, "run", "--data", "d", "--format", "json", "-"], cwd=d, input=p.stdout.replace("LIMIT 10", "LIMIT 2"), capture_output=True, text=True, timeout=60)
    assert sorted(q.stdout.split()) == ['{"a":1}', '{"a":2}'], q


@case
def the_form_of_aws(d):
    rows = [{"USER": "x", "USER@DOMAIN": "y", "@@": 1, "1st": 2, "ok": 1.5, "deep": {"VALUE": 3}, "n" * 101: 1}]
    text = discover(d, jsonl(*rows), "--aws")
    schema = json.loads(text)["InputSchema"]
    cols = {c["Mapping"]: (c["Name"], c["SqlType"]) for c in schema["RecordColumns"]}
    assert schema["RecordFormat"] == {"RecordFormatType": "JSON", "MappingParameters": {"JSONMappingParameters": {"RecordRowPath": "$"}}}, schema
    assert schema["RecordEncoding"] == "UTF-8"
    assert cols["$.USER"] == ("COL_USER", "VARCHAR(16)"), cols
    assert cols["$['USER@DOMAIN']"][0] == "COL_USERDOMAIN" and cols["$['@@']"][0] == "COL_2" and cols["$['1st']"][0] == "COL_1st", cols
    assert cols["$.ok"] == ("ok", "DOUBLE") and cols["$.deep.VALUE"][0] == "deep_VALUE" and cols["$." + "n" * 101][0] == "COL_6", cols
    assert json.loads(text)["RawInputRecords"] == [json.dumps(rows[0])], text
    assert json.loads(discover(d, jsonl({"@@": 1}), "--aws"))["InputSchema"]["RecordColumns"][0]["Name"] == "COL_0"
    schema = json.loads(discover(d, "a,b\n1,2\n", "--aws", name="x.csv"))["InputSchema"]
    assert schema["RecordFormat"]["MappingParameters"]["CSVMappingParameters"] == {"RecordRowDelimiter": "\n", "RecordColumnDelimiter": ","}, schema


@case
def what_cannot_be_sampled_is_said(d):
    with open(os.path.join(d, "empty"), "w"):
        pass
    with open(os.path.join(d, "pretty.json"), "w") as f:
        f.write('[\n  {"a": 1},\n  {"a": 2}\n]\n')
    for args, err in [([], "expected one file"), (["nope"], "cannot read 'nope'"), (["."], "is a folder"), (["empty"], "has no record"),
                      (["pretty.json"], "jq -c"), (["s", "--data", "nope"], "nope"), (["empty", "--format", "xml"], "auto, json or csv")]:
        p = weir(d, "discover", *args)
        assert p.returncode != 0 and err in p.stderr and not p.stdout, p


@case
def whatever_stands_there_is_no_crash(d):
    for data in (b"\x00\xff\xfe", b'{"a":', b'{"a":1}{"a":2}\n{"a":3}', b'"', b'a,"b\nc', b",,,\n,,,\n", b"\n\n\n", b'{"a":1e999}\n{"a":123456789012345678901234567890}\n',
                 b"[" * 5000, b'{"":{"":1}}', b"\xef\xbb\xbfa,b\n1,2\n", b'{"a\\u0000b":1}\n', b"x" * 100000, b'{"k":"' + b"y" * 100000 + b'"}\n'):
        for options in ([], ["--format", "csv"], ["--format", "json"], ["--aws"]):
            with open(os.path.join(d, "r"), "wb") as f:
                f.write(data)
            p = subprocess.run([WEIR, "discover", "r", *options], cwd=d, capture_output=True, timeout=60)
            assert p.returncode in (0, 1, 2) and b"Sanitizer" not in p.stderr and b"runtime error" not in p.stderr, (data[:50], options, p)
            if p.returncode == 0 and "--aws" not in options:
                q = subprocess.run([WEIR, "check", "-"], cwd=d, input=p.stdout, capture_output=True, timeout=60)
                assert q.returncode == 0, (data[:50], p.stdout, q)


def main():
    failed = 0
    chosen = [c for c in CASES if not sys.argv[2:] or c.__name__ in sys.argv[2:]]
    for c in chosen:
        with tempfile.TemporaryDirectory() as d:
            try:
                c(d)
            except AssertionError as e:
                failed += 1
                print(f"FAIL {c.__name__}\n{e}")
    print(f"weir discover: {len(chosen) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
