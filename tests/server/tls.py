"""Throwaway certificates, by the openssl command, and a client of TLS whose bytes a test sees and cuts."""
import os
import socket
import ssl
import subprocess


class Cert:
    """A certificate that signs itself, as NAME.crt and NAME.key below folder."""

    def __init__(self, folder, name="server", key="ec", days=2, more=()):
        self.cert, self.key = (os.path.join(folder, f"{name}.{end}") for end in ("crt", "key"))
        kind = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"],
                "weak": ["-newkey", "rsa:1024"]}[key]
        openssl("req", "-x509", *kind, "-nodes", "-keyout", self.key, "-out", self.cert, "-days", str(days), "-subj", f"/CN={name}",
                "-addext", "subjectAltName=IP:127.0.0.1", *more)

    def flags(self):
        return ["--tls-cert", self.cert, "--tls-key", self.key]

    def context(self, **kw):
        c = ssl.create_default_context(cafile=self.cert)
        for k, v in kw.items():
            setattr(c, k, v)
        return c


def openssl(*args):
    p = subprocess.run(["openssl", *args], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert p.returncode == 0, p
    return p.stdout


class Wire:
    """TLS by hand over a socket: what is to be sent is handed over as bytes."""

    def __init__(self, server, context, timeout=60):
        self.s = socket.create_connection(("127.0.0.1", server.port), timeout)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got, self.made = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.got, self.made, server_hostname="127.0.0.1")

    def step(self, f, *args):
        """What f gives, or None where it needs more of the server; and the bytes that it wants to be sent."""
        try:
            done = f(*args)
        except ssl.SSLWantReadError:
            done = None
        return done, self.made.read()

    def hear(self):
        """False: the server has closed."""
        p = self.s.recv(65536)
        if p:
            self.got.write(p)
        else:
            self.got.write_eof()
        return bool(p)

    def shake(self, send=None):
        """The handshake; send(bytes) in place of the socket's."""
        send = send or self.s.sendall
        done = False
        while not done:
            done, out = self.step(lambda: self.tls.do_handshake() is None)
            if out:
                send(out)
            assert done or self.hear(), "the server closed"

    def say(self, p):
        self.tls.write(p)
        self.s.sendall(self.made.read())

    def end(self):
        """Says that no more is said."""
        self.s.sendall(self.step(self.tls.unwrap)[1])

    def read_all(self):
        got = b""
        while True:
            try:
                p = self.tls.read(65536)
            except ssl.SSLWantReadError:
                if not self.hear():
                    return got
                continue
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return got
            if not p:
                return got
            got += p

    def close(self):
        self.s.close()
