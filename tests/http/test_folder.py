#!/usr/bin/env python3
"""A service on an index that is a folder of segments: answers, changes from outside and over HTTP."""
import os
import time
import unittest

from service import Server, ServiceTest, frame, jpeg, picture, run

BEARER = {"Authorization": "Bearer correct horse"}


class Folder(ServiceTest):
    ARGS = ("--auth-token", "correct horse", "--writable", "--sim-threshold", "0",
            "--margin-threshold", "0")

    @classmethod
    def build(cls):
        cls.index = os.path.join(cls.dir, "cards.idx")
        super().build()

    def find(self, seed, filename, server=None):
        reply = (server or self.server).falcon(frame(seed), headers=BEARER)
        self.assertFound(reply, filename)
        return reply.json()

    def test_changes(self):
        self.find(2, "LOCH-JP002_wolf.jpg")
        picture(40).save(os.path.join(self.refs, "LOCH-JP040_crane.jpg"), quality=90)
        added = run("add", "--index", self.index, os.path.join(self.refs, "LOCH-JP040_crane.jpg"))
        self.assertEqual(added.returncode, 0, added.stderr)
        end = time.time() + 30
        while self.server.get("/health").json()["index_size"] != 5 and time.time() < end:
            time.sleep(0.1)
        self.find(40, "LOCH-JP040_crane.jpg")
        reply = self.server.post("/api/references", ("image", jpeg(picture(41)), "x.jpg"),
                                 ("filename", "heron.jpg"), headers=BEARER)
        self.assertEqual(reply.status, 201, reply.body)
        self.assertEqual(reply.json()["index_size"], 6)
        self.find(41, "heron.jpg")
        reply = self.server.ask("DELETE", "/api/references?filename=LOCH-JP040_crane.jpg",
                                headers=BEARER)
        self.assertEqual((reply.status, reply.json()["index_size"]), (200, 5))
        again = Server("--index", self.index, *self.ARGS)  # the lock is not held
        try:
            self.find(41, "heron.jpg", again)
            self.assertEqual(again.get("/health").json()["index_size"], 5)
        finally:
            again.stop()

    def test_thresholds_of_zero(self):
        """Zero is zero, as the original has it: every stranger is reported, and surely."""
        health = self.server.get("/health").json()
        self.assertEqual((health["sim_threshold"], health["margin_threshold"]), (0, 0))
        stranger = self.server.falcon(frame(77), headers=BEARER).json()
        self.assertGreater(stranger["count"], 0)
        self.assertTrue(all(mask["confident"] for mask in stranger["masks"]), stranger)


if __name__ == "__main__":
    unittest.main()
