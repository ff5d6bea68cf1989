#!/usr/bin/env python3
"""Changing the collection over HTTP: durable when it is answered, whole whatever happens."""
import http.client
import os
import resource
import shutil
import signal
import subprocess
import threading
import time
import unittest
from urllib.parse import quote

from service import BOUNDARY, PROGRAM, Server, ServiceTest, form, frame, jpeg, picture, run

TOKEN = "correct horse"
BEARER = {"Authorization": "Bearer " + TOKEN}


class References(ServiceTest):
    ARGS = ("--auth-token", TOKEN, "--writable")

    def post(self, *parts, server=None, headers=BEARER):
        return (server or self.server).post("/api/references", *parts, headers=headers)

    def delete(self, name, server=None, headers=BEARER):
        return (server or self.server).ask("DELETE", "/api/references?filename=" + quote(name),
                                           headers=headers)

    def names(self, server=None):
        reply = (server or self.server).ask("GET", "/api/references?limit=1000", headers=BEARER)
        self.assertEqual(reply.status, 200, reply.body)
        return [entry["filename"] for entry in reply.json()["references"]]

    def test_add_replace_remove(self):
        before = self.names()
        image = jpeg(picture(30))
        reply = self.post(("image", image, "x.jpg"), ("name", "New Thing"), ("rarity", "UR"),
                          ("set_code", "LOCH-JP030"))
        self.assertEqual(reply.status, 201, reply.body)
        name = reply.json()["filename"]
        self.assertEqual(name, "LOCH-JP030_new_thing_ur.jpg")
        with open(os.path.join(self.refs, name), "rb") as file:
            self.assertEqual(file.read(), image)
        self.assertEqual(self.names(), sorted([*before, name]))
        reply = self.server.falcon(frame(30), headers=BEARER)
        self.assertFound(reply, name)
        self.assertEqual(reply.json()["masks"][0]["label"], "New Thing (UR)")
        # another picture of the same thing gets a name of its own, and the same label
        again = self.post(("image", jpeg(picture(31)), "x.jpg"), ("name", "New Thing"),
                          ("rarity", "UR"), ("set_code", "LOCH-JP030")).json()["filename"]
        self.assertNotEqual(again, name)
        answer = self.server.falcon(frame(31), headers=BEARER).json()["masks"][0]
        self.assertEqual((answer["label"], answer["ref_filename"]), ("New Thing (UR)", again))
        self.assertEqual(self.post(("image", image, "x"), ("filename", name)).status, 409)
        reply = self.post(("image", jpeg(picture(32)), "x"), ("filename", name), ("replace", "1"))
        self.assertEqual(reply.status, 201)
        self.assertFound(self.server.falcon(frame(32), headers=BEARER), name)
        for gone in (name, again):
            self.assertEqual(self.delete(gone).status, 200)
            self.assertEqual(self.delete(gone).status, 404)
        self.assertEqual(self.names(), before)
        self.assertEqual(self.server.falcon(frame(32), headers=BEARER).json()["count"], 0)
        self.assertFalse([x for x in os.listdir(self.refs) if x.endswith(".removed")])

    def test_paging(self):
        page = self.server.ask("GET", "/api/references?offset=1&limit=2", headers=BEARER).json()
        self.assertEqual((page["count"], page["offset"]), (4, 1))
        self.assertEqual([x["filename"] for x in page["references"]], self.names()[1:3])

    def test_refused(self):
        before, folder = self.names(), sorted(os.listdir(self.refs))
        image = jpeg(picture(33))
        for parts, status in (
                ([("image", b"junk", "x"), ("name", "a")], 400),
                ([("image", image[:3000], "x"), ("name", "a")], 400),
                ([("image", image, "x")], 400), ([("name", "a")], 422),
                ([("image", image, "x"), ("filename", "../a.jpg")], 400),
                ([("image", image, "x"), ("filename", "/etc/a.jpg")], 400),
                ([("image", image, "x"), ("filename", ".hidden.jpg")], 400),
                ([("image", image, "x"), ("filename", "a.txt")], 400),
                ([("image", image, "x"), ("filename", "a\nb.jpg")], 400),
                ([("image", image, "x"), ("filename", "l" * 300 + ".jpg")], 400),
                ([("image", image, "x"), ("name", b"\xff\xfe")], 400),
                ([("image", image, "x"), ("name", "a"), ("replace", "2")], 422)):
            reply = self.post(*parts)
            self.assertEqual(reply.status, status, (parts[1:], reply.body))
        for headers, status in (({}, 401), ({"Authorization": "Bearer wrong"}, 401),
                                ({**BEARER, "Origin": "http://evil.example"}, 403)):
            self.assertEqual(self.post(("image", image, "x"), ("name", "a"),
                                       headers=headers).status, status)
            self.assertEqual(self.delete("old_owl.png", headers=headers).status, status)
        for name in ("../index.npz", "nobody.jpg", "labels.csv", "", "a%00b"):
            self.assertIn(self.delete(name).status, (404, 422))
        self.assertEqual(self.names(), before)
        self.assertEqual(sorted(os.listdir(self.refs)), folder)
        own = {**BEARER, "Origin": f"http://127.0.0.1:{self.server.port}"}
        reply = self.post(("image", image, "x"), ("name", "Mine"), headers=own)
        self.assertEqual(reply.status, 201)
        self.assertEqual(self.delete(reply.json()["filename"]).status, 200)

    def killed_while_writing(self, index, rounds):
        """kill -9 at any moment: it opens again, with all that was acknowledged, and nothing else
        than what was asked for."""
        folder, index = os.path.join(self.dir, index + ".refs"), os.path.join(self.dir, index)
        shutil.copytree(self.refs, folder)
        made = run("index", "--refs", folder, "--out", index, "--encoder", "builtin", "--quiet")
        self.assertEqual(made.returncode, 0, made.stderr)
        there, gone = set(self.NAMES), set()  # acknowledged
        for round_number in range(rounds):
            server = Server("--index", index, *self.ARGS)
            asked = set()  # in which direction is not known

            def write():
                try:
                    for i in range(100):
                        name = f"kill_{round_number}_{i}.jpg"
                        asked.add(name)
                        reply = self.post(("image", jpeg(picture(100 + i)), "x"),
                                          ("filename", name), server=server)
                        self.assertEqual(reply.status, 201, reply.body)
                        there.add(name)
                        if i % 3 == 2:
                            there.remove(name)
                            reply = self.delete(name, server)
                            self.assertEqual(reply.status, 200, reply.body)
                            gone.add(name)
                except (OSError, http.client.HTTPException):
                    pass
            thread = threading.Thread(target=write)
            thread.start()
            time.sleep(0.15 + 0.23 * round_number)
            server.kill()
            thread.join()
            thing = os.path.join(folder, "LOCH-JP002_wolf.jpg")
            seen = run("query", "--index", index, "--json", thing)  # as the dead left it
            self.assertEqual(seen.returncode, 0, seen.stderr)
            again = Server("--index", index, *self.ARGS)
            names = set(self.names(again))
            self.assertTrue(there <= names, there - names)
            self.assertTrue(names <= there | asked, names - there)
            self.assertFalse(names & gone, names & gone)
            pictures = {x for x in os.listdir(folder) if x.endswith((".jpg", ".png"))}
            self.assertEqual(pictures, names)
            self.assertEqual(again.falcon(frame(1), headers=BEARER).json()["count"], 1)
            there = names
            self.assertEqual(again.stop(), 0)

    def test_killed_while_writing_a_file(self):
        self.killed_while_writing("killed.npz", 3)

    def test_killed_while_writing_a_folder(self):
        self.killed_while_writing("killed.idx", 5)

    def full_disk(self, index):
        """When nothing can be written the answer says so, and all is as it was."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        before, folder = self.names(), sorted(os.listdir(self.refs))
        popen = subprocess.Popen
        try:
            subprocess.Popen = lambda *a, **k: popen(*a, preexec_fn=limit, restore_signals=False,
                                                     **{**k, "stderr": subprocess.DEVNULL})
            server = Server("--index", index, *self.ARGS)
        finally:
            subprocess.Popen = popen
        self.addCleanup(server.stop)
        small = jpeg(picture(40, (100, 130)), quality=50)
        self.assertLess(len(small), 8192)  # there is room for this one, and none for its row
        for image in (jpeg(picture(40)), small):
            reply = self.post(("image", image, "x"), ("name", "big"), server=server)
            self.assertEqual(reply.status, 507, reply.body)
        self.assertEqual(self.names(server), before)
        self.assertEqual(sorted(os.listdir(self.refs)), folder)
        self.assertEqual(server.falcon(frame(1), headers=BEARER).json()["count"], 1)

    def test_full_disk(self):
        self.full_disk(self.index)

    def test_full_disk_of_a_folder(self):
        index = os.path.join(self.dir, "full.idx")
        made = run("index", "--refs", self.refs, "--out", index, "--encoder", "builtin", "--quiet")
        self.assertEqual(made.returncode, 0, made.stderr)
        before = sorted(os.listdir(index))
        self.full_disk(index)
        self.assertEqual([x for x in sorted(os.listdir(index)) if x != "lock"], before)


if __name__ == "__main__":
    unittest.main()
