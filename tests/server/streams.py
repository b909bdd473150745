"""Streams and their records, by requests: made, put to, read a page at a time or followed, split and merged while jobs read them."""
import json
import os
import re
import resource
import threading

from cases import also_by_tls, case, read, serve
from serve import wait


@also_by_tls
def streams_and_records(d):
    with serve(d) as s:
        made = s.post("/v1/streams", {"name": "c", "shards": 2, "retention": "48h"}, status=201)
        assert made["shards"] == 2 and made["retention_seconds"] == 172800 and len(made["shard_list"]) == 2, made
        assert "already" in s.error("POST", "/v1/streams", {"name": "c"}, status=409)
        assert "expected 1 to 10000" in s.error("POST", "/v1/streams", {"name": "x", "shards": 0})
        s.error("POST", "/v1/streams", {"name": "a b"})
        assert [x["name"] for x in s.get("/v1/streams")["streams"]] == ["c"]
        put = s.post("/v1/streams/c/records", {"records": [{"key": "k", "data": "one"}, {"key": "k", "data": "two"},
                                                           {"data_base64": "/wA="}]})["records"]
        assert len(put) == 3 and put[0]["shard"] == put[1]["shard"], put
        assert int(put[0]["sequence_number"]) < int(put[1]["sequence_number"]), put
        s.post("/v1/streams/c/records?key=k", "three\nfour", kind="application/x-ndjson")
        page = s.get("/v1/streams/c/records?from=earliest")
        assert sorted(r.get("data", r.get("data_base64")) for r in page["records"]) == sorted(
            ["one", "two", "/wA=", "three", "four"]), page
        assert [r["data"] for r in page["records"] if r["key"] == "k"] == ["one", "two", "three", "four"]
        assert s.get(f"/v1/streams/c/records?from={page['next']}")["records"] == []
        s.post("/v1/streams/c/records", {"records": [{"data": "five"}]})
        assert [r["data"] for r in s.get(f"/v1/streams/c/records?from={page['next']}")["records"]] == ["five"]
        got, at = [], "earliest"
        while True:
            p = s.get(f"/v1/streams/c/records?from={at}&limit=1")
            if not p["records"]:
                break
            got += p["records"]
            at = p["next"]
        assert len(got) == 6 and len({r["sequence_number"] for r in got}) == 6, got
        for body, message in [({"records": [{}]}, "one of data and data_base64"), ({"records": [1]}, "expected an object"),
                              ({"records": [{"data_base64": "?"}]}, "expected base64"), ({}, "a member 'records'"),
                              ({"records": [{"data": "x", "key": ""}]}, "partition key")]:
            assert message in s.error("POST", "/v1/streams/c/records", body), body
        assert "expected earliest, latest" in s.error("GET", "/v1/streams/c/records?from=then")
        s.error("GET", "/v1/streams/none/records", status=404)
        s.error("POST", "/v1/streams/none/records", {"records": []}, status=404)
        s.error("GET", "/v1/streams/none", status=404)
        s.error("DELETE", "/v1/streams/none", status=404)
        assert s.call("DELETE", "/v1/streams/c")["deleted"] is True
        assert s.get("/v1/streams")["streams"] == []
        assert s.stop() == 0


@case
def streams_are_split_and_merged_while_jobs_read_them(d):
    changes = [("split", {"shard": "0"}), ("split", {"shard": "shardId-000000000001", "hash": "7"}), ("reshard", {"shards": 5}),
               ("merge", None), ("reshard", {"shards": 2}), ("reshard", {"shards": 4}), ("reshard", {"shards": 3})]
    open_shards = [2, 3, 5, 4, 2, 4, 3]
    with serve(d) as s:
        s.post("/v1/streams", {"name": "c", "shards": 1}, status=201)
        s.submit("CREATE STREAM c (k VARCHAR, n BIGINT) WITH (connector = 'stream', format = 'json', start = 'earliest'); "
                 "CREATE STREAM o WITH (connector = 'file', path = 'o.jsonl', format = 'json') AS SELECT k, n FROM c;", "copy", workers=2)
        n = 0
        for (how, body), want in zip(changes, open_shards):
            for _ in range(3):
                s.post("/v1/streams/c/records", {"records": [{"key": f"k{i}", "data": json.dumps({"k": f"k{i}", "n": n})} for i in range(50)]})
                n += 1
            shards = [x for x in s.get("/v1/streams/c")["shard_list"] if x["open"]]
            if how == "merge":
                body = {"shards": [x["shard"] for x in sorted(shards, key=lambda x: int(x["from_hash"]))[1:3]]}
            after = s.post(f"/v1/streams/c/{how}", body)
            assert after["shards"] == want == sum(x["open"] for x in after["shard_list"]), (how, after)
        wait(lambda: s.get("/v1/jobs/copy")["rows_out"] == 50 * n)
        s.post("/v1/jobs/copy/stop")
        rows = [json.loads(x) for x in read(d, "o.jsonl").split()]
        for i in range(50):
            assert [r["n"] for r in rows if r["k"] == f"k{i}"] == list(range(n)), i
        assert s.post("/v1/streams/c/retention", {"retention": "7d"})["retention_seconds"] == 7 * 86400
        for how, body, message in [("split", {"shard": "0"}, "is closed"), ("split", {}, "expected a shard"), ("split", {"shard": "x"}, "expected a shard"),
                                   ("split", {"shard": "9999"}, "does not exist"), ("split", {"shard": "0", "hash": "-1"}, "hash key"), ("split", {"shard": "0", "hash": "0"}, "hash key"),
                                   ("merge", {"shards": ["1"]}, "the two"), ("merge", {"shards": ["0", 1]}, "expected a shard"),
                                   ("merge", {}, "the two"), ("reshard", {"shards": 0}, "1 to 10000"), ("reshard", {}, "1 to 10000"),
                                   ("retention", {"retention": "1m"}, "1 hour to 365 days"), ("retention", {}, "1h to 365d")]:
            assert message in s.error("POST", f"/v1/streams/c/{how}", body), (how, body)
            s.error("POST", f"/v1/streams/none/{how}", body, status=404)
        for n in 1, 7, 10000:
            assert "half or twice" in s.error("POST", "/v1/streams/c/reshard", {"shards": n}, status=409)
        s.error("POST", "/v1/streams/c/shrink", {}, status=404)
        assert s.stop() == 0


@case
def pages_of_a_stream_of_more_shards_than_descriptors(d):
    records = {"records": [{"key": f"k{i}", "data": str(i)} for i in range(1000)]}
    with serve(d, nofile=200) as s:
        s.post("/v1/streams", {"name": "c", "shards": 300}, status=201)
        empty = {how: s.get(f"/v1/streams/c/records?from={how}")["next"] for how in ("latest", "time:2020-01-01T00:00:00Z", "earliest")}
        s.post("/v1/streams/c/records", records)
        s.post("/v1/streams/c/reshard", {"shards": 150})
        s.post("/v1/streams/c/records", records)
        for how, at in empty.items():
            got = []
            while (p := s.get(f"/v1/streams/c/records?from={at}&limit=97"))["records"]:
                got += [(r["key"], r["data"]) for r in p["records"]]
                at = p["next"]
            for i in range(1000):
                assert [data for key, data in got if key == f"k{i}"] == [str(i)] * 2, (how, i)
        of_one = s.get("/v1/streams/c/records?from=earliest&shard=7&limit=10000")
        assert {r["shard"] for r in of_one["records"]} == {"shardId-000000000007"} and of_one["next"] == "at:7.e", of_one
        assert re.match(r"at:0-\d+\.e,", p["next"]), p["next"]
        for bad in ("", "1", "1.", "1.x", "1-.e", "3-1.e", "1.0,0.0", "0-3.0,3.1", "0-4000000000.e", "4294967295.0", "99999999999999999999.0"):
            assert "expected earliest" in s.error("GET", f"/v1/streams/c/records?from=at:{bad}"), bad
        assert "no shard 9999" in s.error("GET", "/v1/streams/c/records?shard=9999", status=404)
        assert "shardId-000000000003" in s.error("GET", "/v1/streams/c/records?shard=x")
        assert s.stop() == 0


@case
def who_follows_a_stream_of_many_shards_comes_back_to_its_place(d):
    """Places of so many shards are longer than what a request was once allowed to have; a follower has two descriptors of each."""
    shards = 3000 if resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= 10000 else 800

    def put(s, what):
        s.post("/v1/streams/c/records", {"records": [{"key": f"k{i}", "data": f"{what}{i}"} for i in range(3000)]})

    def take(s, what, at):
        e = s.follow("/v1/streams/c/records?follow=1&from=earliest", {"Last-Event-ID": at} if at else {})
        got, found = [], at
        for _, last, data in e:
            got.append(json.loads(data)["data"])
            found = last or found
            if len(got) == 3000 and last:
                e.close()
                break
        assert sorted(got) == sorted(f"{what}{i}" for i in range(3000)), (what, len(got))
        return found

    with serve(d) as s:
        s.post("/v1/streams", {"name": "c", "shards": shards}, status=201)
        put(s, "a")
        at = take(s, "a", None)
        assert 4096 < len(at) < 60000, len(at)
        put(s, "b")
        s.kill()
        s.start()
        assert s.get(f"/v1/streams/c/records?limit=1&from={at}")["records"][0]["data"].startswith("b")
        at = take(s, "b", at)
        if shards == 3000:  # one that is longer still
            late = ",".join(f"{i}.t{10 ** 18 + i}" for i in range(100, 2500))
            e = s.follow(f"/v1/streams/c/records?follow=1&from=at:0-99.0,{late}")
            kind, _, why = next(iter(e))
            assert kind == "error" and "shard=" in why, (kind, why)
            assert [x[0] for x in e] == ["end"]
        assert s.stop() == 0


@case
def streams_come_and_go(d):
    """Made and deleted by several at once: what was acknowledged to one is not taken away by another who makes it, too."""
    with serve(d) as s:
        s.post("/v1/streams", {"name": "first"}, status=201)
        s.post("/v1/streams/first/records", {"records": [{"data": "x"}]})
        for i in range(10):
            got = []

            def make():
                status = s.ask("POST", "/v1/streams", {"name": "c", "shards": 2})[0]
                put = s.ask("POST", "/v1/streams/c/records", {"records": [{"data": "x"}] * 3})
                got.append((status, put[0]))

            clients = [threading.Thread(target=make) for _ in range(4)]
            for t in clients:
                t.start()
            for t in clients:
                t.join()
            assert sorted(got) == [(201, 200)] + [(409, 200)] * 3, got
            assert len(s.get("/v1/streams/c/records?from=earliest")["records"]) == 12, i
            if i % 2:
                s.kill()
                s.start()
                assert len(s.get("/v1/streams/c/records?from=earliest")["records"]) == 12, i
            s.call("DELETE", "/v1/streams/c")
        before = len(os.listdir(f"/proc/{s.p.pid}/fd"))
        for i in range(30):
            s.post("/v1/streams", {"name": "c", "shards": 3}, status=201)
            s.post("/v1/streams/c/records", {"records": [{"data": "x"}] * 9})
            s.call("DELETE", "/v1/streams/c")
        assert len(os.listdir(f"/proc/{s.p.pid}/fd")) <= before + 8, "descriptors of deleted streams"
        assert s.stop() == 0


@also_by_tls
def a_stream_is_followed_and_read_by_a_job(d):
    with serve(d) as s:
        s.post("/v1/streams", {"name": "c", "shards": 3}, status=201)
        s.post("/v1/streams/c/records", {"records": [{"data": '{"a":%d}' % i} for i in range(5)]})
        e = iter(s.follow("/v1/streams/c/records?follow=1&from=earliest"))
        got = [next(e) for _ in range(5)]
        assert sorted(json.loads(json.loads(x[2])["data"])["a"] for x in got) == list(range(5)), got
        s.submit("CREATE STREAM c (a BIGINT) WITH (connector = 'stream', format = 'json', start = 'earliest');"
                 "SELECT a FROM c;", "reads")
        s.post("/v1/streams/c/records", {"records": [{"data": '{"a":5}'}]})
        event = next(e)
        assert json.loads(json.loads(event[2])["data"])["a"] == 5
        assert event[1].startswith("at:"), event
        wait(lambda: s.get("/v1/jobs/reads")["rows_out"] == 6)
        s.post("/v1/streams/c/records", {"records": [{"data": '{"a":6}'}]})
        again = iter(s.follow("/v1/streams/c/records?follow=1", {"Last-Event-ID": event[1]}))
        assert json.loads(json.loads(next(again)[2])["data"])["a"] == 6
        s.stop()
