#!/usr/bin/env python3
"""`ui` and `serve --upstream`: other services' answers, brought into one shape."""
import http.server
import json
import subprocess
import threading
import unittest

from service import PROGRAM, Server, frame  # noqa: F401


class Fake(http.server.BaseHTTPRequestHandler):
    """A service whose next answer the test sets."""
    answer = (200, b"{}")
    seen = []

    def reply(self):
        status, body = Fake.answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        Fake.seen.append(self.path)
        self.reply()

    def do_POST(self):
        Fake.seen.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply()

    def log_message(self, *args):
        pass


class Upstream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fake)
        threading.Thread(target=cls.fake.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.fake.server_close)
        cls.addClassCleanup(cls.fake.shutdown)
        cls.url = f"http://user:secret@127.0.0.1:{cls.fake.server_port}/api/falcon?x=1"
        cls.server = Server("--upstream", cls.url)
        cls.addClassCleanup(cls.server.stop)

    def ask(self, body, status=200):
        Fake.answer = (status, body if isinstance(body, bytes) else json.dumps(body).encode())
        return self.server.post("/api/falcon-frame", ("image", frame(1), "a.jpg"), ("query", "cat"))

    def test_original(self):
        mask = {"bbox_norm": {"x1": .1, "y1": .2, "x2": .3, "y2": .4}, "area_fraction": .04,
                "label": "Wolf?", "score": .8, "margin": .1, "confident": False,
                "ref_filename": "a b#c.jpg", "price": None, "top_k": []}
        answer = self.ask({"image_size": [640, 480], "count": 1, "masks": [mask]}).json()
        self.assertEqual((answer["ok"], answer["count"], answer["image_size"]),
                         (True, 1, {"w": 640, "h": 480}))
        box = answer["bboxes"][0]
        self.assertEqual((box["x1"], box["y2"], box["label"], box["score"]), (.1, .4, "Wolf?", .8))
        self.assertNotIn("unknown", answer)
        more = self.ask({"image_size": [640, 480], "masks": [], "unknown": [{"bbox_norm": {}}]})
        self.assertEqual(more.json()["unknown"], [{"bbox_norm": {}}])
        self.assertEqual(box["ref_url"],
                         f"http://127.0.0.1:{self.server.port}/refs/a%20b%23c.jpg")
        self.assertEqual(answer["upstream"], f"http://127.0.0.1:{self.fake.server_port}")
        self.assertIn(b'name="query"\r\n\r\ncat\r\n', Fake.seen[-1])

    def test_mac_tensor(self):
        """Neither label nor score, pixels, numbers that are none."""
        body = (b'{"width": 200, "height": 100, "note": "NaN stays", "masks": ['
                b'{"id":1,"area_fraction":0.5,"bbox_norm":{"x1":20,"y1":10,"x2":100,"y2":50},"z":NaN},'
                b'{"id":2,"bbox_norm":{"x1":NaN,"y1":1,"x2":2,"y2":3}},'
                b'{"id":3,"bbox_norm":{"x1":0,"y1":0,"x2":1,"y2":1},"score":-Infinity}]}')
        boxes = self.ask(body).json()["bboxes"]
        self.assertEqual([b["id"] for b in boxes], [1, 3])
        self.assertEqual([boxes[0][k] for k in ("x1", "y1", "x2", "y2", "label", "score")],
                         [.1, .1, .5, .5, "cat", .5])
        self.assertEqual(boxes[1]["score"], 1)

    def test_refusals(self):
        for body, status, said in (({"error": "no model"}, 500, "no model"),
                                   ({"detail": "bad image: x"}, 400, "bad image: x"),
                                   ({"error": "failed", "masks": []}, 200, "failed"),
                                   (b"<html>", 200, "no JSON"), ({"count": 0}, 200, "no masks"),
                                   (b"", 503, "503")):
            reply = self.ask(body, status)
            self.assertEqual((reply.status, reply.json()["ok"]), (502, False), body)
            self.assertIn(said, reply.json()["error"])

    def test_passed_through(self):
        Fake.answer = (200, b'{"ok":true,"count":0,"top":[]}')
        self.assertEqual(self.server.get("/api/top-prices?limit=7").json()["count"], 0)
        self.assertEqual(Fake.seen[-1], "/api/top-prices?limit=7")
        self.server.get("/refs/a%20b.jpg")
        self.assertEqual(Fake.seen[-1], "/refs/a%20b.jpg")
        Fake.answer = (404, b'{"detail":"Not Found"}')
        self.assertEqual(self.server.get("/refs/x").status, 404)
        info = self.server.get("/api/info").json()
        self.assertEqual(info["upstream"], f"http://127.0.0.1:{self.fake.server_port}")
        self.assertNotIn("secret", self.server.get("/api/info").body.decode())
        self.assertEqual(self.server.get("/canvas/live").status, 200)

    def test_gone(self):
        server = Server("--upstream", "http://127.0.0.1:9/api/falcon")
        self.addCleanup(server.stop)
        reply = server.post("/api/falcon-frame", ("image", frame(1), "a.jpg"))
        self.assertEqual((reply.status, reply.json()["ok"]), (502, False))

    def test_ui(self):
        ui = subprocess.Popen([PROGRAM, "ui", "--port", "0", "--json", "--upstream", self.url],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        port = json.loads(ui.stdout.readline())["port"]
        Fake.answer = (200, b'{"image_size":[2,2],"masks":[]}')
        self.server.port, kept = port, self.server.port
        try:
            self.assertEqual(
                self.server.post("/api/falcon-frame", ("image", b"x", "a")).json()["count"], 0)
        finally:
            self.server.port = kept
        ui.terminate()
        self.assertEqual(ui.wait(30), 0)
        ui.stdout.close()


if __name__ == "__main__":
    unittest.main()
