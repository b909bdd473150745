"""Clients as they should not be: requests that are none, bytes one at a time, silence, half a handshake; and many of them."""
import json
import os
import re
import signal
import socket
import ssl
import subprocess

from cases import LIVE, WEIR, also_by_tls, case, serve, write
from serve import Server, read_all, resident, wait
from tls import Cert, Wire, openssl


def head(text):
    return text.replace("\n", "\r\n").encode()


def statuses(answer):
    return [int(line.split()[1]) for line in answer.decode("latin-1").split("\n") if line.startswith("HTTP/1.1 ")]


@also_by_tls
def requests_that_are_none_are_refused(d):
    ok = "GET /v1/health HTTP/1.1\nHost: x\nConnection: close\n\n"
    with serve(d) as s:
        for sent, status in [
            (head(ok), 200),
            (b"\x16\x03\x01\x02\x00\x01\x00", 400),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
            (b"\x00" * 100, 400),
            (head("GET /v1/health HTTP/1.1\n\n"), 400),
            (head("GET /v1/health HTTP/1.1\nHost: a\nHost: b\n\n"), 400),
            (head("GET /v1/health HTTP/3.0\nHost: a\n\n"), 505),
            (head("GET /v1/he%zz HTTP/1.1\nHost: a\nConnection: close\n\n"), 404),
            (head("GET /v1/jobs/%ff HTTP/1.1\nHost: a\nConnection: close\n\n"), 400),
            (head("GET /v1/jobs/%00 HTTP/1.1\nHost: a\nConnection: close\n\n"), 400),
            (head("GET /v1/jobs?a=%4 HTTP/1.1\nHost: a\nConnection: close\n\n"), 400),
            (head("GET nonsense HTTP/1.1\nHost: a\n\n"), 400),
            (head("GET http://h/v1/health HTTP/1.1\nHost: a\nConnection: close\n\n"), 200),
            (head("CONNECT a:1 HTTP/1.1\nHost: a\n\n"), 405),
            (head("BREW /v1/health HTTP/1.1\nHost: a\n\n"), 400),
            (head("PUT /v1/health HTTP/1.1\nHost: a\nConnection: close\n\n"), 405),
            (head("OPTIONS * HTTP/1.1\nHost: a\nConnection: close\n\n"), 404),
            (head("POST /v1/check HTTP/1.1\nHost: a\nConnection: close\n\n"), 411),
            (head("POST /v1/check HTTP/1.1\nHost: a\nContent-Length: 4\nTransfer-Encoding: chunked\n\n0\n\n"), 400),
            (head("POST /v1/check HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nContent-Length: 4\n\n0\n\n"), 400),
            (head("POST /v1/check HTTP/1.1\nHost: a\nContent-Length: 4\nContent-Length: 5\n\nabcde"), 400),
            (head("POST /v1/check HTTP/1.1\nHost: a\nContent-Length: -1\n\n"), 400),
            (head("POST /v1/check HTTP/1.1\nHost: a\nContent-Length: 99999999999999999999999\n\n"), 400),
            (head("POST /v1/check HTTP/1.1\nHost: a\nContent-Length: 99999999999\n\n"), 413),
            (head("POST /v1/check HTTP/1.1\nHost: a\nTransfer-Encoding: gzip\n\n"), 400),
            (head("POST /v1/check HTTP/1.1\nHost: a\nTransfer-Encoding: chunked, chunked\n\nzz\n"), 400),
            (head("POST /v1/check HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\nzz\n"), 400),
            (head("POST /v1/check HTTP/1.1\nHost: a\nContent-Encoding: gzip\nContent-Length: 1\n\nx"), 415),
            (head("POST /v1/check HTTP/1.1\nHost: a\nExpect: miracles\nContent-Length: 1\n\nx"), 417),
            (head("POST /v1/jobs/x/stop HTTP/1.1\nHost: a\nOrigin: http://b\n\n"), 403),
            (head("POST /v1/jobs/x/stop HTTP/1.1\nHost: a\nOrigin: http://a\nConnection: close\n\n"), 404),
            (head("POST /v1/check HTTP/1.1\nHost: a\nContent-Length : 4\n\nabcd"), 400),
            (b"GET /v1/health HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n", 400),
            (b"GET /v1/health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400),
            (b"GET /" + b"a" * 65534 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
            (b"GET /" + b"a" * 65535 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: " + b"a" * 65000 + b"\r\n\r\n", 404),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 66000 + b"\r\n\r\n", 431),
            (b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 50000 + b"\r\n\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX:" + b" " * 100000 + b"\r\n\r\n", 431),
        ]:
            try:
                answer = s.say(sent)
            except TimeoutError as e:
                raise AssertionError(f"no answer to {sent[:120]}") from e
            assert statuses(answer)[:1] == [status], (sent[:120], status, answer[:300])
            body = answer.split(b"\r\n\r\n", 1)[1]
            if status != 200:
                assert json.loads(body)["error"]["message"], (sent[:120], body)
        allow = s.ask("DELETE", "/v1/jobs")
        assert allow[0] == 405 and allow[1]["Allow"] == "POST, GET, HEAD", allow[1].items()
        status, headers, body = s.ask("HEAD", "/v1/health")
        assert status == 200 and body == b"" and int(headers["Content-Length"]) > 0
        s.stop()


@also_by_tls
def pipelining_and_bodies_in_pieces(d):
    with serve(d) as s:
        one = head("GET /v1/health HTTP/1.1\nHost: x\n\n")
        body = b'{"sql":"SELECT 1 AS a"}'
        chunked = head("POST /v1/check HTTP/1.1\nHost: x\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n")
        for i in range(len(body)):
            chunked += b"1\r\n" + body[i:i + 1] + b"\r\n"
        chunked += b"0\r\nTrailer: x\r\n\r\n"
        last = head("GET /v1/jobs HTTP/1.1\nHost: x\nConnection: close\n\n")
        answer = s.say(one * 300 + chunked + one + last)
        assert statuses(answer) == [200] * 303, statuses(answer)
        c = s.raw()
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in chunked + last:
            c.sendall(bytes([byte]))
        answer = read_all(c)
        assert statuses(answer) == [200, 200] and b'{"errors":[]}' in answer, answer
        c = s.raw(head("POST /v1/check HTTP/1.1\nHost: x\nContent-Type: application/json\nConnection: close\n"
                       f"Expect: 100-continue\nContent-Length: {len(body)}\n\n"))
        assert c.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        c.sendall(body)
        assert statuses(read_all(c)) == [200]
        answer = s.say(head("GET /v1/health HTTP/1.0\n\n"))
        assert statuses(answer) == [200] and b"Connection: close" in answer
        if not s.tls:  # by TLS: a_client_of_tls_says_no_more
            half = s.raw(head("GET /v1/health HTTP/1.1\nHost: x\n\n"))
            half.shutdown(socket.SHUT_WR)
            assert statuses(read_all(half)) == [200]
        s.stop()


@also_by_tls
def slow_and_broken_clients(d):
    with serve(d, "--header-timeout", "200ms", "--body-timeout", "200ms", "--idle-timeout", "300ms", "--max-body", "64KiB", "--write-timeout", "500ms") as s:
        slow = s.raw(b"GET /v1/hea")
        assert statuses(read_all(slow)) == [408]
        slow = s.raw(head("POST /v1/check HTTP/1.1\nHost: x\nContent-Length: 10\n\nabc"))
        assert statuses(read_all(slow)) == [408]
        assert read_all(s.raw()) == b"", "an idle connection is closed without an answer"
        big = s.raw(head("POST /v1/check HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n"))
        try:
            for _ in range(100):
                big.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert statuses(read_all(big)) == [413]
        for _ in range(30):  # half requests, cut; requests whose answer nobody reads
            s.raw(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Le").close()
            s.raw(head("GET /v1/jobs HTTP/1.1\nHost: x\n\n") * 20).close()
            s.raw(head('POST /v1/check HTTP/1.1\nHost: x\nContent-Type: application/sql\nContent-Length: 8\n\nSELECT 1')).close()
        wait(lambda: s.ask("GET", "/v1/health")[0] == 200)
        s.submit(LIVE.replace("200", "100000"), "live")
        for _ in range(20):
            e = s.raw(head("GET /v1/jobs/live/output?follow=1 HTTP/1.1\nHost: x\n\n"))
            e.recv(10)
            e.close()
        stuck = s.raw(head("GET /v1/jobs/live/output?follow=1 HTTP/1.1\nHost: x\n\n"))
        wait(lambda: "weir_http_connections 1\n" in s.get("/metrics"))  # it was cut, as it takes nothing
        stuck.close()
        assert s.stop() == 0


@also_by_tls
def connections_beyond_the_limit(d):
    with serve(d, "--max-connections", "50") as s:
        many = [s.raw() for _ in range(50)]
        if s.tls:
            try:
                s.raw()
                raise AssertionError("a handshake beyond max_connections")
            except (ssl.SSLError, ConnectionResetError):
                pass
        else:
            assert statuses(read_all(s.raw())) == [503]
        for c in many:
            c.close()
        wait(lambda: s.ask("GET", "/v1/health")[0] == 200)
        assert s.stop() == 0


@also_by_tls
def a_body_of_many_values_does_not_fill_the_memory(d):
    with serve(d) as s:
        many = b'{"records":[' + b"0," * (8 << 20)
        many = many[:(16 << 20) - 20] + b"0]}"
        before = resident(s.p.pid)
        s.post("/v1/streams", {"name": "c"}, status=201)
        for path in "/v1/streams/c/records", "/v1/check":
            assert "more values than fit into memory" in s.error("POST", path, many, status=413)
        assert resident(s.p.pid) - before < 100 << 20 or "san/weir" in WEIR
        many = b"\n" * ((16 << 20) - 1)
        assert "more values than fit" in s.error("POST", "/v1/streams/c/records", many, kind="application/x-ndjson", status=413)
        lines = s.post("/v1/streams/c/records", b"\n" * 100000, kind="application/x-ndjson")["records"]
        assert len(lines) == 100000 and len({x["sequence_number"] for x in lines}) == 100000
        text = [{"data": json.dumps(list(range(100)))}] * 10000  # what looks like values in a text is none
        assert len(s.post("/v1/streams/c/records", {"records": text})["records"]) == 10000
        assert s.stop() == 0


@also_by_tls
def a_thousand_idle_connections(d):
    with serve(d) as s:
        s.get("/v1/health")
        before = resident(s.p.pid)
        idle = [s.raw() for _ in range(500)]
        kept = []
        for _ in range(500):
            c = s.raw(head("GET /v1/health HTTP/1.1\nHost: x\n\n"))
            assert c.recv(1000).startswith(b"HTTP/1.1 200")
            kept.append(c)
        assert "weir_http_connections 1001\n" in s.get("/metrics")
        each = (resident(s.p.pid) - before) // 1000
        assert each < (30000 if s.tls else 20000) or "san/weir" in WEIR, f"{each} bytes a connection"
        for c in kept:
            c.sendall(head("GET /v1/health HTTP/1.1\nHost: x\n\n"))
        for c in kept:
            assert c.recv(1000).startswith(b"HTTP/1.1 200")
        assert s.stop() == 0
        for c in idle + kept:
            c.close()


# ---- TLS ----

HEALTH = head("GET /v1/health HTTP/1.1\nHost: x\n\n")
HEALTH_LAST = head("GET /v1/health HTTP/1.1\nHost: x\nConnection: close\n\n")


def tcp(s, sent=b""):
    """A socket without TLS, to a port that speaks it."""
    c = socket.create_connection(("127.0.0.1", s.port), 60)
    c.sendall(sent)
    return c


def secured(d, *flags, **kw):
    return serve(d, *flags, cert=Cert(d, **kw))


@case
def plain_http_to_a_port_of_tls_is_told_so(d):
    with secured(d) as s:
        for sent in HEALTH, b"GET / HT", head("POST /v1/jobs HTTP/1.1\nHost: x\nContent-Length: 9999\n\nabc"), b"\0" * 70000, b"x":
            answer = read_all(tcp(s, sent))
            assert statuses(answer) == [400] and b"this port speaks HTTPS" in answer, (sent[:20], answer)
        assert s.get("/v1/health")["status"] == "ok"
        assert s.stop() == 0


@case
def handshakes_that_are_none(d):
    with secured(d, "--header-timeout", "300ms", "--idle-timeout", "400ms") as s:
        w = Wire(s, s.tls)
        hello = w.step(w.tls.do_handshake)[1]
        w.close()
        assert read_all(tcp(s)) == b"", "silence is cut"
        assert read_all(tcp(s, hello[:100])) == b"", "half a hello is cut"
        assert read_all(tcp(s, hello[:1])) == b"", "and the first byte of one"
        assert read_all(tcp(s, hello))[:1] == b"\x16", "who does not answer the server's hello is cut, too"
        for cut in range(0, len(hello), 7):
            tcp(s, hello[:cut]).close()
        for sent in (b"\x16\x03\x01\xff\xff" + b"\0" * 70000, b"\x16" * 1000, hello + b"nonsense" * 100,
                     hello[:5] + b"\xff" * 300, b"\x16\x02\x00\x00\x05hello"):
            try:
                answer = read_all(tcp(s, sent))
            except BrokenPipeError:
                continue
            assert answer == b"" or answer[0] in (0x15, 0x16), (sent[:20], answer[:20])
        slow = Wire(s, s.tls)
        slow.shake(lambda p: [slow.s.sendall(p[i:i + 1]) for i in range(len(p))])
        for byte in HEALTH_LAST:
            slow.say(bytes([byte]))
        assert statuses(slow.read_all()) == [200]
        wait(lambda: "weir_http_connections 1\n" in s.get("/metrics"))
        assert int(re.search(r"^weir_tls_failures_total (\d+)$", s.get("/metrics"), re.M)[1]) >= 4
        assert s.stop() == 0


@case
def a_client_of_tls_says_no_more(d):
    with secured(d) as s:
        w = Wire(s, s.tls)
        w.shake()
        w.tls.write(HEALTH)
        w.end()  # with the request, in one piece
        assert statuses(w.read_all()) == [200]
        w = Wire(s, s.tls)
        w.shake()
        w.end()
        assert w.read_all() == b""
        w = Wire(s, s.tls)
        w.shake()
        w.say(HEALTH[:20])
        w.s.shutdown(socket.SHUT_WR)  # cut, and so no request
        assert w.read_all() == b""
        assert s.stop() == 0


@case
def old_and_weak_tls_is_refused(d):
    with secured(d) as s:
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            c = s.cert.context(minimum_version=version, maximum_version=version)
            w = Wire(s, c)
            w.shake()
            w.say(HEALTH_LAST)
            assert statuses(w.read_all()) == [200] and w.tls.version() == version.name.replace("_", "."), version
        for flags in (["-tls1_1"], ["-tls1_2", "-cipher", "AES256-GCM-SHA384"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
                      ["-alpn", "h2"]):
            p = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{s.port}", "-CAfile", s.cert.cert, *flags],
                               stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
            assert p.returncode != 0 and "Cipher is (NONE)" in p.stdout, (flags, p)
        c = s.cert.context()
        c.set_alpn_protocols(["h2", "http/1.1"])
        w = Wire(s, c)
        w.shake()
        assert w.tls.selected_alpn_protocol() == "http/1.1"
        assert s.stop() == 0


@case
def a_client_cannot_make_the_server_shake_hands_again_and_again(d):
    """The letter R makes openssl's client renegotiate, K ask for new keys."""
    with secured(d) as s:
        for flags, letter, said, most in (["-tls1_2"], "R", "no renegotiation", 1), (["-tls1_3"], "K", "KEYUPDATE", 5000):
            p = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{s.port}", "-CAfile", s.cert.cert, *flags], bufsize=0,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            out, n = "", 0
            for line in p.stdout:  # to its end: the connection is over, and openssl's client with it
                out += line.decode()
                if n == 0 and b"Verify return code: 0" in line or line.startswith(b"KEYUPDATE"):
                    n += 1
                    if n > most:
                        break
                    try:
                        p.stdin.write(letter.encode() + b"\n")
                    except BrokenPipeError:
                        pass
            p.kill()
            p.wait()
            p.stdin.close()
            p.stdout.close()
            assert said in out and n <= most, (letter, n, out[-3000:])
            assert n > 50 or letter == "R", "it ended for another reason"
        assert s.get("/v1/health")["status"] == "ok"
        assert s.stop() == 0


@case
def the_certificate_is_renewed_without_a_connection_lost(d):
    with secured(d) as s:
        first = s.tls
        kept = s.raw(HEALTH)
        assert kept.recv(1000).startswith(b"HTTP/1.1 200")
        s.submit(LIVE, "live")
        rows = iter(s.follow("/v1/jobs/live/output?follow=1"))
        next(rows)

        def hup(what):
            n = sum(what in x for x in s.said)
            s.p.send_signal(signal.SIGHUP)
            return wait(lambda: [x for x in s.said if what in x][n:])[0]

        cert = Cert(d, key="rsa")  # over the old one
        hup("holds until")
        s.tls = cert.context()
        assert s.get("/v1/health")["status"] == "ok"
        try:
            Wire(s, first).shake()
            raise AssertionError("the old certificate is still shown")
        except ssl.SSLCertVerificationError:
            pass
        kept.sendall(HEALTH)
        assert kept.recv(1000).startswith(b"HTTP/1.1 200") and next(rows)
        other = Cert(d, "other")
        os.replace(other.key, cert.key)
        assert "is not that of the certificate" in hup("goes on with the certificate it has")
        os.unlink(cert.key)
        assert "No such file" in hup("goes on with the certificate it has")
        assert s.get("/v1/health")["status"] == "ok" and next(rows)
        for _ in range(50):
            s.p.send_signal(signal.SIGHUP)
        assert s.stop() == 0


@case
def what_is_wrong_with_a_certificate_is_said(d):
    good, other, weak = Cert(d), Cert(d, "other"), Cert(d, "weak", "weak")
    locked, chain, cut = (os.path.join(d, n) for n in ("locked.key", "chain.crt", "cut.crt"))
    openssl("pkey", "-in", good.key, "-aes256", "-passout", "pass:secret", "-out", locked)
    text = open(good.cert, encoding="ascii").read()
    write(d, "chain.crt", text + open(other.cert, encoding="ascii").read())
    write(d, "cut.crt", text + text[:200] + "\n-----END CERTIFICATE-----\n")
    write(d, "empty", "")
    os.mkfifo(os.path.join(d, "pipe"))
    os.mkdir(os.path.join(d, "folder"))
    for cert, key, message in [
        (good.cert, None, "expected tls_key, too"), (None, good.key, "expected tls_cert, too"),
        ("none.crt", good.key, "cannot read the certificate 'none.crt': No such file"),
        (good.cert, "none.key", "cannot read the key 'none.key': No such file"),
        (good.key, good.cert, "there is no certificate in"), (good.cert, good.cert, "there is no private key in"),
        (good.cert, other.key, "is not that of the certificate"), (good.cert, locked, "is locked by a passphrase"),
        ("empty", good.key, "there is no certificate in 'empty'"), (good.cert, "empty", "there is no private key in 'empty'"),
        ("pipe", good.key, "the certificate 'pipe' is no file"), ("folder", good.key, "is no file"),
        (cut, good.key, "a certificate behind the first in"), (weak.cert, weak.key, "too small")]:
        flags = [*(["--tls-cert", cert] if cert else []), *(["--tls-key", key] if key else [])]
        p = subprocess.run([WEIR, "serve", "--data", "data", "--listen", "127.0.0.1:0", *flags], cwd=d, capture_output=True, text=True,
                           timeout=60)
        assert p.returncode == 2 and message in p.stderr and "secret" not in p.stderr, (message, p)
    assert not os.path.exists(os.path.join(d, "data"))
    good.cert = chain
    with serve(d, cert=good) as s:
        assert s.get("/v1/health")["status"] == "ok" and s.stop() == 0
    os.chmod(other.key, 0o640)
    openssl("x509", "-in", other.cert, "-signkey", other.key, "-days", "-1", "-out", os.path.join(d, "old.crt"))
    write(d, "tls.conf", f"data = data\nlisten = 127.0.0.1:0\ntls_cert = old.crt\ntls_key = {other.key}\n")
    with Server(WEIR, d, "--config", "tls.conf") as s:
        assert any("is of no use: it ran out at" in x for x in s.said), s.said
        assert any("others than its owner can read the key" in x for x in s.said), s.said
        assert s.stop() == 0
