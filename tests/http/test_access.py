#!/usr/bin/env python3
"""Who may ask: tokens, cookies, origins, TLS."""
import hashlib
import http.client
import os
import ssl
import subprocess
import unittest

from service import PROGRAM, Server, ServiceTest, frame

TOKEN = "a long secret: ümlaut"


class Token(ServiceTest):
    @classmethod
    def args(cls):
        path = os.path.join(cls.dir, "token")
        with open(path, "w", encoding="utf-8") as out:
            out.write(TOKEN + "\n")
        return ("--auth-token-file", path)

    def test_token(self):
        bearer = {"Authorization": ("Bearer " + TOKEN).encode("utf-8").decode("latin-1")}
        for target in ("/api/info", "/refs/old_owl.png", "/api/search", "/metrics",
                       "/openapi.json", "/api/top-prices", "/", "/canvas/live", "/canvas/js/app.js"):
            self.assertEqual(self.server.get(target).status, 401, target)
            self.assertEqual(self.server.ask("GET", target, headers=bearer).status, 200, target)
        self.assertEqual(self.server.falcon(frame(1)).status, 401)
        self.assertEqual(self.server.falcon(frame(1), headers=bearer).status, 200)
        for wrong in ("", "Bearer", "Bearer ", "Bearer wrong", "Basic " + TOKEN[:5],
                      bearer["Authorization"] + "x", bearer["Authorization"][:-1]):
            self.assertEqual(
                self.server.ask("GET", "/api/info", headers={"Authorization": wrong}).status, 401)
        self.assertEqual(self.server.get("/health").status, 200)
        self.assertEqual(self.server.ask("DELETE", "/api/info").status, 405)

    def test_login(self):
        from urllib.parse import quote
        self.assertEqual(self.server.get("/login?token=wrong").status, 401)
        self.assertEqual(self.server.get("/login").status, 401)
        reply = self.server.get("/login?token=" + quote(TOKEN))
        cookie = reply.headers["set-cookie"]
        self.assertIn("HttpOnly; SameSite=Strict", cookie)
        pair = cookie.split(";")[0]
        self.assertEqual(self.server.get("/api/info", Cookie="a=b; " + pair).status, 200)
        self.assertEqual(self.server.get("/api/info", Cookie=pair[:-1]).status, 401)
        for target in ("/", "/canvas/live", "/refs/old_owl.png"):
            asked = self.server.get(target, Accept="text/html,*/*;q=0.8")
            self.assertEqual(asked.status, 401)
            self.assertIn(b'<form action="/login">', asked.body)
            self.assertEqual(self.server.get(target, Accept="*/*").headers["content-type"],
                             "application/json")
        self.assertEqual(self.server.get("/canvas/live", Accept="text/html", Cookie=pair).status, 200)
        browser = self.server.get("/login?token=" + quote(TOKEN), Accept="text/html")
        self.assertEqual((browser.status, browser.headers["location"]), (303, "/"))

    def test_nothing_secret_in_the_log(self):
        from urllib.parse import quote
        self.server.get("/login?token=" + quote(TOKEN))
        self.assertIn("/login", self.server.said())
        for secret in (TOKEN, quote(TOKEN), "token="):
            self.assertNotIn(secret, self.server.said())

    def test_not_writable(self):
        bearer = {"Authorization": ("Bearer " + TOKEN).encode("utf-8").decode("latin-1")}
        reply = self.server.ask("GET", "/api/references", headers=bearer)
        self.assertEqual(reply.status, 403)


class Origins(ServiceTest):
    ORIGIN = {"Origin": "http://192.0.2.7:3030"}

    def test_any_origin(self):
        for method, target in (("GET", "/health"), ("GET", "/nope"), ("GET", "/api/falcon"),
                               ("GET", "/refs/old_owl.png")):
            reply = self.server.ask(method, target, headers=self.ORIGIN)
            self.assertEqual(reply.headers["access-control-allow-origin"], "*")
        self.assertNotIn("access-control-allow-origin", self.server.get("/health").headers)
        reply = self.server.falcon(b"junk", headers=self.ORIGIN)
        self.assertEqual(reply.headers["access-control-allow-origin"], "*")
        reply = self.server.get("/health", Cookie="a=b", **self.ORIGIN)
        self.assertEqual(reply.headers["access-control-allow-origin"], self.ORIGIN["Origin"])
        self.assertEqual(reply.headers["vary"], "Origin")

    def test_preflight(self):
        reply = self.server.ask("OPTIONS", "/api/falcon", headers={
            **self.ORIGIN, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,authorization"})
        self.assertEqual((reply.status, reply.body), (200, b"OK"))
        self.assertEqual(reply.headers["access-control-allow-headers"],
                         "content-type,authorization")
        self.assertIn("POST", reply.headers["access-control-allow-methods"])
        self.assertEqual(reply.headers["access-control-max-age"], "600")

    def test_one_origin(self):
        server = Server("--index", self.index, "--cors-origin", "https://shop.example")
        self.addCleanup(server.stop)
        self.assertNotIn("access-control-allow-origin",
                         server.get("/health", **self.ORIGIN).headers)
        reply = server.get("/health", Origin="https://shop.example")
        self.assertEqual(reply.headers["access-control-allow-origin"], "https://shop.example")


class Tls(ServiceTest):
    @classmethod
    def args(cls):
        cls.cert, cls.key = (os.path.join(cls.dir, name) for name in ("cert.pem", "key.pem"))
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", cls.key, "-out", cls.cert, "-subj", "/CN=localhost", "-addext",
             "subjectAltName=IP:127.0.0.1,DNS:localhost"], capture_output=True)
        if made.returncode != 0:
            raise unittest.SkipTest("no openssl to make a certificate with")
        return ("--tls-cert", cls.cert, "--tls-key", cls.key)

    def test_two_clients(self):
        context = ssl.create_default_context(cafile=self.cert)
        self.server.tls = context
        self.assertTrue(self.server.hello["url"].startswith("https://"))
        self.assertEqual(self.server.get("/health").status, 200)
        self.assertFound(self.server.falcon(frame(2)), "LOCH-JP002_wolf.jpg")
        reply = self.server.post("/api/falcon-frame", ("image", frame(2), "a.jpg"))
        self.assertTrue(reply.json()["bboxes"][0]["ref_url"].startswith("https://127.0.0.1:"))
        result = subprocess.run(["openssl", "s_client", "-connect",
                                 f"127.0.0.1:{self.server.port}", "-CAfile", self.cert,
                                 "-verify_return_error", "-quiet"],
                                input=b"GET /health HTTP/1.0\r\n\r\n", capture_output=True,
                                timeout=30)
        self.assertIn(b"200 OK", result.stdout)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        self.server.tls = old
        with self.assertRaises(OSError):
            self.server.get("/health")
        self.server.tls = context


class OwnCertificate(ServiceTest):
    def test_https(self):
        """A second door with a certificate that is made once, kept, and closed to others."""
        state = os.path.join(self.dir, "state")
        options = ("--index", self.index, "--https", "--https-port", "0", "--host", "127.0.0.1")
        server = Server(*options, env={"STATE_DIRECTORY": state})
        first = server.hello
        pem = ssl.get_server_certificate(("127.0.0.1", first["https_port"]))
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
        self.assertEqual(first["cert_sha256"].replace(":", ""), digest)
        self.assertEqual(first["https_url"], f"https://127.0.0.1:{first['https_port']}")
        info = server.get("/api/info").json()
        self.assertEqual((info["https_url"], info["cert_sha256"]),
                         (first["https_url"], first["cert_sha256"]))
        trusting = ssl.create_default_context(
            cafile=os.path.join(state, "tls", "certificate.pem"))
        for host in ("127.0.0.1", "localhost"):
            c = http.client.HTTPSConnection(host, first["https_port"], context=trusting, timeout=30)
            c.request("GET", "/health")
            self.assertEqual(c.getresponse().status, 200)
            c.close()
        server.stop()
        self.assertEqual(os.stat(os.path.join(state, "tls")).st_mode & 0o777, 0o700)
        again = Server(*options, env={"STATE_DIRECTORY": state})
        self.assertEqual(again.hello["cert_sha256"], first["cert_sha256"])
        again.stop()
        with open(os.path.join(state, "tls", "certificate.pem"), "w", encoding="ascii") as out:
            out.write("damaged")
        third = Server(*options, env={"STATE_DIRECTORY": state})
        self.assertNotEqual(third.hello["cert_sha256"], first["cert_sha256"])
        third.stop()


class Refusals(unittest.TestCase):
    def test_command_line(self):
        for args, said in ((["--writable"], "--auth-token"), (["--tls-cert", "x"], "--tls-key"),
                           (["--log-format", "xml"], "text, json"), (["--port", "70000"], "65535"),
                           (["--auth-token", "a", "--auth-token-file", "b"], "exclude")):
            result = subprocess.run([PROGRAM, "serve", *args], capture_output=True, text=True)
            self.assertEqual(result.returncode, 2, args)
            self.assertIn(said, result.stderr)


if __name__ == "__main__":
    unittest.main()
