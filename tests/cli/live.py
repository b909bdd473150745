"""Input without end, and jobs that are stopped, killed and gone on with."""
import contextlib
import glob
import json
import os
import re
import select
import signal
import sqlite3
import subprocess
import time

from cases import FAST, IN, WEIR, case, expect, interrupted, lines_of, list_of, read_until, start, weir, write


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
    until = time.monotonic() + 60
    while p.poll() is None and len(lines_of(d, "f.jsonl")) < rows and time.monotonic() < until:
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


FOLLOW = ("CREATE STREAM s (a BIGINT, t TIMESTAMP(3), WATERMARK FOR t AS t) WITH (connector = 'file', path = 'log', format = 'json', tail = 'true'); "
          "CREATE STREAM f WITH (connector = 'file', path = 'f.jsonl', format = 'json') AS SELECT a FROM s;")


def log(d, name, *rows):
    with open(os.path.join(d, name), "a", encoding="utf-8") as f:
        f.writelines(f'{{"a":{a},"t":"2026-01-01T00:00:00Z"}}\n' for a in rows)


def rotate(d, n):
    for i in range(n, 1, -1):
        os.rename(os.path.join(d, f"log.{i - 1}"), os.path.join(d, f"log.{i}"))
    os.rename(os.path.join(d, "log"), os.path.join(d, "log.1"))


def followed(d, sql, *wanted):
    """Goes on until all these rows are there, then interrupts."""
    run_a_while(d, sql, len(wanted), "--state", "state")
    rows = [json.loads(x)["a"] for x in lines_of(d, "f.jsonl")]
    assert rows == list(wanted), rows


@case
def rows_of_a_rotated_file_are_later_ones_after_a_restart_too(d):
    """Of equal times the order in which they are read decides."""
    sql = FOLLOW + (" CREATE STREAM o WITH (connector = 'file', path = 'o.jsonl', format = 'json', changelog = 'op') AS "
                    "SELECT t, FIRST_VALUE(a) AS first, LAST_VALUE(a) AS last, COUNT(*) AS n FROM s GROUP BY t EMIT CHANGES;")
    expect(weir("streams", "--data", "d", "create", "unused", cwd=d), 0)
    log(d, "log", 1, 2, 3)
    followed(d, sql, 1, 2, 3)
    rotate(d, 1)
    log(d, "log", 4)
    followed(d, sql, 1, 2, 3, 4)
    log(d, "log", 5)
    followed(d, sql, 1, 2, 3, 4, 5)
    last = json.loads(lines_of(d, "o.jsonl")[-1])
    assert (last["first"], last["last"], last["n"]) == (1, 5, 5), last


@case
def another_file_that_got_the_inode_is_read_from_its_beginning(d):
    """Made so here by writing to the same file."""
    expect(weir("streams", "--data", "d", "create", "unused", cwd=d), 0)
    log(d, "log", 1, 2, 3)
    followed(d, FOLLOW, 1, 2, 3)
    with open(os.path.join(d, "log"), "r+", encoding="utf-8") as f:
        f.truncate()
    log(d, "log", 4, 5, 6, 7)
    followed(d, FOLLOW, 1, 2, 3, 4, 5, 6, 7)


@case
def all_files_that_were_rotated_meanwhile_are_read_in_order(d):
    expect(weir("streams", "--data", "d", "create", "unused", cwd=d), 0)
    log(d, "log", 1, 2)
    followed(d, FOLLOW, 1, 2)
    log(d, "log", 3)
    for i in 1, 2, 3:
        rotate(d, i)
        log(d, "log", i * 10, i * 10 + 1)
    log(d, "log.errors", 99)
    followed(d, FOLLOW, 1, 2, 3, 10, 11, 20, 21, 30, 31)
    log(d, "log", 40)
    followed(d, FOLLOW, 1, 2, 3, 10, 11, 20, 21, 30, 31, 40)


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
def an_update_to_another_event_time_begins_it_anew(d):
    """What it was by the other one would make all rows late."""
    def sql(watermark, time_of):
        return (f"CREATE STREAM s (a BIGINT, early TIMESTAMP(3), late TIMESTAMP(3) {watermark}) WITH (connector = 'stream', format = 'json', "
                f"start = 'earliest'); CREATE STREAM f WITH (connector = 'file', path = 'f.jsonl', format = 'json') AS SELECT COUNT(*) AS n "
                f"FROM s {time_of};")

    def by(column):
        return sql(f", WATERMARK FOR {column} AS {column}", f"GROUP BY FLOOR({column} TO MINUTE)")

    def put(*minutes):
        rows = "".join('{"a":1,"early":"2026-01-01T00:%02d:00Z","late":"2026-06-01T00:%02d:00Z"}\n' % (m, m) for m in minutes)
        expect(weir("put", "s", "--data", "d", "-q", cwd=d, stdin=rows), 0)

    expect(weir("streams", "--data", "d", "create", "s", cwd=d), 0)
    by_arrival = sql("", "GROUP BY STEP(s.ROWTIME BY INTERVAL '0.1' SECOND)")
    minute = 0
    for i, now in enumerate([by("late"), by("early"), by_arrival, by("early")]):
        put(minute)
        had = len(lines_of(d, "f.jsonl"))
        at_arrival = now == by_arrival
        p = subprocess.Popen([WEIR, "run", "-q", "--data", "d", "--snapshot-interval", "1h", "--state", "state", "--update", "-e", now], cwd=d,
                             stderr=subprocess.PIPE)
        time.sleep(0.3 if at_arrival else 0)
        put(minute + 1, minute + 2)
        minute += 2
        until = time.monotonic() + 20
        while len(lines_of(d, "f.jsonl")) == had and time.monotonic() < until:
            time.sleep(0.01)
        p.send_signal(signal.SIGINT)
        said = p.communicate(timeout=60)[1]
        assert p.returncode == 130 and len(lines_of(d, "f.jsonl")) > had, (i, said)


class Runs:
    """A job that is killed and started again, once what it has done so far is in a snapshot."""

    def __init__(self, d, sql, *args):
        self.d, self.cmd = d, [WEIR, "run", "-q", "--state", "state", "--snapshot-interval", "20ms", *args, "-e", sql]
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()

    def start(self):
        self.p = subprocess.Popen(self.cmd, cwd=self.d, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def until(self, done, limit=30):
        until = time.monotonic() + limit
        while not done() and self.p.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        assert done()

    def snapshots(self, more=2):
        """Until so many have been written after now: the last of them holds all that has been read."""
        newest = max([int(re.sub(r"\D", "", s) or 0) for s in list_of(self.d, ".snapshot")], default=0)
        self.until(lambda: max([int(re.sub(r"\D", "", s) or 0) for s in list_of(self.d, ".snapshot")], default=0) >= newest + more)

    def kill(self):
        self.snapshots()
        self.p.kill()
        self.p.wait()
        self.start()

    def end(self):
        self.snapshots()
        self.p.send_signal(signal.SIGINT)
        assert self.p.wait(60) == 130


@case
def a_limit_counts_on_over_several_kills(d):
    for workers in 1, 2, 4:
        for offset in 0, 3:
            sub = os.path.join(d, f"{workers}.{offset}")
            os.mkdir(sub)
            write(sub, "a.log", "")
            with Runs(sub, "CREATE STREAM s (v BIGINT) WITH (connector = 'file', path = 'a.log', format = 'json', tail = true); CREATE STREAM o WITH "
                       f"(connector = 'file', path = 'o', format = 'json') AS SELECT v FROM s LIMIT 10 OFFSET {offset}; CREATE STREAM p WITH "
                       "(connector = 'file', path = 'all', format = 'json') AS SELECT v FROM s;", "-w", str(workers)) as job:
                for rows in (1, 4), (4, 6), (6, 8), (8, 31):
                    with open(os.path.join(sub, "a.log"), "a", encoding="utf-8") as f:
                        f.writelines(f'{{"v":{v}}}\n' for v in range(*rows))
                    job.until(lambda: len(lines_of(sub, "all")) >= rows[1] - 1)  # pylint: disable=cell-var-from-loop
                    if rows[1] < 31:
                        job.kill()
                job.end()
            got = [json.loads(x)["v"] for x in lines_of(sub, "o")]
            assert got == list(range(1 + offset, 11 + offset)), (workers, offset, got)


@case
def rows_of_a_stream_keep_their_order_over_a_kill(d):
    expect(weir("streams", "--data", "d", "create", "s", cwd=d), 0)
    with Runs(d, "CREATE STREAM s (v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH (connector = 'stream', format = "
               "'json'); CREATE STREAM o WITH (connector = 'file', path = 'o', format = 'json') AS SELECT v, ROW_NUMBER() OVER (ORDER BY ts) AS n "
               "FROM s; CREATE STREAM p WITH (connector = 'file', path = 'all', format = 'json') AS SELECT v FROM s;", "--data", "d") as job:
        for n, rows in enumerate([(1, 6), (6, 8), (8, 9)]):  # equal times until the last
            text = "".join('{"v":%d,"ts":"2026-01-01 00:00:%02d"}\n' % (v, 50 if n == 2 else 10) for v in range(*rows))
            expect(weir("put", "s", "--data", "d", "-q", cwd=d, stdin=text), 0)
            job.until(lambda: len(lines_of(d, "all")) >= rows[1] - 1)  # pylint: disable=cell-var-from-loop
            if n == 0:
                job.kill()
        job.until(lambda: len(lines_of(d, "o")) >= 7)
        job.end()
    assert [tuple(json.loads(x).values()) for x in lines_of(d, "o")] == [(v, v) for v in range(1, 8)], lines_of(d, "o")


@case
def what_was_late_is_late_after_a_kill(d):
    """Event time has passed a split that was idle; its next rows come after the kill."""
    queries = {
        "tumble": "SELECT window_start AS t, k, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k",
        "session": "SELECT window_start AS t, k, COUNT(*) AS n FROM TABLE(SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, k",
        "hop": "SELECT window_start AS t, k, COUNT(*) AS n FROM TABLE(HOP(TABLE s, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '20' SECOND)) GROUP BY window_start, window_end, k",
        "over": "SELECT ts AS t, k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) AS n FROM s"}
    for name, query in queries.items():
        ends = []
        for kills in False, True:
            sub = os.path.join(d, f"{name}.{kills}")
            os.mkdir(sub)

            def put(file, *rows):
                with open(os.path.join(sub, file), "a", encoding="utf-8") as f:  # pylint: disable=cell-var-from-loop
                    f.writelines('{"ts":"2026-01-01 00:00:%02d","k":"%s"}\n' % row for row in rows)

            put("a.log", (1, "x"), (2, "x"), (3, "x"))
            put("b.log", (1, "y"))
            with Runs(sub, "CREATE STREAM s (ts TIMESTAMP(3), k VARCHAR, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH (connector = 'file', path = "
                       "'*.log', format = 'json', tail = true, late_output = 'late', idle_timeout = '100 ms', idle_policy = 'hold'); CREATE STREAM o WITH (connector = 'file', "
                       f"path = 'o', format = 'json') AS {query}; CREATE STREAM l WITH (connector = 'file', path = 'late.out', format = 'json') AS SELECT * FROM late; "
                       "CREATE STREAM p WITH (connector = 'file', path = 'all', format = 'json') AS SELECT k FROM s;") as job:
                put("a.log", (25, "x"), (26, "x"))
                job.until(lambda: len(lines_of(sub, "o")) >= 2)  # pylint: disable=cell-var-from-loop
                if kills:
                    job.kill()
                put("b.log", (4, "y"), (5, "x"))
                job.until(lambda: len(lines_of(sub, "all")) >= 8)  # pylint: disable=cell-var-from-loop
                put("a.log", (58, "x"))
                had = {"tumble": 3, "session": 3, "hop": 6, "over": 6}[name]
                job.until(lambda: len(lines_of(sub, "o")) >= had and len(lines_of(sub, "late.out")) >= 2)  # pylint: disable=cell-var-from-loop
                job.end()
            ends.append((sorted(lines_of(sub, "o")), sorted(lines_of(sub, "late.out"))))
        assert ends[0] == ends[1], (name, ends)


@case
def a_stream_that_was_made_anew_is_not_gone_on_with(d):
    sql = ("CREATE STREAM s (a BIGINT) WITH (connector = 'stream', format = 'json', start = 'earliest'); "
           "CREATE STREAM f WITH (connector = 'file', path = 'f.jsonl', format = 'json') AS SELECT a FROM s;")
    for _ in range(2):
        expect(weir("streams", "--data", "d", "create", "s", cwd=d), 0)
        expect(weir("put", "s", "--data", "d", "-q", cwd=d, stdin='{"a":1}\n{"a":2}\n'), 0)
        if not os.path.exists(os.path.join(d, "f.jsonl")):
            run_a_while(d, sql, 2, "--state", "state")
            expect(weir("streams", "--data", "d", "delete", "s", cwd=d), 0)
    expect(weir("run", "--data", "d", "--state", "state", "-e", sql, cwd=d), 1, "", "stream 's' is not the one that was read before the snapshot")


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
