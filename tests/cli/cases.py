"""What the cases of run.py share: the list of them, weir and its inputs."""
import os
import select
import shutil
import signal
import subprocess
import sys

WEIR = os.path.abspath(sys.argv[1])
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Without end, and slow enough for a terminal: 200 rows a second.
LIVE = ("CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rate = 200); "
        "SELECT event_time, user_id FROM g;")
FAST = "CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks'); SELECT * FROM g;"
IN = "CREATE STREAM s (a BIGINT) WITH (connector = 'stdin', format = 'json'); "
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


def lines_of(d, name):
    path = os.path.join(d, name)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return f.read().splitlines()


def list_of(d, ending):
    state = os.path.join(d, "state")
    return sorted(f for f in os.listdir(state) if f.endswith(ending)) if os.path.exists(state) else []


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
