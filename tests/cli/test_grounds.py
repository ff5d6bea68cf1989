"""Things photographed on one table: the table tells none from another, and is left out."""
import functools
import json
import math
import os
import random
import shutil
import sys
import tempfile
import unittest

import numpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import Image, ImageDraw, ProgramTest, picture, run  # noqa: E402

PLACES = {"bolt": (480, 420), "chip": (700, 400), "gear": (600, 560), "label": (820, 540),
          "plate": (420, 560)}
VIEW = (520, 420)


@functools.lru_cache
def mat(size=(1240, 960)):
    """A cutting mat: a grid, scratches."""
    rng = random.Random(5)
    image = Image.new("RGB", size, (34, 94, 72))
    draw = ImageDraw.Draw(image)
    for k in range(1, size[0] // 36):
        draw.line([36 * k, 0, 36 * k, size[1]], fill=(150, 195, 175), width=3 if k % 5 == 0 else 1)
        draw.line([0, 36 * k, size[0], 36 * k], fill=(150, 195, 175), width=3 if k % 5 == 0 else 1)
    for _ in range(150):
        x, y, a = rng.randrange(size[0]), rng.randrange(size[1]), rng.random() * 6.28
        long, light = rng.randrange(20, 110), rng.choice([-25, 40, 60])
        draw.line([x, y, x + long * math.cos(a), y + long * math.sin(a)],
                  fill=(34 + light, 94 + light, 72 + light), width=rng.choice([1, 2, 3]))
    return image


def thing(name):
    """A thing of 150 pixels on nothing."""
    image = Image.new("RGBA", (150, 150), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    rng = random.Random(name)
    if name == "bolt":
        draw.rectangle([10, 62, 112, 88], fill=(190, 192, 198, 255))
        for x in range(14, 90, 8):
            draw.line([x, 62, x + 4, 88], fill=(60, 62, 68, 255), width=2)
        draw.polygon([(112, 50), (140, 60), (140, 90), (112, 100)], fill=(150, 152, 160, 255))
    elif name == "chip":
        draw.rectangle([30, 40, 120, 110], fill=(25, 25, 28, 255))
        for x in range(36, 118, 11):
            draw.rectangle([x, 26, x + 5, 40], fill=(200, 202, 208, 255))
            draw.rectangle([x, 110, x + 5, 124], fill=(200, 202, 208, 255))
        for k in range(9):
            x, y = 36 + 9 * k, rng.randrange(52, 92)
            draw.rectangle([x, y, x + 5, y + rng.randrange(4, 14)], fill=(225, 225, 225, 255))
    elif name == "gear":
        draw.ellipse([25, 25, 125, 125], fill=(52, 50, 58, 255))
        for i in range(12):
            x, y = 75 + 52 * math.cos(i * .5236), 75 + 52 * math.sin(i * .5236)
            draw.rectangle([x - 8, y - 8, x + 8, y + 8], fill=(52, 50, 58, 255))
        for x, y in ((75, 45), (50, 90), (100, 90), (60, 70)):
            draw.ellipse([x - 7, y - 7, x + 7, y + 7], fill=(170, 165, 150, 255))
    else:
        draw.rectangle([15, 20, 135, 130], fill=tuple(rng.randrange(120, 256) for _ in range(3)) + (255,))
        for _ in range(22):
            x, y = rng.randrange(18, 110), rng.randrange(24, 105)
            draw.rectangle([x, y, x + rng.randrange(6, 24), y + rng.randrange(6, 24)],
                           fill=tuple(rng.randrange(256) for _ in range(3)) + (255,))
    return image


def photo(name, at, angle, seed, light=1.0, camera=None):
    """The mat around `at`, seen from a little aside and turned, with a thing there or none; or, by a
    `camera` that does not move, the mat around that."""
    rng = random.Random(seed)
    table = mat().copy()
    if name:
        turned = thing(name).rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
        table.paste(turned, (at[0] - turned.width // 2, at[1] - turned.height // 2), turned)
    turn, scale = rng.uniform(-.25, .25), rng.uniform(.95, 1.05)
    x0, y0 = at[0] + rng.randrange(-50, 50), at[1] + rng.randrange(-40, 40)
    if camera:
        (x0, y0), turn, scale = camera, 0, 1
    quad = []
    for sx, sy in ((-1, -1), (-1, 1), (1, 1), (1, -1)):
        x, y = sx * VIEW[0] * scale / 2, sy * VIEW[1] * scale / 2
        quad += [x0 + x * math.cos(turn) - y * math.sin(turn), y0 + x * math.sin(turn) + y * math.cos(turn)]
    seen = table.transform((640, 516), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)
    return seen.point(lambda v: int(v * light))


class Grounds(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.mkdtemp(prefix="identify-test-")
        cls.addClassCleanup(shutil.rmtree, cls.made, ignore_errors=True)
        for k, (name, at) in enumerate(PLACES.items()):
            photo(name, at, 10 * k - 20, k).save(os.path.join(cls.made, name + ".png"))
        cls.built = os.path.join(cls.made, "table.npz")
        made = run("index", "--refs", cls.made, "--out", cls.built, "--json")
        assert made.returncode == 0, made.stderr
        cls.report = json.loads(made.stdout)

    def names(self, frames):
        """What is named in each frame."""
        paths = [self.path(f"frame{i}.png") for i in range(len(frames))]
        for frame, path in zip(frames, paths):
            frame.save(path)
        answers = run("query", "--index", self.built, "--json", *paths).stdout.splitlines()
        self.assertEqual(len(answers), len(frames))
        return [[m["ref_filename"][:-4] for m in json.loads(a)["masks"] if m["confident"]]
                for a in answers]

    def on_ground(self):
        return self.build("--calibration-views", "0")["on_ground"]

    def take(self, *names):
        for name in names:
            shutil.copy2(os.path.join(self.made, name + ".png"), self.refs)

    def crops(self, index):
        with numpy.load(index, allow_pickle=False) as data:
            names = [n[:-4] for n in data["filenames"]]
            return dict(zip(names, data["crops"])) if "crops" in data else {}

    def test_it_is_said(self):
        self.assertEqual(self.report["on_ground"], len(PLACES))
        text = run("index", "--refs", self.made, "--out", self.built)
        self.assertIn("5 lie on one ground", text.stdout)
        self.assertIn("left as it is", text.stdout)
        verified = run("verify", "--index", self.built, "--views", "0", "--json")
        self.assertEqual(json.loads(verified.stdout)["on_ground"], 5)
        self.assertIn("5 lie on one ground",
                      run("verify", "--index", self.built, "--views", "0").stdout)

    def test_each_is_known_by_what_it_has_alone(self):
        crops = self.crops(self.built)
        self.assertEqual(set(crops), set(PLACES))
        for name, crop in crops.items():
            left, top, right, bottom = map(int, crop)
            self.assertLess((right - left) * (bottom - top), .35 * 65535 ** 2, name)
            self.assertLess(abs(left + right - 65535), .35 * 65535, name)  # it lies in the middle
            self.assertLess(abs(top + bottom - 65535), .35 * 65535, name)

    def test_features_of_the_ground_are_left_out(self):
        with numpy.load(self.built, allow_pickle=False) as data:
            row = list(data["filenames"]).index("bolt.png")  # laid askew: ground in the corners of its box
            width, height = map(int, data["feature_sizes"][row])
            first, end = map(int, data["feature_offsets"][row:row + 2])
            places = data["keypoints"].view("<u2")[first:end, :2] / 32 / (width, height)
        edge = numpy.minimum(places, 1 - places)
        self.assertGreater(len(places), 50)
        self.assertEqual(int((edge < .1).all(1).sum()), 0)

    def test_things_elsewhere_on_the_table_are_found(self):
        places = ((640, 480), (480, 540), (760, 460))
        right = 0
        frames = [photo(name, places[k % 3], 60 * k + 30, 100 + k, .8 + .1 * (k % 3))
                  for k, name in enumerate(PLACES)]
        for name, found in zip(PLACES, self.names(frames)):
            self.assertIn(found, ([], [name]))
            right += found == [name]
        self.assertGreaterEqual(right, 4)

    def test_the_empty_table_and_strangers_are_none_of_them(self):
        frames = []
        for k, at in enumerate(((640, 480), (480, 430), (800, 520))):
            frames += [photo(None, at, 0, 200 + k), photo(f"other{k}", at, 40 * k, 300 + k)]
        self.assertEqual(self.names(frames), [[]] * 6)

    def test_a_camera_that_does_not_move(self):
        for k, name in enumerate(PLACES):
            at = (540 + 45 * k, 430 + 45 * (k % 3))
            photo(name, at, 25 * k, k, camera=(620, 470)).save(self.path("refs", name + ".png"))
        self.assertEqual(self.on_ground(), 5)

    def test_what_comes_and_goes_later(self):
        names = list(PLACES)
        self.take(*names[:3])
        self.assertEqual(self.on_ground(), 0)  # three are not many
        self.take(*names[3:])
        self.assertEqual(self.on_ground(), 5)
        fresh = self.path("fresh.npz")
        run("index", "--refs", self.refs, "--out", fresh, "--calibration-views", "0")
        with open(self.index, "rb") as one, open(fresh, "rb") as other:
            self.assertEqual(one.read(), other.read())
        self.assertFalse(self.build("--calibration-views", "0")["written"])
        for name in names[:2]:
            os.remove(os.path.join(self.refs, name + ".png"))
        self.assertEqual(self.on_ground(), 0)
        self.assertEqual(self.crops(self.index), {})

    def test_what_is_added_is_seen_by_the_next_index(self):
        names = list(PLACES)
        self.take(*names[:4])
        self.assertEqual(self.on_ground(), 4)
        self.take(names[4])
        added = run("add", "--index", self.index, os.path.join(self.refs, names[4] + ".png"))
        self.assertIn("4 references lie on one ground", added.stderr)
        self.assertEqual(len([c for c in self.crops(self.index).values() if c[2] > 0]), 4)
        self.assertEqual(self.on_ground(), 5)
        self.assertFalse(self.build("--calibration-views", "0")["written"])

    def test_a_folder_says_the_same(self):
        self.take(*PLACES)
        self.index = self.path("table.idx")
        self.assertEqual(self.on_ground(), 5)
        self.assertFalse(self.build("--calibration-views", "0")["written"])
        out = self.path("one.npz")
        self.assertEqual(run("index", "--out", self.index, "--export", out).returncode, 0)
        self.assertEqual({k: list(v) for k, v in self.crops(out).items()},
                         {k: list(v) for k, v in self.crops(self.built).items()})

    def test_a_frame_that_all_prints_have_is_none(self):
        """Cards have a border and a text box in common, and other pictures in them."""
        for k in range(5):
            card = picture(500)
            card.paste(picture(k, (220, 240)), (40, 50))
            card.save(os.path.join(self.refs, f"card{k}.png"))
        self.assertEqual(self.on_ground(), 0)

    def test_printings_of_one_picture_are_no_ground(self):
        for k in range(5):
            card = picture(600)
            ImageDraw.Draw(card).rectangle([240, 200, 262, 222], fill=(40 * k, 20, 200 - 40 * k))
            card.save(os.path.join(self.refs, f"card{k}.png"))
        self.assertEqual(self.on_ground(), 0)
        card = picture(600)  # one of them with a sticker on it
        card.paste(picture(700, (80, 90)), (110, 160))
        card.save(os.path.join(self.refs, "card0.png"))
        self.assertEqual(self.on_ground(), 0)


if __name__ == "__main__":
    unittest.main()
