"""For schemathesis: scripts that run and jobs that are there, among what it makes up, so that requests get further than 400
and 404. api.py names it to schemathesis."""
import zlib

import schemathesis

SCRIPTS = [
    "SELECT 1 AS a;",
    "CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rate = 100); SELECT user_id FROM g;",
    "CREATE STREAM g WITH (connector = 'datagen', kind = 'telemetry', rows = 1000); SELECT * FROM g;",
    "CREATE STREAM f (a INT) WITH (connector = 'file', path = 'not_there.jsonl', format = 'json'); SELECT a FROM f;",
    "CREATE STREAM c (a INT) WITH (connector = 'stream', stream = 'clicks', format = 'json'); SELECT a FROM c;",
]


def chance(text, n):
    """The same for the same text: a run is repeated by its seed."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % n


def script(text):
    n = chance(text, 2 * len(SCRIPTS))
    return SCRIPTS[n] if n < len(SCRIPTS) else text


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and isinstance(body.get("sql"), str):
        return {**body, "sql": script(body["sql"])}
    return body


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    there = {"job": "slow_pages", "name": "clicks", "savepoint": "before"}
    return {k: there[k] if k in there and isinstance(v, str) and chance(v, 2) else v for k, v in (path_parameters or {}).items()}


@schemathesis.hook
def filter_case(context, case):
    """A body that is a text cannot be of a wrong type."""
    return case.media_type not in ("application/sql", "application/x-ndjson") or isinstance(case.body, str)


@schemathesis.serializer("application/sql")
def sql(context, value):
    return script(str(value)).encode("utf-8", "surrogatepass")


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    return str(value).encode("utf-8", "surrogatepass")
