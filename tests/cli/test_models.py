#!/usr/bin/env python3
"""dlf-identify models, against an HTTP server of our own that cuts, refuses and lies."""
import hashlib
import http.server
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import threading
import unittest

from common import PROGRAM, SOURCE, ProgramTest, run

TINY = os.path.join(SOURCE, "tests", "golden", "clip", "tiny.pt")


class Server(http.server.ThreadingHTTPServer):
    """Serves `data`; `mode` says how."""

    def __init__(self, data):
        super().__init__(("127.0.0.1", 0), Handler)
        self.data, self.mode, self.seen = data, "ranges", []
        self.slow, self.hung_up = threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/weights.pt"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.seen.append((self.path, asked))
        if server.mode == "missing":
            return self.send_error(404)
        if server.mode == "moved" and self.path != "/there":
            self.send_response(302)
            self.send_header("Location", "/there")
            return self.end_headers()
        start = 0
        if asked and server.mode != "whole":
            start = int(re.match(r"bytes=(\d+)-$", asked).group(1))
            if start >= len(server.data):
                return self.send_error(416)
            self.send_response(206)
            n = len(server.data)
            self.send_header("Content-Range", f"bytes {start}-{n - 1}/{n}")
        else:
            self.send_response(200)
        if server.mode == "endless":
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(1 << 20))
            except OSError:
                server.hung_up.set()
                return
        more = 1 if server.mode == "slow" else 0
        self.send_header("Content-Length", str(len(server.data) - start + more))
        self.end_headers()
        end = len(server.data) // 2 if server.mode == "cut" else len(server.data)
        self.wfile.write(server.data[start:end])
        if server.mode == "slow":  # all but the end, until it may go on
            server.slow.wait(60)

    def log_message(self, *args):
        pass


class Models(ProgramTest):
    def setUp(self):
        super().setUp()
        with open(TINY, "rb") as file:
            self.data = file.read() * 3
        self.hash = hashlib.sha256(self.data).hexdigest()
        self.server = Server(self.data)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.env = {"HOME": self.path("home"), "XDG_CACHE_HOME": "", "IDENTIFY_MODELS": "",
                    "HF_HOME": "", "no_proxy": "127.0.0.1"}
        self.target = self.path("home", ".cache", "dlf-identify", "models", "ViT-B-32.pt")

    def call(self, *args):
        return run("models", *args, env=self.env)

    def pull(self, *args, expect=0, hash=None):
        result = self.call("pull", "ViT-B/32", "--url", self.server.url, "--sha256",
                           hash or self.hash, "--json", *args)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def assertThere(self):
        with open(self.target, "rb") as file:
            self.assertEqual(file.read(), self.data)
        self.assertFalse(os.path.exists(self.target + ".part"))

    def part(self, content):
        os.makedirs(os.path.dirname(self.target), exist_ok=True)
        with open(self.target + ".part", "wb") as file:
            file.write(content)

    def test_list(self):
        names = [json.loads(line) for line in self.call("--json").stdout.splitlines()]
        self.assertEqual([m["name"] for m in names], ["ViT-B/32", "ViT-B/16", "ViT-L/14"])
        self.assertFalse(any(m["present"] for m in names))
        self.pull()
        self.assertRegex(self.call("list").stdout, r"^ViT-B/32 +/.*ViT-B-32\.pt\n"
                         r"ViT-B/16 +not on this machine\n")

    def test_download(self):
        done = json.loads(self.pull().stdout)
        self.assertEqual(done, {"name": "ViT-B/32", "path": self.target, "downloaded": True})
        self.assertThere()
        there = self.call("pull", "vit-b-32")
        self.assertEqual((there.returncode, there.stdout),
                         (0, f"ViT-B/32: {self.target} (was there already)\n"))
        self.assertEqual(len(self.server.seen), 1)

    def test_redirect(self):
        self.server.mode = "moved"
        self.pull()
        self.assertThere()

    def test_cut_at_half_and_gone_on_with(self):
        self.server.mode = "cut"
        cut = self.pull(expect=4)
        self.assertIn("run it again to go on", cut.stderr)
        self.assertFalse(os.path.exists(self.target))
        half = len(self.data) // 2
        self.assertEqual(os.path.getsize(self.target + ".part"), half)
        self.server.mode = "ranges"
        self.pull()
        self.assertEqual(self.server.seen[-1][1], f"bytes={half}-")
        self.assertThere()

    def test_server_without_ranges(self):
        self.part(self.data[:1000])
        self.server.mode = "whole"
        self.pull()
        self.assertThere()
        self.assertEqual([asked for _, asked in self.server.seen], ["bytes=1000-", None])

    def test_parts_that_do_not_fit(self):
        for content in (b"x" * 1000, b"x" * (len(self.data) + 5), self.data):
            self.part(content)
            self.pull()
            self.assertThere()
            os.unlink(self.target)

    def test_wrong_hash(self):
        wrong = self.pull(expect=3, hash="00" * 32)
        self.assertIn("nothing was kept", wrong.stderr)
        self.assertEqual(os.listdir(os.path.dirname(self.target)), [])
        published = self.call("pull", "ViT-B/16", "--url", self.server.url)
        self.assertEqual(published.returncode, 3)

    def test_longer_than_the_limit(self):
        self.server.mode = "endless"
        done = self.pull("--max-megabytes", "3", expect=3)
        self.assertIn("more than the limit of 3145728 bytes; nothing was kept", done.stderr)
        self.assertEqual(os.listdir(os.path.dirname(self.target)), [])
        self.assertTrue(self.server.hung_up.wait(60))
        self.server.mode = "ranges"  # what an earlier run left counts too
        self.part(bytes((1 << 20) - 10))
        self.pull("--max-megabytes", "1")
        self.assertThere()
        self.assertEqual(self.call("pull", "ViT-B/32", "--max-megabytes", "0").returncode, 2)

    def test_two_at_once(self):
        self.server.mode = "slow"
        first = subprocess.Popen([PROGRAM, "models", "pull", "ViT-B/32", "--url", self.server.url,
                                  "--sha256", self.hash], env={**os.environ, **self.env},
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not self.server.seen:
            first.poll()
            self.assertIsNone(first.returncode)
        second = self.pull(expect=4)
        self.assertIn(f"is being written by process {first.pid} on", second.stderr)
        self.assertEqual(len(self.server.seen), 1)
        first.kill()  # with all the bytes but the last
        first.communicate()
        self.server.slow.set()
        self.server.mode = "ranges"
        self.pull()
        self.assertThere()
        self.assertEqual(os.listdir(os.path.dirname(self.target)), ["ViT-B-32.pt"])

    def test_no_such_file_and_no_server(self):
        self.server.mode = "missing"
        self.assertIn("answers 404", self.pull(expect=4).stderr)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}/x"
            down = self.call("pull", "ViT-B/32", "--url", url)
        self.assertEqual(down.returncode, 4)
        self.assertIn("downloading 'http://127", down.stderr)
        other = self.call("pull", "ViT-B/32", "--url", "file:///etc/passwd")
        self.assertEqual(other.returncode, 4)

    def test_no_space(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        done = subprocess.run([PROGRAM, "models", "pull", "ViT-B/32", "--url", self.server.url],
                              capture_output=True, text=True, env={**os.environ, **self.env},
                              preexec_fn=limit, restore_signals=False, timeout=60)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("cannot write", done.stderr)
        self.assertFalse(os.path.exists(self.target))

    def test_proxy_of_the_environment(self):
        self.env.update(http_proxy=f"http://127.0.0.1:{self.server.server_port}", no_proxy="")
        done = self.call("pull", "ViT-B/32", "--url", "http://weights.example/b32.pt", "--sha256",
                         self.hash)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.server.seen[0][0], "http://weights.example/b32.pt")
        self.assertThere()

    def test_wrong_words(self):
        for args, text in ((("pull",), "takes one name"), (("pull", "ViT-X"), "no model 'ViT-X'"),
                           (("push",), "'push' is not"), (("check",), "--refs DIR is missing"),
                           (("pull", "ViT-B/32", "--sha256", "00" * 32), "goes with --url"),
                           (("pull", "ViT-B/32", "--url", "http://x", "--sha256", "1"), "64 hex")):
            result = self.call(*args)
            self.assertEqual(result.returncode, 2, args)
            self.assertIn(text, result.stderr)

    def test_check(self):
        for seed in range(20):
            self.add(f"thing_{seed}.png", seed, size=(80, 60))
        with open(os.path.join(self.refs, "broken.jpg"), "wb") as file:
            file.write(b"no picture")
        result = self.call("check", "--refs", self.refs, "--clip-model", TINY, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([r["precision"] for r in rows], ["fp32", "bf16", "int8"])
        self.assertTrue(all(r["pictures"] == 20 for r in rows))
        self.assertEqual((rows[0]["same_nearest"], rows[0]["top5_in_common"]), (20, 1))
        self.assertAlmostEqual(rows[0]["least_cosine"], 1, places=6)
        for row, least in zip(rows[1:], (0.9998, 0.998)):
            self.assertGreater(row["least_cosine"], least)
            self.assertLess(row["least_cosine"], 1)
            self.assertGreater(row["top5_in_common"], 0.8)
        text = self.call("check", "--refs", self.refs, "--clip-model", TINY).stdout
        self.assertEqual(len(text.splitlines()), 5)
        shutil.rmtree(self.refs)
        os.mkdir(self.refs)
        empty = self.call("check", "--refs", self.refs, "--clip-model", TINY)
        self.assertEqual(empty.returncode, 3)
        self.assertIn("two are needed", empty.stderr)


if __name__ == "__main__":
    unittest.main()
