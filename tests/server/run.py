#!/usr/bin/env python3
"""weir serve, as clients meet it: jobs from submitting to deleting, restarts, failures, broken and slow clients, TLS.

Usage: run.py WEIR [NAME …]
"""
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading

from cases import BY_TLS, CASES, LIVE, WEIR, also_by_tls, case, copy_sql, read, serve, write
import changes  # noqa: F401  pylint: disable=unused-import
import clients  # noqa: F401  pylint: disable=unused-import
import crashes  # noqa: F401  pylint: disable=unused-import
from serve import Server, read_all, resident, wait
import streams  # noqa: F401  pylint: disable=unused-import


def read_bytes(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


# ---- jobs ----

@case
def a_job_from_submitting_to_deleting(d):
    with serve(d) as s:
        j = s.submit(LIVE, "live", workers=2, snapshot_interval="50ms")
        assert j["name"] == "live" and j["state"] == "running" and j["id"].startswith("j-"), j
        wait(lambda: s.get("/v1/jobs/live")["rows_out"] > 10)
        one = s.get(f"/v1/jobs/{j['id']}")
        assert one["sql"] == LIVE and one["workers"] == 2 and one["watermark"], one
        assert [x["id"] for x in s.get("/v1/jobs")["jobs"]] == [j["id"]]
        assert "SOURCE g" in s.get("/v1/jobs/live/plan") and s.get("/v1/jobs/live/plan?format=json")["nodes"]
        assert json.loads(s.get("/v1/jobs/live/output").split("\n")[0])["user_id"]
        assert s.post("/v1/jobs/live/pause")["state"] == "paused"
        assert s.post("/v1/jobs/live/pause")["state"] == "paused"
        assert "cannot be deleted" in s.error("DELETE", "/v1/jobs/live", status=409)
        assert s.post("/v1/jobs/live/resume")["state"] == "running"
        assert s.post("/v1/jobs/live/stop")["state"] == "stopped"
        assert s.post("/v1/jobs/live/resume")["state"] == "running"
        assert "stop it first" in s.error("DELETE", "/v1/jobs/live", status=409)
        assert s.call("DELETE", "/v1/jobs/live?force=1")["state"] == "deleted"
        assert s.get("/v1/jobs")["jobs"] == [] and os.listdir(os.path.join(d, "data/jobs")) == []
        assert "no job 'live'" in s.error("GET", "/v1/jobs/live", status=404)
        assert s.stop() == 0


@case
def a_job_finishes_and_stays_so(d):
    write(d, "in.jsonl", "".join('{"a":%d}\n' % i for i in range(1000)))
    with serve(d) as s:
        s.submit(copy_sql(), "copy")
        j = s.until("copy", "finished")
        assert j["rows_out"] == 1000 and "error" not in j, j
        assert len(read(d, "out.jsonl").split()) == 1000
        assert "cannot be resumed" in s.error("POST", "/v1/jobs/copy/resume", status=409)
        assert "cannot be paused" in s.error("POST", "/v1/jobs/copy/pause", status=409)
        assert s.stop() == 0
        s.start()
        assert s.get("/v1/jobs/copy")["state"] == "finished"
        assert s.call("DELETE", "/v1/jobs/copy")["state"] == "deleted"


@case
def what_is_wrong_with_a_submission_is_said(d):
    with serve(d) as s:
        assert "bad:1:" in s.error("POST", "/v1/jobs", {"sql": "SELECT x FROM nowhere", "name": "bad"})
        assert s.error("POST", "/v1/jobs?name=b", "SELEC 1", kind="application/sql").startswith("b:1:1: error")
        assert "moves no rows" in s.error("POST", "/v1/jobs", {"sql": "SHOW TABLES;"})
        assert "no standard input" in s.error("POST", "/v1/jobs", {
            "sql": "CREATE STREAM i (a INT) WITH (connector = 'stdin', format = 'json'); SELECT a FROM i;"})
        for body, message in [({"sqll": LIVE}, "did you mean 'sql'?"), ({}, "a member 'sql'"),
                              ({"sql": 1}, "'sql': expected text"), ({"sql": LIVE, "workers": 0}, "1 to 128"),
                              ({"sql": LIVE, "name": "a b"}, "expected 1 to 64 letters"),
                              ({"sql": LIVE, "name": "j-1"}, "expected 1 to 64 letters"),
                              ({"sql": LIVE, "snapshot_interval": "soon"}, "snapshot_interval"),
                              ({"sql": LIVE, "snapshot_interval": "1us"}, "expected 1ms"),
                              ([], "expected a JSON object")]:
            assert message in s.error("POST", "/v1/jobs", body), (body, message)
        assert "line 1" in s.error("POST", "/v1/jobs", "{", kind="application/json")
        assert "duplicate" in s.error("POST", "/v1/jobs", '{"sql":"1","sql":"2"}')
        assert "no parameter 'nam'" in s.error("POST", "/v1/jobs?nam=1", "SELECT 1", kind="application/sql")
        assert "expected application/json" in s.error("POST", "/v1/jobs", "x", kind="text/plain", status=415)
        for path in "/v1/jobs", "/v1/check", "/v1/explain":
            assert "no UTF-8" in s.error("POST", path, b"\xff", kind="application/sql"), path
            assert "no UTF-8" in s.error("POST", path, b"a\0b", kind="application/sql"), path
            assert "longer than 1 MiB" in s.error("POST", path, "-" * ((1 << 20) + 1), kind="application/sql"), path
            assert "longer than 1 MiB" in s.error("POST", path, {"sql": "-" * ((1 << 20) + 1)}), path
        s.submit(LIVE, "twice")
        assert "a job 'twice' already" in s.error("POST", "/v1/jobs", {"sql": LIVE, "name": "twice"}, status=409)
        assert s.stop() == 0


@case
def check_and_explain(d):
    with serve(d) as s:
        assert "SINK standard output" in s.post("/v1/explain", {"sql": LIVE})
        assert s.post("/v1/explain?format=json", LIVE, kind="application/sql")["nodes"]
        assert s.post("/v1/explain", {"sql": LIVE, "format": "dot"}).startswith("digraph")
        assert "tree, json or dot" in s.error("POST", "/v1/explain", {"sql": LIVE, "format": "svg"})
        assert "sql:1:1: error" in s.error("POST", "/v1/explain", {"sql": "SELEC"})
        assert s.post("/v1/check", {"sql": LIVE}) == {"errors": []}
        e = s.post("/v1/check", {"sql": "SELECT x\nFROM y"})["errors"]
        assert e and e[0]["line"] and e[0]["column"] and e[0]["severity"] == "error" and e[0]["message"], e


@case
def jobs_go_on_after_the_server_is_started_again(d):
    write(d, "in.jsonl", "".join('{"a":%d}\n' % i for i in range(10)))
    with serve(d) as s:
        s.submit(LIVE, "runs", snapshot_interval="20ms")
        s.submit(LIVE, "rests")
        s.submit(LIVE, "stands")
        s.post("/v1/jobs/rests/pause")
        s.post("/v1/jobs/stands/stop")
        wait(lambda: s.get("/v1/jobs/runs")["rows_out"] > 20)
        before = s.get("/v1/jobs/runs/output").split("\n")
        assert s.stop() == 0
        s.start()
        assert [(j["name"], j["state"]) for j in s.get("/v1/jobs")["jobs"]] == [
            ("runs", "running"), ("rests", "paused"), ("stands", "stopped")]
        out = wait(lambda: s.get("/v1/jobs/runs/output"))
        assert out.split("\n")[0] not in before, "it began anew"
        s.kill()
        s.start()
        assert [j["state"] for j in s.get("/v1/jobs")["jobs"]] == ["running", "paused", "stopped"]
        assert s.stop(signal.SIGINT) == 0


@case
def a_job_that_fails_is_started_again(d):
    sql = copy_sql("late.jsonl")
    with serve(d, "--restart-delay", "20ms", "--restart-delay-max", "80ms") as s:
        s.submit(sql, "waits")
        j = wait(lambda: (lambda j: j if j["restarts"] >= 3 else None)(s.get("/v1/jobs/waits")))
        assert "late.jsonl" in wait(lambda: s.get("/v1/jobs/waits").get("error", "")), j
        assert "late.jsonl" in s.get("/v1/jobs/waits/log") and "starts again in" in s.get("/v1/jobs/waits/log")
        write(d, "late.jsonl", '{"a":1}\n')
        j = s.until("waits", "finished")
        assert j["restarts"] >= 3 and "error" not in j, j
        os.unlink(os.path.join(d, "late.jsonl"))
        s.submit(copy_sql("late.jsonl", "b.jsonl"), "stops")
        s.until("stops", "failing")
        assert s.post("/v1/jobs/stops/stop")["state"] in ("stopped", "failing")
        s.until("stops", "stopped")
        assert s.stop() == 0
    with serve(d, "--restart-delay", "1ms", "--max-restarts", "2", data="other") as s:
        s.submit(copy_sql("nowhere.jsonl"), "gives_up")
        j = s.until("gives_up", "failed")
        assert "given up after 2 restarts" in j["error"] and j["restarts"] == 2, j
        assert s.stop() == 0
        s.start()
        j = s.get("/v1/jobs/gives_up")
        assert j["state"] == "failed" and "given up" in j["error"], j
        assert s.post("/v1/jobs/gives_up/resume")["state"] in ("failing", "failed")
        s.until("gives_up", "failed")


@case
def the_wait_before_a_restart_doubles_and_varies(d):
    with serve(d, "--restart-delay", "1ms", "--restart-delay-max", "64ms", "--max-restarts", "12") as s:
        s.submit(copy_sql("nowhere.jsonl"), "x")
        s.until("x", "failed")
        waits = [float(line.split("again in ")[1].split(" ")[0]) for line in s.get("/v1/jobs/x/log").split("\n")
                 if "again in" in line]
        assert len(waits) == 12 and max(waits) <= 0.1, waits
        s.stop()


@case
def bad_rows_can_be_looked_at(d):
    write(d, "in.jsonl", '{"a":1}\nno json\n{"a":"x"}\n{"a":2}\n')
    with serve(d) as s:
        s.submit(copy_sql(), "bad")
        j = s.until("bad", "finished")
        assert j["bad"] == 2 and j["rows_out"] == 2, j
        rows = [json.loads(line) for line in s.get("/v1/jobs/bad/errors").split("\n") if line]
        assert [r["data"] for r in rows] == ["no json", '{"a":"x"}'], rows
        assert all(r["reason"] and r["file"] == "in.jsonl" and r["time"] for r in rows), rows


@also_by_tls
def output_is_followed(d):
    with serve(d) as s:
        s.submit(LIVE, "live")
        e = s.follow("/v1/jobs/live/output?follow=1")
        got = []
        for event, number, data in e:
            assert event == "message" and int(number.split("-")[1]) == len(got), (event, number, data)
            got.append(json.loads(data)["user_id"])
            if len(got) == 30:
                break
        e.close()
        again = iter(s.follow("/v1/jobs/live/output?follow=1", {"Last-Event-ID": number.split("-")[0] + "-9"}))
        assert [json.loads(next(again)[2])["user_id"] for _ in range(20)] == got[10:30]
        log = iter(s.follow("/v1/jobs/live/log?follow=1"))
        assert next(log)[2].endswith("running")
        s.post("/v1/jobs/live/stop")
        rest = list(log)
        assert [x[2].split()[-1] for x in rest[:2]] == ["stopping", "stopped"], rest
        assert rest[-1][0] == "end" and json.loads(rest[-1][2]) == {"state": "stopped"}, rest
        assert list(again)[-1][0] == "end"
        status, headers, body = s.ask("HEAD", "/v1/jobs/live/output?follow=1")
        assert status == 200 and body == b"" and headers["Content-Type"] == "text/event-stream"
        s.stop()


@also_by_tls
def a_slow_follower_misses_lines_and_is_told(d):
    fast = LIVE.replace("200", "2000000")
    with serve(d, "--output-kept", "64KiB") as s:
        s.submit(fast, "fast")
        slow = s.raw(b"GET /v1/jobs/fast/output?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        size = resident(s.p.pid)
        n = s.get("/v1/jobs/fast")["rows_out"]
        wait(lambda: s.get("/v1/jobs/fast")["rows_out"] > n + 1000000)
        got = b""
        while b"event: skipped\n" not in got:
            got += slow.recv(65536)
        grown = resident(s.p.pid) - size
        assert grown < 80 << 20, f"{grown} bytes more"
        slow.close()
        s.post("/v1/jobs/fast/stop")
        gone = s.ask("GET", "/v1/jobs/fast/output")
        assert int(gone[1]["X-Weir-Lines-Gone"]) > 0 and len(gone[2]) <= 65536
        s.stop()


# ---- savepoints, other SQL ----

COUNTS = ("CREATE STREAM c (k VARCHAR, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH (connector = 'stream', format = 'json', "
          "start = 'earliest'); SELECT k, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE c, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) "
          "GROUP BY window_start, window_end, k;")
MORE = COUNTS + " SELECT k AS late_k FROM c WHERE k = 'z';"
OTHER = COUNTS.replace("'1' MINUTE", "'2' MINUTE")


def put_at(s, *seconds, key="a"):
    s.post("/v1/streams/c/records", {"records": [
        {"data": json.dumps({"k": key, "ts": f"2026-01-01 00:{t // 60:02}:{t % 60:02}"})} for t in seconds]})


def has_read(s, job, n):
    wait(lambda: s.get(f"/v1/jobs/{job}")["rows_in"] >= n)


def counts(s, job):
    """Of a job that has been given a row of minute 5: (k, n) of what was counted before."""
    return wait(lambda: [(r["k"], r["n"]) for r in map(json.loads, s.get(f"/v1/jobs/{job}/output").split("\n")[:-1]) if "n" in r])


def counting(s, name="counts"):
    s.post("/v1/streams", {"name": "c"}, status=201)
    put_at(s, 1, 2, 3)
    s.submit(COUNTS, name, snapshot_interval="10s")
    has_read(s, name, 3)


@case
def an_update_keeps_what_stays_the_same(d):
    with serve(d) as s:
        counting(s)
        s.post("/v1/jobs/counts/pause")
        told = s.post("/v1/jobs/counts/update", {"sql": MORE, "dry_run": True})
        assert told["keeps"] and told["begins"] and not told["drops"], told
        other = s.post("/v1/jobs/counts/update", {"sql": OTHER, "dry_run": True})
        assert any("TUMBLE 2 min" in x for x in other["begins"]) and any("TUMBLE 1 min" in x for x in other["drops"]), other
        same = s.post("/v1/jobs/counts/update", {"sql": COUNTS, "dry_run": True})
        assert same["keeps"] and not same["begins"] and not same["drops"], same
        assert s.get("/v1/jobs/counts")["sql"] == COUNTS
        assert s.post("/v1/jobs/counts/update", {"sql": MORE}) == {**told, "state": "paused"}
        j = s.get("/v1/jobs/counts")
        assert j["state"] == "paused" and j["sql"] == MORE, j
        s.kill()
        s.start()
        assert s.post("/v1/jobs/counts/resume")["state"] == "running"
        put_at(s, 4, 300)
        assert counts(s, "counts") == [("a", 4)]
        assert s.stop() == 0


@case
def a_running_job_is_updated(d):
    with serve(d) as s:
        counting(s)
        assert s.post("/v1/jobs/counts/update", {"sql": MORE})["state"] == "running"
        assert s.get("/v1/jobs/counts")["sql"] == MORE and "has other SQL" in s.get("/v1/jobs/counts/log")
        s.until("counts", "running")
        s.kill()
        s.start()
        put_at(s, 4)
        put_at(s, 5, key="z")
        put_at(s, 300)
        wait(lambda: sorted(counts(s, "counts")) == [("a", 4), ("z", 1)])
        assert '{"late_k":"z"}' in s.get("/v1/jobs/counts/output")
        assert s.stop() == 0


@case
def what_is_wrong_with_an_update_is_said(d):
    write(d, "in.jsonl", '{"a":1}\n')
    with serve(d) as s:
        counting(s)
        assert "counts:1:" in s.error("POST", "/v1/jobs/counts/update", {"sql": "SELECT x FROM nowhere"})
        assert "a member 'sql'" in s.error("POST", "/v1/jobs/counts/update", {})
        assert "did you mean 'dry_run'" in s.error("POST", "/v1/jobs/counts/update", {"sql": MORE, "dryrun": True})
        assert "moves no rows" in s.error("POST", "/v1/jobs/counts/update", {"sql": "SHOW TABLES;"})
        assert "no snapshot yet" in s.error("POST", "/v1/jobs/counts/update", {"sql": MORE, "dry_run": True}, status=409)
        s.error("POST", "/v1/jobs/none/update", {"sql": MORE}, status=404)
        s.submit(copy_sql(), "copy")
        s.until("copy", "finished")
        assert "cannot be updated" in s.error("POST", "/v1/jobs/copy/update", {"sql": LIVE}, status=409)
        assert "cannot be made a savepoint" in s.error("POST", "/v1/jobs/copy/savepoint", status=409)
        j = s.get("/v1/jobs/counts")
        assert j["state"] == "running" and j["sql"] == COUNTS, j
        s.submit(copy_sql("late.jsonl", "b.jsonl"), "waits")
        s.until("waits", "failing")
        told = s.post("/v1/jobs/waits/update", {"sql": copy_sql("later.jsonl", "b.jsonl")})
        assert told["state"] == "failing" and "later.jsonl" in told["error"] and told["keeps"] == [], told
        told = s.post("/v1/jobs/waits/update", {"sql": copy_sql("in.jsonl", "b.jsonl")})
        assert told.pop("state") in ("running", "finished") and told == {"keeps": [], "begins": [], "drops": []}, told
        s.until("waits", "finished")
        assert s.stop() == 0


@case
def savepoints_and_starts_from_them(d):
    with serve(d) as s:
        counting(s)
        made = s.post("/v1/jobs/counts/savepoint", {"name": "p"}, status=201)
        folder = os.path.join(d, made["path"])
        assert made["name"] == "p" and made["path"] == "data/savepoints/p", made
        assert 0 < made["bytes"] <= sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)), made
        assert "a savepoint 'p' already" in s.error("POST", "/v1/jobs/counts/savepoint", {"name": "p"}, status=409)
        for name in "", "../p", "a/b", ".p":
            assert "1 to 96 letters" in s.error("POST", "/v1/jobs/counts/savepoint", {"name": name})
        assert s.post("/v1/jobs/counts/savepoint", status=201)["name"].startswith("counts-2")
        put_at(s, 4, 5)
        has_read(s, "counts", 5)
        s.post("/v1/jobs/counts/pause")
        made = s.post("/v1/jobs/counts/savepoint", {"name": "q"}, status=201)
        assert s.get("/v1/jobs/counts")["state"] == "paused" and made["bytes"] > 0
        assert s.call("DELETE", "/v1/jobs/counts?force=1")["state"] == "deleted"
        assert "no savepoint 'r'" in s.error("POST", "/v1/jobs", {"sql": COUNTS, "savepoint": "r"})
        assert "no savepoint '../jobs'" in s.error("POST", "/v1/jobs", {"sql": COUNTS, "savepoint": "../jobs"})
        assert "belongs to other SQL" in s.error("POST", "/v1/jobs", {"sql": OTHER, "savepoint": "q"})
        s.submit(COUNTS, "again", savepoint="q", snapshot_interval="1h", memory="64MiB")
        s.kill()
        s.start()
        s.until("again", "running")
        assert s.get("/v1/jobs/again")["rows_in"] < 5
        put_at(s, 6, 300)
        assert counts(s, "again") == [("a", 6)]
        assert "expected a size" in s.error("POST", "/v1/jobs", {"sql": COUNTS, "memory": "much"})
        assert s.stop() == 0


@case
def savepoints_are_listed_described_and_deleted(d):
    with serve(d) as s:
        assert s.get("/v1/savepoints") == {"savepoints": []}
        counting(s)
        for name in "q", "p":
            s.post("/v1/jobs/counts/savepoint", {"name": name}, status=201)
        p, q = s.get("/v1/savepoints")["savepoints"]
        folder = os.path.join(d, "data/savepoints/p")
        assert (p["name"], q["name"], p["state"], p["job"], p["path"]) == ("p", "q", "ready", "counts", "data/savepoints/p"), p
        assert p["bytes"] == sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)), p
        assert p["epoch"] > q["epoch"] and p["taken"] > q["taken"] and p["version"] and "sql" not in p, (p, q)
        assert s.get("/v1/savepoints/p") == {**p, "sql": COUNTS}
        for name in "r", "..", "%2e%2e", "a%2fb", ".deleted-x", "x" * 200:
            assert "there is no savepoint" in s.error("GET", f"/v1/savepoints/{name}", status=404), name
            assert "there is no savepoint" in s.error("DELETE", f"/v1/savepoints/{name}", status=404), name
        assert s.call("DELETE", "/v1/savepoints/q") == {"name": "q", "deleted": True}
        s.error("DELETE", "/v1/savepoints/q", status=404)
        assert os.listdir(os.path.join(d, "data/savepoints")) == ["p"]
        assert "no savepoint 'q'" in s.error("POST", "/v1/jobs", {"sql": COUNTS, "savepoint": "q"})
        s.post("/v1/jobs/counts/savepoint", {"name": "q"}, status=201)
        whole = read_bytes(folder, "savepoint")
        with open(os.path.join(folder, "savepoint"), "wb") as f:
            f.write(whole[:-1])
        one = s.get("/v1/savepoints/p")
        assert one["state"] == "broken" and "is damaged" in one["error"] and "job" not in one, one
        os.mkdir(os.path.join(d, "data/savepoints/half"))
        s.post("/v1/jobs/counts/savepoint", {"name": "half"}, status=201)  # nothing is in it
        s.call("DELETE", "/v1/savepoints/half")
        os.mkdir(os.path.join(d, "data/savepoints/half"))
        write(d, "data/savepoints/half/00000001.seg", "x")
        assert "already" in s.error("POST", "/v1/jobs/counts/savepoint", {"name": "half"}, status=409)
        os.mkdir(os.path.join(d, "data/savepoints/.deleted-old"))
        write(d, "data/savepoints/.deleted-old/savepoint", "x")
        assert [x["state"] for x in s.get("/v1/savepoints")["savepoints"]] == ["incomplete", "broken", "ready"]
        for name in "half", "p":
            assert s.call("DELETE", f"/v1/savepoints/{name}")["deleted"], name
        s.kill()
        s.start()
        assert os.listdir(os.path.join(d, "data/savepoints")) == ["q"] and [x["name"] for x in s.get("/v1/savepoints")["savepoints"]] == ["q"]
        assert s.stop() == 0


@case
def a_savepoint_that_a_job_needs_stays(d):
    with serve(d) as s:
        counting(s)
        s.post("/v1/jobs/counts/savepoint", {"name": "p"}, status=201)
        s.submit(COUNTS, "again", savepoint="p", snapshot_interval="1h")
        assert "job again begins with savepoint 'p'" in s.error("DELETE", "/v1/savepoints/p", status=409)
        s.kill()
        s.start()
        assert "job again begins with savepoint 'p'" in s.error("DELETE", "/v1/savepoints/p", status=409)
        s.until("again", "running")
        s.post("/v1/jobs/again/pause")  # takes a snapshot
        assert s.call("DELETE", "/v1/savepoints/p")["deleted"]
        s.post("/v1/jobs/again/resume")
        put_at(s, 4, 300)
        assert counts(s, "again") == [("a", 4)]
        assert s.stop() == 0


@case
def a_savepoint_is_begun_with_and_deleted_at_once(d):
    """Whoever is first: the job has its state, or there is no job."""
    with serve(d) as s:
        counting(s)
        for i in range(8):
            s.post("/v1/jobs/counts/savepoint", {"name": "p"}, status=201)
            got = {}

            def ask(key, *a):
                got[key] = s.ask(*a)[0]

            both = [threading.Thread(target=ask, args=("submit", "POST", "/v1/jobs", {"sql": COUNTS, "name": f"n{i}", "savepoint": "p"})),
                    threading.Thread(target=ask, args=("delete", "DELETE", "/v1/savepoints/p"))]
            for t in both[::1 - i % 2 * 2]:
                t.start()
            for t in both:
                t.join()
            assert (got["submit"], got["delete"]) in ((201, 409), (400, 200), (201, 200)), got
            if got["submit"] == 201:
                s.until(f"n{i}", "running")
                s.post(f"/v1/jobs/n{i}/pause")
                j = s.get(f"/v1/jobs/n{i}")
                assert j["state"] == "paused" and "error" not in j, j
            if got["delete"] != 200:
                s.call("DELETE", "/v1/savepoints/p")
        assert s.stop() == 0


@case
def a_catalog_of_an_older_version_is_taken_over(d):
    os.mkdir(os.path.join(d, "data"))
    with serve(d) as s:
        s.submit(LIVE, "old")
        s.post("/v1/jobs/old/pause")
        assert s.stop() == 0
        db = sqlite3.connect(os.path.join(d, "data/weir.db"))
        for column in "savepoint", "memory_bytes", "updating":
            db.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
        db.execute("PRAGMA user_version = 1")
        db.commit()
        db.close()
        s.start()
        assert s.get("/v1/jobs/old")["state"] == "paused"
        s.post("/v1/jobs/old/savepoint", {"name": "p"}, status=201)
        s.submit(LIVE, "new", savepoint="p")
        assert s.stop() == 0


# ---- the server ----

@case
def one_server_per_data_directory_and_port(d):
    with serve(d) as s:
        p = subprocess.run([WEIR, "serve", "--data", "data", "--listen", "127.0.0.1:0"], cwd=d, capture_output=True,
                           text=True, timeout=60)
        assert p.returncode == 1 and str(s.p.pid) in p.stderr, p
        p = subprocess.run([WEIR, "serve", "--data", "other", "--listen", f"127.0.0.1:{s.port}"], cwd=d,
                           capture_output=True, text=True, timeout=60)
        assert p.returncode == 1 and "is in use by another program" in p.stderr, p
        s.stop()


@case
def a_configuration_file(d):
    write(d, "ok.conf", "# ours\nlisten = 127.0.0.1:0\n\n data=data\noutput_kept = 8KiB\nquiet = false\r\n")
    with Server(WEIR, d, "--config", "ok.conf") as s:
        assert s.get("/v1/health")["status"] == "ok"
        s.stop()
    for text, message in [("listn = x", "bad.conf:1: there is no option 'listn'; did you mean 'listen'?"),
                          ("data = d\nworkers", "bad.conf:2: 'workers': expected key = value"),
                          ("data = d\n\nworkers = many", "bad.conf:3: "), ("data = d\ndata = e", "'data' is given twice"),
                          ("max_jobs = 0", "bad.conf:1: "), ("config = x", "there is no option 'config'"),
                          ("workers = 1", "expected --data DIR")]:
        write(d, "bad.conf", text)
        p = subprocess.run([WEIR, "serve", "--config", "bad.conf"], cwd=d, capture_output=True, text=True, timeout=60)
        assert p.returncode == 2 and message in p.stderr, (text, p)
    for flags, message in [(["--data", "d", "--listen", "here"], "expected ADDRESS:PORT"),
                           (["--config", "none.conf"], "cannot read the configuration 'none.conf'"), (["--data", "d", "x"], "only options"),
                           (["--data", "d", "--listen", "1.2.3.4:99999"], "expected ADDRESS:PORT")]:
        p = subprocess.run([WEIR, "serve", *flags], cwd=d, capture_output=True, text=True, timeout=60)
        assert p.returncode == 2 and message in p.stderr, (flags, p)


@case
def a_second_signal_ends_at_once(d):
    """The job's output is a pipe that nobody reads, so its last snapshot never comes."""
    os.mkfifo(os.path.join(d, "pipe"))
    holder = os.open(os.path.join(d, "pipe"), os.O_RDWR)
    with serve(d) as s:
        s.submit("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rate = 1000000);"
                 "CREATE STREAM o WITH (connector = 'file', path = 'pipe', format = 'json') AS SELECT * FROM g;", "stuck")
        j = s.until("stuck", "running", "failing", "failed")
        s.p.send_signal(signal.SIGTERM)
        wait(lambda: any("stopping" in x for x in s.said))
        if j["state"] == "running" and s.p.poll() is None:
            s.p.send_signal(signal.SIGTERM)
        assert s.p.wait(60) in (0, 130)
    os.close(holder)


@also_by_tls
def requests_while_the_server_stops(d):
    """A job whose last snapshot never comes, as its output is a pipe that nobody reads, holds the end up."""
    os.mkfifo(os.path.join(d, "pipe"))
    holder = os.open(os.path.join(d, "pipe"), os.O_RDWR)
    with serve(d) as s:
        s.submit("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rate = 1000000);"
                 "CREATE STREAM o WITH (connector = 'file', path = 'pipe', format = 'json') AS SELECT * FROM g;", "stuck")
        s.until("stuck", "running")
        wait(lambda: s.get("/v1/jobs/stuck")["rows_out"] > 0)
        s.submit(LIVE, "live")
        rows = iter(s.follow("/v1/jobs/live/output?follow=1"))
        log = iter(s.follow("/v1/jobs/stuck/log?follow=1"))
        next(rows), next(log)
        half = [s.raw(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Le"), s.raw(b"GET /v1/jobs/stuck HTTP/1.1\r\n")]
        quiet = s.raw()
        saving = s.raw(b"POST /v1/jobs/stuck/savepoint HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        pausing = s.raw(b"POST /v1/jobs/stuck/pause HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        s.get("/v1/health")
        s.p.send_signal(signal.SIGTERM)
        wait(lambda: any("stopping: a last" in x for x in s.said))
        assert [e for e, _, _ in rows][-1] == "end" and [e for e, _, _ in log][-1] == "end"
        assert read_all(quiet) == b""
        half[0].sendall(b"ngth: 0\r\n\r\n")
        half[1].sendall(b"Host: x\r\n\r\n")
        for c in half:
            assert b" 503 " in read_all(c)[:20]
        assert b" 503 " in read_all(saving)[:20]
        assert read_all(pausing)[9:12] in (b"202", b"409", b"503")  # it is marked, or the savepoint was first
        try:
            s.raw()
            raise AssertionError("a new connection")
        except OSError:
            pass
        s.p.send_signal(signal.SIGTERM)
        assert s.p.wait(60) == 130
        os.close(holder)
        os.unlink(os.path.join(d, "pipe"))
        s.start()
        assert s.get("/v1/jobs/stuck")["state"] in ("paused", "running")
        assert s.stop() == 0


# ---- how jobs fare ----

STALLED = ("CREATE STREAM quiet (a BIGINT, at TIMESTAMP(3), WATERMARK FOR at AS at - INTERVAL '1' SECOND) "
           "WITH (connector = 'stream', format = 'json', start = 'earliest');"
           "SELECT window_end, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE quiet, DESCRIPTOR(at), INTERVAL '10' SECOND)) "
           "GROUP BY window_start, window_end;")


def stall(s, name="stalled"):
    """A job with two rows in a window that nothing closes."""
    s.post("/v1/streams", {"name": "quiet", "shards": 1}, status=201)
    s.post("/v1/streams/quiet/records", {"records": [{"data": json.dumps({"a": i, "at": f"2026-01-01 00:00:0{i}"})} for i in (1, 2)]})
    s.submit(STALLED, name, workers=2, snapshot_interval="50ms")
    return wait(lambda: (lambda j: j if j["rows_in"] == 2 and j["operators"] and j["watermark_lag_seconds"] else None)(s.get(f"/v1/jobs/{name}")))


def parsed(text):
    """{(name, labels): value} of Prometheus' text, whose form is held to."""
    found, kinds = {}, {}
    for line in text.removesuffix("\n").split("\n"):
        m = re.fullmatch(r"# (HELP|TYPE) (\w+) (.+)", line)
        if m:
            assert (m[1], m[2]) not in kinds, line
            kinds[m[1], m[2]] = m[3]
            continue
        m = re.fullmatch(r'(\w+)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)+)\})? (\S+)', line)
        assert m, line
        assert any(("TYPE", n) in kinds for n in (m[1], re.sub("_(sum|count)$", "", m[1]))), line
        labels = frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', m[2] or ""))
        assert (m[1], labels) not in found, line
        found[m[1], labels] = float(m[3])
    return found


@also_by_tls
def metrics_for_prometheus(d):
    with serve(d) as s:
        s.submit(LIVE, "live")
        s.submit(LIVE, "other", workers=2, snapshot_interval="50ms")
        s.submit(LIVE, "rests")
        s.post("/v1/jobs/rests/pause")
        wait(lambda: s.get("/v1/jobs/other")["rows_out"] > 0 and s.get("/v1/jobs/live")["rows_out"] > 0)
        found = parsed(s.get("/metrics"))
        for job, up in ("live", 1), ("other", 1), ("rests", 0):
            label = frozenset([("job", job)])
            assert found["weir_job_up", label] == up and found["weir_job_restarts_total", label] == 0, job
            assert (("weir_rows_out_total", label) in found) == bool(up) and (not up or found["weir_rows_out_total", label] > 0)
        assert found["weir_http_connections", frozenset()] == 1
        assert sum(n == "weir_worker_rows_in_total" and ("job", "other") in k for n, k in found) == 2
        assert s.stop() == 0


@case
def a_job_that_runs_says_how_it_fares(d):
    with serve(d) as s:
        j = stall(s)
        assert j["workers"] == 2 and len(j["worker_metrics"]) == 2 and j["late"] == 0, j
        assert [x["stream"] for x in j["splits"]] == ["quiet"] and j["splits"][0]["rows"] == 2, j["splits"]
        assert {"node", "operator", "rows_in", "watermark_lag_seconds"} <= set(j["operators"][0]), j["operators"]
        assert j["watermark_lag_seconds"] > 0 and len(j["sinks"]) == 1, j
        wait(lambda: s.get("/v1/jobs/stalled")["snapshots"]["taken"] > 1)
        why = s.get("/v1/jobs/stalled/why")
        assert any("stream quiet" in x for x in why["lines"]), why
        assert [(x["rows"], x["held"]["stream"]) for x in why["windows"]] == [(2, "quiet")], why
        plan = s.get("/v1/jobs/stalled/plan?analyze=1")
        assert "SOURCE quiet" in plan and "worker 1: busy" in plan, plan
        assert "worker 1" not in s.get("/v1/jobs/stalled/plan?analyze=0")
        assert "format=tree only" in s.error("GET", "/v1/jobs/stalled/plan?analyze=1&format=json")
        s.post("/v1/jobs/stalled/pause")
        for path in "why", "plan?analyze=1":
            assert "is paused: only a job that runs" in s.error("GET", f"/v1/jobs/stalled/{path}", status=409)
        j = s.get("/v1/jobs/stalled")
        assert j["operators"] == j["splits"] == j["sinks"] == j["worker_metrics"] == [] and j["snapshots"] is None, j
        assert "no job 'nowhere'" in s.error("GET", "/v1/jobs/nowhere/why", status=404)
        s.post("/v1/jobs/stalled/resume")
        s.post("/v1/streams/quiet/records", {"records": [{"data": '{"a":3,"at":"2026-01-01 00:01:00"}'}]})
        wait(lambda: '"n":2' in s.get("/v1/jobs/stalled/output"))
        assert s.stop() == 0


@case
def jobs_are_looked_at_while_they_come_and_go(d):
    paths = ["/metrics", "/v1/jobs/stalled/why", "/v1/jobs/stalled/why?", "/v1/jobs/brief", "/v1/jobs/brief/why", "/v1/jobs/brief/plan?analyze=1"]
    with serve(d) as s:
        stall(s)
        done, seen, wrong = threading.Event(), set(), []

        def look(path):
            while not done.is_set():
                status, _, body = s.ask("GET", path)
                seen.add((path, status))
                if status not in (200, 404, 409):
                    wrong.append((path, status, body))
                elif status == 200 and path == "/metrics":
                    parsed(body.decode())

        def looks(path):
            try:
                look(path)
            except Exception as e:  # pylint: disable=broad-except
                wrong.append((path, e))

        lookers = [threading.Thread(target=looks, args=(p,)) for p in paths]
        for t in lookers:
            t.start()
        for i in range(12):
            s.submit(LIVE, "brief", workers=1 + i % 3)
            wait(lambda: wrong or s.get("/v1/jobs/brief")["rows_out"] > 0)
            s.post("/v1/jobs/brief/" + ("stop" if i % 2 else "pause"))
            s.post("/v1/jobs/brief/resume")
            s.call("DELETE", "/v1/jobs/brief?force=1")
        done.set()
        for t in lookers:
            t.join()
        assert not wrong, wrong[:3]
        assert {(p, 200) for p in paths} <= seen, seen
        assert s.stop() == 0


def main():
    names = sys.argv[2:]
    failed = ran = 0
    for name, f, by_tls in CASES:
        if names and name not in names:
            continue
        ran += 1
        BY_TLS[0] = by_tls
        with tempfile.TemporaryDirectory(prefix="weir-server-") as d:
            try:
                f(d)
            except Exception as e:  # pylint: disable=broad-except
                failed += 1
                print(f"{name}: {type(e).__name__}: {e}", flush=True)
                if names:
                    raise
    print(f"server: {ran} cases, {failed} failed")
    sys.exit(1 if failed else 0)


main()
