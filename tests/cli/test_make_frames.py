#!/usr/bin/env python3
"""make-frames: the same seed gives the same frames, and its table of corners keeps its word."""
import csv
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from PIL import Image

SOURCE = pathlib.Path(os.environ.get("IDENTIFY_SOURCE_DIR",
                                     pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("IDENTIFY_BUILD_DIR", SOURCE / "build" / "dev"))
TOOL = BUILD / "tools" / "make-frames"
REFS = SOURCE / "data" / "example"


@unittest.skipUnless(TOOL.exists(), "built without the developer tools")
class MakeFrames(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def make(self, name, *arguments):
        out = self.folder / name
        done = subprocess.run([str(TOOL), "--refs", str(REFS), "--out", str(out), *arguments],
                              capture_output=True, text=True, timeout=300)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open(out / "frames.tsv", encoding="utf-8", newline="") as table:
            return out, list(csv.DictReader(table, delimiter="\t"))

    def test_frames_and_their_table(self):
        out, rows = self.make("a", "--only", "hard", "--frames", "1", "--seed", "7")
        counts = {}
        for row in rows:
            counts[row["frame"]] = counts.get(row["frame"], 0) + 1
            self.assertTrue((REFS / row["reference"]).is_file(), row["reference"])
            corners = [(float(row[f"x{i}"]), float(row[f"y{i}"])) for i in range(1, 5)]
            for i, (x, y) in enumerate(corners):
                self.assertTrue(0 < x < 1280 and 0 < y < 720, corners)
                (bx, by), (cx, cy) = corners[(i + 1) % 4], corners[(i + 2) % 4]
                # Every turn is to the same side: convex, and not mirrored.
                self.assertGreater((bx - x) * (cy - by) - (by - y) * (cx - bx), 0)
        self.assertEqual(counts, {f"hard_{n:02d}_000.jpg": n for n in (1, 3, 6, 10)})
        for frame in counts:
            with Image.open(out / frame) as picture:
                picture.load()
                self.assertEqual(picture.size, (1280, 720))
        again, rows_again = self.make("b", "--only", "hard", "--frames", "1", "--seed", "7")
        self.assertEqual(rows, rows_again)
        for path in sorted(out.iterdir()):
            self.assertEqual(path.read_bytes(), (again / path.name).read_bytes(), path.name)

    def test_the_card_is_where_the_table_says(self):
        """A card cut out along its corners looks like its reference."""
        out, rows = self.make("c", "--only", "easy", "--frames", "1")
        for row in rows[:4]:
            corners = [float(row[f"{axis}{i}"]) for i in (1, 4, 3, 2) for axis in "xy"]
            with Image.open(out / row["frame"]) as frame:
                seen = frame.convert("L").transform((50, 70), Image.QUAD, corners, Image.BICUBIC)
            with Image.open(REFS / row["reference"]) as reference:
                known = reference.convert("L").resize((50, 70), Image.BICUBIC)
            a, b = list(seen.getdata()), list(known.getdata())
            mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
            both = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b))
            alone = (sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)) ** 0.5
            self.assertGreater(both / alone, 0.6, row)

    def test_usage(self):
        for arguments in ([], ["--refs"], ["--refs", str(REFS)], ["--only", "odd"]):
            self.assertEqual(subprocess.run([str(TOOL), *arguments], capture_output=True).returncode,
                             2)
        empty = self.folder / "empty"
        empty.mkdir()
        done = subprocess.run([str(TOOL), "--refs", str(empty), "--out", str(self.folder / "x")],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("no pictures", done.stderr)


if __name__ == "__main__":
    unittest.main()
