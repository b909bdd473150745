#!/usr/bin/env python3
"""The commands that ask a running engine, against one, and against servers that break.

Usage: cli.py WEIR [NAME ...]
"""
import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile

from engine import Engine
from fake import Fake
from tls import Cert

WEIR = os.path.abspath(sys.argv[1])
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CASES = []
ROWS = ("CREATE STREAM s (a BIGINT, t VARCHAR) WITH (connector = 'stream', format = 'json', start = 'earliest'); "
        "SELECT a, t FROM s WHERE a >= 0;")
ENDLESS = "CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rate = 50); SELECT user_id FROM g;"


def case(f):
    CASES.append(f)
    return f


def weir(url, *args, stdin=subprocess.DEVNULL, **kw):
    if isinstance(stdin, (str, bytes)):
        kw["text"] = isinstance(stdin, str)
        kw["input"], stdin = stdin, None
    return subprocess.run([WEIR, *args], capture_output=True, timeout=120, env={**os.environ, "WEIR_SERVER": url},
                          **{"text": True, **kw}, **({} if stdin is None else {"stdin": stdin}))


def expect(p, status, out=None, err=None):
    assert p.returncode == status, p
    for want, got in ((out, p.stdout), (err, p.stderr)):
        if want is not None:
            assert (want in got) if want else got == "", p
    return p


def write(d, name, text):
    path = os.path.join(d, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


@contextlib.contextmanager
def following(e, *args):
    """A command that goes on until it is told to end."""
    with subprocess.Popen([WEIR, *args, "--server", e.url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as p:
        try:
            yield p
        finally:
            p.kill()


def job(e, name):
    return json.loads(expect(weir(e.url, "jobs", "--json", name), 0).stdout)


# ---- against an engine ----

STALLED = ("CREATE STREAM s (a BIGINT, at TIMESTAMP(3), WATERMARK FOR at AS at - INTERVAL '1' SECOND) "
           "WITH (connector = 'stream', format = 'json', start = 'earliest'); "
           "SELECT window_end, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(at), INTERVAL '10' SECOND)) "
           "GROUP BY window_start, window_end;")


@case
def why_a_job_has_no_output(d):
    with Engine(WEIR, d) as e:
        expect(weir(e.url, "streams", "create", "s", "--shards", "1"), 0)
        expect(weir(e.url, "put", "s", stdin='{"a":1,"at":"2026-01-01 00:00:01"}'), 0)
        expect(weir(e.url, "submit", "--name", "stalled", "-e", STALLED), 0)
        while job(e, "stalled")["rows_in"] == 0:  # main's alarm ends it
            pass
        p = expect(weir(e.url, "why", "stalled"), 0, "No row has come out yet", "")
        assert "of stream s" in p.stdout, p
        p = expect(weir(e.url, "why", "--json", "stalled"), 0, None, "")
        assert json.loads(p.stdout)["windows"][0]["held"]["stream"] == "s", p
        p = expect(weir(e.url, "explain", "--analyze", "stalled"), 0, "SOURCE s", "")
        assert "busy" in p.stdout, p
        expect(weir(e.url, "explain", "--analyze", "--format", "dot", "stalled"), 2, "", "format=tree only")
        expect(weir(e.url, "why", "nowhere"), 2, "", "no job 'nowhere'")
        expect(weir(e.url, "pause", "stalled"), 0)
        expect(weir(e.url, "why", "stalled"), 1, "", "is paused: only a job that runs")
        expect(weir(e.url, "explain", "--analyze", "stalled"), 1, "", "is paused: only a job that runs")
        p = expect(weir(e.url, "jobs", "stalled"), 0, "paused", "")
        assert "operators" not in p.stdout, p


@case
def savepoints_and_updates(d):
    with Engine(WEIR, d) as e:
        expect(weir(e.url, "streams", "create", "s"), 0)
        path = write(d, "rows.sql", ROWS)
        expect(weir(e.url, "submit", path, "--memory", "64MiB"), 0)
        saved = expect(weir(e.url, "savepoint", "rows", "p"), 0, "p\n", "bytes in ").stderr.split()[0]
        expect(weir(e.url, "savepoint", "rows", "p"), 1, "", "'p'")
        p = expect(weir(e.url, "savepoints"), 0, "NAME  JOB", "")
        assert re.search(r"^p +rows +20\S+ \S+Z +[0-9,]+ +" + saved + " +ready$", p.stdout, re.M), p
        expect(weir(e.url, "savepoints", "describe", "p"), 0, "SELECT a, t FROM s", "")
        assert expect(weir(e.url, "savepoints", "describe", "p", "--sql"), 0).stdout.strip() == ROWS
        assert json.loads(expect(weir(e.url, "savepoints", "list", "--json"), 0).stdout)["savepoints"][0]["job"] == "rows"
        expect(weir(e.url, "savepoints", "describe", "q"), 2, "", "no savepoint 'q'")
        for wrong in ["describe"], ["delete"], ["list", "p"], ["p"]:
            expect(weir(e.url, "savepoints", *wrong), 2, "", "expected list, describe NAME or delete NAME")
        expect(weir(e.url, "savepoint", "rows", "r"), 0)
        expect(weir(e.url, "savepoints", "delete", "r", "q"), 2, "r: deleted", "no savepoint 'q'")
        os.mkdir(os.path.join(d, "data", "savepoints", "half"))
        expect(weir(e.url, "savepoints"), 0, "half  ", "savepoint half: it has no manifest")
        expect(weir(e.url, "savepoints", "describe", "half"), 1, "", "savepoint half: it has no manifest")
        expect(weir(e.url, "submit", path, "--savepoint", "p", "--name", "second"), 0, None, "job second is running")
        expect(weir(e.url, "submit", path, "--savepoint", "q", "--name", "third"), 2, "", "no savepoint 'q'")
        more = write(d, "more.sql", ROWS + " SELECT a + 1 AS b FROM s;")
        p = expect(weir(e.url, "update", more, "--job", "rows", "--dry-run"), 0, "keeps ", "")
        assert "begins " in p.stdout and job(e, "rows")["sql"] == ROWS, p
        done = expect(weir(e.url, "update", more, "--job", "rows"), 0, "keeps ", "")
        assert done.stdout == p.stdout and "AS b" in job(e, "rows")["sql"], done
        expect(weir(e.url, "put", "s", stdin='{"a":1,"t":"x"}'), 0)
        expect(weir(e.url, "tail", "job:second", "--count", "1"), 0, '"a":1', "")
        expect(weir(e.url, "tail", "job:rows", "--count", "2"), 0, '{"b":2}', "")


@case
def all_of_it_by_tls(d):
    cert, other = Cert(d), Cert(d, "other")
    ca = ["--ca", cert.cert]
    with Engine(WEIR, d, *cert.flags()) as e:
        assert e.url.startswith("https://"), e.url
        expect(weir(e.url, "streams"), 1, "", f"{e.url} is not trusted")
        expect(weir(e.url, "streams", "--ca", other.cert), 1, "", "--ca names a file with the certificate of who signed its own")
        expect(weir(e.url, "streams", "--ca", "none.crt"), 2, "", "--ca 'none.crt': expected a file of certificates")
        expect(weir(e.url.replace("https", "http"), "streams"), 2, "", "this port speaks HTTPS: ask for https://")
        path = write(d, "rows.sql", ROWS)
        expect(weir(e.url, "streams", "create", "s", *ca), 0)
        expect(weir(e.url, "submit", path, *ca), 0, None, "job rows is running")
        expect(weir(e.url, "put", "s", *ca, stdin='{"a":1,"t":"x"}'), 0)
        expect(weir(e.url, "tail", "job:rows", "--count", "1", *ca), 0, '"a":1', "")
        expect(weir(e.url, "tail", "s", "--from", "earliest", "--count", "1", *ca), 0, '"a":1', "")
        os.environ["WEIR_CA"] = cert.cert
        try:
            for args in (["jobs"], ["jobs", "-v"], ["why", "rows"], ["logs", "rows"], ["explain", "--analyze", "rows"], ["savepoint", "rows", "p"],
                         ["savepoints"], ["update", path, "--dry-run"], ["pause", "rows"], ["resume", "rows"], ["stop", "rows"], ["delete", "rows"]):
                expect(weir(e.url, *args), 0)
        finally:
            del os.environ["WEIR_CA"]
    with Engine(WEIR, d) as e:
        expect(weir(e.url.replace("http", "https"), "jobs"), 1, "", "was started without --tls-cert, ask for http://")


@case
def a_job_from_submit_to_delete(d):
    with Engine(WEIR, d) as e:
        expect(weir(e.url, "jobs"), 0, "no jobs\n", "")
        expect(weir(e.url, "streams", "create", "s", "--shards", "2"), 0, "", "")
        expect(weir(e.url, "streams"), 0, "s\n", "")
        p = expect(weir(e.url, "submit", write(d, "my rows.sql", ROWS)), 0, None, "job my_rows is running")
        assert p.stdout.strip() == job(e, "my_rows")["id"], p
        expect(weir(e.url, "put", "s", stdin='{"a":1,"t":"x"}\n{"a":-1}\n{"a":2,"t":"\u00e9"}'), 0, "", "3 records put")
        p = expect(weir(e.url, "tail", "job:my_rows", "--count", "2"), 0, None, "")
        assert sorted(p.stdout.splitlines()) == ['{"a":1,"t":"x"}', '{"a":2,"t":"\u00e9"}'], p
        p = expect(weir(e.url, "jobs"), 0, "my_rows", "")
        head, line = p.stdout.splitlines()[:2]
        assert head.startswith("NAME ") and "ROWS IN" in head and "running" in line and "Z" in line, p
        for name in ("my_rows", job(e, "my_rows")["id"]):
            p = expect(weir(e.url, "jobs", name), 0, "rows in ", "")
            assert "my_rows" in p.stdout, p
        p = expect(weir(e.url, "jobs", "-v"), 0, "state ", "")
        for want in ("rows in a second", "state [bytes]", "snapshots ", "operators\n", "splits\n", "sinks\n", "OUT/S"):
            assert want in p.stdout, (want, p)
        assert json.loads(weir(e.url, "jobs", "--json").stdout)["jobs"][0]["name"] == "my_rows"
        expect(weir(e.url, "delete", "my_rows"), 1, "", "weir: delete: ")
        expect(weir(e.url, "pause", "my_rows"), 0, "my_rows: paused\n", "")
        expect(weir(e.url, "resume", "my_rows"), 0, "my_rows: running\n", "")
        expect(weir(e.url, "stop", "my_rows"), 0, "my_rows: stopped\n", "")
        expect(weir(e.url, "logs", "my_rows"), 0, "stopped", "")
        expect(weir(e.url, "delete", "my_rows"), 0, "my_rows: deleted\n", "")
        expect(weir(e.url, "jobs"), 0, "no jobs\n", "")
        expect(weir(e.url, "streams", "delete", "s"), 0, "", "")
        expect(weir(e.url, "streams"), 0, "", "")


@case
def what_is_wrong_is_said_with_its_status(d):
    bad = write(d, "bad.sql", "SELECT 1;\nSELECT nope;\n")
    with Engine(WEIR, d) as e:
        expect(weir(e.url, "submit", "-e", ENDLESS, "--name", "g"), 0)
        for args, status, err in [
            (["stop"], 2, "stop: expected names or ids"),
            (["stop", "x"], 2, "'x'"),
            (["logs", "x"], 2, "'x'"),
            (["logs", "-f", "x"], 2, "'x'"),
            (["tail", "job:x"], 2, "'x'"),
            (["tail", "job:x", "--once"], 2, "'x'"),
            (["jobs", "x"], 2, "'x'"),
            (["explain", "--analyze"], 2, "expected the name or id of one job"),
            (["put", "x"], 2, "'x'"),
            (["tail", "x"], 2, "'x'"),
            (["tail", "x", "--once"], 2, "'x'"),
            (["tail", "x", "--from", "noon"], 2, "earliest, latest or a time"),
            (["tail", "job:g", "--shard", "1"], 2, "no shards"),
            (["streams", "describe", "x"], 2, "'x'"),
            (["streams", "split", "x", "0"], 2, "there is no stream 'x'"),
            (["streams", "create", "a b"], 2, "letters, digits"),
            (["streams", "--data", "d", "--server", e.url], 2, "found both"),
            (["submit", "-e", ENDLESS, "--name", "g"], 1, "'g'"),
            (["submit", "-e", ENDLESS, "--name", "a b"], 2, "a b"),
            (["submit", "-e", ENDLESS, "--snapshot-interval", "soon"], 2, "soon"),
            (["submit", "none.sql"], 2, "cannot read 'none.sql'"),
            (["submit"], 2, "expected a SQL file"),
            (["submit", "--server", "nothing://x", "-e", "SELECT 1"], 2, "expected a URL"),
        ]:
            p = weir(e.url, *args, cwd=d)
            assert p.returncode == status and err in p.stderr and p.stderr.startswith("weir: "), (args, p)
            assert p.stderr.count("\n") == 1, (args, p)
        here = weir(e.url, "check", bad)
        for args in (["submit", bad], ["explain", "--server", e.url, bad]):
            p = weir(e.url, *args)
            assert p.returncode == 2 and p.stderr == here.stderr, (p, here)
        p = weir(e.url, "submit", "-e", "SELECT nope")
        assert p.returncode == 2 and p.stderr == weir(e.url, "check", "-", stdin="SELECT nope").stderr.replace("<stdin>", "-e"), p


@case
def streams_are_changed_where_they_run(d):
    with Engine(WEIR, d) as e:
        expect(weir(e.url, "streams", "create", "s"), 0, "", "")
        assert "kept 24 h" in expect(weir(e.url, "streams", "describe", "s"), 0).stdout
        expect(weir(e.url, "streams", "retention", "s", "--retention", "7d"), 0, "", "")
        assert "kept 168 h" in expect(weir(e.url, "streams", "describe", "s"), 0).stdout
        expect(weir(e.url, "streams", "retention", "s"), 2, "", "retention STREAM --retention DURATION")
        assert "kept 168 h" in expect(weir(e.url, "streams", "describe", "s"), 0).stdout
        expect(weir(e.url, "streams", "split", "s", "0"), 0, "", "")
        expect(weir(e.url, "streams", "split", "s", "1", "5"), 0, "", "")
        expect(weir(e.url, "streams", "merge", "s", "3", "4"), 0, "", "")
        expect(weir(e.url, "streams", "reshard", "s", "4"), 0, "", "")
        assert expect(weir(e.url, "streams", "describe", "s"), 0).stdout.count(" yes ") == 4
        expect(weir(e.url, "streams", "reshard", "s", "many"), 2, "", "how many")
        expect(weir(e.url, "streams", "split", "s", "99"), 2, "", "does not exist")
        expect(weir(e.url, "tail", "s", "--shard", "99", "--once"), 2, "", "no shard 99")
        expect(weir(e.url, "tail", "s", "--shard", "0", "--once"), 0, "", "")
        for args in ["put", "x"], ["tail", "x", "--once"], ["streams", "describe", "x"], ["streams", "reshard", "x", "2"]:
            expect(weir(e.url, *args), 2, "", "there is no stream 'x'; weir streams create x makes it")
        expect(weir(e.url, "put", "ss"), 2, "", "there is no stream 'ss'; did you mean 's'?")


@case
def a_job_that_cannot_begin_is_told_at_once(d):
    no_file = "CREATE STREAM s (a BIGINT) WITH (connector = 'file', path = 'nowhere.jsonl', format = 'json'); SELECT a FROM s;"
    with Engine(WEIR, d) as e:
        p = expect(weir(e.url, "submit", "--name", "f", "-e", no_file), 1, "j-", "weir: submit: job f is failing: ")
        assert "nowhere.jsonl" in p.stderr and "weir logs f" in p.stderr and "running" not in p.stderr, p
        p = expect(weir(e.url, "submit", "--name", "r", "-e", ROWS), 1, "j-", "weir: submit: job r has failed: stream s: there is no stream 's'")
        assert "weir resume r" in p.stderr and "running" not in p.stderr, p
        assert job(e, "r")["state"] == "failed"
        p = expect(weir(e.url, "submit", "--json", "--name", "q", "-e", ROWS), 1, None, "has failed: stream s: there is no stream 's'")
        assert json.loads(p.stdout)["state"] == "failed", p
        expect(weir(e.url, "resume", "r"), 1, "r: failed", "weir: resume: job r has failed: stream s: there is no stream 's'")
        other = write(d, "r.sql", ROWS + " SELECT a + 1 AS b FROM s;")
        expect(weir(e.url, "update", other), 1, "no state yet", "weir: update: job r has failed: stream s: there is no stream 's'")
        expect(weir(e.url, "streams", "create", "s"), 0)
        expect(weir(e.url, "update", other, "--dry-run"), 0, "no state yet", "")
        expect(weir(e.url, "update", other), 0, "no state yet", "")
        expect(weir(e.url, "put", "s", stdin='{"a":1,"t":"x"}'), 0)
        expect(weir(e.url, "tail", "job:r", "--count", "2"), 0, '{"b":2}', "")
        expect(weir(e.url, "submit", "--name", "rest", "-e", ROWS), 0)
        expect(weir(e.url, "logs", "ret"), 2, "", "there is no job 'ret'; did you mean 'rest'?")


@case
def a_job_whose_last_rows_are_not_taken_can_be_stopped(d):
    write(d, "in.jsonl", '{"a":1}\n{"a":2}\n')
    sql = ("CREATE STREAM i (a BIGINT) WITH (connector = 'file', path = 'in.jsonl', format = 'json'); CREATE STREAM o WITH "
           "(connector = 'sqlite', path = 't.db', table = 't', retry_for = '1h') AS SELECT a FROM i;")
    db = sqlite3.connect(os.path.join(d, "t.db"), isolation_level=None)
    db.executescript("CREATE TABLE t (a INTEGER);")
    with Engine(WEIR, d) as e:
        expect(weir(e.url, "submit", "--name", "before", "-e", sql), 0)  # makes weir_epochs
        while job(e, "before")["state"] != "finished":
            pass
        db.execute("BEGIN IMMEDIATE")
        expect(weir(e.url, "submit", "--name", "last", "-e", sql), 0)
        while "is locked" not in str(job(e, "last").get("trouble")):
            pass
        expect(weir(e.url, "savepoint", "last"), 1, "", "the job has ended")
        expect(weir(e.url, "stop", "last"), 0, "last: stopped")
        expect(weir(e.url, "resume", "last"), 1, "last: failing", "is locked by another program")
        expect(weir(e.url, "stop", "last"), 0, "last: stopped")
        db.execute("COMMIT")
        expect(weir(e.url, "resume", "last"), 0)
        while job(e, "last")["state"] != "finished":
            pass
        assert db.execute("SELECT a FROM t ORDER BY a").fetchall() == [(1,), (1,), (2,), (2,)]
    db.close()


@case
def a_hang_up_ends_it_as_a_signal_does(d):
    with Engine(WEIR, d) as e:
        expect(weir(e.url, "submit", "--name", "g", "-e", ENDLESS), 0)
        e.process.send_signal(signal.SIGHUP)
        e.stop(signal.SIGHUP)  # shells and the kernel send one each
        with open(os.path.join(d, "serve.log"), encoding="utf-8") as f:
            assert "a last snapshot of each job" in f.read()
        e.start()
        assert job(e, "g")["state"] == "running"


@case
def plans_are_those_of_explain(d):
    with Engine(WEIR, d) as e:
        for form in "tree", "json", "dot":
            here = weir(e.url, "explain", "--format", form, "-e", ENDLESS)
            there = weir(e.url, "explain", "--format", form, "--server", e.url, "-e", ENDLESS)
            assert here.stdout and (here.stdout, here.stderr) == (there.stdout, there.stderr), (here, there)


@case
def records_come_back_as_they_went(d):
    with Engine(WEIR, d) as e:
        expect(weir(e.url, "streams", "create", "s", "--shards", "3", "--retention", "48h"), 0, "", "")
        expect(weir(e.url, "streams", "describe", "s"), 0, "shardId-000000000002", "")
        raw = b"k1:\xff\"\\\x01\nk2:\nk1:two"
        p = weir(e.url, "put", "s", "--key-before", ":", stdin=raw)
        assert p.returncode == 0 and b"3 records put" in p.stderr, p
        lines = "".join(f"{i}\n" for i in range(1700))
        expect(weir(e.url, "put", "s", "--key", "k3", "--quiet", stdin=lines), 0, "", "")
        p = weir(e.url, "tail", "s", "--from", "earliest", "--once", text=False)
        assert sorted(p.stdout.split(b"\n")) == sorted([b"\xff\"\\\x01", b"", b"two", b""] + [b"%d" % i for i in range(1700)]), p
        p = weir(e.url, "tail", "s", "--from", "earliest", "--count", "1703", "--format", "json")
        rows = [json.loads(line) for line in p.stdout.splitlines()]
        assert [r["data"] for r in rows if r["key"] == "k3"] == [str(i) for i in range(1700)], p
        shard = next(r["shard"] for r in rows if r["key"] == "k3")
        p = weir(e.url, "tail", "s", "--from", "earliest", "--once", "--shard", shard, "--format", "json")
        assert {json.loads(line)["shard"] for line in p.stdout.splitlines()} == {shard}, p
        expect(weir(e.url, "tail", "s", "--from", "2100-01-01T00:00:00Z", "--once"), 0, "", "")
        expect(weir(e.url, "put", "s", stdin=b"\xff:x\n", text=False), 0)
        p = weir(e.url, "put", "s", "--key-before", ":", stdin=b"\xff:x\n")
        assert p.returncode == 2 and b"line 1: its key is not UTF-8" in p.stderr, p


@case
def tail_goes_on_when_the_engine_is_back(d):
    with Engine(WEIR, d) as e:
        expect(weir(e.url, "streams", "create", "s"), 0)
        with following(e, "tail", "s", "--from", "earliest") as p:
            for i in range(3):
                expect(weir(e.url, "put", "s", stdin=f"{i}\n"), 0)
                assert p.stdout.readline() == f"{i}\n"
                e.restart()


@case
def tail_of_a_stream_of_many_shards(d):
    """A place in it is long: on the way to the next page, and behind a connection that breaks."""
    def put(e, what):
        expect(weir(e.url, "put", "s", "--quiet", stdin="".join(f"{what}{i}\n" for i in range(2500))), 0)

    def all_of(what):
        return sorted(f"{what}{i}" for i in range(2500))

    with Engine(WEIR, d) as e:
        expect(weir(e.url, "streams", "create", "s", "--shards", "800"), 0)  # two descriptors each while they are followed
        put(e, "old")
        p = expect(weir(e.url, "tail", "s", "--from", "earliest", "--once"), 0, None, "")
        assert sorted(p.stdout.split()) == all_of("old"), p.stdout[:100]
        with following(e, "tail", "s", "--from", "earliest") as p:
            def lines():
                return sorted(p.stdout.readline().strip() for _ in range(2500))

            assert lines() == all_of("old")
            for what in "a", "b":
                put(e, what)
                assert lines() == all_of(what)
                e.restart()


@case
def tail_of_a_job_goes_on_when_the_engine_is_back(d):
    """Lines are numbered anew then: none is taken for one that has been seen."""
    with Engine(WEIR, d) as e:
        expect(weir(e.url, "streams", "create", "s"), 0)
        expect(weir(e.url, "submit", "--name", "rows", "-e", ROWS), 0)
        with following(e, "tail", "job:rows") as p:
            for i in range(3):
                expect(weir(e.url, "put", "s", stdin=f'{{"a":{i},"t":"x"}}\n'), 0)
                assert p.stdout.readline() == f'{{"a":{i},"t":"x"}}\n'
                e.restart()
            expect(weir(e.url, "stop", "rows"), 0)
            assert p.wait(timeout=60) == 0 and p.stdout.read() == ""


@case
def a_job_that_has_ended_ends_its_tail(d):
    with Engine(WEIR, d) as e:
        expect(weir(e.url, "submit", "--name", "one", "-e", "SELECT 1 AS a"), 0)
        expect(weir(e.url, "tail", "job:one"), 0, '{"a":1}\n', "")
        expect(weir(e.url, "tail", "job:one", "--once"), 0, '{"a":1}\n', "")
        expect(weir(e.url, "logs", "-f", "one"), 0, "finished", "")
        assert job(e, "one")["state"] == "finished"
        expect(weir(e.url, "stop", "one"), None or 1, "", "weir: stop: ")


# ---- what the pages show ----

def page(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def shell(e, d, text, limit=120):
    """Runs a block of a page against the engine; curl fails where the server says no."""
    os.makedirs(os.path.join(d, "bin"), exist_ok=True)
    if not os.path.exists(os.path.join(d, "bin", "weir")):
        os.symlink(WEIR, os.path.join(d, "bin", "weir"))
    text = text.replace("localhost:4567", e.url.removeprefix("http://")).replace("curl -s", "curl -sf")
    return expect(subprocess.run(["sh", "-ec", text], cwd=d, capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL,
                                 env={**os.environ, "WEIR_SERVER": e.url, "PATH": os.path.join(d, "bin") + ":" + os.environ["PATH"]}), 0)


@case
def the_tour_of_the_readme_is_right(d):
    tour = re.search(r"## A running engine in a minute\n(.*?)\nThe rows of", page("README.md"), re.S).group(1)
    write(d, "slow.sql", re.search(r"```sql\n(.*?)```", tour, re.S).group(1))
    lines = re.findall(r"^    (.*)$", re.sub(r"```sql.*?```", "", tour, flags=re.S), re.M)
    assert lines[0] == "weir serve --data d &", lines
    with Engine(WEIR, d) as e:
        p = shell(e, d, "\n".join(x for x in lines[1:] if not x.startswith("{")), 45)  # no wait for an idle shard, which is a minute
        assert [x for x in p.stdout.splitlines() if x.startswith("{")] == [x for x in lines if x.startswith("{")], p


@case
def the_commands_of_the_api_page_are_right(d):
    blocks = re.findall(r"```sh\n(.*?)```", page("docs", "API.md"), re.S)
    with Engine(WEIR, d) as e:
        for i, block in enumerate(blocks):
            # A stream or a job is made by the first of two ways only.
            made_twice = [x for x in block.splitlines() if x.startswith(("weir streams create", "weir submit"))]
            for line in made_twice:
                block = block.replace(line, "")
            shell(e, d, block)
            for line in made_twice:
                what = "streams delete clicks" if "create" in line else "delete --force slow"
                shell(e, d, f"weir {what}\n{line}")
        assert len(blocks) >= 6, blocks


# ---- without one, and against others ----

@case
def no_server_is_said_with_what_to_do(d):
    with Fake(lambda r: (200, {}, b"{}")) as f:
        url = f.url
    for args in (["jobs"], ["submit", "-e", "SELECT 1"], ["stop", "x", "y"], ["tail", "s"], ["tail", "job:x"], ["put", "s"],
                 ["streams"], ["logs", "-f", "x"]):
        p = weir(url, *args)
        assert p.returncode == 1 and p.stdout == "" and p.stderr == (
            f"weir: {args[0]}: no server at {url}; start one with `weir serve`, or name one with --server"
            + (", or a data directory with --data" if args[0] in ("put", "tail", "streams") else "") + "\n"), p


@case
def servers_that_are_none_are_told(d):
    with Fake(lambda r: (404, {"Content-Type": "text/html"}, b"<h1>no</h1>")) as f:
        expect(weir(f.url, "jobs"), 2, "", "answered 404 without a reason: is it a weir server?")
    with Fake(lambda r: (200, {"Content-Type": "text/html"}, b"<h1>yes</h1>")) as f:
        expect(weir(f.url, "jobs"), 1, "", "not JSON: is it a weir server?")
    with Fake(lambda r: b"") as f:
        expect(weir(f.url, "jobs"), 1, "", "weir: jobs: " + f.url)


def events(*parts, end=False):
    body = "".join(f"{len(p.encode()):x}\r\n{p}\r\n" for p in parts) + ("0\r\n\r\n" if end else "")
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n{body}".encode()


@case
def events_go_on_behind_a_connection_that_breaks(d):
    answers = [events("id: 1\r\ndata: one\r\n\r\nid: 2\ndata: tw"),  # cut within an event
               events(":\n\nid: 2\nda", "ta: two\ndata: more\n\n", 'event: skipped\ndata: {"lines":7000}\n\n'),
               b"",
               events('event: end\ndata: {"state":"running"}\n\n', end=True),  # the server stopped, not the job
               events('id: 3\ndata:three\n\nevent: end\ndata: {"state":"finished"}\n\n', end=True)]
    with Fake(lambda r: answers[len(f.requests) - 1]) as f:
        p = expect(weir(f.url, "tail", "job:x"), 0, "one\ntwo\nmore\nthree\n", "7,000 lines left out")
        assert "broke; trying again" in p.stderr, p
        assert [r[2].get("Last-Event-ID") for r in f.requests] == [None, "1", "2", "2", "2"], f.requests


@case
def put_says_how_many_the_server_has(d):
    def answer(r):
        if r[0] == "GET":
            return 200, {}, b"{}"
        if len(f.requests) > 3:
            return last
        n = len(json.loads(r[3])["records"])
        return 200, {}, json.dumps({"records": [{"shard": "s", "sequence_number": "1"}] * n}).encode()
    lines = "".join(f"line {i}\n" for i in range(1700))
    last = 429, {}, b'{"error": {"code": "too_many", "message": "too much under way"}}'
    with Fake(answer) as f:
        p = expect(weir(f.url, "put", "s", stdin=lines), 1, "", "too much under way")
        assert "1000 records put; those behind them have not been" in p.stderr, p
    last = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    with Fake(answer) as f:
        expect(weir(f.url, "put", "s", stdin=lines), 1, "", "1000 records put; those behind them may have been, or not")
    last = 200, {}, b'{"records": [{}]}'
    with Fake(answer) as f:
        expect(weir(f.url, "put", "s", stdin="x" * 3000000 + "\n" + "y\n" * 2, ), 0, "", "3 records put")
        assert [len(json.loads(r[3])["records"]) for r in f.requests[1:]] == [1, 2], len(f.requests)


@case
def what_a_server_says_does_not_steer_a_terminal(d):
    body = json.dumps({"jobs": [{"id": "1", "name": "x\u001b[2J", "state": "failed", "error": "bad \u001b]0;t\u0007 \u009b1m"}]})
    with Fake(lambda r: (200, {}, body.encode())) as f:
        p = expect(weir(f.url, "jobs"), 0, "failed", "")
        assert not any(c < " " and c != "\n" or "\x7f" <= c < "\xa0" for c in p.stdout), p


def hangs(*_):
    raise TimeoutError("hangs")


def main():
    signal.signal(signal.SIGALRM, hangs)
    failed = n = 0
    for f in CASES:
        if sys.argv[2:] and f.__name__ not in sys.argv[2:]:
            continue
        n += 1
        with tempfile.TemporaryDirectory() as d:
            signal.alarm(300)  # a case that hangs fails
            try:
                f(d)
            except Exception as e:  # pylint: disable=broad-except
                failed += 1
                print(f"---- {f.__name__}: {type(e).__name__}: {e}")
    print(f"{n - failed} of {n} cases of commands and servers passed")
    sys.exit(1 if failed or not n else 0)


main()
