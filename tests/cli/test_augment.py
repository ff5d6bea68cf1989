"""dlf-identify augment: the views it writes, and the sheet."""
import json
import os
import sys
import unittest

from PIL import Image

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import ProgramTest, run  # noqa: E402


class Augment(ProgramTest):
    def views(self, folder, *words):
        done = run("augment", "--refs", self.refs, "--out", self.path(folder), "-n", "3", "--json",
                   *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["views"], 3 * len(os.listdir(self.refs)))
        found = {}
        for name in sorted(os.listdir(self.path(folder))):
            with open(self.path(folder, name), "rb") as file:
                found[name] = file.read()
        return found

    def test_views_replay_and_differ(self):
        self.add("a.jpg", 1)
        self.add("b.png", 2, size=(500, 200))
        one = self.views("one", "--threads", "1")
        self.assertEqual(list(one), [f"{n}-{i}.jpg" for n in "ab" for i in (1, 2, 3)])
        self.assertEqual(one, self.views("three", "--threads", "3"))
        self.assertEqual(len(set(one.values())), 6)
        other, harsh = self.views("other", "--seed", "2"), self.views("harsh", "--harsh")
        self.assertNotEqual(one, other)
        self.assertEqual(Image.open(self.path("one", "a-1.jpg")).size, (256, 256))
        self.assertEqual(Image.open(self.path("harsh", "a-1.jpg")).size, (480, 360))
        self.assertEqual(len(set(harsh.values())), 6)

    def test_sheet(self):
        for i in range(3):
            self.add(f"thing_{i}.jpg", i)
        sheet = self.path("sheet.png")
        done = run("augment", "--refs", self.refs, "--contact-sheet", sheet, "--n", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("3 references on", done.stdout)
        image = Image.open(sheet)
        self.assertEqual(image.size, (3 * 128, 3 * 128))
        for row in range(3):  # something is drawn in every tile, on white
            for column in range(3):
                tile = image.crop((column * 128, row * 128, column * 128 + 128, row * 128 + 128))
                self.assertEqual(tile.getpixel((0, 0)), (255, 255, 255))
                self.assertLess(min(tile.convert("L").getdata()), 200)

    def test_usage_and_bad_input(self):
        self.assertEqual(run("augment").returncode, 2)
        self.assertEqual(run("augment", "--refs", self.refs).returncode, 2)
        done = run("augment", "--refs", self.refs, "--out", self.path("x"))
        self.assertEqual(done.returncode, 3)
        self.assertIn("no pictures", done.stderr)


if __name__ == "__main__":
    unittest.main()
