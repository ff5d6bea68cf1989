#!/usr/bin/env python3
"""Readers of a folder of segments while it is merged: a service, and queries that open it anew, are right all
the time. And a collection of things without a single feature, the whole way."""
import json
import os
import subprocess
import threading
import time
import unittest

from PIL import Image
from service import PROGRAM, Server, ServiceTest, frame, jpeg, picture, run


class Merging(ServiceTest):
    @classmethod
    def build(cls):
        cls.index = os.path.join(cls.dir, "cards.idx")
        super().build()

    def check(self, *args):
        result = run(*args)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def test_readers_while_merging(self):
        photo = os.path.join(self.dir, "photo.jpg")
        with open(photo, "wb") as out:
            out.write(frame(2))
        stop, wrong, counts = threading.Event(), [], {"query": 0, "serve": 0}

        def query():
            while not stop.is_set():
                result = run("query", "--index", self.index, "--json", photo)
                masks = json.loads(result.stdout)["masks"] if result.returncode == 0 else []
                if [m["ref_filename"] for m in masks] != ["LOCH-JP002_wolf.jpg"]:
                    wrong.append((result.returncode, result.stderr, masks))
                counts["query"] += 1

        def ask():
            c, image = self.server.connect(), frame(2)
            while not stop.is_set():
                reply = self.server.falcon(image, connection=c)
                masks = reply.json().get("masks", [])
                if [m["ref_filename"] for m in masks] != ["LOCH-JP002_wolf.jpg"]:
                    wrong.append((reply.status, reply.body))
                counts["serve"] += 1
            c.close()
        threads = [threading.Thread(target=query), threading.Thread(target=ask)]
        for t in threads:
            t.start()
        extra = os.path.join(self.dir, "extra.jpg")
        turn = 0
        while turn < 2 or (min(counts.values()) < 3 and turn < 20):
            turn += 1
            picture(80 + turn, (120, 160)).save(extra, quality=90)
            self.check("add", "--index", self.index, extra)
            self.check("index", "--out", self.index, "--compact")
            self.check("remove", "--index", self.index, "extra.jpg")
            self.check("index", "--out", self.index, "--compact")
        stop.set()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])
        self.assertTrue(min(counts.values()) > 1, counts)
        for _ in range(200):
            if self.server.get("/health").json()["index_size"] == 4:
                break
            time.sleep(0.05)
        self.assertEqual(self.server.get("/health").json()["index_size"], 4, self.server.said())


class Idle(ServiceTest):
    @classmethod
    def build(cls):
        cls.index = os.path.join(cls.dir, "cards.idx")
        super().build()

    def segments(self):
        with open(os.path.join(self.index, "manifest.json"), encoding="utf-8") as file:
            return len(json.load(file)["segments"])

    def test_segments_are_put_together(self):
        """Eight that could not be when they were written: the disk had no room for all of them at once."""
        for i in range(7):
            paths = []
            for k in range(2):
                name = f"more_{i}_{k}.jpg"
                self.add(name, 300 + 2 * i + k)
                paths.append(os.path.join(self.refs, name))
            subprocess.run(["bash", "-c", 'trap "" XFSZ; ulimit -f 400; exec "$@"', "add", PROGRAM, "add",
                            "--index", self.index, *paths], capture_output=True, check=False)
        self.assertGreaterEqual(self.segments(), 8)
        bearer = {"Authorization": "Bearer correct horse"}
        server = Server("--index", self.index, "--writable", "--auth-token", "correct horse")
        self.addCleanup(server.stop)
        for _ in range(600):
            if self.segments() < 8:
                break
            time.sleep(0.05)
        self.assertLess(self.segments(), 8, server.said())
        self.assertFound(server.falcon(frame(2), headers=bearer), "LOCH-JP002_wolf.jpg")
        reply = server.post("/api/references", ("image", jpeg(picture(290)), "x"), ("filename", "new.jpg"),
                            headers=bearer)
        self.assertEqual(reply.status, 201, reply.body)
        self.assertEqual(server.get("/health").json()["index_size"], 4 + 7 * 2 + 1)
        self.assertFound(server.falcon(frame(290), headers=bearer), "new.jpg")


class Plain(ServiceTest):
    """Flat colours: not one corner on any of them."""
    NAMES = {"red.png": (200, 30, 30), "green.png": (30, 180, 60), "blue.png": (40, 50, 220)}

    @classmethod
    def add(cls, name, seed):
        Image.new("RGB", (200, 280), seed).save(os.path.join(cls.refs, name))

    def test_the_whole_way(self):
        folder = os.path.join(self.dir, "plain.idx")
        photo = os.path.join(self.dir, "photo.jpg")
        with open(photo, "wb") as out:
            out.write(frame(2))
        made = run("index", "--refs", self.refs, "--out", folder, "--encoder", "builtin", "--json")
        self.assertEqual((made.returncode, json.loads(made.stdout)["references"]), (0, 3), made.stderr)
        for index in (self.index, folder):
            for path, shows in ((os.path.join(self.refs, "red.png"), True), (photo, False)):
                result = run("query", "--index", index, "--json", path)
                self.assertIn(result.returncode, (0, 1) if shows else (1,), result.stderr)
                answer = json.loads(result.stdout)
                self.assertEqual(answer["count"], len(answer["masks"]))
            for options in ((), ("--views", "2")):
                result = run("verify", "--index", index, "--json", *options)
                self.assertIn(result.returncode, (0, 1), result.stderr)
                self.assertEqual(json.loads(result.stdout)["references"], 3)
        self.assertEqual(self.server.falcon(frame(2)).json()["count"], 0)
        flat = jpeg(Image.new("RGB", (640, 480), (30, 180, 60)))
        self.assertEqual(self.server.falcon(flat).status, 200)
        # one with corners beside them is found among them
        picture(5).save(os.path.join(self.dir, "fox.jpg"), quality=90)
        added = run("add", "--index", folder, os.path.join(self.dir, "fox.jpg"))
        self.assertEqual(added.returncode, 0, added.stderr)
        server = Server("--index", folder)
        self.addCleanup(server.stop)
        self.assertFound(server.falcon(frame(5)), "fox.jpg")
        self.assertEqual(server.falcon(frame(2)).json()["count"], 0)


if __name__ == "__main__":
    unittest.main()
