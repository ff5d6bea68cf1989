#!/usr/bin/env python3
"""An index that somebody else made names files of ours: what is drawn, reported and served are pictures
of one folder and none but those that were indexed."""
import base64
import hashlib
import json
import os
import re
import shutil
import unittest

import numpy as np

from common import Image, ProgramTest, picture, run


class Foreign(ProgramTest):
    N = 3

    def setUp(self):
        super().setUp()
        for i in range(self.N):
            self.add(f"thing_{i}.png", i, size=(150, 210))
        self.build()
        # a grey picture of ours, which must not show up anywhere
        self.secret = self.path("secret.png")
        Image.new("RGB", (300, 420), (9, 99, 199)).save(self.secret)

    def forge(self, name, hashes=True, refs=None):
        """Gives thing_0.png another file name."""
        with np.load(self.index) as file:
            arrays = dict(file)
        names = list(arrays["filenames"])
        names[names.index("thing_0.png")] = name
        arrays["filenames"] = np.array(names)
        if not hashes:
            del arrays["sha256"]
        if refs is not None:
            meta = json.loads(str(arrays["meta"]))
            meta["refs_dir"] = refs
            arrays["meta"] = np.array(json.dumps(meta))
        np.savez(self.index, **arrays)

    def shown(self):
        """Whether the secret is in an annotated picture or in a report."""
        drawn, page = self.path("drawn.png"), self.path("report.html")
        photo = self.path("photo.png")
        picture(0, size=(150, 210)).resize((450, 630)).save(photo)
        result = run("query", "--index", self.index, "--annotate", drawn, "--json", photo)
        self.assertEqual(result.returncode, 0, result.stderr)
        inside = self.is_secret(Image.open(drawn))
        result = run("verify", "--index", self.index, "--views", "2", "--report", page, "--json")
        self.assertIn(result.returncode, (0, 1), result.stderr)
        with open(page) as f:
            html = f.read()
        pictures = re.findall(r"data:image/\w+;base64,([A-Za-z0-9+/=]+)", html)
        self.assertGreater(len(pictures), 0)
        for text in pictures:
            path = self.path("inside")
            with open(path, "wb") as f:
                f.write(base64.b64decode(text))
            inside = inside or self.is_secret(Image.open(path))
        return inside

    @staticmethod
    def is_secret(image):
        pixels = np.asarray(image.convert("RGB")).astype(int)
        return int((np.abs(pixels - [9, 99, 199]).max(axis=2) < 12).sum()) > 100

    def test_what_is_shown_otherwise(self):
        """The test would see it: the same picture, indexed, is shown."""
        Image.new("RGB", (300, 420), (9, 99, 199)).save(os.path.join(self.refs, "thing_0.png"))
        with open(os.path.join(self.refs, "thing_0.png"), "rb") as f:
            digest = np.frombuffer(hashlib.sha256(f.read()).digest(), dtype=np.uint8)
        with np.load(self.index) as file:
            arrays = dict(file)
        arrays["sha256"][list(arrays["filenames"]).index("thing_0.png")] = digest
        np.savez(self.index, **arrays)
        self.assertTrue(self.shown())

    def test_another_folder(self):
        for hashes in (True, False):
            self.forge("../secret.png", hashes)
            self.assertFalse(self.shown())
            self.build("--rebuild")
        self.forge(self.secret, False)
        self.assertFalse(self.shown())

    def test_a_foreign_folder(self):
        """Its refs_dir is a folder of ours, the names those of our files."""
        for name in ("thing_1.png", "thing_2.png"):
            shutil.copy(os.path.join(self.refs, name), self.dir)
        self.forge("secret.png", True, self.dir)
        self.assertFalse(self.shown())

    def test_a_link(self):
        os.symlink(self.secret, os.path.join(self.refs, "link.png"))
        self.forge("link.png", False)
        self.assertFalse(self.shown())
        # one that is among the references is another matter
        os.unlink(os.path.join(self.refs, "link.png"))
        os.symlink(self.secret, os.path.join(self.refs, "thing_9.png"))
        self.build("--rebuild")
        result = run("verify", "--index", self.index, "--views", "1", "--json")
        camera = json.loads(result.stdout)["camera"]
        self.assertEqual((camera["unreadable"], camera["changed"]), (0, 0))


if __name__ == "__main__":
    unittest.main()
