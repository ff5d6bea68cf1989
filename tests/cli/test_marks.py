"""A watermark or a frame over soft pictures: what many carry tells none from another."""
import json
import os
import random
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import Image, ImageDraw, ProgramTest, picture, run  # noqa: E402

SIDE, N, STRANGERS = 360, 6, 6


def soft(seed):
    """Colours that run into each other: no corner anywhere."""
    rng = random.Random(seed)
    few = Image.new("RGB", (4, 5))
    few.putdata([tuple(rng.randrange(256) for _ in range(3)) for _ in range(20)])
    return few.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def watermarked(image):
    """Strokes, as of writing, all over a picture."""
    rng = random.Random(3)
    over = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(over)
    for y in range(6, SIDE, 60):
        for x in range(6, SIDE, 48):
            points = [(x + rng.randrange(44), y + rng.randrange(50)) for _ in range(4)]
            draw.line(points, fill=(0, 0, 0, 220), width=19)
            draw.line(points, fill=(255, 255, 255, 255), width=8)
    return Image.alpha_composite(image.convert("RGBA"), over).convert("RGB")


def framed(image):
    """An ornament of dots around a picture."""
    rng = random.Random(4)
    out = Image.new("RGB", (SIDE, SIDE), (70, 50, 40))
    draw = ImageDraw.Draw(out)
    for i in range(120):
        t, w = rng.randrange(SIDE), rng.randrange(8, 36)
        x, y = [(t, w), (t, SIDE - w), (w, t), (SIDE - w, t)][i % 4]
        q = rng.randrange(3, 8)
        draw.rectangle([x - q, y - q, x + q, y + rng.randrange(1, q)], fill=tuple(rng.randrange(90, 256) for _ in range(3)))
    out.paste(image.resize((SIDE - 88, SIDE - 88)), (44, 44))
    return out


def photo(image, seed):
    """It lies askew on something with a grain."""
    rng = random.Random(seed)
    table = Image.frombytes("L", (320, 260), rng.randbytes(320 * 260)).resize((640, 520)).convert("RGB")
    turned = image.convert("RGBA").resize((340, 340)).rotate(rng.uniform(-180, 180), expand=True,
                                                             resample=Image.Resampling.BICUBIC)
    table.paste(turned, (320 - turned.width // 2, 260 - turned.height // 2), turned)
    light = rng.uniform(.7, 1.1)
    return table.point(lambda v: int(v * light))


class Marks(ProgramTest):
    def known(self, mark):
        """Indexes soft pictures with a mark; gives the report and what is named in photographs of
        each, of others with the same mark and of the mark alone."""
        for i in range(N):
            mark(soft(i)).save(os.path.join(self.refs, f"it{i}.png"))
        report = self.build()
        shown = [soft(i) for i in range(N)] + [soft(100 + i) for i in range(STRANGERS)]
        shown += [Image.new("RGB", (SIDE, SIDE), c) for c in ("white", (120, 120, 120))]
        paths = [self.path(f"frame{i}.png") for i in range(len(shown))]
        for i, (image, path) in enumerate(zip(shown, paths)):
            photo(mark(image), i).save(path)
        answers = run("query", "--index", self.index, "--json", *paths).stdout.splitlines()
        self.assertEqual(len(answers), len(shown))
        return report, [[m["ref_filename"][:-4] for m in json.loads(a)["masks"] if m["confident"]]
                        for a in answers]

    def check(self, mark):
        report, named = self.known(mark)
        self.assertEqual(report["marked"], N)
        self.assertEqual(report["alike"], [])
        self.assertEqual(named[:N], [[f"it{i}"] for i in range(N)])
        self.assertEqual(named[N:], [[]] * (len(named) - N))

    def test_a_watermark(self):
        self.check(watermarked)
        again = run("index", "--refs", self.refs, "--out", self.index, "--rebuild")
        self.assertIn(f"{N} share a mark", again.stdout)
        verified = run("verify", "--index", self.index, "--views", "0", "--json")
        self.assertEqual(json.loads(verified.stdout)["marked"], N)
        self.assertIn(f"{N} share a mark",
                      run("verify", "--index", self.index, "--views", "0").stdout)

    def test_a_frame(self):
        self.check(framed)

    def marked(self):
        return self.build("--calibration-views", "0")["marked"]

    def test_pictures_with_much_of_their_own_have_none(self):
        for i in range(N):
            watermarked(picture(i, (SIDE, SIDE))).save(os.path.join(self.refs, f"it{i}.png"))
        self.assertEqual(self.marked(), 0)

    def test_printings_are_alike_and_carry_none(self):
        for i in range(N):
            print_ = watermarked(soft(1))
            ImageDraw.Draw(print_).rectangle([40, 40, 60, 60], fill=(40 * i, 20, 200 - 40 * i))
            print_.save(os.path.join(self.refs, f"it{i}.png"))
        report = self.build("--calibration-views", "0")
        self.assertEqual(report["marked"], 0)
        self.assertGreater(len(report["alike"]), 0)


if __name__ == "__main__":
    unittest.main()
