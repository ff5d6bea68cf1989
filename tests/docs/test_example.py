#!/usr/bin/env python3
"""The example collection is what data/README.md says: complete, small, readable, and what
tools/make_example.py paints."""
import csv
import os
import pathlib
import subprocess
import sys
import unittest

import PIL
from PIL import Image

SOURCE = pathlib.Path(os.environ.get("IDENTIFY_SOURCE_DIR",
                                     pathlib.Path(__file__).resolve().parents[2]))
CARDS = SOURCE / "data" / "example"
FRAMES = SOURCE / "data" / "example-frames"


class Example(unittest.TestCase):
    def test_cards(self):
        cards = sorted(CARDS.glob("*.jpg"))
        self.assertGreaterEqual(len(cards), 30)
        for path in cards:
            with Image.open(path) as picture:
                picture.load()
                self.assertEqual((picture.size, picture.mode), ((500, 700), "RGB"), path.name)
        self.assertLess(sum(path.stat().st_size for path in cards), 2_600_000)
        self.assertTrue(any(not path.name.isascii() for path in cards))

    def test_labels_name_cards_that_are_there(self):
        with open(CARDS / "labels.csv", encoding="utf-8", newline="") as table:
            rows = list(csv.DictReader(table))
        self.assertTrue(rows)
        for row in rows:
            self.assertEqual(list(row), ["filename", "name", "rarity", "set_code"])
            self.assertTrue((CARDS / row["filename"]).is_file(), row["filename"])

    def test_every_frame_has_an_answer(self):
        lines = (FRAMES / "pairs.tsv").read_text(encoding="utf-8").splitlines()
        pairs = dict(line.split("\t") for line in lines)
        self.assertEqual(set(pairs), {path.name for path in FRAMES.glob("*.jpg")})
        answers = list(pairs.values())
        self.assertEqual((len(answers), answers.count("NONE")), (10, 2))
        for frame, answer in pairs.items():
            self.assertTrue(answer == "NONE" or (CARDS / answer).is_file(), answer)
            with Image.open(FRAMES / frame) as picture:
                picture.load()
                self.assertEqual(picture.size, (1280, 720))

    @unittest.skipUnless(os.path.isdir("/usr/share/openclipart/png/animals") and
                         os.path.isfile("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf") and
                         PIL.__version__ == "9.4.0",
                         "needs Debian 12's openclipart-png, fonts-dejavu-core and python3-pil")
    def test_the_script_paints_these_bytes(self):
        done = subprocess.run([sys.executable, str(SOURCE / "tools" / "make_example.py"), "--check",
                               "--only", "dragon_pscr", "--only", "skerry", "--only", "IMG_2041",
                               "--only", "02_under_glare"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
