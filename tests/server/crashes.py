"""What becomes of requests that a crash, a stop or damage comes between: the catalog and the folders say the same, and what was
acknowledged holds."""
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading

from cases import LIVE, WEIR, case, serve
from serve import wait

REST = {"stop": "stopped", "pause": "paused"}


class Ledger(threading.Thread):
    """A client that makes, stops, updates and deletes jobs of its own, and notes what it was told, until the server is gone."""

    def __init__(self, s, who, seed):
        super().__init__()
        self.s, self.who, self.rnd = s, who, random.Random(seed)
        self.jobs = {}  # name: states that it may be in; None: it may be gone
        self.sql = {}
        self.done = 0

    def ask(self, *a):
        status, _, body = self.s.ask(*a)
        self.done += 1
        return status, json.loads(body)

    def step(self):
        name = self.rnd.choice([f"{self.who}{i}" for i in range(4)])
        if name not in self.jobs:
            self.jobs[name], self.sql[name] = {None, "running"}, {LIVE}
            assert self.ask("POST", "/v1/jobs", {"sql": LIVE, "name": name, "snapshot_interval": "20ms"})[0] == 201
            self.jobs[name] = {"running"}
            return
        what = self.rnd.choice(["stop", "pause", "resume", "update", "delete"])
        before = self.jobs[name]
        if what == "delete":
            self.jobs[name] = before | {None}
            assert self.ask("DELETE", f"/v1/jobs/{name}?force=1")[0] == 200
            del self.jobs[name]
        elif what == "update":
            sql = LIVE + f" -- {self.rnd.random()}"
            self.sql[name] = self.sql[name] | {sql}
            status, body = self.ask("POST", f"/v1/jobs/{name}/update", {"sql": sql})
            assert status == 200, body
            self.sql[name] = {sql}
        else:
            self.jobs[name] = before | {REST.get(what, "running")}
            status, body = self.ask("POST", f"/v1/jobs/{name}/{what}")
            if status == 409 and what == "pause":  # of one that is stopped
                self.jobs[name] = before
            else:
                assert status == 200, (what, before, body)
                self.jobs[name] = {REST.get(what, "running")}

    def run(self):
        self.wrong = None
        try:
            while True:
                self.step()
        except OSError:
            pass  # the server was killed
        except Exception as e:  # pylint: disable=broad-except
            if type(e).__module__ != "http.client":
                self.wrong = e


@case
def requests_that_a_crash_comes_between(d):
    with serve(d) as s:
        known = {}
        for i in range(8):
            clients = [Ledger(s, who, 100 * i + n) for n, who in enumerate("ab")]
            for c in clients:
                c.jobs, c.sql = known.get(c.who, ({}, {}))
                c.start()
            most = random.Random(i).randrange(1, 60)
            wait(lambda: sum(c.done for c in clients) >= most or any(not c.is_alive() for c in clients))
            s.kill()
            for c in clients:
                c.join()
                assert not c.wrong, (i, c.wrong)
            s.start()
            there = {j["name"]: j for j in s.get("/v1/jobs")["jobs"]}
            assert set(os.listdir(os.path.join(d, "data/jobs"))) <= {j["id"] for j in there.values()}, i
            for c in clients:
                for name in [f"{c.who}{n}" for n in range(4)]:
                    state = there[name]["state"] if name in there else None
                    allowed = c.jobs.get(name, {None})
                    assert state in allowed, (i, name, state, allowed)
                    if state:
                        sql = s.get(f"/v1/jobs/{name}")["sql"]
                        assert sql in c.sql[name], (i, name, sql, c.sql[name])
                        c.jobs[name], c.sql[name] = {state}, {sql}
                    else:
                        c.jobs.pop(name, None)
                known[c.who] = (c.jobs, c.sql)
        for name, j in there.items():
            assert "error" not in j, j
        assert s.stop() == 0


@case
def a_submission_that_a_stop_comes_between(d):
    """Its SQL takes long to be planned: it is in the catalog, and runs when the server is back."""
    sql = "".join(f"CREATE STREAM s{i} AS SELECT user_id || '{i}' AS u FROM g; " for i in range(1500))
    sql = LIVE.split(";")[0] + "; " + sql + "SELECT u FROM s7;"
    with serve(d) as s:
        body = json.dumps({"sql": sql, "name": "long"}).encode()
        sent = s.raw(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        s.get("/v1/health")
        assert s.stop() == 0
        answer = sent.recv(65536)
        sent.close()
        s.start()
        names = [j["name"] for j in s.get("/v1/jobs")["jobs"]]
        assert names == (["long"] if b" 201 " in answer[:20] else []), (answer[:200], names)
        assert s.stop() == 0


@case
def a_job_that_cannot_be_deleted_stands_in_nobodys_way(d):
    with serve(d) as s:
        jobs = [s.submit(LIVE, name)["id"] for name in ("a", "b")]
        s.post("/v1/jobs/a/stop")
        deep = os.path.join(d, "data/jobs", jobs[0], *"123456789")
        os.makedirs(deep)  # deeper than anything of ours
        assert "cannot remove" in s.error("DELETE", "/v1/jobs/a", status=500)

        def only_to_be_deleted():
            """Nothing may be left of its state: it would begin anew."""
            for path, body in ("stop", None), ("pause", None), ("resume", None), ("savepoint", None), ("update", {"sql": LIVE}):
                assert "its deletion has begun; delete it again" in s.error("POST", f"/v1/jobs/a/{path}", body, status=409), path

        only_to_be_deleted()
        assert s.get("/v1/jobs/a")["state"] == "stopped"
        assert "cannot remove" in s.error("DELETE", "/v1/jobs/a", status=500)
        s.kill()
        s.start()
        a = s.get("/v1/jobs/a")
        assert a["state"] == "failed" and "cannot be deleted: cannot remove" in a["error"], a
        s.until("b", "running")
        only_to_be_deleted()
        shutil.rmtree(deep)
        assert s.call("DELETE", "/v1/jobs/a")["state"] == "deleted"
        assert [j["name"] for j in s.get("/v1/jobs")["jobs"]] == ["b"] and os.listdir(os.path.join(d, "data/jobs")) == [jobs[1]]
        assert s.stop() == 0


def starts(d):
    """What a server says that does not start, or its jobs."""
    p = subprocess.run([WEIR, "serve", "--data", "data", "--listen", "1.2.3.4:1"], cwd=d, capture_output=True, text=True, timeout=60)
    assert p.returncode == 1, p
    return p.stderr


@case
def a_catalog_that_is_damaged_is_refused(d):
    with serve(d) as s:
        for i in range(8):
            s.submit(LIVE + " -- " + "x" * 3000, f"n{i}")
            s.post(f"/v1/jobs/n{i}/pause")
        assert s.stop() == 0
    path = os.path.join(d, "data/weir.db")
    with open(path, "rb") as f:
        whole = f.read()
    rnd = random.Random(7)
    refused = 0
    for i in range(24):
        at = i * 13 if i < 8 else rnd.randrange(len(whole))
        bad = whole[:at] + bytes([whole[at] ^ (1 << rnd.randrange(8))]) + whole[at + 1:] if i % 4 else whole[:at]
        with open(path, "wb") as f:
            f.write(bad)
        for more in "-wal", "-shm":
            if os.path.exists(path + more):
                os.unlink(path + more)
        said = starts(d)  # the address is nobody's: what comes first is the catalog
        assert "catalog" in said or "cannot listen at 1.2.3.4:1" in said, (at, said)
        refused += "catalog" in said
    assert refused >= 6, refused
    for change in "workers = 1000000", "wanted = 9", "id = '../../x'", "ended = -1", "name = CAST(x'ff' AS TEXT)":
        with open(path, "wb") as f:
            f.write(whole)
        db = sqlite3.connect(path)
        db.execute(f"UPDATE jobs SET {change} WHERE name = 'n3'")
        db.commit()
        db.close()
        p = subprocess.run([WEIR, "serve", "--data", "data", "--listen", "127.0.0.1:0"], cwd=d, capture_output=True, text=True, timeout=60)
        assert p.returncode == 1 and "is damaged: the row of job" in p.stderr, (change, p)


@case
def a_full_disk_while_a_job_is_submitted(d):
    """The catalog may not grow: a limit for files stands for the disk."""
    with serve(d) as s:
        s.submit(LIVE, "first")
        pid = s.p.pid
        size = os.path.getsize(os.path.join(d, "data/weir.db-wal")) + 4096
        subprocess.run(["prlimit", f"--pid={pid}", f"--fsize={size}:unlimited"], check=True, timeout=60)
        big = LIVE + " -- " + "x" * 200000
        assert "catalog" in s.error("POST", "/v1/jobs", {"sql": big, "name": "big"}, status=500)
        assert [j["name"] for j in s.get("/v1/jobs")["jobs"]] == ["first"]
        subprocess.run(["prlimit", f"--pid={pid}", "--fsize=unlimited:unlimited"], check=True, timeout=60)
        s.submit(big, "big")
        s.kill()
        s.start()
        assert [j["name"] for j in s.get("/v1/jobs")["jobs"]] == ["first", "big"]
        assert s.stop(signal.SIGINT) == 0


class Rowdy(threading.Thread):
    """A client that does anything to anybody's jobs, streams and savepoints, and breaks connections off."""

    def __init__(self, s, seed, steps):
        super().__init__()
        self.s, self.rnd, self.steps, self.wrong = s, random.Random(seed), steps, None

    def ask(self, method, path, body=None):
        status, _, out = self.s.ask(method, path, body)
        assert status in (200, 201, 202, 400, 404, 409, 429), (method, path, status, out)

    def break_off(self, method, path, body=b""):
        c = self.s.raw(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        if self.rnd.random() < 0.5:
            c.recv(self.rnd.choice([1, 100, 100000]))
        c.close()

    def step(self):
        pick = self.rnd.choice
        job, stream, savepoint = pick("ab"), pick("st"), pick("pq")
        reads = (f"CREATE STREAM {stream} (a BIGINT) WITH (connector = 'stream', format = 'json', start = 'earliest'); "
                 f"SELECT a FROM {stream} WHERE a > {self.rnd.randrange(3)};")
        sql = pick([LIVE, reads])
        what = pick([
            lambda: self.ask("POST", "/v1/jobs", {"sql": sql, "name": job, "snapshot_interval": "5ms", "workers": pick([1, 2])}),
            lambda: self.ask("POST", "/v1/jobs", {"sql": sql, "name": job, "savepoint": savepoint}),
            lambda: self.ask("POST", f"/v1/jobs/{job}/{pick(['pause', 'resume', 'stop'])}"),
            lambda: self.ask("POST", f"/v1/jobs/{job}/update", {"sql": sql, "dry_run": pick([True, False])}),
            lambda: self.ask("POST", f"/v1/jobs/{job}/savepoint", {"name": savepoint}),
            lambda: self.ask("DELETE", f"/v1/jobs/{job}?force=1"),
            lambda: self.ask("DELETE", f"/v1/savepoints/{savepoint}"),
            lambda: self.ask("GET", pick(["/v1/savepoints", "/v1/jobs", "/metrics", "/v1/streams", f"/v1/savepoints/{savepoint}",
                                          f"/v1/jobs/{job}", f"/v1/jobs/{job}/why", f"/v1/jobs/{job}/plan?analyze=1"])),
            lambda: self.ask("POST", "/v1/streams", {"name": stream, "shards": pick([1, 3])}),
            lambda: self.ask("POST", f"/v1/streams/{stream}/records", {"records": [{"data": '{"a":%d}' % i} for i in range(5)]}),
            lambda: self.ask("GET", f"/v1/streams/{stream}/records?from=earliest&limit=3"),
            lambda: self.ask("DELETE", f"/v1/streams/{stream}"),
            lambda: self.break_off("GET", pick([f"/v1/streams/{stream}/records?follow=1&from=earliest", f"/v1/jobs/{job}/output?follow=1",
                                                f"/v1/jobs/{job}/log?follow=1", "/metrics", f"/v1/jobs/{job}/why"])),
            lambda: self.break_off("POST", f"/v1/jobs/{job}/{pick(['pause', 'resume', 'stop', 'savepoint'])}"),
            lambda: self.break_off("POST", f"/v1/jobs/{job}/update", json.dumps({"sql": sql}).encode()),
            lambda: self.break_off("DELETE", f"/v1/jobs/{job}?force=1"),
        ])
        what()

    def run(self):
        try:
            for _ in range(self.steps):
                self.step()
        except Exception as e:  # pylint: disable=broad-except
            self.wrong = e


@case
def everything_at_once(d):
    with serve(d, "--restart-delay", "1ms", "--restart-delay-max", "5ms") as s:
        clients = [Rowdy(s, n, 100) for n in range(6)]
        for c in clients:
            c.start()
        for c in clients:
            c.join()
        assert not any(c.wrong for c in clients), [c.wrong for c in clients]
        assert s.stop() == 0
        s.start()
        for j in s.get("/v1/jobs")["jobs"]:
            s.call("DELETE", f"/v1/jobs/{j['id']}?force=1")
        assert os.listdir(os.path.join(d, "data/jobs")) == []
        assert s.stop() == 0
