"""Flips, cuts and removes what lies below --state and --data, and has weir go on from it: the output is right and the
damage has been told, or weir says what is damaged and does not go on. Never a wrong row."""
import json
import os
import shutil
import subprocess
import tempfile

from rig import Failed, Run

STATES = 3  # interrupted runs of each job
RECORDS = 400


def hurt(rnd, path):
    """Changes a file; what was done to it."""
    size = os.path.getsize(path)
    way = rnd.random()
    if way < 0.03:
        os.unlink(path)
        return "removed"
    if size == 0:
        return None
    if way < 0.3:
        n = rnd.randrange(size)
        os.truncate(path, n)
        return f"cut to {n} of {size} bytes"
    at, bit = rnd.randrange(size), rnd.randrange(8)
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1 << bit]))
    return f"bit {bit} of byte {at} of {size} flipped"


# ---- snapshots ----

class States:
    """Folders of runs that were killed when they had some snapshots, made as they are needed."""

    def __init__(self, jobs):
        self.jobs, self.made = jobs, {}
        self.top = tempfile.mkdtemp(prefix="weir-fault-")

    def one(self, rnd):
        job = rnd.choice(self.jobs)
        key = job.name, rnd.randrange(STATES)
        if key not in self.made:
            d = os.path.join(self.top, f"{key[0]}-{key[1]}")
            for k in (9, 6, 4, 3, 2):  # a machine that is busy may take fewer
                shutil.rmtree(d, ignore_errors=True)
                os.mkdir(d)
                job.link(d)
                r = Run(job.with_state(2, "1ms"), d, job.shim, f"rename:{k + (key[1] if k == 9 else 0)}:kill")
                if r.hit:
                    break
            self.made[key] = d if r.hit else None
        return job, self.made[key]

    def remove(self):
        shutil.rmtree(self.top)


def snapshot_trial(rnd, states):
    job, whole = states.one(rnd)
    if not whole:
        return False
    d = tempfile.mkdtemp(prefix="weir-fault-")
    shutil.rmtree(d)
    shutil.copytree(whole, d, symlinks=True)
    names = sorted(f for f in os.listdir(os.path.join(d, "state")) if f != "lock" and not f.endswith(".making"))
    snapshots = [f for f in names if f.endswith(".snapshot")]
    if not snapshots:  # it died before the first
        return False
    newest = snapshots[-1]
    name = rnd.choice([newest, *names])
    done = hurt(rnd, os.path.join(d, "state", name))
    # The only manifest: nothing else tells of a snapshot, so the job begins anew (state/snapshots/README.md).
    if not done or (done == "removed" and snapshots == [name]):
        shutil.rmtree(d)
        return False
    r = Run(job.with_state(rnd.choice([1, 2, 3])), d)
    try:
        r.sound(False)
        if r.status == 0:
            job.compare(d)
        elif name not in r.err and not (done == "removed" and f"snapshot {int(name[:8])}" in r.err):
            raise Failed(f"{name} is not named")
        if name == newest and done != "removed" and name not in r.err:
            raise Failed("nothing was said")
    except Failed as e:
        raise Failed(f"{job.name}: {name} {done}: exit status {r.status}: {e}\n{r.err}; see {d}") from None
    shutil.rmtree(d)
    return True


# ---- streams ----

def weir(o, d, *args, stdin=""):
    return subprocess.run([o.weir, *args], cwd=d, input=stdin, capture_output=True, text=True, timeout=120, check=True)


def make_streams(o):
    d = tempfile.mkdtemp(prefix="weir-fault-")
    weir(o, d, "streams", "--data", "data", "create", "s", "--shards", "2")
    for i in range(0, RECORDS, 40):
        weir(o, d, "put", "s", "--data", "data", "--quiet", stdin="".join(f"record {k:06}\n" for k in range(i, i + 40)))
        if i == RECORDS // 2:
            weir(o, d, "streams", "--data", "data", "reshard", "s", "3")
    return d


def files_below(d):
    return sorted(os.path.join(root, f) for root, _, names in os.walk(d) for f in names if f != "weir.lock")


def stream_trial(o, rnd, whole):
    d = tempfile.mkdtemp(prefix="weir-fault-")
    shutil.rmtree(d)
    shutil.copytree(whole, d)
    path = rnd.choice(files_below(os.path.join(d, "data")))
    done = hurt(rnd, path)
    if not done:
        return False
    what = f"{os.path.relpath(path, d)} {done}"
    try:
        written = 0
        if rnd.random() < 0.5:  # opens it for writing, which repairs what a crash leaves
            r = Run([o.weir, "put", "s", "--data", "data", "--quiet"], d, stdin=b"record 999999\n")
            r.sound(False)
            written = r.status == 0
            what += f"; put: {r.status} {r.err.strip()}"
        r = Run([o.weir, "tail", "s", "--data", "data", "--from", "earliest", "--once", "--format", "json"], d)
        r.sound(False)
        got = [json.loads(line)["data"] for line in r.out.decode().splitlines()]
        known = {f"record {i:06}" for i in range(RECORDS)} | {"record 999999"}
        wrong = [x for x in got if x not in known] or [x for x in set(got) if got.count(x) > 1]
        if wrong:
            raise Failed(f"wrong rows: {wrong[:3]}")
        if len(got) < RECORDS + written and r.status == 0:
            raise Failed(f"{RECORDS + written - len(got)} records are missing, and nothing is said")
    except Failed as e:
        raise Failed(f"{what}: exit status {r.status}: {e}\n{r.err}; see {d}") from None
    shutil.rmtree(d)
    return True


def damage(o, rnd, jobs, tally):
    states, streams = States(jobs), make_streams(o)
    for i in range(o.budget):
        if i % 4 == 3:
            tally.trial(stream_trial, o, rnd, streams)
        else:
            tally.trial(snapshot_trial, rnd, states)
    shutil.rmtree(streams)
    states.remove()
