#!/usr/bin/env python3
"""A collection whose files somebody writes over, or cuts off, while it is served: the service goes on,
says so instead of answering, and answers again when there is a whole collection."""
import glob
import os
import time
import unittest

from service import Server, ServiceTest, frame, run


class WrittenOver(ServiceTest):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.dir, "over.idx")
        self.make()
        self.server = Server("--index", self.folder)
        self.addCleanup(self.server.stop)
        self.image = frame(2)
        self.assertEqual(self.names(), ["LOCH-JP002_wolf.jpg"])

    def make(self):
        made = run("index", "--refs", self.refs, "--out", self.folder, "--rebuild", "--quiet",
                   "--encoder", "builtin")
        self.assertEqual(made.returncode, 0, made.stderr)

    def names(self):
        reply = self.server.falcon(self.image)
        self.assertEqual(reply.status, 200, reply.body)
        return [m["ref_filename"] for m in reply.json()["masks"]]

    def refuses(self):
        for _ in range(3):
            reply = self.server.falcon(self.image)
            self.assertEqual(reply.status, 503, reply.body)
            self.assertIn("was written over while it was open", reply.json()["detail"])
        self.assertEqual(self.server.get("/health").status, 200)

    def heals(self):
        self.make()
        for _ in range(200):
            if self.server.falcon(self.image).status == 200:
                break
            time.sleep(0.05)
        self.assertEqual(self.names(), ["LOCH-JP002_wolf.jpg"])

    def segments(self):
        return glob.glob(os.path.join(self.folder, "*.npz"))

    def test_cut(self):
        for path in self.segments():
            os.truncate(path, 4096)
        self.refuses()
        self.heals()

    def test_same_size(self):
        for path in self.segments():
            size = os.path.getsize(path)
            with open(path, "r+b") as f:
                f.write(bytes(size))
        self.refuses()
        self.heals()


if __name__ == "__main__":
    unittest.main()
