#!/usr/bin/env python3
"""GET /refs/: the pictures of the collection, and nothing else."""
import os
import unicodedata
import unittest
from urllib.parse import quote

from service import ServiceTest

ODD = ['a "quoted" one.jpg', "hash#tag.jpg", "what?.jpg", "100%.jpg", "%41.jpg", "new\nline.jpg",
       "back\\slash.jpg", "+plus&.jpg", unicodedata.normalize("NFC", "é-composed.jpg"),
       unicodedata.normalize("NFD", "è-decomposed.jpg"), "ドラゴン.jpg", "l" * 200 + ".jpg"]


class Refs(ServiceTest):
    NAMES = {**ServiceTest.NAMES, **{name: 10 + i for i, name in enumerate(ODD)}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.secret = os.path.join(cls.dir, "secret.jpg")
        with open(cls.secret, "wb") as out:
            out.write(b"root:secret")
        with open(os.path.join(cls.refs, "notes.txt"), "wb") as out:
            out.write(b"root:notes")

    def test_every_name(self):
        for name in self.NAMES:
            with open(os.path.join(self.refs, name), "rb") as file:
                wanted = file.read()
            reply = self.server.get("/refs/" + quote(name, safe=""))
            self.assertEqual((reply.status, reply.body), (200, wanted), name)
            kind = "image/png" if name.endswith(".png") else "image/jpeg"
            self.assertEqual(reply.headers["content-type"], kind)

    def test_unescaped_names(self):
        """As the original's page asks: what is no escape stands for itself."""
        for target in ("/refs/100%.jpg", "/refs/%41.jpg", "/refs/+plus&.jpg", "/refs/red%20bird.jpg",
                       "/refs/red%20bird.jpg?v=1"):
            self.assertEqual(self.server.get(target).status, 200, target)
        out = self.server.raw("GET /refs/ドラゴン.jpg HTTP/1.1\r\nHost: x\r\n"
                              "Connection: close\r\n\r\n".encode())
        self.assertTrue(out.startswith(b"HTTP/1.1 200"), out[:60])

    def test_nothing_outside(self):
        up = "secret.jpg"
        name = "red%20bird.jpg"
        for path in ("../" + up, "%2e%2e/" + up, "..%2f" + up, "%2e%2e%2f" + up, "..%5c" + up,
                     "..\\" + up, "%252e%252e%252f" + up, "./../" + up, "/../" + up, "x/../../" + up,
                     "....//" + up, "%c0%ae%c0%ae/" + up, "/etc/passwd", "%2fetc%2fpasswd",
                     "%2e%2e%2f" * 12 + "etc/passwd", "%00", name + "%00.png", name + "/",
                     name + "/..", "%", "%4", "%zz", "%ff%fe", "a" * 6000, "../" * 2000, ".", "..",
                     "", "%2e", "notes.txt", "labels.csv", "nobody.jpg",
                     "a%0d%0aSet-Cookie:%20x=1", "." + name, "refs/" + name):
            out = self.server.raw(f"GET /refs/{path} HTTP/1.1\r\nHost: x\r\n"
                                  "Connection: close\r\n\r\n".encode())
            self.assertRegex(out[:13].decode(), r"HTTP/1.1 4\d\d", path[:40])
            self.assertNotIn(b"root:", out)
            self.assertNotIn(b"set-cookie", out.lower())

    def test_links(self):
        """A link within the folder is followed (where the system can bound it), one that leaves it
        is not: not even under a name that the collection has."""
        victim = os.path.join(self.refs, "old_owl.png")
        os.rename(victim, victim + ".kept")
        try:
            for target in (self.secret, "../secret.jpg", "/etc/passwd"):
                os.symlink(target, victim)
                reply = self.server.get("/refs/old_owl.png")
                self.assertEqual(reply.status, 404, target)
                os.unlink(victim)
            os.mkdir(victim)
            self.assertEqual(self.server.get("/refs/old_owl.png").status, 404)
            os.rmdir(victim)
            os.mkfifo(victim)
            self.assertEqual(self.server.get("/refs/old_owl.png").status, 404)
            os.unlink(victim)
        finally:
            os.rename(victim + ".kept", victim)
        self.assertEqual(self.server.get("/refs/old_owl.png").status, 200)

    def test_conditions(self):
        target = "/refs/red%20bird.jpg"
        whole = self.server.get(target)
        etag, date = whole.headers["etag"], whole.headers["last-modified"]
        self.assertRegex(etag, r'^"[^"]+"$')
        head = self.server.ask("HEAD", target)
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["content-length"], str(len(whole.body)))
        for key, value, status in (("If-None-Match", etag, 304),
                                   ("If-None-Match", '"x", W/' + etag, 304),
                                   ("If-None-Match", "*", 304), ("If-None-Match", '"x"', 200),
                                   ("If-Modified-Since", date, 304),
                                   ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 200),
                                   ("If-Modified-Since", "nonsense", 200)):
            reply = self.server.ask("GET", target, headers={key: value})
            self.assertEqual((reply.status, reply.body), (status, whole.body if status == 200 else b""),
                             value)

    def test_ranges(self):
        target = "/refs/red%20bird.jpg"
        whole = self.server.get(target)
        n = len(whole.body)
        for value, status, body in (("bytes=0-9", 206, whole.body[:10]), ("bytes=-5", 206, whole.body[-5:]),
                                    (f"bytes={n - 3}-", 206, whole.body[-3:]), (f"bytes={n}-", 416, b""),
                                    ("bytes=5-2", 200, whole.body), ("lines=1-2", 200, whole.body),
                                    ("bytes=0-1,4-5", 200, whole.body),
                                    ("bytes=0-99999999999999999999", 206, whole.body)):
            reply = self.server.get(target, Range=value)
            self.assertEqual((reply.status, reply.body), (status, body), value)
            if status == 416:
                self.assertEqual(reply.headers["content-range"], f"bytes */{n}")
        reply = self.server.get(target, Range="bytes=2-3")
        self.assertEqual(reply.headers["content-range"], f"bytes 2-3/{n}")
        self.assertEqual(self.server.get(target, Range="bytes=0-9", If_Range='"x"').status, 200)
        self.assertEqual(
            self.server.get(target, Range="bytes=0-9", If_Range=whole.headers["etag"]).status, 206)


if __name__ == "__main__":
    unittest.main()
