"""Runs weir with a fault (shim.c), then without, and compares what it has written with an undisturbed run."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "recovery"))
from results import differences, rows  # noqa: E402

TIMEOUT = 120
ERRNOS = {"EIO": "Input/output error", "ENOSPC": "No space left on device", "ENOMEM": "emory", "EINTR": "Interrupted system call",
          "EMFILE": "Too many open files", "EACCES": "Permission denied", "EROFS": "Read-only file system",
          "EAGAIN": "Resource temporarily unavailable", "EDQUOT": "Disk quota exceeded"}


# Libraries that end the process when they get no memory, and where; it is not ours to mend. A job that dies so goes on from
# its snapshot all the same.
ABORT = {"libuv": "uv_loop_init and whatever adds a descriptor to a loop"}


class Failed(Exception):
    """What a fault has brought to light."""


class Run:
    """One process: its status, what it said, whether the fault was hit, the counts of calls."""

    def __init__(self, cmd, cwd, shim=None, fault=None, only=None, stdin=b"", dirs=None):
        env = dict(os.environ, ASAN_OPTIONS="allocator_may_return_null=1:detect_leaks=0:verify_asan_link_order=0")
        log = os.path.join(cwd, "shim.log")
        if os.path.exists(log):
            os.unlink(log)
        if shim:
            env.update(LD_PRELOAD=shim, WEIR_FAULT_LOG=log, WEIR_FAULT_DIRS=dirs or cwd)
            if fault:
                env["WEIR_FAULT"] = fault
            if only:
                env["WEIR_FAULT_ONLY"] = only
        self.hung = False
        p = subprocess.Popen(cmd, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = p.communicate(stdin, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.hung = True
            p.send_signal(signal.SIGABRT)
            out, err = p.communicate()
        self.status, self.out, self.err = p.returncode, out, err.decode("utf-8", "replace")
        self.counts, self.hit = {}, ""
        if os.path.exists(log):
            with open(log, encoding="utf-8", errors="replace") as f:
                text = f.read()
            os.unlink(log)
            self.hit = "".join(x for x in text.splitlines(True) if not x.startswith("count "))
            self.counts = {x.split()[1]: int(x.split()[2]) for x in text.splitlines() if x.startswith("count ")}

    def excused(self):
        """The library that ended it, if that is known to do so."""
        frames = [x for x in self.hit.splitlines()[1:] if "/shim" not in x]
        return next((x for x in ABORT if frames and x in frames[0]), None) if self.status == -signal.SIGABRT else None

    def sound(self, may_die):
        """It has ended in one of the ways in which a process may end."""
        if self.hung:
            raise Failed(f"it hangs\n{self.err}\n{self.hit}")
        killed = self.status == -signal.SIGKILL and may_die or self.excused()
        if "Sanitizer" in self.err or "runtime error:" in self.err or (self.status not in (0, 1, 2, 130) and not killed):
            raise Failed(f"it crashed ({self.status})\n{self.err}\n{self.hit}")
        if self.status in (1, 2) and not self.err.strip():
            raise Failed(f"exit status {self.status} and no message\n{self.hit}")

    def says(self, action):
        """A failure is told with its reason."""
        told = ERRNOS.get(action, "")
        if action == "ENOMEM" and ERRNOS["EAGAIN"] in self.err:  # what a thread without memory for its stack says
            return
        if self.status != 0 and not self.excused() and told not in self.err:
            raise Failed(f"exit status {self.status}, and {told!r} is not said:\n{self.err}\n{self.hit}")


class Job:
    """A SQL file that reads clicks.jsonl and writes out*."""

    def __init__(self, weir, shim, path, data):
        self.weir, self.shim, self.name, self.data = weir, shim, os.path.basename(path)[:-4], data
        with open(path, encoding="utf-8") as f:
            self.sql = f.read()
        with tempfile.TemporaryDirectory(prefix="weir-fault-") as d:
            self.link(d)
            r = Run(self.cmd(2, []), d)
            if r.status != 0:
                raise SystemExit(f"{self.name}: the undisturbed run failed: {r.err}")
            self.want = rows(d)
        self.counts = {}

    def link(self, d):
        os.symlink(self.data, os.path.join(d, "clicks.jsonl"))

    def cmd(self, workers, more):
        return [self.weir, "run", "--quiet", f"--workers={workers}", *more, "-e", self.sql]

    def with_state(self, workers, interval="2ms"):
        return self.cmd(workers, ["--state=state", f"--snapshot-interval={interval}"])

    def count(self, only=None):
        """How many calls of each kind an undisturbed run makes."""
        if only not in self.counts:
            with tempfile.TemporaryDirectory(prefix="weir-fault-") as d:
                self.link(d)
                r = Run(self.with_state(2), d, self.shim, only=only)
                r.sound(False)
                self.counts[only] = r.counts
        return self.counts[only]

    def go_on(self, d, workers):
        """Without faults, until it is done."""
        r = Run(self.with_state(workers), d)
        if r.status != 0 or r.hung:
            raise Failed(f"it does not go on (exit status {r.status}): {r.err}")
        self.compare(d)
        return r

    def compare(self, d):
        bad = differences(self.name, self.want, rows(d))
        if bad:
            raise Failed("\n".join(bad))

    def trial(self, rnd, kind, at, action, only=None):
        """Whether the fault was met."""
        workers = rnd.choice([1, 2])
        d = tempfile.mkdtemp(prefix="weir-fault-")
        try:
            self.link(d)
            r = Run(self.with_state(workers), d, self.shim, f"{kind}:{at}:{action}", only)
            r.sound(action in ("kill", "tear"))
            r.says(action)
            if r.status == 0:
                self.compare(d)
            else:
                self.go_on(d, rnd.choice([1, 2, 3]))
            shutil.rmtree(d)
            return r.excused() or bool(r.hit)
        except Failed as e:
            raise Failed(f"{self.name}, {workers} workers, {kind}:{at}:{action}: {e}; see {d}") from None
