#!/usr/bin/env python3
"""The HTTP client (net/client.h), driven by http-probe, against a server that refuses, redirects,
cuts, crawls and lies."""
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from webserver import Server  # noqa: E402

PROBE = os.environ.get("HTTP_PROBE", "build/dev/tests/http-probe")


class Client(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.stop)

    def probe(self, *args, env=None, expect=0):
        full = {**os.environ, "no_proxy": "*", "IDENTIFY_BACKOFF": "0.02", **(env or {})}
        done = subprocess.run([PROBE, *args], capture_output=True, text=True, env=full, timeout=60)
        self.assertEqual(done.returncode, expect, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def get(self, path, *args, **options):
        url = path if "://" in path else self.server.base + path
        lines = self.probe(*args, url, **options)
        self.assertEqual(len(lines), 1)
        return lines[0]

    def counted(self, path, answers):
        """Registers a page that gives one answer after another, the last one for ever."""
        @self.server.page(path)
        def page(handler):
            n = len(self.server.asked(path))
            answers[min(n, len(answers)) - 1](handler)

    def test_an_answer_and_what_it_says_of_itself(self):
        @self.server.page("/a")
        def page(h):
            h.answer(b"hello", type="text/plain", ETag='"1"',
                     Last_Modified="Sat, 28 Nov 2026 10:00:00 GMT")
        got = self.get("/a", "--header", "X-Api-Key: k", "--contact", "me@example.org")
        self.assertEqual((got["status"], got["http"], got["body"]), ("ok", 200, "hello"))
        self.assertEqual((got["type"], got["etag"], got["modified"]),
                         ("text/plain", '"1"', "Sat, 28 Nov 2026 10:00:00 GMT"))
        headers = self.server.seen[0]["headers"]
        self.assertRegex(headers["User-Agent"], r"^dlf-identify/\d+\.\d+\.\d+ \(me@example\.org\)$")
        self.assertEqual(headers["X-Api-Key"], "k")
        self.assertEqual(headers["Accept-Encoding"], "gzip")

    def test_gzip_and_its_bomb(self):
        self.server.pages["/zip"] = lambda h: h.answer(b"x" * 5000, zipped=True)
        self.server.pages["/bomb"] = lambda h: h.answer(b"\0" * 50_000_000, zipped=True)
        self.assertEqual(self.get("/zip")["bytes"], 5000)
        bomb = self.get("/bomb", "--max-bytes", "1000000")
        self.assertEqual(bomb["status"], "limit")
        self.assertIn("more than the 1000000 bytes", bomb["message"])

    def test_429_waits_as_long_as_it_is_told(self):
        self.counted("/busy", [lambda h: h.answer(b"", status=429, Retry_After="1"),
                               lambda h: h.answer(b"now")])
        got = self.get("/busy")
        self.assertEqual((got["http"], got["body"]), (200, "now"))
        self.assertGreaterEqual(got["seconds"], 1)

    def test_a_long_wait_is_a_failure_and_shuts_the_host(self):
        self.server.pages["/busy"] = lambda h: h.answer(b"", status=429, Retry_After="3600")
        self.server.pages["/other"] = lambda h: h.answer(b"")
        lines = self.probe("--rate", self.server.base + "=20", self.server.base + "/busy",
                           self.server.base + "/other")
        self.assertEqual([line["status"] for line in lines], ["network", "network"])
        self.assertIn("asks to wait 3600 seconds", lines[0]["message"])
        self.assertIn("was not asked for", lines[1]["message"])
        self.assertEqual(len(self.server.seen), 1)

    def test_503_without_retry_after_and_the_last_try(self):
        self.counted("/down", [lambda h: h.answer(b"", status=503)] * 2 +
                     [lambda h: h.answer(b"up")])
        self.server.pages["/dead"] = lambda h: h.answer(b"oops", status=502)
        self.assertEqual(self.get("/down")["body"], "up")
        dead = self.get("/dead")
        self.assertEqual((dead["status"], dead["http"]), ("network", 502))
        self.assertIn("answers 502", dead["message"])
        self.assertIn("after 4 tries", dead["message"])
        self.assertEqual(len(self.server.asked("/dead")), 4)

    def test_the_penalty_of_a_host(self):
        self.counted("/busy", [lambda h: h.answer(b"", status=429), lambda h: h.answer(b"now")])
        got = self.get("/busy", "--rate", self.server.base + "=1000,0.5")
        self.assertGreaterEqual(got["seconds"], 0.5)

    def test_404_is_final(self):
        missing = self.get("/nowhere?api_key=hidden&q=1")
        self.assertEqual((missing["status"], missing["http"]), ("network", 404))
        self.assertEqual(len(self.server.seen), 1)
        self.assertIn("api_key=***&q=1", missing["message"])
        self.assertNotIn("hidden", missing["message"])

    def test_not_modified(self):
        self.server.pages["/same"] = lambda h: h.answer(
            b"", status=304 if h.headers.get("If-None-Match") == '"1"' else 200)
        got = self.get("/same", "--header", 'If-None-Match: "1"')
        self.assertEqual((got["status"], got["http"], got["bytes"]), ("ok", 304, 0))

    def test_redirects(self):
        def to(url):
            return lambda h: h.answer(b"moved", status=302, Location=url)
        self.server.pages.update({
            "/one": to("/two"), "/two": to(self.server.base + "/there"),
            "/there": lambda h: h.answer(b"here"), "/loop": to("/loop"),
            "/file": to("file:///etc/passwd"), "/gopher": to("gopher://127.0.0.1/x"),
            "/bad": to("http://:x/")})
        got = self.get("/one")
        self.assertEqual((got["body"], got["url"]), ("here", self.server.base + "/there"))
        loop = self.get("/loop")
        self.assertEqual(loop["status"], "network")
        self.assertIn("redirected more than 5 times", loop["message"])
        self.assertEqual(len(self.server.asked("/loop")), 6)
        for path in ("/file", "/gopher"):
            refused = self.get(path)
            self.assertEqual(refused["status"], "unsafe", refused)
            self.assertIn("neither http nor https", refused["message"])
        self.assertNotEqual(self.get("/bad")["status"], "ok")

    def test_headers_stay_with_their_host(self):
        other = Server()
        self.addCleanup(other.stop)
        other.pages["/x"] = lambda h: h.answer(b"")
        self.server.pages["/out"] = lambda h: h.answer(b"", status=302, Location=other.base + "/x")
        self.server.pages["/in"] = lambda h: h.answer(b"", status=302, Location="/out")
        self.get("/in", "--header", "Authorization: secret", "--header", "X-Api-Key: secret")
        self.assertEqual([e["headers"].get("X-Api-Key") for e in self.server.seen], ["secret"] * 2)
        self.assertNotIn("secret", str(other.seen[0]["headers"]))

    def test_private_addresses(self):
        port = self.server.server_port
        self.server.pages["/p"] = lambda h: h.answer(b"inside")
        for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "[::ffff:7f00:1]",
                     "localhost.", "169.254.169.254", "10.1.2.3", "[fe80::1]"):
            got = self.get(f"http://{host}:{port}/p", "--public", "--once")
            self.assertEqual(got["status"], "unsafe", host)
            self.assertIn("private address", got["message"])
        self.assertEqual(self.server.seen, [])
        allowed = self.get("/p", "--public", env={"IDENTIFY_ALLOW_PRIVATE": "1"})
        self.assertEqual(allowed["body"], "inside")

    def test_a_private_address_behind_a_name(self):
        """What DNS says counts: this machine's own name leads to a private address."""
        import socket
        name = socket.gethostname()
        try:
            address = socket.gethostbyname(name)
        except OSError:
            self.skipTest("this machine's name has no address")
        if not address.startswith(("127.", "10.", "172.", "192.168.")):
            self.skipTest("this machine's name has a public address")
        got = self.get(f"http://{name}:{self.server.server_port}/p", "--public", "--once")
        self.assertEqual(got["status"], "unsafe")

    def test_a_proxy_is_no_way_round(self):
        proxied = {"http_proxy": self.server.base, "no_proxy": "*"}
        got = self.get("http://127.0.0.1:9/p", "--public", env=proxied)
        self.assertEqual(got["status"], "unsafe")
        got = self.get("http://pictures.example/p", "--public", "--once", env=proxied)
        self.assertEqual(got["http"], 404)  # the proxy was asked, no_proxy or not

    def test_endless_and_streamed_bodies(self):
        def endless(h):
            h.send_response(200)
            h.end_headers()
            for _ in range(100000):
                h.wfile.write(b"x" * 65536)
        self.server.pages["/endless"] = endless
        self.server.pages["/big"] = lambda h: h.answer(b"y" * 3_000_000)
        got = self.get("/endless")
        self.assertEqual(got["status"], "limit")
        self.assertLess(got["bytes"], 17 << 20)
        self.assertEqual(self.get("/endless", "--stream", "--max-bytes", "100000")["status"],
                         "limit")
        big = self.get("/big", "--stream")
        self.assertEqual((big["bytes"], big["body"]), (3_000_000, ""))
        said = self.get("/big", "--max-bytes", "1000")
        self.assertEqual((said["status"], said["bytes"]), ("limit", 0))

    def test_truncated(self):
        def cut(h):
            h.send_response(200)
            h.send_header("Content-Length", "1000")
            h.end_headers()
            h.wfile.write(b"z" * 400)
            h.close_connection = True
        self.counted("/cut", [cut, lambda h: h.answer(b"whole")])
        self.server.pages["/stump"] = cut
        self.assertEqual(self.get("/cut")["body"], "whole")
        stump = self.get("/stump", "--once")
        self.assertEqual((stump["status"], stump["http"]), ("network", 0))
        streamed = self.get("/stump", "--stream")  # what was given away is not begun again
        self.assertEqual(streamed["status"], "network")
        self.assertEqual(len(self.server.asked("/stump")), 2)

    def test_slow_bodies(self):
        def drip(h):
            h.send_response(200)
            h.send_header("Content-Length", "1000")
            h.end_headers()
            for _ in range(100):
                h.wfile.write(b"z")
                h.wfile.flush()
                time.sleep(0.1)
        self.server.pages["/drip"] = drip
        stalled = self.get("/drip", "--once", env={"IDENTIFY_STALL_TIMEOUT": "1"})
        self.assertEqual(stalled["status"], "network")
        self.assertLess(stalled["seconds"], 6)
        late = self.get("/drip", "--once", env={"IDENTIFY_TOTAL_TIMEOUT": "0.3"})
        self.assertEqual(late["status"], "network")
        self.assertLess(late["seconds"], 3)

    def test_rates(self):
        self.server.pages["/r"] = lambda h: h.answer(b"")
        url = self.server.base + "/r"
        lines = self.probe("--rate", self.server.base + "=20", *[url] * 11)
        self.assertGreaterEqual(lines[-1]["seconds"], 0.5)
        slower = self.probe("--rate", self.server.base + "=1000", *[url] * 6,
                            env={"IDENTIFY_RATE": "10"})
        self.assertGreaterEqual(slower[-1]["seconds"], 0.5)
        free = self.probe("--rate", self.server.base + "=0.01", *[url] * 20,
                          env={"IDENTIFY_RATE": "none"})
        self.assertEqual(len(free), 20)

    def test_many_at_once(self):
        self.server.pages["/s"] = lambda h: (time.sleep(0.1), h.answer(b"1"))
        lines = self.probe(*[f"{self.server.base}/s?{i}" for i in range(40)])
        self.assertEqual({line["asked"][-2:] for line in lines if line["status"] == "ok"},
                         {f"{self.server.base}/s?{i}"[-2:] for i in range(40)})
        self.assertLess(lines[-1]["seconds"], 3.5)  # 4 s one after another

    def test_cancelled(self):
        self.server.pages["/wait"] = lambda h: (time.sleep(3), h.answer(b""))
        url = self.server.base + "/wait"
        lines = self.probe("--cancel-after", "0.3", *[url] * 12, expect=1)
        self.assertEqual([line["status"] for line in lines], ["cancelled"] * 12)
        self.assertLess(lines[-1]["seconds"], 2)

    def test_nobody_there(self):
        quiet = Server()
        base = quiet.base
        quiet.stop()
        got = self.get(base + "/x")
        self.assertEqual((got["status"], got["http"]), ("network", 0))
        self.assertIn("fetching 'http://127", got["message"])
        self.assertIn("after 4 tries", got["message"])

    def test_addresses_that_are_none(self):
        for url, status in (("ftp://x/y", "unsafe"), ("file:///etc/passwd", "unsafe"),
                            ("http://", "argument"), ("nothing at all", "argument"),
                            ("http://" + "a" * 300 + "/", "argument")):
            self.assertEqual(self.probe(url)[0]["status"], status, url)
        self.server.pages["/ä ö"] = self.server.pages["/%C3%A4%20%C3%B6"] = \
            lambda h: h.answer(b"umlauts")
        self.assertEqual(self.get("/ä ö#part")["body"], "umlauts")

    def test_numbers_of_the_environment(self):
        done = subprocess.run([PROBE, self.server.base], capture_output=True, text=True,
                              env={**os.environ, "IDENTIFY_STALL_TIMEOUT": "soon"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("IDENTIFY_STALL_TIMEOUT is 'soon'", done.stderr)

    def test_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            pairs = {}
            for name, subject in (("good", "IP:127.0.0.1"), ("other", "DNS:other.example")):
                cert, key = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
                subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                                "/CN=test", "-addext", f"subjectAltName={subject}", "-keyout", key,
                                "-out", cert], check=True, capture_output=True)
                pairs[name] = (cert, key)
            for name, outcome in (("good", "ok"), ("other", "network")):
                server = Server(tls=pairs[name])
                self.addCleanup(server.stop)
                server.pages["/"] = lambda h: h.answer(b"safe")
                trusted = self.get(server.base + "/", env={"CURL_CA_BUNDLE": pairs[name][0]})
                self.assertEqual(trusted["status"], outcome)
                if name == "other":
                    self.assertIn("subject name", trusted["message"])
                strange = self.get(server.base + "/")
                self.assertEqual(strange["status"], "network")
                self.assertIn("certificate", strange["message"])


if __name__ == "__main__":
    unittest.main()
