"""Requests that change a job while others do, or while its targets are away."""
import json
import os
import sqlite3
import threading

from cases import LIVE, case, serve
from serve import wait

KEPT = ("CREATE STREAM c (a BIGINT) WITH (connector = 'stream', format = 'json', start = 'earliest'); "
        "CREATE STREAM o WITH (connector = 'sqlite', path = 't.db', table = 't', retry_for = '1h') AS SELECT a FROM c;")


def put(s, *values):
    s.post("/v1/streams/c/records", {"records": [{"data": json.dumps({"a": a})} for a in values]})


class Asked(threading.Thread):
    """A request that waits: a.answer() is its status and its body."""

    def __init__(self, s, *what):
        super().__init__()
        self.ask = lambda: s.ask(*what)
        self.start()

    def run(self):
        self.got = self.ask()

    def answer(self):
        self.join()
        return self.got[0], json.loads(self.got[2])


def locked(s):
    return "is locked" in str(s.get("/v1/jobs/x").get("trouble"))


def save_and_wait(s, name):
    """A savepoint that is not there as long as the target is locked; another is refused meanwhile."""
    asked = Asked(s, "POST", "/v1/jobs/x/savepoint", {"name": name})
    wait(lambda: os.path.isdir(os.path.join(s.folder, "data/savepoints", name)))
    wait(lambda: b"a savepoint of it is being made" in s.ask("POST", "/v1/jobs/x/savepoint", {"name": "other"})[2])
    wait(lambda: locked(s))
    assert asked.is_alive()
    return asked


@case
def a_job_is_changed_while_a_savepoint_of_it_waits(d):
    """Its target is locked, so the rows that a savepoint counts on having been delivered are not: those of a snapshot before
    it, or its own."""
    db = sqlite3.connect(os.path.join(d, "t.db"), isolation_level=None)
    db.execute("CREATE TABLE t (a INTEGER)")
    with serve(d) as s:
        s.post("/v1/streams", {"name": "c"}, status=201)
        for interval in "50ms", "1h":
            def wait_for_row(own=interval == "1h"):
                before = s.get("/v1/jobs/x")["rows_in"]
                put(s, 1)
                wait(lambda: s.get("/v1/jobs/x")["rows_in"] > before if own else locked(s))

            s.submit(KEPT, "x", snapshot_interval=interval)
            for how, state in ("stop", "stopped"), ("pause", "paused"):
                db.execute("BEGIN IMMEDIATE")
                wait_for_row()
                asked = save_and_wait(s, "ends")
                assert s.post(f"/v1/jobs/x/{how}")["state"] == state
                status, answer = asked.answer()
                assert status == 409 and ("the job ended" in str(answer) or "have not reached" in str(answer)), answer
                db.execute("COMMIT")
                assert s.get("/v1/savepoints") == {"savepoints": []}
                s.post("/v1/jobs/x/savepoint", {"name": "rests"}, status=201)
                s.call("DELETE", "/v1/savepoints/rests")
                s.post("/v1/jobs/x/resume")
            db.execute("BEGIN IMMEDIATE")
            wait_for_row()
            asked = save_and_wait(s, "later")
            assert "being made" in s.error("DELETE", "/v1/savepoints/later", status=409)
            db.execute("COMMIT")
            assert asked.answer()[0] == 201 and s.get("/v1/savepoints/later")["state"] == "ready"
            s.call("DELETE", "/v1/savepoints/later")
            db.execute("BEGIN IMMEDIATE")
            wait_for_row()
            asked = save_and_wait(s, "never")
            assert s.call("DELETE", "/v1/jobs/x?force=1")["state"] == "deleted"
            assert asked.answer()[0] == 409
            db.execute("COMMIT")
            assert s.get("/v1/savepoints") == {"savepoints": []} and os.listdir(os.path.join(d, "data/jobs")) == []
            s.call("DELETE", "/v1/streams/c")
            s.post("/v1/streams", {"name": "c"}, status=201)
        assert s.stop() == 0
    db.close()


@case
def an_update_is_over_with_its_first_snapshot(d):
    """Then a job that a crash comes to has no leave any more to go on from the state of other SQL."""
    def updating():
        db = sqlite3.connect(os.path.join(d, "data/weir.db"))
        found = db.execute("SELECT updating FROM jobs").fetchall()
        db.close()
        return found[0][0]

    with serve(d) as s:
        s.submit(LIVE, "x", snapshot_interval="1h")
        s.post("/v1/jobs/x/update", {"sql": LIVE + " SELECT user_id AS u FROM g;"})
        s.kill()
        assert updating() == 1
        s.start()
        s.until("x", "running")
        s.post("/v1/jobs/x/savepoint", {"name": "p"}, status=201)  # a snapshot, too
        wait(lambda: updating() == 0)
        s.kill()
        s.start()
        s.until("x", "running")
        assert s.stop() == 0 and updating() == 0
