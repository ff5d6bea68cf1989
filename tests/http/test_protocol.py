#!/usr/bin/env python3
"""HTTP itself: framing, methods, odd and hostile clients, many connections."""
import json
import os
import socket
import subprocess
import sys
import time
import unittest

from service import BOUNDARY, PROGRAM, SOURCE, ServiceTest, form, frame

CLOSE = "Host: x\r\nConnection: close\r\n"


def status(out):
    return int(out[9:12]) if out.startswith(b"HTTP/1.1 ") else 0


class Protocol(ServiceTest):
    def ask_raw(self, head, body=b"", **options):
        return self.server.raw(head.encode() + b"\r\n" + body, **options)

    def test_methods(self):
        for method, target, code, allow in (
                ("GET", "/api/falcon", 405, "POST"), ("POST", "/health", 405, "GET, HEAD"),
                ("DELETE", "/health", 405, "GET, HEAD"), ("PATCH", "/refs/a", 405, "GET, HEAD"),
                ("HEAD", "/health", 200, None), ("HEAD", "/", 200, None),
                ("HEAD", "/api/falcon", 405, "POST"), ("GET", "/nope", 404, None),
                ("POST", "/nope", 404, None), ("OPTIONS", "/health", 405, "GET, HEAD"),
                ("BREW", "/health", 405, "GET, HEAD"), ("get", "/health", 405, "GET, HEAD"),
                ("GET", "/health%00xyz", 404, None), ("GET", "/health%2f", 404, None),
                ("GET", "/health?%zz", 200, None), ("GET", "//health", 404, None)):
            reply = self.server.ask(method, target, b"" if method == "POST" else None)
            self.assertEqual(reply.status, code, (method, target))
            self.assertEqual(reply.headers.get("allow"), allow, (method, target))
            if method != "HEAD" and code != 200:
                self.assertEqual(set(reply.json()), {"detail", "error"})
            if method == "HEAD":
                self.assertEqual(reply.body, b"")
        reply = self.server.post("/api/falcon/", ("image", b"x", "a"))
        self.assertEqual((reply.status, reply.headers["location"]), (307, "/api/falcon"))

    def test_framing(self):
        body = form(("image", frame(1), "a.jpg"))
        kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        start = "POST /api/falcon HTTP/1.1\r\n" + CLOSE + kind
        n = len(body)
        for head, codes in (
                (f"Content-Length: {n}\r\n", (200,)),
                (f"Content-Length: {n}\r\nContent-Length: {n}\r\n", (400,)),
                (f"Content-Length: {n}\r\nContent-Length: {n - 1}\r\n", (400,)),
                (f"Content-Length: {n}\r\nTransfer-Encoding: chunked\r\n", (400,)),
                ("Transfer-Encoding: foo\r\n", (501,)),
                ("Transfer-Encoding: chunked, foo\r\n", (501,)),
                ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", (501,)),
                ("Content-Length: -5\r\n", (400,)), ("Content-Length: +5\r\n", (400,)),
                ("Content-Length: 99999999999999999999999\r\n", (400, 413)),
                ("Content-Length: 999999999999\r\n", (413,))):
            out = self.ask_raw(start + head, body, timeout=10)
            self.assertIn(status(out), codes, head)
        out = self.ask_raw("POST /api/falcon HTTP/1.0\r\n" + kind +
                           "Transfer-Encoding: chunked\r\n", body)
        self.assertEqual(status(out), 400)
        self.assertEqual(status(self.ask_raw("GET /health HTTP/1.1\r\n", timeout=5)), 400)
        self.assertEqual(status(self.ask_raw("GET health HTTP/1.1\r\n" + CLOSE)), 400)
        for junk in (b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", bytes(4000),
                     b"GET / HTTP/1.1\r\n" + b"A" * 200000):
            self.assertNotEqual(status(self.server.raw(junk, timeout=3, shut=True)), 200)
        self.assertEqual(self.server.get("/health").status, 200)

    def test_chunked_and_expect(self):
        body = form(("image", frame(1), "a.jpg"), ("query", "x"))
        kind = {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY}
        pieces = (body[i:i + 777] for i in range(0, len(body), 777))
        c = self.server.connect()
        c.request("POST", "/api/falcon", pieces, kind, encode_chunked=True)
        response = c.getresponse()
        self.assertEqual((response.status, json.loads(response.read())["count"]), (200, 1))
        c.close()
        out = self.ask_raw("POST /api/falcon HTTP/1.1\r\n" + CLOSE + "Expect: 100-continue\r\n" +
                           f"Content-Type: {kind['Content-Type']}\r\nContent-Length: {len(body)}\r\n",
                           body)
        self.assertIn(b"HTTP/1.1 200", out)

    def test_keep_alive_and_pipelines(self):
        c = self.server.connect()
        for _ in range(3):
            self.assertEqual(self.server.ask("GET", "/health", connection=c).status, 200)
            self.assertEqual(self.server.falcon(b"junk", connection=c).status, 400)
            self.assertEqual(self.server.falcon(bytes(17 << 20), connection=c).status, 413)
        c.close()
        one = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
        last = b"GET /health HTTP/1.1\r\n" + CLOSE.encode() + b"\r\n"
        out = self.server.raw(one * 20 + last)
        self.assertEqual(out.count(b"HTTP/1.1 200"), 21)

    def test_refused_body_is_drained(self):
        """A client that sends all of a body that is not wanted gets to read why."""
        body = form(("image", bytes(21 << 20), "a.jpg"))
        kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        for target, code in (("/api/falcon", 413), ("/nope", 404), ("/health", 405)):
            out = self.ask_raw(f"POST {target} HTTP/1.1\r\n" + CLOSE + kind +
                               f"Content-Length: {len(body)}\r\n", body)
            self.assertEqual(status(out), code)
            self.assertIn(b'"detail"', out)

    def test_a_thousand_connections(self):
        idle = [socket.create_connection(("127.0.0.1", self.server.port)) for _ in range(1000)]
        try:
            self.assertFound(self.server.falcon(frame(2)), "LOCH-JP002_wolf.jpg")
            for s in idle[::10]:
                s.sendall(b"GET /health HTTP/1.1\r\n" + CLOSE.encode() + b"\r\n")
            for s in idle[::10]:
                self.assertTrue(s.recv(100).startswith(b"HTTP/1.1 200"))
        finally:
            for s in idle:
                s.close()

    def test_both_loopbacks(self):
        self.assertEqual(self.server.ask("GET", "/health", host="127.0.0.1").status, 200)
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("no IPv6 here")
        self.assertEqual(self.server.ask("GET", "/health", host="::1").status, 200)

    def test_descriptions(self):
        paths = self.server.get("/openapi.json").json()["paths"]
        self.assertIn("multipart/form-data",
                      paths["/api/falcon"]["post"]["requestBody"]["content"])
        self.assertTrue(self.server.get("/").headers["content-type"].startswith("text/plain"))
        self.assertEqual(self.server.get("/", Accept="text/html,*/*;q=0.8").status, 302)
        page = self.server.get("/canvas/live")
        self.assertEqual(page.status, 200)
        self.assertIn("default-src 'self'", page.headers["content-security-policy"])
        self.assertEqual(self.server.get("/canvas/live", If_None_Match=page.headers["etag"]).status,
                         304)
        info = self.server.get("/api/info").json()
        self.assertTrue(info["falcon"])
        self.assertEqual((info["index_size"], info["sets"], info["cards"], info["can_write"]),
                         (4, ["LOCH"], True, False))

    def test_search(self):
        results = self.server.get("/api/search?q=MAGI").json()["results"]
        self.assertEqual([r["label"] for r in results], ["Dark Magician (UR)"])
        results = self.server.get("/api/search?q=loch-jp&limit=1").json()
        self.assertEqual((results["count"], results["results"][0]["set_code"]), (1, "LOCH-JP001"))
        self.assertEqual(self.server.get("/api/search").json()["count"], 4)
        self.assertEqual(self.server.get("/api/search?q=%C3%96WL").json()["count"], 1)
        self.assertEqual(self.server.get("/api/search?q=%ff").status, 422)
        self.assertEqual(self.server.get("/api/search?limit=x").status, 422)
        self.assertEqual(self.server.get("/api/top-prices").json(),
                         {"ok": True, "count": 0, "top": []})


class Reference(unittest.TestCase):
    def test_the_page_is_that_of_the_table(self):
        """docs/http.md is made from the routes."""
        tool = os.path.join(SOURCE, "tools", "http_reference.py")
        result = subprocess.run([sys.executable, tool, "--check", PROGRAM], capture_output=True,
                                text=True)
        self.assertEqual(result.returncode, 0, result.stderr)


class Slow(ServiceTest):
    ARGS = ("--deadline", "1.5")

    def test_half_closed(self):
        """A client that has said all and closes its side still gets its answer."""
        body = form(("image", frame(1), "a.jpg"))
        for head in (b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                     b"GET /api/search HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"POST /api/falcon HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nContent-Type: "
                     b"multipart/form-data; boundary=%s\r\n\r\n%s" %
                     (len(body), BOUNDARY.encode(), body)):
            answer = self.server.raw(head, shut=True)
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), (head[:30], answer[:60]))
            self.assertTrue(answer.endswith(b"}"), answer[-60:])

    def test_half_requests(self):
        """Clients that leave at any moment leave nothing behind once their time is up."""
        whole = (f"POST /api/falcon HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; "
                 f"boundary={BOUNDARY}\r\nContent-Length: ").encode()
        body = form(("image", frame(1), "a.jpg"))
        whole += str(len(body)).encode() + b"\r\n\r\n" + body
        for n in (1, 40, 120, 200, 300, 5000, len(whole) - 1, len(whole)):
            s = socket.create_connection(("127.0.0.1", self.server.port))
            s.sendall(whole[:n])
            s.close()
        for _ in range(200):
            metrics = self.server.get("/metrics").body.decode()
            if "identify_queue 0\n" in metrics and "identify_in_work 0\n" in metrics and \
                    "identify_connections 1\n" in metrics:
                break
            time.sleep(0.1)
        else:
            self.fail(metrics)

    def test_one_byte_at_a_time(self):
        """Neither headers nor a body may take for ever, however busy the client looks."""
        for head in (b"GET /health HTTP/1.1\r\nHost: x\r\nA: ",
                     b"POST /api/falcon HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
                     b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"):
            s = socket.create_connection(("127.0.0.1", self.server.port), timeout=30)
            s.sendall(head)
            s.settimeout(0.1)
            for _ in range(300): # 30 s, in which it is let go
                try:
                    s.sendall(b"x")
                    if s.recv(1000) == b"":
                        break
                except socket.timeout:
                    continue
                except OSError:
                    break
            else:
                self.fail("it is still there")
            s.close()
        self.assertEqual(self.server.get("/health").status, 200)


if __name__ == "__main__":
    unittest.main()
