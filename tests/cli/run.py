#!/usr/bin/env python3
"""What a person meets at the command line: exit statuses, messages, help, completion, signals, terminals.

Usage: run.py WEIR [NAME ...]
"""
import fcntl
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios

from cases import CASES, FAST, IN, LIVE, ROOT, WEIR, case, expect, interrupted, read_until, start, weir, write
import live  # noqa: F401  pylint: disable=unused-import


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
def sessions_of_many_visitors_with_long_names(d):
    """Some with two sessions at once, rows out of order; most of them have gone by the end."""
    r = random.Random(5)
    rows = sorted(((i * 10, f"session-of-a-visitor-with-a-long-id-{i // 40 * 7 + r.randint(0, 6):06d}") for i in range(60000)),
                  key=lambda row: row[0] + r.uniform(0, 3000))
    write(d, "in.jsonl", "".join('{"ts":"2026-01-01 00:%02d:%06.3f","k":"%s"}\n' % (t // 60000, t % 60000 / 1000, k) for t, k in rows))
    p = weir("run", "-e", "CREATE STREAM s (ts TIMESTAMP(3), k VARCHAR, WATERMARK FOR ts AS ts - INTERVAL '4' SECOND) WITH (connector = 'file', "
             "path = 'in.jsonl', format = 'json'); SELECT k, COUNT(*) AS n FROM TABLE(SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), "
             "INTERVAL '0.1' SECOND)) GROUP BY window_start, window_end, k;", cwd=d)
    got, want, last = {}, {}, {}
    for t, k in sorted(rows):  # no row is late
        want.setdefault(k, [])
        if k not in last or t - last[k] > 100:
            want[k].append(0)
        want[k][-1] += 1
        last[k] = t
    for line in p.stdout.splitlines():
        row = json.loads(line)
        got.setdefault(row["k"], []).append(row["n"])
    assert p.returncode == 0 and {k: sorted(n) for k, n in got.items()} == {k: sorted(n) for k, n in want.items()}, (p.returncode, p.stderr)


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
def files_are_written_by_one_and_not_read_by_the_same(d):
    def sql(source, *sinks):
        return f"CREATE STREAM i (a BIGINT) WITH (connector = 'file', path = '{source}', format = 'json');" + "".join(
            f"CREATE STREAM o{n} WITH (connector = 'file', path = '{sink}', format = 'json') AS SELECT a FROM i;" for n, sink in enumerate(sinks))

    os.mkdir(os.path.join(d, "logs"))
    write(d, "logs/in.jsonl", '{"a":1}\n')
    os.symlink("in.jsonl", os.path.join(d, "logs", "link.jsonl"))
    for source, sink in [("logs/in.jsonl", "./logs/in.jsonl"), ("logs/in.jsonl", "logs/link.jsonl"), ("logs/link.jsonl", "logs/in.jsonl"),
                         ("logs", "logs/in.jsonl"), ("logs/*.jsonl", "logs/out.jsonl"), ("logs", "logs/new")]:
        for tail in "", "', tail = 'true":
            expect(weir("run", "-e", sql(source + tail, sink), cwd=d), 1, "", f"stream o0: '{sink}' is read by the same SQL")
            with open(os.path.join(d, "logs/in.jsonl"), encoding="utf-8") as f:
                assert f.read() == '{"a":1}\n', (source, sink)
    for other, why in ("./out.jsonl", "is being written to by another sink"), ("no/such", "there is no folder"):
        write(d, "out.jsonl", "old\n")  # not lost to a job that cannot be made
        expect(weir("run", "-e", sql("logs/in.jsonl", "out.jsonl", other), cwd=d), 1, "", why)
        with open(os.path.join(d, "out.jsonl"), encoding="utf-8") as f:
            assert f.read() == "old\n", other
    expect(weir("run", "-e", sql("logs/in.jsonl", "/dev/null", "/dev/null", "out.jsonl"), cwd=d), 0, "")
    out = os.path.join(d, "live.jsonl")
    with start(sql("logs/in.jsonl', tail = 'true", "live.jsonl"), cwd=d) as p:
        while not (os.path.exists(out) and os.path.getsize(out)):
            pass
        expect(weir("run", "-e", sql("logs/in.jsonl", "live.jsonl"), cwd=d), 1, "", "'live.jsonl' is being written to by another")
        expect(weir("run", "-q", "-e", sql("live.jsonl", "copy.jsonl"), cwd=d), 0, "", "")  # others may read it
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=60)
    for name in "live.jsonl", "copy.jsonl":
        with open(os.path.join(d, name), encoding="utf-8") as f:
            assert (text := f.read()) == '{"a":1}\n', (name, text)


@case
def a_reader_that_goes_ends_it(d):
    p = subprocess.run(["bash", "-c", '"$0" run -e "$1" | head -n 2', WEIR, FAST], capture_output=True, text=True,
                       timeout=120)
    assert p.stdout.count("\n") == 2 and "closed by its reader" in p.stderr, p
    p = subprocess.run(["bash", "-c", '"$0" help functions | head -n 1', WEIR], capture_output=True, text=True, timeout=120)
    assert p.stdout.count("\n") == 1 and p.stderr == "", p


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
