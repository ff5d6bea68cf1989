#!/usr/bin/env python3
"""A service on an index that is a folder of segments: answers, changes from outside and over HTTP."""
import os
import signal
import threading
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

    def test_a_link_to_another_folder(self):
        """The index is reached by a link that is turned to another folder, whose files have the same
        names: under load every answer is that of the one or of the other."""
        link, made = os.path.join(self.dir, "live.idx"), []
        for i, seed in enumerate((60, 61)):
            refs = os.path.join(self.dir, f"links{i}")
            os.mkdir(refs)
            for name, other in (("same.jpg", 50), ("changes.jpg", seed), ("other.jpg", 51 + i)):
                picture(other).save(os.path.join(refs, name), quality=90)
            made.append(os.path.join(self.dir, f"links{i}.idx"))
            result = run("index", "--refs", refs, "--out", made[i], "--encoder", "builtin", "--quiet")
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted(os.listdir(made[0]))[:2], sorted(os.listdir(made[1]))[:2])
        os.symlink(made[0], link)
        server = Server("--index", link)
        self.addCleanup(server.stop)
        stop, wrong, images = threading.Event(), [], [frame(60), frame(61), frame(50)]

        def names(image, connection=None):
            reply = server.falcon(image, connection=connection)
            return [m["ref_filename"] for m in reply.json()["masks"]] if reply.status == 200 else None

        def load():
            c = server.connect()
            while not stop.is_set():
                got = [names(image, c) for image in images]
                if got[0] not in ([], ["changes.jpg"]) or got[1] not in ([], ["changes.jpg"]) or \
                        got[2] != ["same.jpg"]:
                    wrong.append(got)
            c.close()
        threads = [threading.Thread(target=load) for _ in range(2)]
        for t in threads:
            t.start()
        for turn in range(1, 5):
            os.symlink(made[turn % 2], link + ".new")
            os.replace(link + ".new", link)
            if turn % 2:
                server.process.send_signal(signal.SIGHUP)
            end = time.time() + 30
            while names(images[turn % 2]) != ["changes.jpg"] and time.time() < end:
                time.sleep(0.05)
            self.assertEqual(names(images[turn % 2]), ["changes.jpg"], server.said())
            self.assertEqual(names(images[1 - turn % 2]), [])
        stop.set()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])

    def test_thresholds_of_zero(self):
        """Zero is zero, as the original has it: every stranger is reported, and surely."""
        health = self.server.get("/health").json()
        self.assertEqual((health["sim_threshold"], health["margin_threshold"]), (0, 0))
        stranger = self.server.falcon(frame(77), headers=BEARER).json()
        self.assertGreater(stranger["count"], 0)
        self.assertTrue(all(mask["confident"] for mask in stranger["masks"]), stranger)


if __name__ == "__main__":
    unittest.main()
