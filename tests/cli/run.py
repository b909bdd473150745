#!/usr/bin/env python3
"""What a person meets at the command line: exit statuses, messages, help, completion, signals, terminals.

Usage: run.py WEIR [NAME ...]
"""
import contextlib
import fcntl
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import time

WEIR = os.path.abspath(sys.argv[1])
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Without end, and slow enough for a terminal: 200 rows a second.
LIVE = ("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rate = 200); "
        "SELECT event_time, user_id FROM g;")
FAST = "CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks'); SELECT * FROM g;"
CASES = []


def case(f):
    CASES.append(f)
    return f


def weir(*args, cwd=None, stdin=subprocess.DEVNULL, **kw):
    if isinstance(stdin, str):
        kw["input"], stdin = stdin, None
    return subprocess.run([WEIR, *args], cwd=cwd, capture_output=True, text=True, timeout=120,
                          **({} if stdin is None else {"stdin": stdin}), **kw)


def expect(p, status, out=None, err=None):
    assert p.returncode == status, p
    for want, got in ((out, p.stdout), (err, p.stderr)):
        if want is not None:
            assert (want in got) if want else got == "", p


def write(d, name, text):
    path = os.path.join(d, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


# ---- usage ----

@case
def usage_errors_say_what_to_do(d):
    for args, err in [
        ([], "weir help"),
        (["rnu"], "did you mean 'weir run'?"),
        (["clicks.sql"], "weir run clicks.sql"),
        (["run"], "expected a SQL file"),
        (["run", "a.sql", "b.sql"], "found 2"),
        (["run", "-e", "SELECT 1", "a.sql"], "found both"),
        (["run", "--fromat", "csv", "a.sql"], "did you mean --format?"),
        (["run", "--format", "xml", "a.sql"], "auto, json, csv or table"),
        (["run", "--format"], "needs a value"),
        (["run", "--workers", "many", "a.sql"], "expected a whole number"),
        (["run", "-w", "-1", "a.sql"], "expected 0 to 128"),
        (["run", "-Z", "a.sql"], "there is no option -Z"),
        (["run", "nowhere.sql"], "cannot read 'nowhere.sql': No such file"),
        (["run", "."], "Is a directory"),
        (["check"], "expected SQL files"),
        (["explain"], "expected a SQL file"),
        (["help", "functons"], "did you mean 'weir help functions'?"),
        (["completion", "tcsh"], "expected bash, zsh or fish"),
        (["version", "1"], "expected nothing"),
    ]:
        p = weir(*args, cwd=d)
        expect(p, 2, "", err)
        assert p.stderr.startswith("weir: ") and p.stderr.count("\n") == 1, p


@case
def help_knows_all_it_names(d):
    topics = ["run", "check", "explain", "help", "completion", "version", "functions", "aggregates", "connectors",
              "formats", "options", "windows", "statements", "TUMBLE", "watermark", "select", "reference", "man", "upper", "COUNT", "coalesce", "file", "json"]
    for args in [["help"], ["--help"], ["-h"], ["run", "--help"], ["run", "-h"], ["--version"], ["-V"], ["version"],
                 *(["help", t] for t in topics)]:
        p = weir(*args)
        expect(p, 0, None, "")
        assert p.stdout.endswith("\n"), p
        if args[-1] not in ("reference", "man", "functions", "aggregates"):
            long = [line for line in p.stdout.split("\n") if len(line) > 100]
            assert not long, long


@case
def the_sql_of_the_help_is_right(d):
    for topic in "statements", "windows":
        text = weir("help", topic).stdout
        sql = re.search(r"\n  (CREATE STREAM clicks.*?;\n)(\n|$)", text, re.S).group(1)
        expect(weir("check", "-", stdin=sql), 0, "ok", "")
    expect(weir("help", "table"), 0, "format = 'table'", "")


@case
def sql_errors_are_2_and_have_their_place(d):
    path = write(d, "bad.sql", "SELECT 1;\nSELEC 2;\n")
    expect(weir("run", path), 2, "", "bad.sql:2:1: error")
    expect(weir("explain", path), 2, "", "bad.sql:2:1: error")
    expect(weir("run", "-", stdin="SELEC 2"), 2, "", "<stdin>:1:1: error")
    expect(weir("run", "-e", "SELEC 2"), 2, "", "-e:1:1: error")


@case
def check_tells_of_every_file(d):
    good, bad = write(d, "good.sql", "SELECT 1;"), write(d, "bad.sql", "SELECT nope;")
    expect(weir("check", good), 0, "good.sql: ok\n", "")
    p = weir("check", bad, good, os.path.join(d, "none.sql"))
    expect(p, 2, "good.sql: ok\n", "2 of 3 files have errors")
    assert "bad.sql:1:8" in p.stderr and "none.sql" in p.stderr, p


# ---- running ----

@case
def results_go_to_stdout_all_else_to_stderr(d):
    expect(weir("run", "-e", "SELECT 1 AS a, 'x' AS b"), 0, '{"a":1,"b":"x"}\n', "out")
    expect(weir("run", "-q", "-", stdin="SELECT 1 AS a"), 0, '{"a":1}\n', "")
    expect(weir("run", "-qe", "SELECT 1"), 2, "", "there is no option -qe")
    expect(weir("run", "-q", "--format=csv", "-e", "SELECT 1 AS a"), 0, "a\n1\n", "")
    expect(weir("run", "-q", "-f", "table", "-e", "SELECT 1 AS a"), 0, "(1 row)", "")
    assert weir("explain", "-e", "SELECT 1 AS a").stdout.strip()


@case
def nothing_to_run_is_said(d):
    expect(weir("run", "-e", ""), 2, "", "nothing to run")
    expect(weir("run", "-e", "CREATE STREAM s (a BIGINT) WITH (connector = 'stdin', format = 'json');"), 2, "",
           "nothing to run")
    expect(weir("run", "-e", "SHOW FUNCTIONS"), 0, "UPPER", "")


@case
def failure_while_running_is_1(d):
    sql = "CREATE STREAM s (a BIGINT) WITH (connector = 'file', path = 'none.jsonl', format = 'json'); SELECT * FROM s;"
    expect(weir("run", "-e", sql, cwd=d), 1, "", "none.jsonl")


@case
def results_are_those_of_every_run(d):
    """Each process hashes keys with a secret of its own; neither values nor the order of one worker show it."""
    sql = ("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = 30000, seed = 7); "
           "SELECT user_id, COUNT(*) AS n, SUM(latency_ms) AS s, LISTAGG(DISTINCT page) AS l FROM g GROUP BY user_id; "
           "SELECT country, COUNT(DISTINCT user_id) AS d, APPROX_COUNT_DISTINCT(user_id) AS a, "
           "APPROX_PERCENTILE(latency_ms, 0.9) AS p, MEDIAN(bytes) AS m FROM g GROUP BY country; "
           "SELECT DISTINCT page, status FROM g;")
    for workers, same in (("1", lambda text: text), ("3", lambda text: sorted(text.split("\n")))):
        outs = [same(weir("run", "-q", "-w", workers, "-e", sql).stdout) for _ in range(3)]
        assert outs[0] and outs[0] == outs[1] == outs[2], workers


@case
def records_come_from_a_pipe(d):
    sql = "CREATE STREAM s (a BIGINT) WITH (connector = 'stdin', format = 'json'); SELECT a + 1 AS b FROM s;"
    expect(weir("run", "-q", "-e", sql, stdin='{"a":1}\n{"a":2}\n'), 0, '{"b":2}\n{"b":3}\n', "")


@case
def bad_records_are_shown_with_the_way_to_all(d):
    sql = "CREATE STREAM s (a BIGINT) WITH (connector = 'stdin', format = 'json'); SELECT a FROM s;"
    p = weir("run", "-e", sql, stdin='{"a":1}\nnonsense\n')
    expect(p, 0, '{"a":1}\n', "1 bad")
    assert "first bad record: stdin, byte 8: " in p.stderr and "FROM error_stream" in p.stderr, p
    p = weir("run", "-e", sql + "SELECT message FROM error_stream;", stdin='{"a":1}\nnonsense\n')
    assert "add to the SQL" not in p.stderr, p


@case
def what_is_likely_wrong_is_said(d):
    write(d, "t.json", '{"user":1}\n{"user":2}\n')
    write(d, "pretty.json", '{\n  "a": 1\n}\n')
    sql = "CREATE STREAM s (usr BIGINT, user BIGINT) WITH (connector = 'file', path = '{}', format = 'json'); SELECT * FROM s;"
    p = weir("run", "-e", sql.format("t.json"), cwd=d)
    expect(p, 0, None, "stream s: no value was found for 'usr' in 2 rows; check the spelling\n")
    p = weir("run", "-e", sql.format("t.json").replace("*", "user"), cwd=d)
    assert "no value" not in p.stderr, p
    p = weir("run", "-e", sql.format("pretty.json"), cwd=d)
    expect(p, 0, "", "no record could be read; is format = 'json' right? Each record must be on one line.\n")
    assert "first bad record: pretty.json, byte 1: the record ends" in p.stderr, p
    for coding in "utf-16-le", "utf-16-be":
        with open(os.path.join(d, "t16.json"), "w", encoding=coding) as f:
            f.write('\ufeff{"user":1}\n')
        expect(weir("run", "-e", sql.format("t16.json"), cwd=d), 1, "", "is UTF-16, json is read as UTF-8")


@case
def a_full_disk_is_no_success(d):
    with open("/dev/full", "w", encoding="utf-8") as full:
        for args in (["help"], ["help", "man"], ["explain", "-e", "SELECT 1"], ["run", "-e", "SELECT 1"], ["run", "-q", "-e", FAST]):
            p = subprocess.run([WEIR, *args], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
            assert p.returncode == 1 and "No space left" in p.stderr, p


@case
def a_reader_that_goes_ends_it(d):
    p = subprocess.run(["bash", "-c", '"$0" run -e "$1" | head -n 2', WEIR, FAST], capture_output=True, text=True,
                       timeout=120)
    assert p.stdout.count("\n") == 2 and "closed by its reader" in p.stderr, p
    p = subprocess.run(["bash", "-c", '"$0" help functions | head -n 1', WEIR], capture_output=True, text=True, timeout=120)
    assert p.stdout.count("\n") == 1 and p.stderr == "", p


# ---- live input ----

def start(sql, *args, **kw):
    return subprocess.Popen([WEIR, "run", *args, "-e", sql], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def read_until(fd, want, seen=b""):
    """What comes from fd until `want` is in it."""
    while want not in seen:
        assert select.select([fd], [], [], 60)[0], ("nothing more after", seen)
        more = os.read(fd, 65536)
        assert more, ("the end after", seen)
        seen += more
    return seen


IN = "CREATE STREAM s (a BIGINT) WITH (connector = 'stdin', format = 'json'); "


@case
def tables_that_are_locked_are_tried_again(d):
    sql = ("CREATE STREAM v AS SELECT a FROM (VALUES (1), (2)) AS x(a); CREATE STREAM o WITH (connector = 'sqlite', path = 't.db', "
           "table = 't', retry_for = '%s') AS SELECT a FROM v;")
    db = sqlite3.connect(os.path.join(d, "t.db"))
    db.executescript("CREATE TABLE t (a INTEGER);")
    db.execute("BEGIN IMMEDIATE")
    p = weir("run", "-q", "-e", sql % "1ms", cwd=d)
    expect(p, 1, "", "weir: stream o: cannot write to table 't' of t.db: database is locked by another program; given up after 0 s")
    p = subprocess.Popen([WEIR, "run", "-q", "-e", sql % "1h"], cwd=d, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    db.commit()
    assert p.communicate(timeout=60) == ("", "") and p.returncode == 0, p
    assert db.execute("SELECT a FROM t ORDER BY a").fetchall() == [(1,), (2,)]
    db.close()


@case
def rows_of_a_locked_table_outlive_an_interrupt(d):
    """A snapshot's rows cannot be handed over, and the job is told to stop: the next run hands them over."""
    sql = ("CREATE STREAM s (a BIGINT) WITH (connector = 'stream', format = 'json', start = 'earliest'); CREATE STREAM o WITH "
           "(connector = 'sqlite', path = 't.db', table = 't', retry_for = '1h') AS SELECT a FROM s;")
    args = [WEIR, "run", "--data", "d", "--state", "state", "--snapshot-interval", "20ms", "-e", sql]
    expect(weir("streams", "--data", "d", "create", "s", cwd=d), 0)
    db = sqlite3.connect(os.path.join(d, "t.db"), isolation_level=None)
    db.executescript("CREATE TABLE t (a INTEGER);")
    n = 0

    def put():
        nonlocal n
        expect(weir("put", "s", "--data", "d", "-q", cwd=d, stdin="".join('{"a":%d}\n' % i for i in range(n, n + 10))), 0)
        n += 10

    def arrived():
        return [a for (a,) in db.execute("SELECT a FROM t").fetchall()]

    def until_there():
        for _ in range(6000):
            if n - 1 in arrived():
                return
            time.sleep(0.01)
        raise AssertionError(arrived())

    for more in (False, True):  # nothing has come since that snapshot, or something has
        p = subprocess.Popen(args, cwd=d, stderr=subprocess.PIPE)
        put()
        until_there()
        db.execute("BEGIN IMMEDIATE")
        put()
        read_until(p.stderr.fileno(), b"locked")
        if more:
            put()
            time.sleep(0.1)
        p.send_signal(signal.SIGINT)
        assert p.wait(60) == 130, p.stderr.read()
        p.stderr.close()
        db.execute("COMMIT")
    p = subprocess.Popen(args, cwd=d, stderr=subprocess.DEVNULL)
    put()
    until_there()
    p.send_signal(signal.SIGINT)
    assert p.wait(60) == 130
    assert sorted(arrived()) == list(range(n)), arrived()
    db.close()


APPEND = ("CREATE STREAM s (a BIGINT) WITH (connector = 'stream', format = 'json', start = 'earliest'); CREATE STREAM f WITH "
          "(connector = 'file', path = 'f.jsonl', format = 'json') AS SELECT a FROM s; CREATE STREAM o WITH (connector = %s) AS SELECT a FROM s;")
TARGETS = {"table": "'sqlite', path = 't.db', table = 't', create = 'true'", "stream": "'stream', format = 'json'"}


def delivered(d, target):
    if target == "stream":
        p = weir("tail", "o", "--data", "d", "--from", "earliest", "--once", cwd=d)
        return sorted(json.loads(x)["a"] for x in p.stdout.splitlines())
    with contextlib.closing(sqlite3.connect(os.path.join(d, "t.db"))) as db:
        return [a for (a,) in db.execute("SELECT a FROM t ORDER BY a").fetchall()]


def at_each_target(d):
    """A folder with an empty stream s, and the SQL that copies it there to a file and to the target."""
    for target, options in TARGETS.items():
        sub = os.path.join(d, target)
        os.mkdir(sub)
        expect(weir("streams", "--data", "d", "create", "s", cwd=sub), 0)
        yield target, sub, APPEND % options


def run_a_while(d, sql, rows, *args):
    """Until f.jsonl has so many rows; then it is interrupted, which takes the only snapshot."""
    p = subprocess.Popen([WEIR, "run", "-q", "--data", "d", "--snapshot-interval", "1h", *args, "-e", sql], cwd=d, stderr=subprocess.PIPE)
    while p.poll() is None and len(lines_of(d, "f.jsonl")) < rows:
        pass
    time.sleep(0.1)
    p.send_signal(signal.SIGINT)
    said = p.communicate(timeout=60)[1]
    assert p.returncode == 130, said


@case
def files_that_were_rotated_meanwhile_are_read_once(d):
    """By a pattern that matches the old names, too: twice, the second time the oldest one goes."""
    sql = ("CREATE STREAM s (a BIGINT) WITH (connector = 'file', path = 'log*', format = 'json', tail = 'true'); CREATE STREAM f WITH "
           "(connector = 'file', path = 'f.jsonl', format = 'json') AS SELECT a FROM s;")

    def log(name, *rows):
        with open(os.path.join(d, name), "a", encoding="utf-8") as f:
            f.writelines(f'{{"a":{a}}}\n' for a in rows)

    expect(weir("streams", "--data", "d", "create", "unused", cwd=d), 0)
    log("log", 1, 2)
    run_a_while(d, sql, 2, "--state", "state")
    os.rename(os.path.join(d, "log"), os.path.join(d, "log.1"))
    log("log.1", 3)
    log("log", 4)
    run_a_while(d, sql, 4, "--state", "state")
    os.rename(os.path.join(d, "log.1"), os.path.join(d, "log.2"))
    os.rename(os.path.join(d, "log"), os.path.join(d, "log.1"))
    log("log.1", 5)
    log("log", 6)
    run_a_while(d, sql, 6, "--state", "state")
    os.remove(os.path.join(d, "log.2"))
    os.rename(os.path.join(d, "log.1"), os.path.join(d, "log.2"))
    os.rename(os.path.join(d, "log"), os.path.join(d, "log.1"))
    log("log.1", 7)
    log("log", 8)
    run_a_while(d, sql, 8, "--state", "state")
    assert sorted(json.loads(x)["a"] for x in lines_of(d, "f.jsonl")) == list(range(1, 9)), lines_of(d, "f.jsonl")


@case
def a_table_of_constants_that_an_update_brings_is_there(d):
    source = "CREATE STREAM s (a BIGINT) WITH (connector = 'stream', format = 'json', start = 'earliest'); "
    sink = "CREATE STREAM f WITH (connector = 'file', path = 'f.jsonl', format = 'json') AS "
    join = source + sink + "SELECT s.a, n.t FROM s JOIN (VALUES (1, '%s'), (2, 'two')) AS n(a, t) ON s.a = n.a;"
    expect(weir("streams", "--data", "d", "create", "s", cwd=d), 0)
    for i, (sql, want) in enumerate([(source + sink + "SELECT a FROM s;", '{"a":1}'), (join % "one", '{"a":1,"t":"one"}'),
                                     (join % "one", '{"a":1,"t":"one"}'), (join % "uno", '{"a":1,"t":"uno"}')]):
        expect(weir("put", "s", "--data", "d", "-q", cwd=d, stdin='{"a":1}\n'), 0)
        before = 0 if i in (0, 1, 3) else 1  # another sink begins anew
        run_a_while(d, sql, before + 1, "--state", "state", "--update")
        assert lines_of(d, "f.jsonl")[-1] == want, (sql, lines_of(d, "f.jsonl"))


@case
def an_older_snapshot_without_rows_is_not_gone_on_from(d):
    for target, sub, sql in at_each_target(d):
        run_a_while(sub, sql, 0, "--state", "state")
        expect(weir("put", "s", "--data", "d", "-q", cwd=sub, stdin='{"a":1}\n{"a":2}\n'), 0)
        run_a_while(sub, sql, 2, "--state", "state")
        assert delivered(sub, target) == [1, 2], target
        with open(sorted(glob.glob(os.path.join(sub, "state", "*.snapshot")))[-1], "r+b") as f:
            f.truncate(20)
        p = weir("run", "--data", "d", "--state", "state", "-e", sql, cwd=sub)
        expect(p, 1, "", "would write them twice")
        assert delivered(sub, target) == [1, 2] and len(lines_of(sub, "f.jsonl")) == 2, target  # nothing has been touched


@case
def a_savepoint_of_a_job_at_rest_delivers_no_row_twice(d):
    for target, sub, sql in at_each_target(d):
        expect(weir("put", "s", "--data", "d", "-q", cwd=sub, stdin='{"a":1}\n{"a":2}\n'), 0)
        run_a_while(sub, sql, 2, "--state", "state")
        expect(weir("state", "state", "--savepoint", "before", cwd=sub), 0)
        expect(weir("put", "s", "--data", "d", "-q", cwd=sub, stdin='{"a":3}\n'), 0)
        run_a_while(sub, sql, 1, "--state", "new", "--from", "before")
        assert delivered(sub, target) == [1, 2, 3], (target, delivered(sub, target))
        other = sql.replace("CREATE STREAM o WITH (", "CREATE STREAM o WITH (delivery = 'at_least_once', ")
        p = weir("run", "--data", "d", "--state", "new", "-e", other, cwd=sub)
        expect(p, 1, "", "change it then")


@case
def last_rows_that_a_table_does_not_take_are_told(d):
    sql = ("CREATE STREAM v AS SELECT a FROM (VALUES (1), (2)) AS x(a); CREATE STREAM o WITH (connector = 'sqlite', path = 't.db', "
           "table = 't', retry_for = '1h') AS SELECT a FROM v;")
    args = [WEIR, "run", "--state", "state", "-e", sql]
    db = sqlite3.connect(os.path.join(d, "t.db"), isolation_level=None)
    db.executescript("CREATE TABLE t (a INTEGER);")
    expect(weir("run", "-q", "--state", "another", "-e", sql, cwd=d), 0, "", "")  # makes weir_epochs
    db.execute("BEGIN IMMEDIATE")
    p = subprocess.Popen(args, cwd=d, stderr=subprocess.PIPE)
    read_until(p.stderr.fileno(), b"is locked by another program; rows wait, and it is tried again")
    p.send_signal(signal.SIGINT)
    assert p.wait(60) == 130 and b"goes on from there" in p.stderr.read(), p
    p.stderr.close()
    p = subprocess.Popen(args, cwd=d, stderr=subprocess.PIPE)
    db.execute("COMMIT")
    assert p.wait(60) == 0 and b"has finished" in p.stderr.read(), p
    p.stderr.close()
    assert db.execute("SELECT a FROM t ORDER BY a").fetchall() == [(1,), (1,), (2,), (2,)]
    db.close()


@case
def state_warns_of_what_cannot_be_read_again(d):
    p = weir("run", "-q", "--state=st", "-e", IN + "SELECT a FROM s;", stdin='{"a":1}\n', cwd=d)
    expect(p, 0, '{"a":1}\n', "warning: stream s (connector 'stdin'): standard input cannot be read again")
    p = weir("run", "-q", "-e", IN + "SELECT a FROM s;", stdin='{"a":1}\n', cwd=d)
    expect(p, 0, '{"a":1}\n', "")


@case
def rows_are_shown_while_more_may_come(d):
    for fmt, first, then in (("json", b'{"b":2}\n', b'{"b":1000}\n'), ("csv", b"b\n2\n", b"1000\n"),
                             ("table", "│ 2 │\n".encode(), "├──────┤\n│ 1000 │\n".encode())):
        p = start(IN + "SELECT a + 1 AS b FROM s;", "-q", "-f", fmt, stdin=subprocess.PIPE)
        for a, want in ((1, first), (999, then)):
            p.stdin.write(b'{"a":%d}\n' % a)
            p.stdin.flush()
            read_until(p.stdout.fileno(), want)
        out, err = p.communicate(timeout=60)
        assert p.returncode == 0 and err == b"", (p.returncode, err)
        assert out == ("└──────┘\n(2 rows)\n".encode() if fmt == "table" else b""), out


@case
def another_rowtime_goes_on_while_more_may_come(d):
    """All rows go to one worker; the others, which never see one, hold nothing back."""
    sql = ("CREATE STREAM s (ts TIMESTAMP(3), ev TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH (connector = 'stdin', format = 'json'); "
           "CREATE VIEW v AS SELECT STREAM ev AS ROWTIME, ev FROM s; "
           "SELECT STREAM FLOOR(v.ROWTIME TO SECOND) AS t, COUNT(*) AS n FROM v GROUP BY FLOOR(v.ROWTIME TO SECOND);")
    for workers in "1", "3":
        p = start(sql, "-q", "-w", workers, stdin=subprocess.PIPE)
        for s in range(0, 40, 10):
            t = f"2026-01-01T00:00:{s:02}.500Z"
            p.stdin.write(f'{{"ts":"{t}","ev":"{t}"}}\n'.encode())
        p.stdin.flush()
        read_until(p.stdout.fileno(), b'{"t":"2026-01-01T00:00:00.000Z","n":1}\n')
        p.communicate(timeout=60)
        assert p.returncode == 0, p.returncode


@case
def live_files_are_written_as_rows_come(d):
    out = os.path.join(d, "o.csv")
    p = start(IN + f"CREATE STREAM o WITH (connector = 'file', path = '{out}', format = 'csv') AS SELECT a FROM s;",
              stdin=subprocess.PIPE)
    p.stdin.write(b'{"a":7}\n')
    p.stdin.flush()
    for _ in range(6000):
        if os.path.exists(out) and os.path.getsize(out) > 0:
            break
        select.select([], [], [], 0.01)
    with open(out, encoding="utf-8") as f:
        assert f.read() == "a\n7\n"
    p.communicate(timeout=60)
    assert p.returncode == 0, p.returncode


@case
def new_files_are_read_and_told(d):
    """Nothing here depends on how long anything takes: each step waits for its rows."""
    write(d, "1.log", '{"a":1}\n')
    write(d, "2.log", '{"a":2}\n')
    sql = (IN.replace("'stdin'", f"'file', path = '{d}/*.log', tail = true") + "SELECT a FROM s;")
    for workers in "1", "3":
        p = start(sql, "-w", workers)
        seen = b""
        for a in 1, 2:
            seen = read_until(p.stdout.fileno(), b'{"a":%d}\n' % a, seen)
        for name, a in (("2.log", 3), ("2.log", 4), ("3.log", 5), ("1.log", 6)):
            with open(os.path.join(d, name), "a", encoding="utf-8") as f:
                f.write(f'{{"a":{a}}}\n')
            seen = read_until(p.stdout.fileno(), b'{"a":%d}\n' % a, seen)
        os.rename(os.path.join(d, "1.log"), os.path.join(d, "1.old"))
        write(d, "1.log", '{"a":7}\n')
        seen = read_until(p.stdout.fileno(), b'{"a":7}\n', seen)
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60)
        assert (seen + out).count(b"\n") == 7, seen + out
        assert b"*.log: 1 rotation, 1 new file\n" in err, err
        for name in "3.log", "1.old":
            os.remove(os.path.join(d, name))
        write(d, "1.log", '{"a":1}\n')
        write(d, "2.log", '{"a":2}\n')


COPY = ("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = {rows}, rate = {rate}); "
        "CREATE STREAM o WITH (connector = 'file', path = 'o.jsonl', format = 'json') AS SELECT * FROM g;")


def interrupted(d, *options):
    """Copies until 200 rows and three snapshots are there, then interrupts, and starts anew with more rows where all of
    them were faster than the interrupt. Returns how many rows there are to be, the SQL and what was said."""
    for rows in (2000, 8000, 32000, 128000):
        sql = COPY.format(rows=rows, rate=2000)
        p = subprocess.Popen([WEIR, "run", "--state", "state", *options, "-e", sql], cwd=d, stderr=subprocess.PIPE, text=True)
        while p.poll() is None and (len(lines_of(d, "o.jsonl")) < 200 or len(list_of(d, ".snapshot")) < 3):
            pass
        p.send_signal(signal.SIGINT)
        said = p.communicate(timeout=60)[1]
        if p.returncode == 130 and len(lines_of(d, "o.jsonl")) < rows:
            return rows, sql, said
        shutil.rmtree(os.path.join(d, "state"))
        os.remove(os.path.join(d, "o.jsonl"))
    raise AssertionError(f"never interrupted half way: {said}")


@case
def a_state_is_gone_on_from_and_finishes(d):
    rows, sql, said = interrupted(d, "--snapshot-interval=20ms")
    assert "goes on from there" in said, said
    half = len(lines_of(d, "o.jsonl"))
    other = weir("run", "--state", "state", "-e", sql.replace("SELECT *", "SELECT user_id"), cwd=d)
    assert other.returncode == 1 and "belongs to other SQL" in other.stderr, other.stderr
    assert len(lines_of(d, "o.jsonl")) == half  # nothing was touched
    for ends in ("", "has finished"):
        done = weir("run", "--state", "state", "-e", sql, cwd=d)
        assert done.returncode == 0 and ends in done.stderr, done.stderr
        assert len(set(lines_of(d, "o.jsonl"))) == len(lines_of(d, "o.jsonl")) == rows


def lines_of(d, name):
    path = os.path.join(d, name)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return f.read().splitlines()


@case
def a_state_in_use_is_said(d):
    p = subprocess.Popen([WEIR, "run", "--state", "state", "-e", FAST], cwd=d, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not os.path.exists(os.path.join(d, "state", "lock")) or not lines_of(d, "state/lock"):
            assert p.poll() is None
        r = weir("run", "--state", "state", "-e", FAST, cwd=d)
        assert r.returncode == 1 and f"in use by process {p.pid}" in r.stderr, r.stderr
    finally:
        p.kill()
        p.wait()


@case
def a_damaged_state_is_said(d):
    rows, sql, _ = interrupted(d, "--snapshot-interval=10ms")
    args = ["run", "--state", "state", "--snapshot-interval=10ms", "-e", sql]
    with open(os.path.join(d, "state", list_of(d, ".snapshot")[-1]), "r+b") as f:
        f.seek(40)
        byte = f.read(1)
        f.seek(40)
        f.write(bytes([byte[0] ^ 1]))
    r = weir(*args, cwd=d)
    assert r.returncode == 0 and "is passed over" in r.stderr and "checksum" in r.stderr, r.stderr
    assert len(set(lines_of(d, "o.jsonl"))) == len(lines_of(d, "o.jsonl")) == rows


@case
def other_sql_and_a_savepoint_go_on(d):
    args = ["run", "--quiet", "--snapshot-interval=20ms"]
    rows, sql, _ = interrupted(d, *args[1:])
    made = weir("state", "state", "--savepoint", "point", cwd=d)
    assert made.returncode == 0 and "weir run --from point" in made.stderr, made.stderr
    assert weir("state", "point", "--sql", cwd=d).stdout == sql
    assert "position in g (datagen)" in weir("state", "point", cwd=d).stdout
    more = sql + " CREATE STREAM m WITH (connector = 'file', path = 'm.jsonl', format = 'json') AS SELECT page FROM g;"
    refused = weir(*args, "--state", "state", "-e", more, cwd=d)
    assert refused.returncode == 1 and "begins  into m" in refused.stderr and "give --update" in refused.stderr, refused.stderr
    done = weir(*args, "--state", "state", "--update", "-e", more, cwd=d)
    assert done.returncode == 0 and "keeps   into o" in done.stderr, done.stderr
    assert len(set(lines_of(d, "o.jsonl"))) == len(lines_of(d, "o.jsonl")) == rows and 0 < len(lines_of(d, "m.jsonl")) < rows
    again = weir(*args, "--from", "point", "--state", "new", "--workers=1", "-e", sql, cwd=d)
    assert again.returncode == 0 and len(set(lines_of(d, "o.jsonl"))) == len(lines_of(d, "o.jsonl")) == rows, again.stderr
    assert "is a savepoint" in weir(*args, "--state", "point", "-e", sql, cwd=d).stderr


def list_of(d, ending):
    state = os.path.join(d, "state")
    return sorted(f for f in os.listdir(state) if f.endswith(ending)) if os.path.exists(state) else []


@case
def a_folder_for_state_that_cannot_be_made_is_said(d):
    r = weir("run", "--state", "no/such/folder", "-e", "SELECT 1", cwd=d)
    assert r.returncode == 1 and "no/such/folder" in r.stderr and "--state" in r.stderr, r.stderr


@case
def a_record_without_end_can_be_interrupted(d):
    p = start(IN.replace("'stdin'", "'file', path = '/dev/zero', max_record_bytes = '1MiB'") +
              "SELECT a FROM s; SELECT message FROM error_stream;")
    read_until(p.stdout.fileno(), b"is longer than max_record_bytes")
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=60)
    assert p.returncode == 130, (p.returncode, err)


@case
def tables_on_one_terminal_take_turns(d):
    p = start(IN + "SELECT a AS x FROM s WHERE a < 5; SELECT a AS y FROM s WHERE a > 5;", "-q", "-f", "table",
              stdin=subprocess.PIPE)
    for a, want in ((1, "┌───┐\n│ x │\n├───┤\n│ 1 │\n"), (7, "┌───┐\n│ y │\n├───┤\n│ 7 │\n"),
                    (8, "│ 8 │\n"), (2, "┌───┐\n│ x │\n├───┤\n│ 2 │\n")):
        p.stdin.write(b'{"a":%d}\n' % a)
        p.stdin.flush()
        seen = read_until(p.stdout.fileno(), want.encode())
        assert seen == want.encode(), seen
    out, _ = p.communicate(timeout=60)
    assert p.returncode == 0 and out.count(b"(2 rows)\n") == 2, out


@case
def lines_of_several_queries_do_not_mix(d):
    """Pipes take large writes in pieces; 3 workers print two kinds of long lines."""
    sql = ("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = 60000); "
           "SELECT 'x' AS x, user_id AS u, page || page || page || page AS p, event_time FROM g; "
           "SELECT 'y' AS y, event_time, latency_ms, user_id || user_id || user_id AS u FROM g;")
    out = weir("run", "-q", "-w", "3", "-e", sql).stdout
    kinds = [tuple(json.loads(line)) for line in out.split("\n")[:-1]]
    assert len(kinds) == 120000, len(kinds)
    assert set(kinds) == {("x", "u", "p", "event_time"), ("y", "event_time", "latency_ms", "u")}, set(kinds)


@case
def tables_of_finite_input_are_whole(d):
    rows = "".join(f'{{"a":{i}}}\n' for i in range(1, 1000))
    path = write(d, "in.jsonl", rows)
    sql = IN.replace("'stdin'", f"'file', path = '{path}'") + "SELECT a AS x FROM s; SELECT a AS y FROM s;"
    out = weir("run", "-q", "-f", "table", "-e", sql).stdout
    assert out.count("┌") == 2 and out.count("├") == 2 and out.count("(999 rows)") == 2, out


# ---- signals ----

@case
def why_names_the_split_that_holds_time_back(d):
    """Windows over a file that has rows and a pipe that has none: SIGUSR1 says which it is."""
    rows = "".join(f'{{"ts":"2026-01-01T00:00:{s:02}Z","k":"a"}}\n' for s in (1, 2, 12, 40))
    write(d, "a.jsonl", rows)
    os.mkfifo(os.path.join(d, "b.fifo"))
    cols = "(ts TIMESTAMP(3), k VARCHAR, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)"
    sql = (f"CREATE STREAM a {cols} WITH (connector = 'file', path = '{d}/a.jsonl', format = 'json', tail = true, "
           "idle_timeout = '0'); "
           f"CREATE STREAM b {cols} WITH (connector = 'file', path = '{d}/b.fifo', format = 'json', idle_timeout = '0'); "
           "SELECT ts FROM a; CREATE VIEW u AS SELECT ts, k FROM a UNION ALL SELECT ts, k FROM b; "
           f"CREATE STREAM o WITH (connector = 'file', path = '{d}/o.jsonl', format = 'json') AS SELECT window_start, k, "
           "COUNT(*) AS n FROM TABLE(TUMBLE(TABLE u, DESCRIPTOR(ts), INTERVAL '10' SECOND)) "
           "GROUP BY window_start, window_end, k;")
    for workers in "1", "3":
        p = subprocess.Popen([WEIR, "run", "-q", "-w", workers, "-e", sql], cwd=d, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        try:
            with open(os.path.join(d, "b.fifo"), "w", encoding="utf-8") as pipe:
                read_until(p.stdout.fileno(), b"00:00:40")
                seen = ask_why(p, b"windows wait")
                for want in ("o, #", "4 rows", "2026-01-01 00:00:00 to 2026-01-01 00:00:10: 2 rows",
                             "held up by " + d + "/b.fifo of stream b: it has given no record yet",
                             "a record of " + d + "/b.fifo of stream b of 2026-01-01 00:00:10.999 or later",
                             "No row has come from stream b"):
                    assert want in seen, (want, seen)
                pipe.write('{"ts":"2026-01-01T00:00:22Z","k":"b"}\n')
                pipe.flush()
                seen = ask_why(p, b"00:00:29.999")
                assert "it has come to 2026-01-01 00:00:21" in seen and "2 windows wait" in seen, seen
                p.send_signal(signal.SIGINT)
                p.communicate(timeout=60)
                assert p.returncode == 130, p.returncode
        finally:
            p.kill()
            p.wait()


def ask_why(p, until):
    """The first answer that has these bytes; rows may still be under way in those before."""
    while True:
        p.send_signal(signal.SIGUSR1)
        seen = read_until(p.stderr.fileno(), b"have been read.\n")
        seen += read_more(p.stderr.fileno())
        if until in seen:
            return seen.decode()
        assert p.poll() is None, seen


def read_more(fd):
    """What is there: an answer is one write."""
    seen = b""
    while select.select([fd], [], [], 0)[0]:
        more = os.read(fd, 65536)
        if not more:
            break
        seen += more
    return seen


@case
def stats_at_the_end(d):
    sql = ("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = 5000); "
           "CREATE STREAM o WITH (connector = 'blackhole') AS SELECT user_id, COUNT(*) AS n FROM g WHERE latency_ms >= 0 "
           "GROUP BY user_id;")
    err = weir("run", "-q", "-w", "2", "--stats", "plan", "-e", sql).stderr
    assert "SOURCE g" in err and "| 5000 read" in err and "worker 1: busy" in err, err
    m = json.loads(weir("run", "-q", "-w", "2", "--stats", "json", "-e", sql).stderr)
    ops = {op["operator"]: op for op in m["operators"]}
    assert m["rows_in"] == 5000 and m["running"] is False and m["snapshots"] is None, m
    assert ops["SOURCE"]["rows_out"] == ops["AGG_LOCAL"]["rows_in"] == sum(ops["AGG_LOCAL"]["worker_rows_in"]) == 5000, ops
    assert ops["AGG_GLOBAL"]["rows_out"] == m["sinks"][0]["rows"] == m["rows_out"] > 0, m
    assert [w["worker"] for w in m["workers"]] == [0, 1] and sum(s["rows"] for s in m["splits"]) == 5000, m

@case
def an_interrupted_table_is_closed(d):
    p = start(IN + "SELECT a FROM s;", "-f", "table", stdin=subprocess.PIPE)
    p.stdin.write(b'{"a":1}\n')
    p.stdin.flush()
    seen = read_until(p.stdout.fileno(), "│ 1 │\n".encode())
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=60)
    assert p.returncode == 130 and b"interrupted" in err, (p.returncode, err)
    assert (seen + out).endswith("│ 1 │\n└───┘\n(1 row)\n".encode()), seen + out


@case
def a_signal_ends_it_with_a_summary(d):
    for sig in (signal.SIGINT, signal.SIGTERM):
        p = start(LIVE)
        p.stdout.readline()  # it runs
        p.send_signal(sig)
        _, err = p.communicate(timeout=60)
        assert p.returncode == 130 and b"interrupted" in err and b" in, " in err, (p.returncode, err)


@case
def a_second_signal_kills_a_blocked_one(d):
    for sig in (signal.SIGINT, signal.SIGTERM):
        p = start(FAST)  # nobody reads: the pipe fills, and writes block
        select.select([p.stdout], [], [], 60)
        while p.poll() is None:
            p.send_signal(sig)
            try:
                p.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                pass
        assert p.returncode in (-sig, 130), p.returncode
        p.stdout.close()
        p.stderr.close()


@case
def a_blocked_one_says_how_to_end_it(d):
    p = start(FAST)
    select.select([p.stdout], [], [], 60)
    p.send_signal(signal.SIGINT)
    seen = b""
    while b"second Ctrl-C" not in seen and p.poll() is None:
        seen += os.read(p.stderr.fileno(), 4096)
    assert b"second Ctrl-C" in seen, seen
    p.send_signal(signal.SIGINT)
    assert p.wait(60) == -signal.SIGINT, p.returncode
    p.stdout.close()
    p.stderr.close()


# ---- terminals ----

def on_terminal(args, until, columns=100):
    """What weir shows on a terminal until `until` has been seen, then Ctrl-C; and its exit status."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(WEIR, [WEIR, *args])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    seen, asked = b"", False
    while True:
        try:
            more = os.read(fd, 65536)
        except OSError:  # the other end has gone
            break
        if not more:
            break
        seen += more
        if not asked and until in seen:
            asked = True
            os.write(fd, b"\x03")
    os.close(fd)
    return seen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@case
def a_terminal_shows_a_table(d):
    seen, status = on_terminal(["run", "-e", "SELECT 1 AS a"], b"never")
    assert status == 0 and "│ a │".encode() in seen and b"(1 row)" in seen, (status, seen)


@case
def progress_and_results_share_a_terminal(d):
    seen, status = on_terminal(["run", "--format=json", "-e", LIVE], b" rows/s")
    assert status == 130 and b"interrupted" in seen, (status, seen)
    for line in seen.replace(b"\r\n", b"\n").split(b"\n"):
        shown = line.split(b"\x1b[K")[-1].lstrip(b"\r")  # what stays after the line was last cleared
        shown = shown.replace(b"^C", b"")  # the terminal's echo
        if b'"event_time"' in line:
            assert shown.startswith(b"{") and shown.endswith(b"}"), line
    assert b" rows in, " in seen and b" out  " in seen, seen


@case
def progress_shows_the_share_done(d):
    sql = ("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = 400, rate = 400); "
           "CREATE STREAM o WITH (connector = 'blackhole') AS SELECT * FROM g;")
    seen, status = on_terminal(["run", "-e", sql], b"never")
    shares = [int(n) for n in re.findall(rb"\] +(\d+)%", seen)]
    assert status == 0 and shares == sorted(shares) and 0 < shares[-1] <= 100, (status, seen)


@case
def progress_fits_narrow_terminals(d):
    sql = LIVE.replace("SELECT event_time, user_id", "CREATE STREAM o WITH (connector = 'blackhole') AS SELECT *")
    seen, _ = on_terminal(["run", "-e", sql], b" rows in, ", columns=30)
    drawn = [s.replace(b"^C", b"") for s in seen.split(b"\r\x1b[K") if b"rows in," in s and b"\n" not in s]
    assert drawn and all(len(s) < 30 for s in drawn), drawn


# ---- completion and manual ----

def bash_completes(d, line, *want_not, want):
    """What bash offers after `line`."""
    words = line.split(" ")
    script = (f'source <("{WEIR}" completion bash); COMP_WORDS=({" ".join(repr(w) for w in words)}); '
              f"COMP_CWORD={len(words) - 1}; _weir; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    p = subprocess.run(["bash", "-c", script], cwd=d, capture_output=True, text=True, timeout=60)
    got = p.stdout.split("\n")[:-1]
    assert p.stderr == "" and sorted(got) == sorted(want), (line, got, p.stderr)


@case
def bash_completion_offers_what_fits(d):
    write(d, "my query.sql", "")
    write(d, "notes.txt", "")
    os.mkdir(os.path.join(d, "more"))
    bash_completes(d, "weir ru", want=["run"])
    bash_completes(d, "weir run ", want=["more", "my query.sql"])
    write(d, "a.test", "")
    bash_completes(d, "weir test ", want=["more", "a.test"])
    bash_completes(d, "weir discover ", want=["more", "a.test", "my query.sql", "notes.txt"])
    bash_completes(d, "weir run --form", want=["--format"])
    bash_completes(d, "weir run --format ", want=["auto", "json", "csv", "table"])
    bash_completes(d, "weir run --format = j", want=["json"])
    bash_completes(d, "weir run --format =", want=["auto", "json", "csv", "table"])
    bash_completes(d, "weir run -f c", want=["csv"])
    bash_completes(d, "weir explain --format d", want=["dot"])
    bash_completes(d, "weir help fo", want=["formats"])
    bash_completes(d, "weir completion z", want=["zsh"])


@case
def other_shells_read_their_completion(d):
    for shell, check in (("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])):
        text = weir("completion", shell).stdout
        assert "table" in text and "explain" in text, text
        if shutil.which(shell):
            p = subprocess.run([*check, write(d, "c", text)], capture_output=True, text=True, timeout=60)
            assert p.returncode == 0 and p.stderr == "", p


@case
def the_manual_is_sound(d):
    text = weir("help", "man").stdout
    assert text.startswith(".TH WEIR 1") and ".SH EXIT STATUS" in text, text
    for flag in ("execute", "format", "quiet", "workers", "batch\\-rows"):
        assert "\\-\\-" + flag in text, flag
    if shutil.which("man") and shutil.which("groff"):
        p = subprocess.run(["man", "--warnings", "-l", write(d, "weir.1", text)], capture_output=True, text=True,
                           timeout=60, env={**os.environ, "MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
        assert p.returncode == 0 and p.stderr == "", p


# ---- README.md ----

@case
def the_sql_of_the_readme_is_right(d):
    """Its blocks go on from one another, until one declares a stream anew."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        blocks = re.findall(r"```sql\n(.*?)```", f.read(), re.S)
    scripts, streams = [""], set()
    for block in blocks:
        declared = set(re.findall(r"CREATE STREAM (\w+)", block))
        if declared & streams:
            scripts.append("")
            streams = set()
        scripts[-1] += block
        streams |= declared
    assert len(blocks) >= 5, blocks
    for sql in scripts:
        expect(weir("check", "-", stdin=sql), 0, "ok", "")


# ---- packages ----

def deps(d, installed, *, uid=0, sudo=None, apt=(0,)):
    """tests/deps.sh for packages a and b among made-up system tools. apt: exit statuses of its calls to install,
    the last one again and again; sudo: its exit status, None: there is none. Returns the run and apt-get's calls."""
    def tool(name, text):
        with open(os.path.join(d, name), "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(os.path.join(d, name), 0o755)

    log = os.path.join(d, "log")
    write(d, "log", "")
    tool("dpkg-query", f'for p; do :; done; case " {installed} " in *" $p "*) echo install ok installed ;; esac\n')
    tool("id", f"echo {uid}\n")
    if apt:
        case_lines = "".join(f"{i}) exit {s} ;; " for i, s in enumerate(apt, 1))
        tool("apt-get", f'echo "$1" >>{log}\n[ "$1" = install ] || exit 0\n'
                        f'case $(grep -c install {log}) in {case_lines}*) exit {apt[-1]} ;; esac\n')
    if sudo is not None:
        tool("sudo", f'[ {sudo} = 0 ] || exit {sudo}\n[ "$1" = -v ] || exec "$@"\n')
    for name in ("grep", "env", "sh"):
        os.symlink(shutil.which(name), os.path.join(d, name))
    p = subprocess.run(["/bin/sh", os.path.join(ROOT, "tests", "deps.sh"), "a", "b"], env={"PATH": d}, capture_output=True, text=True, timeout=60)
    with open(log, encoding="utf-8") as f:
        return p, f.read().split()


@case
def packages_that_are_there_are_left_alone(d):
    p, calls = deps(d, "a b")
    assert (p.returncode, p.stdout, p.stderr, calls) == (0, "", "", []), (p, calls)


@case
def missing_packages_are_named_and_installed(d):
    p, calls = deps(d, "a")
    assert p.returncode == 0 and p.stdout == "Installing missing packages: b\n" and calls == ["install"], (p, calls)


@case
def old_package_lists_are_fetched_when_needed(d):
    p, calls = deps(d, "", apt=(100, 0))
    assert p.returncode == 0 and calls == ["install", "update", "install"], (p, calls)


@case
def packages_that_cannot_be_installed_are_named(d):
    p, calls = deps(d, "b", apt=(100,))
    assert p.returncode == 1 and "apt-get install a\n" in p.stderr and len(calls) == 3, (p, calls)


@case
def packages_need_root_or_sudo(d):
    p, calls = deps(d, "b", uid=1000)
    assert p.returncode == 1 and "not root" in p.stderr and "apt-get install a\n" in p.stderr and not calls, (p, calls)


@case
def sudo_installs_packages(d):
    p, calls = deps(d, "b", uid=1000, sudo=0)
    assert p.returncode == 0 and "with sudo: a\n" in p.stdout and calls == ["install"], (p, calls)


@case
def sudo_that_refuses_is_said(d):
    p, calls = deps(d, "b", uid=1000, sudo=1)
    assert p.returncode == 1 and "apt-get install a\n" in p.stderr and not calls, (p, calls)


@case
def other_systems_are_told_the_names(d):
    p, _ = deps(d, "b", apt=())
    assert p.returncode == 1 and "what your system calls them: a\n" in p.stderr, p


# ---- streams of a data directory ----

def stream_dir(d, shards=2):
    expect(weir("streams", "--data", "d", "create", "s", "--shards", str(shards), cwd=d), 0, "", "")


@case
def streams_are_made_described_changed_and_deleted(d):
    stream_dir(d)
    expect(weir("streams", "--data", "d", cwd=d), 0, "s\n", "")
    expect(weir("streams", "--data", "d", "split", "s", "0", cwd=d), 0, "", "")
    expect(weir("streams", "--data", "d", "merge", "s", "3", "shardId-000000000001", cwd=d), 0, "", "")
    p = weir("streams", "--data", "d", "describe", "s", cwd=d)
    expect(p, 0, "shardId-000000000004  open since", "")
    assert "from shardId-000000000003 and shardId-000000000001" in p.stdout and p.stdout.count("  closed ") == 3, p
    expect(weir("streams", "--data", "d", "reshard", "s", "3", cwd=d), 0, "", "")
    expect(weir("streams", "--data", "d", "retention", "s", "--retention", "48h", cwd=d), 0, "", "")
    expect(weir("streams", "--data", "d", "describe", "s", cwd=d), 0, "kept 48 h", "")
    expect(weir("streams", "--data", "d", "delete", "s", cwd=d), 0, "", "")
    expect(weir("streams", "--data", "d", cwd=d), 0, "", "")


@case
def stream_commands_say_what_is_wrong(d):
    stream_dir(d)
    for args, status, err in [
        (["streams", "--data", "d", "--server", "http://127.0.0.1:4567"], 2, "found both"),
        (["streams", "--data", "d", "lsit"], 2, "did you mean 'list'?"),
        (["streams", "--data", "d", "split", "s"], 2, "split STREAM SHARD [HASH]"),
        (["streams", "--data", "d", "split", "s", "9"], 2, "shardId-000000000009 does not exist"),
        (["streams", "--data", "d", "split", "s", "0", "x"], 2, "expected a hash key"),
        (["streams", "--data", "d", "merge", "s", "0", "0"], 2, "are not neighbours"),
        (["streams", "--data", "d", "create", "s"], 2, "there is a stream 's' already"),
        (["streams", "--data", "d", "create", "a b"], 2, "letters, digits"),
        (["streams", "--data", "d", "create", "t", "--retention", "1m"], 2, "retention"),
        (["put"], 2, "expected the name of one stream"),
        (["put", "t", "--data", "d"], 2, "create t makes it"),
        (["put", "t", "--data", "nowhere"], 2, "there is no data directory 'nowhere'"),
        (["streams", "--data", "nowhere", "reshard", "t", "2"], 2, "there is no data directory 'nowhere'"),
        (["streams", "--data", "d", "retention", "s"], 2, "retention STREAM --retention DURATION"),
        (["run", "--snapshot-interval", "1s", "-e", "SELECT 1"], 2, "--snapshot-interval needs --state"),
        (["run", "--update", "-e", "SELECT 1"], 2, "--update needs --state DIR or --from DIR"),
        (["tail", "s", "--data", "d", "--from", "noon"], 2, "earliest, latest or a time"),
        (["tail", "s", "--data", "d", "--shard", "x"], 2, "shardId-"),
        (["tail", "s", "--data", "d", "--shard", "7"], 2, "no shard 7"),
        (["tail", "s", "--data", "nowhere"], 2, "there is no stream 's' in nowhere"),
        (["run", "-e", "CREATE STREAM s (a INT) WITH (connector = 'stream', format = 'json'); SELECT a FROM s"], 1,
         "add --data DIR"),
        (["run", "--data", "d", "-e", "CREATE STREAM s (a INT) WITH (connector = 'stream', format = 'csv'); SELECT a FROM s"],
         1, "header = 'false'"),
        (["run", "--data", "d", "-e",
          "CREATE STREAM s (a INT) WITH (connector = 'stream', format = 'json', start = 'noon'); SELECT a FROM s"], 1,
         "neither earliest nor latest"),
        (["run", "--data", "d", "-e",
          "CREATE STREAM s WITH (connector = 'stream', format = 'json', partition_by = 'aa') AS SELECT 1 AS a"], 1,
         "there is no column 'aa'"),
    ]:
        p = weir(*args, cwd=d)
        assert p.returncode == status and err in p.stderr and p.stderr.startswith("weir: "), (args, p)


@case
def put_and_tail(d):
    stream_dir(d)
    expect(weir("put", "s", "--data", "d", "--key-before", ":", cwd=d, stdin="k1:one\nk2:two\n\nk1:three"), 2, "", "record 2")
    expect(weir("put", "s", "--data", "d", "--key-before", ":", cwd=d, stdin="k1:one\nk2:\nk1:three"), 0, "", "3 records put")
    p = weir("tail", "s", "--data", "d", "--from", "earliest", "--once", "--format", "json", cwd=d)
    rows = [json.loads(x) for x in p.stdout.splitlines()]
    assert sorted((r["key"], r["data"]) for r in rows) == [("k1", "one"), ("k1", "three"), ("k2", "")], p
    raw = subprocess.run([WEIR, "put", "s", "--data", "d", "--key", "k1", "--quiet"], cwd=d, input=b"\xff\"\\\x01\n", check=True)
    assert raw.returncode == 0
    p = weir("tail", "s", "--data", "d", "--from", "earliest", "--once", "--format", "json", cwd=d)
    assert any(json.loads(x).get("data_hex") == "ff225c01" for x in p.stdout.splitlines()), p
    p = weir("tail", "s", "--data", "d", "--from", "earliest", "--count", "2", cwd=d)
    assert p.returncode == 0 and len(p.stdout.splitlines()) == 2, p


@case
def tail_follows_a_stream_through_a_split(d):
    stream_dir(d, 1)
    with subprocess.Popen([WEIR, "tail", "s", "--data", "d", "--from", "earliest"], cwd=d, stdout=subprocess.PIPE, text=True) as p:
        for i in range(6):
            if i % 2 == 1:
                expect(weir("streams", "--data", "d", "split", "s", str(i - 1), cwd=d), 0, "", "")
            expect(weir("put", "s", "--data", "d", "--quiet", cwd=d, stdin=f"{i}\n"), 0, "", "")
            assert p.stdout.readline() == f"{i}\n"
        p.send_signal(signal.SIGTERM)


@case
def one_process_writes_and_the_other_is_told_its_pid(d):
    stream_dir(d)
    with subprocess.Popen([WEIR, "put", "s", "--data", "d"], cwd=d, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        p.stdin.write("x\n")
        p.stdin.flush()
        t = weir("tail", "s", "--data", "d", "--from", "earliest", "--count", "1", cwd=d)  # reading is allowed
        expect(t, 0, "x\n", "")
        expect(weir("put", "s", "--data", "d", cwd=d, stdin="y\n"), 1, "", f"process {p.pid} writes to it")
        p.stdin.close()
        assert p.wait() == 0 and "1 records put" in p.stderr.read()
    expect(weir("put", "s", "--data", "d", cwd=d, stdin="y\n"), 0, "", "1 records put")


@case
def sql_follows_a_stream_through_splits_and_merges(d):
    stream_dir(d, 2)
    sql = "CREATE STREAM s (a INT) WITH (connector = 'stream', format = 'json'); SELECT a FROM s;"
    with subprocess.Popen([WEIR, "run", "--data", "d", "--quiet", "-e", sql], cwd=d, stdout=subprocess.PIPE, text=True) as p:
        for i, change in enumerate([["split", "s", "0"], ["merge", "s", "3", "1"], ["reshard", "s", "3"], ["split", "s", "2"]]):
            lines = "".join(f'{{"a": {100 * i + k}}}\n' for k in range(20))
            expect(weir("put", "s", "--data", "d", "--quiet", cwd=d, stdin=lines), 0, "", "")
            got = sorted(json.loads(p.stdout.readline())["a"] for _ in range(20))
            assert got == [100 * i + k for k in range(20)], got
            weir("streams", "--data", "d", *change, cwd=d)
        p.send_signal(signal.SIGINT)
        assert p.wait() == 130


def main():
    failed = n = 0
    for f in CASES:
        if sys.argv[2:] and f.__name__ not in sys.argv[2:]:
            continue
        n += 1
        with tempfile.TemporaryDirectory() as d:
            try:
                f(d)
            except Exception as e:  # pylint: disable=broad-except
                failed += 1
                print(f"FAIL {f.__name__}: {type(e).__name__}: {e}")
    print(f"cli: {n - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
