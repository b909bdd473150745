#!/usr/bin/env python3
"""Applications end to end: descriptions that read and write weir's own streams, metadata columns, error_stream, functions
at a URL that answer rightly, wrongly, late or not at all.

Usage: run.py WEIR [CASE...]
"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "server"))
from fake import Fake  # noqa: E402

WEIR = os.path.abspath(sys.argv[1])
COLUMNS = [{"Name": "ticker", "Mapping": "$.ticker", "SqlType": "VARCHAR(4)"},
           {"Name": "PRICE", "Mapping": "$.price", "SqlType": "DOUBLE"}]
CODE = """CREATE OR REPLACE STREAM "D" (ticker VARCHAR(4), price DOUBLE);
CREATE OR REPLACE PUMP "P" AS INSERT INTO "D" SELECT STREAM "ticker", 10 / PRICE FROM "S_001";"""
FN = "arn:aws:lambda:us-east-1:012345678901:function:fn"


def stream(name):
    return {"ResourceARN": f"arn:aws:kinesis:us-east-1:012345678901:stream/{name}", "RoleARN": "r"}


def app(code=CODE, n=1, outputs=(), **more):
    return {"ApplicationName": "a", "ApplicationCode": code, "Outputs": list(outputs), "Inputs": [{
        "NamePrefix": "S", "InputParallelism": {"Count": n}, "KinesisStreamsInput": stream("in"),
        "InputStartingPositionConfiguration": {"InputStartingPosition": "TRIM_HORIZON"},
        "InputSchema": {"RecordFormat": {"RecordFormatType": "JSON"}, "RecordColumns": COLUMNS}, **more}]}


def output(name, **to):
    return {"Name": name, "DestinationSchema": {"RecordFormatType": "JSON"}, **to}


class Case:
    def __init__(self, folder):
        self.d = folder

    def weir(self, *args, stdin="", want=0):
        p = subprocess.run([WEIR, *args], cwd=self.d, input=stdin.encode(), capture_output=True, timeout=60)
        out, err = p.stdout.decode(), p.stderr.decode()
        assert "Sanitizer" not in err and "runtime error" not in err, err
        assert p.returncode == want, f"weir {' '.join(args)}: exit status {p.returncode}\n{err}"
        return out, err

    def put(self, path, text):
        with open(os.path.join(self.d, path), "w") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))

    def run(self, description, *args, want=0, ends=True, change=lambda sql: sql):
        """Runs the application's script; its streams end where nothing more is there."""
        self.put("app.json", description)
        sql = self.weir("application", "app.json", *args)[0]
        if ends:
            sql = sql.replace(", start = ", ", end = 'latest', start = ")
        self.put("app.sql", change(sql))
        return self.weir("run", "--format", "json", "--data", "data", "app.sql", want=want)

    def tail(self, name):
        out, _ = self.weir("tail", name, "--data", "data", "--from", "earliest", "--once")
        return [json.loads(line) for line in out.splitlines()]

    def records(self, lines, shards=1):
        self.weir("streams", "--data", "data", "create", "in", "--shards", str(shards))
        self.weir("put", "in", "--data", "data", "--key-before", "|", stdin="".join(line + "\n" for line in lines))


def trades(n):
    return [f'k{i}|{{"ticker":"T{i}","price":{i + 1}}}' for i in range(n)]


def streams_in_and_out(c):
    """Own streams by ARN, two in-application streams that share the shards, error_stream as an output."""
    code = """CREATE STREAM "D" (ticker VARCHAR(4), price DOUBLE);
CREATE PUMP "P1" AS INSERT INTO "D" SELECT STREAM "ticker", 10 / (PRICE - 1) FROM "S_001";
CREATE PUMP "P2" AS INSERT INTO "D" SELECT STREAM "ticker", 10 / (PRICE - 1) FROM "S_002"""
    c.records([*trades(40), 'k|{"ticker":"BAD","price":"much"}'], shards=4)
    c.run(app(code + '"', 2, [output("D", KinesisStreamsOutput=stream("out")),
                              output("error_stream", KinesisStreamsOutput=stream("errors"))]))
    got = c.tail("out")
    assert sorted(r["TICKER"] for r in got) == sorted(f"T{i}" for i in range(1, 40)), got
    errors = c.tail("errors")
    assert len(errors) == 2, errors
    for e in errors:
        assert list(e) == ["ERROR_TIME", "ERROR_LEVEL", "ERROR_NAME", "MESSAGE", "DATA_ROWTIME", "DATA_ROW", "PUMP_NAME"], e
        assert e["ERROR_TIME"] and e["DATA_ROWTIME"] and e["ERROR_LEVEL"] == "ERROR"
    record, row = sorted(errors, key=lambda e: e["PUMP_NAME"] or "")
    assert bytes.fromhex(record["DATA_ROW"]) == b'{"ticker":"BAD","price":"much"}' and record["PUMP_NAME"] is None
    assert "price" in record["MESSAGE"].lower() and "much" in record["MESSAGE"]
    assert json.loads(bytes.fromhex(row["DATA_ROW"]))["ticker"] == "T0" and row["MESSAGE"] == "division by zero"
    assert row["PUMP_NAME"] in ("P1", "P2")


def every_share_reads_its_shards(c):
    """Each shard is read by one in-application stream, also those that came by a split."""
    c.records(trades(30), shards=2)
    c.weir("streams", "--data", "data", "split", "in", "0")
    c.weir("put", "in", "--data", "data", "--key-before", "|", stdin="".join(line + "\n" for line in trades(30)))
    code = """CREATE STREAM "D" (shard VARCHAR(32), part INTEGER);
CREATE PUMP "P1" AS INSERT INTO "D" SELECT STREAM SHARD_ID, 1 FROM "S_001";
CREATE PUMP "P2" AS INSERT INTO "D" SELECT STREAM SHARD_ID, 2 FROM "S_002";
CREATE PUMP "P3" AS INSERT INTO "D" SELECT STREAM "SHARD_ID", 3 FROM "S_003";"""
    out, _ = c.run(app(code, 3), "--output", "D=-")
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 60, len(rows)
    parts = {(r["SHARD"], r["PART"]) for r in rows}
    assert len(parts) == len({s for s, _ in parts}) == 4, parts
    assert len({p for _, p in parts}) == 3, parts


def metadata(c):
    """The four columns, bare and quoted, in the Kinesis dialect and declared in the other one; * has none of them."""
    c.records([*trades(5), 'two|{"ticker":"A"} {"ticker":"B"}'], shards=3)
    listed, _ = c.weir("tail", "in", "--data", "data", "--from", "earliest", "--once", "--format", "json")
    want = {}
    for line in listed.splitlines():
        r = json.loads(line)
        want[r["key"]] = (r["shard"], r["sequence"], r["arrival"])
    code = """CREATE STREAM "D" (ticker VARCHAR(4), k VARCHAR(8), shard VARCHAR(32), seq VARCHAR(64), arrival TIMESTAMP);
CREATE PUMP "P" AS INSERT INTO "D" SELECT STREAM s."ticker", PARTITION_KEY, s.SHARD_ID, "SEQUENCE_NUMBER", s."APPROXIMATE_ARRIVAL_TIME" FROM "S_001" AS s;
CREATE STREAM "ALL" ("ticker" VARCHAR(4), PRICE DOUBLE);
CREATE PUMP "Q" AS INSERT INTO "ALL" SELECT STREAM * FROM "S_001";"""
    out, _ = c.run(app(code), "--output", "D=-", "--output", "ALL=all.jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 7, rows
    for r in rows:
        assert (r["SHARD"], r["SEQ"], r["ARRIVAL"][:23]) == (want[r["K"]][0], want[r["K"]][1], want[r["K"]][2][:23]), (r, want)
    assert sorted(r["TICKER"] for r in rows) == ["A", "B", "T0", "T1", "T2", "T3", "T4"]
    assert sum(r["K"] == "two" for r in rows) == 2
    c.put("plain.sql", """CREATE STREAM s (ticker VARCHAR, k VARCHAR METADATA FROM 'partition_key', shard VARCHAR METADATA FROM 'shard-id',
  at TIMESTAMP(3) METADATA FROM 'timestamp', sequence_number VARCHAR METADATA, up AS UPPER(k))
WITH (connector = 'stream', stream = 'in', format = 'json', start = 'earliest', end = 'latest');
SELECT * FROM s;""")
    out, _ = c.weir("run", "--format", "json", "--data", "data", "plain.sql")
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 7 and all(list(r) == ["ticker", "k", "shard", "at", "sequence_number", "up"] for r in rows), rows
    assert all((r["shard"], r["sequence_number"]) == want[r["k"]][:2] and r["up"] == r["k"].upper() for r in rows), rows


# ---- functions at a URL ----

def answer(change, output=False):
    """A function: change(index, bytes) gives (result, bytes or None), or None: no answer for this record."""
    calls = []

    def reply(request):
        asked = json.loads(request[3])
        calls.append(asked)
        records = []
        for i, r in enumerate(asked["records"]):
            got = change(len(calls), i, base64.b64decode(r["data"]))
            if got is None:
                continue
            records.append({"recordId": r["recordId"], "result": got[0]})
            if got[1] is not None:
                records[-1]["data"] = base64.b64encode(got[1]).decode()
        return 200, {"Content-Type": "application/json"}, json.dumps({"records": records}).encode()

    reply.calls = calls
    return reply


HOOK = {"InputProcessingConfiguration": {"InputLambdaProcessor": {"ResourceARN": FN, "RoleARN": "r"}}}


def hooked(c, fn, *args, lines=None, change=lambda sql: sql):
    c.records(lines or trades(4))
    with Fake(fn) as f:
        out, err = c.run(app(**HOOK), "--lambda", f"fn={f.url}", "--output", "D=-", "--output", "error_stream=e.jsonl", *args,
                         change=change)
    with open(os.path.join(c.d, "e.jsonl")) as e:
        return [json.loads(line) for line in out.splitlines()], [json.loads(line) for line in e], err


def hook_changes_records(c):
    """Ok with other data, Dropped, ProcessingFailed; the record as it was goes to error_stream."""
    def change(_, i, data):
        if i == 1:
            return "Dropped", None
        if i == 2:
            return "ProcessingFailed", None
        return "Ok", data.replace(b"T", b"U") + b'\n{"ticker":"NEW","price":5}'
    fn = answer(change)
    rows, errors, _ = hooked(c, fn)
    assert sorted(r["TICKER"] for r in rows) == ["NEW", "NEW", "U0", "U3"], rows
    assert len(errors) == 1 and "ProcessingFailed" in errors[0]["MESSAGE"], errors
    assert bytes.fromhex(errors[0]["DATA_ROW"]) == b'{"ticker":"T2","price":3}', errors
    asked = fn.calls[0]
    assert set(asked) == {"invocationId", "applicationArn", "streamArn", "records"}, asked.keys()
    about = asked["records"][0]["kinesisStreamRecordMetadata"]
    assert set(about) == {"shardId", "partitionKey", "sequenceNumber", "approximateArrivalTimestamp"}, about
    assert about["partitionKey"] == "k0" and about["shardId"] == "shardId-000000000000"


def hook_tried_again(c):
    """A function that fails, lies and leaves records out at first is asked again, and nothing is lost."""
    good = answer(lambda *x: ("Ok", x[2]))
    bad = [(500, {}, b"no"), (200, {}, b"{"), (200, {}, b'{"records":[]}'), (200, {}, b'{"errorMessage":"x"}'),
           (200, {}, b'{"records":[{"recordId":"mine","result":"Ok","data":""}]}'), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
    rows, errors, _ = hooked(c, lambda r: bad.pop() if bad else good(r))
    assert len(rows) == 4 and not errors, (rows, errors)


def hook_that_lies(c):
    """After lambda_retry_for the records are error rows with their bytes, and the job ends well."""
    rows, errors, _ = hooked(c, answer(lambda n, i, data: ("Ok", data) if i else None),
                             change=lambda sql: sql.replace(", lambda = ", ", lambda_retry_for = '1ms', lambda = "))
    assert not rows and len(errors) == 4, (rows, errors)
    assert all("answers 3 of 4 records" in e["MESSAGE"] for e in errors), errors


def hook_that_hangs(c):
    """An answer that does not come is given up after lambda_timeout."""
    release = threading.Event()

    def hang(_):
        release.wait(30)
        return b""
    try:
        rows, errors, _ = hooked(c, hang, change=lambda sql: sql.replace(
            ", lambda = ", ", lambda_retry_for = '1ms', lambda_timeout = '50ms', lambda = "))
    finally:
        release.set()
    assert not rows and len(errors) == 4, (rows, errors)


def hook_that_is_gone(c):
    c.records(trades(2))
    out, err = c.run(app(**HOOK), "--lambda", f"{FN}=http://127.0.0.1:1", "--output", "D=-",
                     change=lambda sql: sql.replace(", lambda = ", ", lambda_retry_for = '1ms', lambda = "))
    assert out == "" and "2 bad" in err, (out, err)


def hook_over_a_file(c):
    """Records of a file are its lines; --lambda ARN=none leaves the function out."""
    c.put("in.jsonl", '{"ticker":"A","price":1}\n{"ticker":"B","price":2}\n')
    with Fake(answer(lambda n, i, data: ("Ok", data.lower()))) as f:
        out, _ = c.run(app(**HOOK), "--lambda", f"{FN}={f.url}", "--input", "S=in.jsonl", "--output", "D=-")
        assert sorted(json.loads(x)["TICKER"] for x in out.splitlines()) == ["a", "b"], out
        n = len(f.requests)
        out, _ = c.run(app(**HOOK), "--lambda", f"{FN}=none", "--input", "S=in.jsonl", "--output", "D=-")
        assert sorted(json.loads(x)["TICKER"] for x in out.splitlines()) == ["A", "B"] and len(f.requests) == n


def output_hook(c):
    """A function as an output: what it does not acknowledge goes again, and only that."""
    seen = []

    def change(call, i, data):
        seen.append(json.loads(data)["TICKER"])
        return None if call == 1 and i == 0 else ("DeliveryFailed", None) if call == 1 and i == 1 else ("Ok", None)
    c.records(trades(4))
    fn = answer(change)
    with Fake(fn) as f:
        c.run(app(outputs=[output("D", LambdaOutput={"ResourceARN": FN, "RoleARN": "r"})]), "--lambda", f"fn={f.url}",
              change=lambda sql: "SET workers = '1'; " + sql)
    assert sorted(seen) == sorted(["T0", "T1", "T2", "T3", "T0", "T1"]), seen
    hints = [r["lambdaDeliveryRecordMetadata"]["retryHint"] for call in fn.calls for r in call["records"]]
    assert hints == [0, 0, 0, 0, 1, 1], hints


def served(c):
    """weir application's script is what check and explain take, and its marks name the description's lines."""
    c.put("app.json", app())
    sql, _ = c.weir("application", "app.json")
    assert "--@line 1 app.json\n" in sql and 'CREATE STREAM "S_001"' in sql, sql
    out, _ = c.weir("check", "--application", "app.json", "--output", "D=-")
    assert out == "app.json: ok\n", out
    out, _ = c.weir("explain", "--application", "app.json", "--output", "D=-")
    assert "S_001" in out and "stream = 'in'" in out or "in" in out, out


CASES = [streams_in_and_out, every_share_reads_its_shards, metadata, hook_changes_records, hook_tried_again, hook_that_lies,
         hook_that_hangs, hook_that_is_gone, hook_over_a_file, output_hook, served]


def main():
    failed = 0
    wanted = [f for f in CASES if not sys.argv[2:] or f.__name__ in sys.argv[2:]]
    for f in wanted:
        with tempfile.TemporaryDirectory() as d:
            try:
                f(Case(d))
            except (AssertionError, subprocess.TimeoutExpired) as e:
                failed += 1
                print(f"FAIL {f.__name__}: {e}")
    print(f"apps: {len(wanted) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
