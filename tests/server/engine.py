"""A `weir serve` for tests, in a folder of its own, at a free port."""
import os
import re
import signal
import subprocess


class Engine:
    """with Engine(weir, folder) as e: … e.url. What it says is in folder/serve.log; its end must be clean."""

    def __init__(self, weir, folder, *args):
        self.weir, self.folder, self.args = weir, folder, list(args)
        self.process = None
        self.url = "http://127.0.0.1:0"

    def start(self):
        listen = self.url.split("//")[1]  # the same port again, once it is known
        self.process = subprocess.Popen([self.weir, "serve", "--data", "data", "--listen", listen, *self.args], cwd=self.folder,
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = ""
        for line in self.process.stderr:
            said += line
            found = re.search(r"serving '.*' at (https?://[0-9.:]+)", line)
            if found:
                self.url = found.group(1)
                return
        raise RuntimeError(f"weir serve ended with {self.process.wait()}: {said}")

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        said = self.process.stderr.read()
        status = self.process.wait(timeout=120)
        self.process.stderr.close()
        with open(os.path.join(self.folder, "serve.log"), "a", encoding="utf-8") as f:
            f.write(said)
        if sig != signal.SIGKILL and status != 0:
            raise RuntimeError(f"weir serve ended with {status}: {said[-4000:]}")

    def restart(self, sig=signal.SIGTERM):
        self.stop(sig)
        self.start()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *exc):
        if self.process.poll() is None or kind is None:
            try:
                self.stop()
            except RuntimeError:
                if kind is None:
                    raise
