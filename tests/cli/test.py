#!/usr/bin/env python3
"""weir test: scripts of connectors to real systems on given rows and a clock that is played; what it says of
rows that differ; JUnit; exit statuses.

Usage: test.py WEIR [NAME ...]
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

WEIR = os.path.abspath(sys.argv[1])
CASES = []
# As it would run in production: from a stream of the data directory into a table of a database far away.
ALERTS = """CREATE STREAM orders (id INTEGER, price DOUBLE, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH (connector = 'stream', format = 'json', idle_timeout = '30s');
CREATE STREAM alerts (id INTEGER, why VARCHAR(20)) WITH (connector = 'postgres', url = 'postgres://nowhere.invalid/x', table = 'alerts');
INSERT INTO alerts SELECT id, 'too dear' FROM orders WHERE price > 10;
CREATE STREAM per_minute (minute TIMESTAMP(3), n BIGINT) WITH (connector = 'stream', format = 'json');
INSERT INTO per_minute SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
"""
ORDERS = """--- given orders
{"id":1,"price":12.5,"ts":"2026-01-01 10:00:01"}
{"id":2,"price":7,"ts":"2026-01-01 10:00:20"}
{"id":3,"price":99,"ts":"2026-01-01 10:01:30"}
"""
# A KDA script whose source is declared elsewhere.
KDA = """CREATE OR REPLACE STREAM "DEST" (ticker VARCHAR(4), n INTEGER);
CREATE OR REPLACE PUMP "P" AS INSERT INTO "DEST" SELECT STREAM ticker, COUNT(*)
FROM "SOURCE_SQL_STREAM_001" GROUP BY ticker, STEP("SOURCE_SQL_STREAM_001".ROWTIME BY INTERVAL '60' SECOND);
"""


def case(f):
    CASES.append(f)
    return f


def write(d, name, text):
    os.makedirs(os.path.dirname(os.path.join(d, name)), exist_ok=True)
    with open(os.path.join(d, name), "w", encoding="utf-8") as f:
        f.write(text)


def weir(d, *args):
    p = subprocess.run([WEIR, "test", *args], cwd=d, capture_output=True, text=True, timeout=120)
    assert "Sanitizer" not in p.stderr and p.returncode in (0, 1, 2), p
    return p


def run(d, text, *args):
    write(d, "x.test", text)
    return weir(d, "x.test", *args)


def passes(d, text, *args):
    p = run(d, text, *args)
    assert p.returncode == 0 and p.stdout.endswith("1 passed, 0 failed\n"), p.stdout + p.stderr


def fails(d, text, *said):
    p = run(d, text)
    assert p.returncode == 1 and p.stdout.endswith("0 passed, 1 failed\n"), p
    for line in said:
        assert line in p.stdout, f"{line}\n  is not in\n{p.stdout}"


@case
def a_script_of_production_is_tested_unchanged(d):
    write(d, "alerts.sql", ALERTS)
    passes(d, "--- sql alerts.sql\n" + ORDERS +
           '--- expect alerts\n{"id":1,"why":"too dear"}\n{"id":3,"why":"too dear"}\n'
           '--- expect ordered per_minute\n{"minute":"2026-01-01 10:00:00","n":2}\n{"minute":"2026-01-01 10:01:00","n":1}\n')
    assert not os.path.exists(os.path.join(d, "d"))


@case
def what_differs_is_told_row_by_row(d):
    write(d, "alerts.sql", ALERTS)
    fails(d, "--- sql alerts.sql\n" + ORDERS +
          '--- expect alerts\n{"id":1,"why":"too cheap"}\n{"id":4,"why":"gone"}\n{"id":3,"why":"too dear"}\n'
          '--- expect ordered per_minute\n{"minute":"2026-01-01 10:01:00","n":1}\n{"minute":"2026-01-01 10:00:00","n":2}\n',
          "line 6: rows of alerts: expected 3, got 2: 1 right, 1 differ, 1 missing, 0 not expected\n",
          '      - expected {"id":1,"why":"too cheap"}\n      + got      {"id":1,"why":"too dear"}\n',
          '                 why: expected "too cheap", got "too dear"\n',
          '      - missing  {"id":4,"why":"gone"}\n',
          "line 10: rows of per_minute: the right rows in another order, from row 1 on:\n")
    fails(d, '--- sql\nSELECT 1 AS a; SELECT 2 AS a;\n--- expect\n{"a":1}\n', "expected 1, got 2", '+ not expected {"a":2}')


@case
def rows_are_compared_by_value(d):
    passes(d, "--- sql\nSELECT 1 AS a, CAST(2 AS DOUBLE) AS b, TIMESTAMP '2026-01-01 00:00:00' AS t;\n"
              '--- expect\n{"t": "2026-01-01T00:00:00.000Z", "b": 2, "a": 1}\n')
    fails(d, '--- sql\nSELECT 1 AS a, 2 AS b;\n--- expect\n{"a":1}\n', "b: expected no such column, got 2")
    passes(d, '--- sql\nSELECT 1 AS a;\nSELECT 1 AS a;\n--- expect\n{"a":1}\n{"a":1}\n')
    fails(d, '--- sql\nSELECT 1 AS a;\nSELECT 1 AS a;\n--- expect\n{"a":1}\n', "expected 1, got 2: 1 right")


@case
def a_source_that_is_not_given_is_never_opened(d):
    write(d, "alerts.sql", ALERTS)
    fails(d, "--- sql alerts.sql\n--- expect alerts\n", "the script reads 'orders' from connector 'stream'; give it rows: --- given orders")
    write(d, "far.sql", "CREATE STREAM f (a INTEGER) WITH (connector = 'file', path = '/etc/passwd', format = 'csv'); SELECT * FROM f;")
    fails(d, "--- sql far.sql\n--- expect\n", "reads 'f' from connector 'file'")
    write(d, "out.sql", f"CREATE STREAM f (a INTEGER) WITH (connector = 'file', path = '{d}/written', format = 'csv'); INSERT INTO f SELECT 1;")
    passes(d, '--- sql out.sql\n--- expect f\n{"a":1}\n')
    passes(d, "--- sql out.sql\n")
    assert not os.path.exists(os.path.join(d, "written"))


@case
def time_passes_without_rows(d):
    rows = ('--- given "SOURCE_SQL_STREAM_001" (ticker VARCHAR(4), price REAL)\n'
            '{"ROWTIME":"2026-01-01 10:00:05","ticker":"A"}\n{"ROWTIME":"2026-01-01 10:00:50","ticker":"A"}\n'
            '{"ROWTIME":"2026-01-01 10:01:00"}\n{"ROWTIME":"2026-01-01 10:02:10","ticker":"B"}\n')
    passes(d, "--- sql\n" + KDA + rows + '--- expect DEST\n{"ROWTIME":"2026-01-01 10:01:00","ticker":"A","n":2}\n'
           '{"ROWTIME":"2026-01-01 10:03:00","ticker":"B","n":1}\n')
    fails(d, "--- sql\n" + KDA + '--- given "SOURCE_SQL_STREAM_001"\n{"ticker":"A"}\n--- expect DEST\n',
          "the script has no stream 'SOURCE_SQL_STREAM_001'; write its columns behind the name")


@case
def idle_timeout_runs_on_the_clock(d):
    script = """CREATE STREAM s (a INTEGER, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
WITH (connector = 'stream', format = 'json', idle_timeout = '30s', late_output = 'late');
CREATE STREAM out_s (n BIGINT) WITH (connector = 'stream', format = 'json');
INSERT INTO out_s SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
"""
    first = '{"ROWTIME":"2026-01-01 10:00:10","a":1,"ts":"2026-01-01 10:00:10"}\n'
    second = '{"ROWTIME":"2026-01-01 10:01:50","a":2,"ts":"2026-01-01 10:00:20"}\n'
    # Quiet from 10:00:10, idle from 10:00:40: at 10:01:40 event time is 10:01:10, and the second row is late.
    passes(d, "--- sql\n" + script + "--- given s\n" + first + '{"ROWTIME":"2026-01-01 10:01:40"}\n' + second +
           '--- expect out_s\n{"n":1}\n--- expect late\n{"a":2,"ts":"2026-01-01 10:00:20"}\n--- stats\n1 late\n')
    # Without that line nobody finds the stream quiet before the row is there.
    passes(d, "--- sql\n" + script + "--- given s\n" + first + second + '--- expect out_s\n{"n":2}\n')
    # Not long enough: at 10:01:00 event time is 10:00:30.
    passes(d, "--- sql\n" + script + "--- given s\n" + first + '{"ROWTIME":"2026-01-01 10:01:00"}\n' + second + '--- expect out_s\n{"n":2}\n')


@case
def clock_functions_show_the_moment_of_the_row(d):
    passes(d, "--- sql\nCREATE STREAM s (a INTEGER) WITH (connector = 'stream', format = 'json');\n"
              "SELECT a, CAST(CURRENT_TIMESTAMP AS TIMESTAMP(3)) AS t, ROWTIME AS r FROM s WHERE CURRENT_DATE = DATE '2031-05-06';\n"
              '--- given s\n{"ROWTIME":"2031-05-06 07:08:09","a":1}\n{"ROWTIME":"2031-05-06 07:08:10.5","a":2}\n{"ROWTIME":"2031-05-07 00:00:00","a":3}\n'
              '--- expect ordered\n{"a":1,"t":"2031-05-06 07:08:09","r":"2031-05-06 07:08:09"}\n{"a":2,"t":"2031-05-06 07:08:10.500","r":"2031-05-06 07:08:10.500"}\n')


@case
def streams_come_in_the_order_of_their_moments(d):
    script = """CREATE STREAM l (k INTEGER, x VARCHAR) WITH (connector = 'stream', format = 'json');
CREATE STREAM r (k INTEGER, y VARCHAR) WITH (connector = 'stream', format = 'json');
SELECT x AS z FROM l UNION ALL SELECT y FROM r;
"""
    rows = ('--- given l\n{"ROWTIME":1000,"k":1,"x":"first"}\n{"ROWTIME":3000,"k":2,"x":"third"}\n'
            '--- given r\nROWTIME,k,y\n2000,1,second\n3000,2,fourth\n4000,2,fifth\n')
    passes(d, "--- sql\n" + script + rows + '--- expect ordered\n{"z":"first"}\n{"z":"second"}\n{"z":"third"}\n{"z":"fourth"}\n{"z":"fifth"}\n')


@case
def csv_rows_are_by_column_names(d):
    script = ("CREATE STREAM s (id BIGINT FROM '$.user.id', name VARCHAR, at TIMESTAMP(3)) WITH (connector = 'stream', format = 'json');\n"
              "SELECT id, name, at FROM s;\n")
    passes(d, "--- sql\n" + script + '--- given s\nid,name,at\n1,"Smith, Ann",2026-01-01 00:00:00\n2,,\n3,"",\n'
           '--- expect ordered\n{"id":1,"name":"Smith, Ann","at":"2026-01-01 00:00:00"}\n{"id":2,"name":null,"at":null}\n{"id":3,"name":"","at":null}\n')
    passes(d, "--- sql\n" + script + '--- given s\n{"user":{"id":1},"name":"x"}\n--- expect\n{"id":1,"name":"x","at":null}\n')
    fails(d, "--- sql\n" + script + '--- given s\nid,name\n1,a,b\n', "line 6 has more values than the 2 of the head")


@case
def bad_records_can_be_given(d):
    passes(d, "--- sql\nCREATE STREAM s (a INTEGER) WITH (connector = 'stream', format = 'json');\nSELECT a FROM s; SELECT data_row FROM error_stream;\n"
              '--- given s\n{"a":1}\n{"a":"x"}\nnot json\n--- expect\n{"a":1}\n{"data_row":"{\\"a\\":\\"x\\"}"}\n{"data_row":"not json"}\n--- stats\n2 bad\n')


@case
def forgotten_partitions_are_told(d):
    passes(d, "--- sql\nCREATE STREAM s (t TIMESTAMP(3), k INTEGER, x DOUBLE, WATERMARK FOR t AS t) WITH (connector = 'stream', format = 'json');\n"
              "SELECT k, EXPECTED FROM TABLE(ANOMALY_ZSCORE(TABLE s PARTITION BY k, DESCRIPTOR(x), max_partitions => 2));\n--- given s\nt,k,x\n"
           + "".join(f"2026-01-01 00:00:0{i},{k},{x}\n" for i, (k, x) in enumerate([(1, 5), (2, 6), (1, 7), (3, 8), (1, 9), (2, 1)]))
           + '--- expect ordered\n{"k":1,"EXPECTED":null}\n{"k":2,"EXPECTED":null}\n{"k":1,"EXPECTED":5}\n{"k":3,"EXPECTED":null}\n'
             '{"k":1,"EXPECTED":6}\n{"k":2,"EXPECTED":null}\n--- stats\n2 partitions were forgotten to make room for others (max_partitions)\n')


@case
def inner_streams_views_and_expected_csv(d):
    script = """CREATE STREAM s (a INTEGER) WITH (connector = 'stream', format = 'json');
CREATE STREAM inner_s AS SELECT a * 2 AS b FROM s;
CREATE VIEW v AS SELECT b + 1 AS c FROM inner_s;
CREATE STREAM counts (n BIGINT) WITH (connector = 'blackhole');
INSERT INTO counts SELECT b FROM inner_s;
"""
    passes(d, "--- sql\n" + script + '--- given s\n{"a":1}\n{"a":2}\n--- expect inner_s\n{"b":2}\n{"b":4}\n--- expect v\n{"c":3}\n{"c":5}\n'
           "--- expect counts\nn\n2\n4\n")


APP = """{"ApplicationName": "a", "Inputs": [{"NamePrefix": "SOURCE_SQL_STREAM",
  "KinesisStreamsInput": {"ResourceARN": "arn:aws:kinesis:us-east-1:0:stream/in"},
  "InputSchema": {"RecordFormat": {"RecordFormatType": "JSON", "MappingParameters": {"JSONMappingParameters": {"RecordRowPath": "$"}}},
    "RecordColumns": [{"Name": "ticker", "Mapping": "$.t.name", "SqlType": "VARCHAR(4)"}, {"Name": "PRICE", "Mapping": "$.price", "SqlType": "DOUBLE"}]}}],
 "Outputs": [{"Name": "D", "KinesisStreamsOutput": {"ResourceARN": "arn:aws:kinesis:us-east-1:0:stream/out"},
  "DestinationSchema": {"RecordFormatType": "JSON"}}]%s}"""
APP_CODE = ('CREATE STREAM "D" ("ticker" VARCHAR(4), N BIGINT);\nCREATE PUMP P AS INSERT INTO "D" SELECT STREAM "ticker", COUNT(PRICE) '
            'FROM "SOURCE_SQL_STREAM_001" GROUP BY "ticker", STEP("SOURCE_SQL_STREAM_001".ROWTIME BY INTERVAL \'60\' SECOND);\n')
APP_ROWS = """--- given SOURCE_SQL_STREAM_001
{"ROWTIME":"2026-01-01 10:00:05","t":{"name":"AMZN"},"price":1.5}
{"ROWTIME":"2026-01-01 10:00:06","t":{"name":"AMZN"},"price":1.5}
{"ROWTIME":"2026-01-01 10:00:07","t":{"name":"AMZN"},"price":"dear"}
{"ROWTIME":"2026-01-01 10:01:07","t":{"name":"INTC"},"price":2.5}
--- expect ordered D
{"ticker":"AMZN","N":2}
{"ticker":"INTC","N":1}
--- stats
1 bad
"""


@case
def applications_are_tested_as_they_stand(d):
    write(d, "deep/app.json", APP % "")
    write(d, "deep/code.sql", APP_CODE)
    write(d, "deep/x.test", "--- options\n--application app.json\n--- sql code.sql\n" + APP_ROWS)
    p = weir(d, "deep/x.test")
    assert p.returncode == 0 and p.stdout.endswith("1 passed, 0 failed\n"), p
    own = APP % (', "ApplicationCode": ' + json.dumps(APP_CODE))
    passes(d, "--- input my.json\n" + own + "\n--- options\n--application=my.json\n" + APP_ROWS)
    fails(d, "--- input my.json\n" + own + "\n--- options\n--application my.json\n" + APP_ROWS.replace('"N":2', '"N":3'), "N: expected 3, got 2")
    for words, said in [
        ("--application nowhere.json", "cannot read '"),
        ("--application my.json --inptu A=b", "beside --application a case can have what weir application takes, not '--inptu'"),
        ("--application my.json --input", "option --input needs a value"),
        ("--application my.json --output NOPE=-", "NOPE"),
        ("--application my.json", "the script reads 'SOURCE_SQL_STREAM_001' from connector 'stream'; give it rows"),
    ]:
        fails(d, "--- input my.json\n" + own + "\n--- options\n" + words + "\n", said)


@case
def what_is_wrong_with_a_case_is_said(d):
    for text, said in [
        ("nothing\n", "it has no section"),
        ("--- expct\n", "there is no section 'expct'; did you mean 'expect'?"),
        ("--- given s\n{}\n", "it has no script"),
        ("--- sql nowhere.sql\n", "the script '"),
        ("--- sql\nSELECT 1;\n--- given\n", "expected --- given and the name of a stream"),
        ("--- sql\nSELECT 1;\n--- expect \"nope\"\n", "the script has no stream 'nope'"),
        ("--- sql\nSELECT 1;\n--- expect nope.jsonl\n", "neither a stream 'nope.jsonl' nor written a file"),
        ("--- sql\nSELECT nope;\n", "case.sql:1:8: error"),
        ("--- sql\nSELECT 1;\n--- error\nx\n", "an error was expected, but the script ran"),
        ("--- sql\nSELECT 1;\n--- input ../x\n", "name a file in the folder of the case"),
        ("--- sql\nCREATE STREAM s (a INTEGER) WITH (connector = 'stream', format = 'json'); SELECT * FROM s;\n--- given s\n"
         '{"ROWTIME":"soon","a":1}\n', "line 4: ROWTIME is no time"),
        ("--- sql\nCREATE STREAM s (a INTEGER) WITH (connector = 'stream', format = 'json'); SELECT * FROM s;\n--- given s\n"
         '{"ROWTIME":2000,"a":1}\n{"ROWTIME":1000,"a":1}\n', "ROWTIME of row 2 is before that of the row before it"),
        ("--- sql\nCREATE STREAM s (a INTEGER); INSERT INTO s SELECT 1; SELECT * FROM s;\n--- given s\n{\"a\":1}\n", "statements of the script feed 's'"),
    ]:
        fails(d, text, said)


@case
def a_script_without_end_is_stopped(d):
    p = run(d, "--- sql\nCREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rate = 10);\nSELECT user_id FROM g;\n", "--timeout", "100ms")
    assert p.returncode == 1 and "did not end within" in p.stdout, p


@case
def exit_statuses_folders_and_junit(d):
    write(d, "t/a.test", '--- sql\nSELECT 1 AS a;\n--- expect\n{"a":1}\n')
    write(d, "t/deep/b.test", '--- sql\nSELECT \'<&\' AS a;\n--- expect\n{"a":"x"}\n')
    write(d, "t/deep/c.test", "--- postgres\n--- sql\nSELECT 1;\n")
    write(d, "t/pending/d.test", "--- sql\nSELECT nope;\n")
    p = weir(d, "t", "--junit", "r.xml")
    assert p.returncode == 1 and p.stdout.endswith("1 passed, 1 failed, 1 skipped\n"), p
    names = re.findall(r"^(ok  |FAIL|SKIP) (\S+) \(", p.stdout, re.M)
    assert names == [("ok  ", "t/a.test"), ("FAIL", "t/deep/b.test"), ("SKIP", "t/deep/c.test")], p
    suite = ET.parse(os.path.join(d, "r.xml")).getroot()
    assert suite.attrib["tests"] == "3" and suite.attrib["failures"] == "1" and suite.attrib["skipped"] == "1", suite.attrib
    bad = suite.findall("testcase")[1]
    assert bad.attrib["name"] == "b.test" and bad.attrib["classname"] == "t/deep", bad.attrib
    assert '{"a":"<&"}' in bad.find("failure").text, bad.find("failure").text
    assert weir(d, "t/a.test").returncode == 0
    assert weir(d, "--quiet", "t/a.test").stdout == "1 passed, 0 failed\n"
    os.mkdir(os.path.join(d, "empty"))
    for args, err in [([], "expected folders or .test files"), (["nope"], "there is no file or folder 'nope'"),
                      (["empty"], "there is no .test file in 'empty'"), (["--junit", "no/where.xml", "t/a.test"], "cannot write to 'no/where.xml'")]:
        p = weir(d, *args)
        assert p.returncode == 2 and err in p.stderr, p


@case
def nothing_is_left_behind(d):
    tmp = os.path.join(d, "tmp")
    os.mkdir(tmp)
    write(d, "x.test", "--- input a/b.json\n{}\n--- sql\nSELECT 1 AS a;\n--- expect\n{\"a\":1}\n")
    p = subprocess.run([WEIR, "test", "x.test"], cwd=d, env=os.environ | {"TMPDIR": tmp}, capture_output=True, text=True, timeout=60)
    assert p.returncode == 0 and os.listdir(tmp) == [], (p, os.listdir(tmp))


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
    print(f"weir test: {len(chosen) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
