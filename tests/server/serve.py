"""A weir serve of a test's own, and what talks to it. Nothing here sleeps for a fixed time: what is waited for is looked at."""
import http.client
import json
import os
import queue
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

LIMIT = 60  # seconds after which a wait has failed


class Server:
    """with Server(weir, folder) as s: s.get("/v1/jobs"); cert (tls.Cert): all of it by TLS;
    nofile: descriptors it may have"""

    def __init__(self, weir, folder, *flags, data="data", cert=None, nofile=None):
        self.weir, self.folder, self.flags, self.data = os.path.abspath(weir), folder, [*flags, *(cert.flags() if cert else [])], data
        self.cert, self.tls = cert, cert.context() if cert else None
        self.limits = ["prlimit", f"--nofile={nofile}:{nofile}"] if nofile else []
        self.said = []
        self.start()

    def start(self):
        cmd = [*self.limits, self.weir, "serve", "--data", self.data, "--listen", "127.0.0.1:0", *self.flags]
        # ASan keeps 256 MB of freed memory aside, which the tests of memory would take for a leak.
        env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8")
        self.p = subprocess.Popen(cmd, cwd=self.folder, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        lines = queue.Queue()

        def read(pipe):
            for line in pipe:
                self.said.append(line.rstrip("\n"))
                lines.put(line)
            lines.put("")

        self.reader = threading.Thread(target=read, args=(self.p.stderr,), daemon=True)
        self.reader.start()
        while True:
            line = lines.get(timeout=LIMIT)
            found = re.search(r"serving '.*' at https?://127\.0\.0\.1:(\d+),", line)
            if found:
                self.port = int(found.group(1))
                return
            if not line:
                raise AssertionError(f"the server did not start: {self.said}")

    def stop(self, sig=signal.SIGTERM):
        """The exit status."""
        self.p.send_signal(sig)
        status = self.p.wait(LIMIT)
        self.reader.join(LIMIT)
        return status

    def kill(self):
        self.p.kill()
        self.p.wait(LIMIT)
        self.reader.join(LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait(LIMIT)
        self.reader.join(LIMIT)
        if failed:
            print("\n".join("    " + line for line in self.said[-20:]))
        elif self.p.returncode not in (0, -signal.SIGKILL, 130):
            raise AssertionError(f"the server ended with {self.p.returncode}: {self.said[-20:]}")

    # ---- requests ----

    def connection(self):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=LIMIT, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)

    def ask(self, method, path, body=None, kind="application/json", headers=()):
        """Status, headers, bytes."""
        c = self.connection()
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            if isinstance(body, str):
                body = body.encode()
            h = dict(headers)
            if body is not None:
                h.setdefault("Content-Type", kind)
            c.request(method, path, body, h)
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def call(self, method, path, body=None, status=200, **kw):
        got, headers, out = self.ask(method, path, body, **kw)
        assert got == status, (method, path, got, out)
        return json.loads(out) if headers["Content-Type"].startswith("application/json") else out.decode()

    def get(self, path, **kw):
        return self.call("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.call("POST", path, body, **kw)

    def submit(self, sql, name=None, status=201, **more):
        return self.post("/v1/jobs", {"sql": sql, **({"name": name} if name else {}), **more}, status=status)

    def error(self, method, path, body=None, status=400, **kw):
        """The message of an answer that must be an error."""
        return self.call(method, path, body, status=status, **kw)["error"]["message"]

    def until(self, job, *states):
        return wait(lambda: (lambda j: j if j["state"] in states else None)(self.get(f"/v1/jobs/{job}")))

    def raw(self, sent=b"", timeout=LIMIT):
        s = socket.create_connection(("127.0.0.1", self.port), timeout)
        if self.tls:
            s = self.tls.wrap_socket(s, server_hostname="127.0.0.1")
        s.sendall(sent)
        return s

    def say(self, sent):
        """Sends bytes, returns all that comes back until the server closes."""
        s = self.raw(sent)
        try:
            return read_all(s)
        finally:
            s.close()

    def follow(self, path, headers=()):
        return Events(self, path, headers)


class Events:
    """Server-sent events of a path, as (event, id, data)."""

    def __init__(self, server, path, headers=()):
        self.c = server.connection()
        self.c.request("GET", path, headers=dict(headers))
        self.r = self.c.getresponse()
        assert self.r.status == 200, self.r.read()
        assert self.r.headers["Content-Type"] == "text/event-stream"

    def __iter__(self):
        event, last, data = "message", None, []
        for line in self.r:
            line = line.decode().rstrip("\n")
            if not line and data:
                yield event, last, "\n".join(data)
                event, last, data = "message", None, []
            elif line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif line.startswith("event: "):
                event = line[7:]
            elif line.startswith("id: "):
                last = line[4:]

    def close(self):
        self.c.close()


def read_all(s):
    got = b""
    while True:
        try:
            more = s.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError):
            return got
        if not more:
            return got
        got += more


def wait(look, limit=LIMIT):
    """What look() gives once it is true; asked again and again."""
    end = time.monotonic() + limit
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.01)


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1)) * 1024
