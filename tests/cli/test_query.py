"""dlf-identify query: answers, shapes, exit codes."""
import json
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from PIL import Image  # noqa: E402

from common import ProgramTest, picture, run  # noqa: E402


class Query(ProgramTest):
    @classmethod
    def setUpClass(cls):
        """A collection of twelve, of which each test has a copy."""
        cls.made = tempfile.mkdtemp(prefix="identify-test-")
        cls.addClassCleanup(shutil.rmtree, cls.made, ignore_errors=True)
        refs = os.path.join(cls.made, "refs")
        os.mkdir(refs)
        for i in range(12):
            picture(i).save(os.path.join(refs, f"AB-JP{i:03d}_thing_{i}_ur.jpg"), quality=90)
        result = run("index", "--refs", refs, "--out", os.path.join(cls.made, "index.npz"), "--quiet")
        assert result.returncode == 0, result.stderr

    def setUp(self):
        super().setUp()
        shutil.copytree(self.made, self.dir, dirs_exist_ok=True)

    def photo(self, seed, name="photo.jpg", angle=0, scale=1.0):
        """The picture held before a plain wall."""
        image = picture(seed)
        image = image.resize((int(image.width * scale), int(image.height * scale)))
        image = image.rotate(angle, expand=True, fillcolor=(120, 130, 125), resample=3)
        frame = picture(10_000 + seed, size=(800, 640)).resize((8, 6)).resize((800, 640))
        frame.paste(image, ((800 - image.width) // 2, (640 - image.height) // 2))
        frame.save(self.path(name), quality=80)
        return self.path(name)

    def test_json_has_the_shape_of_the_original(self):
        result = run("query", "--index", self.index, "--json", "--top", "3", self.photo(3, angle=10))
        self.assertEqual(result.returncode, 0, result.stderr)
        answer = json.loads(result.stdout)
        self.assertLessEqual({"image", "image_size", "count", "masks", "query", "elapsed_seconds"},
                             set(answer))
        self.assertEqual(answer["image_size"], [800, 640])
        self.assertEqual(answer["count"], len(answer["masks"]))
        mask = answer["masks"][0]
        self.assertLessEqual({"bbox_norm", "area_fraction", "label", "name", "rarity", "score",
                              "margin", "confident", "top_k", "ref_filename", "price"}, set(mask))
        self.assertEqual(set(mask["bbox_norm"]), {"x1", "y1", "x2", "y2"})
        self.assertEqual(mask["label"], "Thing 3 (UR)")
        self.assertEqual((mask["name"], mask["rarity"], mask["set_code"]),
                         ("Thing 3", "UR", "AB-JP003"))
        self.assertEqual(mask["ref_filename"], "AB-JP003_thing_3_ur.jpg")
        self.assertIsNone(mask["price"])
        self.assertEqual(len(mask["top_k"]), 3)
        self.assertEqual(set(mask["top_k"][0]), {"name", "filename", "score"})

    def test_any_rotation_is_found(self):
        for angle in (0, 90, 180, 213):
            with self.subTest(angle=angle):
                result = run("query", "--index", self.index, "--json", self.photo(5, angle=angle))
                answer = json.loads(result.stdout)
                self.assertEqual(answer["ranking"][0]["name"], "Thing 5")

    def test_stranger_is_none_of_them(self):
        result = run("query", "--index", self.index, self.photo(777))
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("none of them", result.stdout)

    def test_a_plain_thing_is_itself_and_no_other_is(self):
        """Two colours and hardly a feature: all of the picture has to be the same."""
        refs, index = self.path("plain"), self.path("plain.npz")
        os.mkdir(refs)

        def plain(path, colour, size=300):
            image = Image.new("RGB", (size, size), colour)
            image.paste(tuple(c + 55 for c in colour), [size // 3, size // 3, 2 * size // 3, 2 * size // 3])
            image.save(path, quality=75)
            return path
        colours = {"navy": (25, 40, 110), "teal": (20, 120, 120), "brown": (110, 70, 40), "grey": (90, 90, 90)}
        own = [plain(os.path.join(refs, name + ".png"), colour) for name, colour in colours.items()]
        self.assertEqual(run("index", "--refs", refs, "--out", index, "--quiet").returncode, 0)
        smaller = [plain(self.path(name + ".jpg"), colour, 210) for name, colour in colours.items()]
        for path in own + smaller:
            got = run("query", "--index", index, "--json", path)
            named = os.path.basename(path).split(".")[0].title()
            self.assertEqual((got.returncode, json.loads(got.stdout)["masks"][0]["name"]), (0, named), got.stdout)
        for colour in ((33, 48, 118), (150, 40, 40)):  # nearly navy, and something else
            self.assertEqual(run("query", "--index", index, plain(self.path("other.png"), colour)).returncode, 1)

    def test_stdin(self):
        with open(self.photo(4), "rb") as file:
            result = run("query", "--index", self.index, "-", stdin=file.read())
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(b"Thing 4 (UR)", result.stdout)

    def test_several_pictures_and_exit_codes(self):
        good, bad = self.photo(1), self.path("bad.jpg")
        with open(bad, "w", encoding="utf-8") as file:
            file.write("nothing")
        result = run("query", "--index", self.index, "--json", good, bad)
        self.assertEqual(result.returncode, 3)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([line["image"] for line in lines], [good, bad])
        self.assertIn("error", lines[1])
        self.assertIn("bad.jpg", result.stderr)

    def test_empty_rankings_never_exceed_the_index(self):
        result = run("query", "--index", self.index, "--json", "--top", "100", self.photo(1))
        self.assertEqual(len(json.loads(result.stdout)["ranking"]), 12)

    def colours_along(self, path, corners):
        """The pixels in the middle of each side of an outline."""
        with Image.open(path) as image:
            points = [(x * 800, y * 640) for x, y in corners]  # of the photo
            middles = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
                       for a, b in zip(points, points[1:] + points[:1])]
            return [image.convert("RGB").getpixel((int(x), int(y))) for x, y in middles]

    def near(self, colours, expected, tolerance):
        return all(abs(a - b) <= tolerance for c in colours for a, b in zip(c, expected))

    def test_annotate_draws_the_outline(self):
        green, amber = (24, 176, 80), (255, 168, 0)
        photo, out = self.photo(3, angle=10), self.path("seen.png")
        result = run("query", "--index", self.index, "--json", "--annotate", out, photo)
        self.assertEqual(result.returncode, 0, result.stderr)
        corners = json.loads(result.stdout)["masks"][0]["corners"]
        self.assertFalse(self.near(self.colours_along(photo, corners), green, 30))
        self.assertTrue(self.near(self.colours_along(out, corners), green, 2))
        with Image.open(out) as drawn, Image.open(photo) as before:
            self.assertEqual(drawn.height, before.height)
            seen = drawn.crop((0, 0, before.width, before.height))
            changed = sum(a != b for a, b in zip(seen.getdata(), before.convert("RGB").getdata()))
            self.assertLess(changed, 0.1 * seen.width * seen.height)
        self.add("AB-JP103_second_printing_r.jpg", 3, quality=60)
        self.build()
        result = run("query", "--index", self.index, "--json", "--annotate", out, photo)
        mask = json.loads(result.stdout)["masks"][0]
        self.assertFalse(mask["confident"])
        self.assertTrue(self.near(self.colours_along(out, mask["corners"]), amber, 2))

    def beside(self, out, width):
        """The part to the right of the picture, small and grey, less its mean."""
        with Image.open(out) as drawn:
            return drawn.crop((width, 0, drawn.width, drawn.height))

    def likeness(self, panel, seed):
        """How well the reference fits the best of some places in the panel, -1 to 1."""
        reference, best = list(picture(seed).convert("L").resize((16, 16)).getdata()), -1.0
        mean = sum(reference) / len(reference)
        for part in range(60, 100, 3):
            scale = min(panel.width * part / 100 / 300, panel.height * part / 100 / 420)
            width, height = int(300 * scale), int(420 * scale)
            x, y = (panel.width - width) // 2, (panel.height - height) // 3
            part_of = panel.crop((x, y, x + width, y + height)).convert("L").resize((16, 16))
            there = list(part_of.getdata())
            middle = sum(there) / len(there)
            dot = sum((p - middle) * (q - mean) for p, q in zip(there, reference))
            norm = sum((p - middle) ** 2 for p in there) * sum((q - mean) ** 2 for q in reference)
            best = max(best, dot / norm ** 0.5 if norm > 0 else -1)
        return best

    def test_annotate_puts_the_reference_beside(self):
        self.build()  # it says where its own pictures are
        photo, out = self.photo(3, angle=10), self.path("seen.png")
        self.assertEqual(run("query", "--index", self.index, "--annotate", out, photo).returncode, 0)
        panel = self.beside(out, 800)
        self.assertGreater(panel.width, 100)
        self.assertGreater(self.likeness(panel, 3), 0.8)
        self.assertLess(self.likeness(panel, 4), 0.6)
        # the pictures are found elsewhere when told so, and may be gone
        moved = self.path("moved")
        os.rename(self.refs, moved)
        self.assertEqual(run("query", "--index", self.index, "--annotate", out, photo).returncode, 0)
        gone = self.beside(out, 800)
        self.assertEqual(gone.size, panel.size)
        self.assertLess(self.likeness(gone, 3), 0.6)
        result = run("query", "--index", self.index, "--refs", moved, "--annotate", out, photo)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(list(self.beside(out, 800).getdata()), list(panel.getdata()))
        # nobody is there: nothing is put beside
        result = run("query", "--index", self.index, "--annotate", out, self.photo(777))
        self.assertEqual(result.returncode, 1)
        with Image.open(out) as drawn:
            self.assertEqual(drawn.size, (800, 640))

    def test_annotate_into_a_folder(self):
        photos = [self.photo(1, "one.jpg"), self.photo(777, "stranger.png"),
                  self.photo(2, "two.webp")]
        out = self.path("new", "drawn")
        result = run("query", "--index", self.index, "--annotate", out, *photos)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(sorted(os.listdir(out)), ["one.jpg", "stranger.png", "two.webp.png"])
        with Image.open(os.path.join(out, "one.jpg")) as image:
            self.assertEqual((image.format, image.height), ("JPEG", 640))
            self.assertGreater(image.width, 800)
        with open(photos[0], "rb") as file:
            result = run("query", "--index", self.index, "--annotate", out, "-", stdin=file.read())
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("stdin.png", os.listdir(out))

    def test_annotate_refuses(self):
        photo, other = self.photo(1, "one.jpg"), self.photo(2, "two.jpg")
        with open(photo, "rb") as file:
            before = file.read()
        for out, pictures, word in ((self.path("o.png"), [photo, other], "one file"),
                                    (photo, [photo], "overwrite"),
                                    (self.dir, [photo], "overwrite"),
                                    (self.path("d"), [photo, self.path("x", "one.jpg")], "become")):
            result = run("query", "--index", self.index, "--annotate", out, *pictures)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(word, result.stderr)
        with open(photo, "rb") as file:
            self.assertEqual(file.read(), before)
        for out in (self.path("missing", "o.png"), os.path.join(photo, "folder")):
            result = run("query", "--index", self.index, "--annotate", out, other)
            self.assertEqual(result.returncode, 4, result.stderr)
            self.assertIn(os.path.dirname(out), result.stderr)
            self.assertEqual(result.stdout, "")  # found before the work

    def bytes_of(self, name):
        with open(os.path.join(self.refs, name), "rb") as file:
            return file.read()

    def test_annotate_spares_the_collection(self):
        self.build()  # it says where its own pictures are
        name = sorted(os.listdir(self.refs))[0]
        reference = os.path.join(self.refs, name)
        before = {n: self.bytes_of(n) for n in os.listdir(self.refs)}
        photo, same_name = self.photo(1, "photo.jpg"), self.photo(1, name)
        link, folder = self.path("link.jpg"), self.path("linked")
        os.symlink(reference, link)
        os.symlink(self.refs, folder)
        for out, picture in ((reference, photo), (link, photo), (self.refs, same_name),
                             (folder, same_name), (os.path.join(folder, name), photo)):
            result = run("query", "--index", self.index, "--annotate", out, picture)
            self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
            self.assertIn("which the collection is made of", result.stderr)
        moved = self.path("moved")
        os.rename(self.refs, moved)
        result = run("query", "--index", self.index, "--refs", moved, "--annotate",
                     os.path.join(moved, name), photo)
        self.assertEqual(result.returncode, 2, result.stderr)
        os.rename(moved, self.refs)
        for n, bytes_ in before.items():
            self.assertEqual(self.bytes_of(n), bytes_)
        # another name there is nobody's
        other = os.path.join(self.refs, "drawn.png")
        self.assertEqual(run("query", "--index", self.index, "--annotate", other, photo).returncode,
                         0)
        self.assertTrue(os.path.exists(other))

    def test_usage_errors(self):
        cases = [(["query", "--index", self.index], "no picture"),
                 (["query", "--indx", "x", "y"], "did you mean '--index'"),
                 (["query", "--top", "0", "x"], "1 to 1000"),
                 (["query", "--top", "1.5", "x"], "whole number"),
                 (["query", "--top", "cat", "x"], "takes a number"),
                 (["query", "--index"], "none was given"),
                 (["qeury"], "did you mean 'query'"),
                 (["index"], "--refs DIR is missing"),
                 (["index", "--refs", "x", "stray"], "unexpected argument"),
                 (["verify", "--queries", "x"], "go together"),
                 ([], "command is missing")]
        for args, text in cases:
            with self.subTest(args=args):
                result = run(*args)
                self.assertEqual(result.returncode, 2)
                self.assertIn(text, result.stderr)
                self.assertEqual(result.stdout, "")

    def test_help_goes_to_stdout_with_examples(self):
        for args in (["--help"], ["query", "--help"], ["index", "-h"], ["help", "verify"]):
            result = run(*args)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIn("Examples:\n  dlf-identify", result.stdout)
            self.assertTrue(all(len(line) <= 100 for line in result.stdout.splitlines()))

    def test_bad_indexes_are_refused(self):
        photo = self.photo(1)
        data = open(self.index, "rb").read()
        for name, content in {"cut": data[:len(data) // 2], "empty": b"", "text": b"hello " * 50,
                              "flipped": data[:200] + bytes([data[200] ^ 255]) + data[201:]}.items():
            with self.subTest(name=name):
                path = self.path(name + ".npz")
                with open(path, "wb") as file:
                    file.write(content)
                result = run("query", "--index", path, photo)
                self.assertEqual(result.returncode, 3, result.stderr)
                self.assertIn(name + ".npz", result.stderr)
        missing = run("query", "--index", self.path("none.npz"), photo)
        self.assertEqual(missing.returncode, 3)

    def test_closed_stdout_is_noticed(self):
        with open("/dev/full", "w") as full:
            import subprocess
            from common import PROGRAM
            result = subprocess.run([PROGRAM, "query", "--index", self.index, self.photo(1)],
                                    stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(result.returncode, 4)

    def test_table_has_one_line_a_picture(self):
        result = run("query", "--index", self.index, "--table", self.photo(1, "a.jpg"),
                     self.photo(2, "b.jpg"))
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn("Thing 2 (UR)", lines[1])
        self.assertNotIn("\033", result.stdout)


if __name__ == "__main__":
    unittest.main()
