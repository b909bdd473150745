"""What the cases of run.py share: the list of them, a server, small files."""
import os
import sys

from serve import Server
from tls import Cert

WEIR = os.path.abspath(sys.argv[1])
LIVE = "CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rate = 200); SELECT event_time, user_id FROM g;"
CASES = []  # (name, function, by TLS)
BY_TLS = [False]


def case(f):
    CASES.append((f.__name__, f, False))
    return f


def also_by_tls(f):
    """A case that is run a second time, with every byte of it inside TLS."""
    CASES.append((f.__name__, f, False))
    CASES.append((f.__name__ + "_by_tls", f, True))
    return f


def serve(d, *flags, **kw):
    if BY_TLS[0]:
        kw.setdefault("cert", Cert(d))
    return Server(WEIR, d, *flags, **kw)


def write(d, name, text):
    with open(os.path.join(d, name), "w", encoding="utf-8") as f:
        f.write(text)


def read(d, name):
    with open(os.path.join(d, name), encoding="utf-8") as f:
        return f.read()


def copy_sql(src="in.jsonl", dst="out.jsonl"):
    return (f"CREATE STREAM i (a BIGINT) WITH (connector = 'file', path = '{src}', format = 'json');"
            f"CREATE STREAM o WITH (connector = 'file', path = '{dst}', format = 'json') AS SELECT a FROM i;")
