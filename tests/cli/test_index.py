"""dlf-identify index: what it writes, keeps, drops and refuses."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

import numpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import PROGRAM, Image, ImageDraw, ProgramTest, picture, run  # noqa: E402


class Index(ProgramTest):
    def fill(self, n=4):
        for i in range(n):
            self.add(f"thing_{i}.jpg", i)

    def test_numpy_reads_it_without_pickle(self):
        self.add("LOCH-JP001_dark_magician_pscr.jpg", 1)
        self.add("blue_eyes.png", 2)
        self.build()
        with numpy.load(self.index, allow_pickle=False) as data:
            self.assertEqual(list(data["names"]), ["Dark Magician", "Blue Eyes"])
            self.assertEqual(list(data["filenames"]),
                             ["LOCH-JP001_dark_magician_pscr.jpg", "blue_eyes.png"])
            self.assertEqual(list(data["rarities"]), ["PScR", ""])
            self.assertEqual(list(data["set_codes"]), ["LOCH-JP001", ""])
            vectors = data["embeddings"]
            self.assertEqual(vectors.dtype, numpy.float32)
            numpy.testing.assert_allclose((vectors ** 2).sum(1), 1, atol=1e-5)

    def test_a_reference_takes_at_most_66000_bytes(self):
        sizes = []
        for n in (4, 12):
            for i in range(n):
                self.add(f"a_thing_of_some_length_in_its_file_name_{i}.jpg", i, size=(700, 900))
            self.build("--calibration-views", "0")
            sizes.append(os.path.getsize(self.index))
        with numpy.load(self.index) as data:
            self.assertEqual(len(data["descriptors"]), 12 * 1050)  # as many as are kept
        self.assertLessEqual((sizes[1] - sizes[0]) / 8, 66000)  # 1050 features, their words, two vectors, a small picture

    def test_second_run_encodes_only_what_changed(self):
        self.fill()
        self.assertEqual(self.build()["encoded"], 4)
        again = self.build()
        self.assertEqual((again["encoded"], again["kept"], again["written"]), (0, 4, False))
        self.add("thing_1.jpg", 99)
        self.add("new.webp", 7)
        os.remove(os.path.join(self.refs, "thing_2.jpg"))
        third = self.build()
        self.assertEqual((third["encoded"], third["changed"], third["kept"], third["dropped"]),
                         (2, 1, 2, 1))
        self.assertEqual(third["references"], 4)

    def test_update_equals_a_fresh_build(self):
        self.fill()
        self.build()
        self.add("thing_9.jpg", 9)
        self.build()
        with open(self.index, "rb") as file:
            updated = file.read()
        self.build("--rebuild")
        with open(self.index, "rb") as file:
            self.assertEqual(file.read(), updated)

    def test_an_index_without_words_is_brought_up_to_date(self):
        self.fill()
        self.build()
        with open(self.index, "rb") as file:
            whole = file.read()
        with numpy.load(self.index) as data:
            old = {name: data[name] for name in data if not name.startswith(("words_", "embeddings_"))}
            self.assertLess(len(old), len(data.files))
        with open(self.index, "wb") as file:
            numpy.savez(file, **old)
        shown = os.path.join(self.refs, "thing_1.jpg")
        answer = run("query", "--index", self.index, "--json", shown)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        report = self.build()
        self.assertEqual((report["encoded"], report["calibrated"]), (0, False))
        with open(self.index, "rb") as file:
            self.assertEqual(file.read(), whole)
        self.assertEqual(json.loads(run("query", "--index", self.index, "--json", shown).stdout)["masks"],
                         json.loads(answer.stdout)["masks"])

    def test_touched_and_renamed_pictures_are_not_encoded_again(self):
        self.fill()
        self.build()
        os.utime(os.path.join(self.refs, "thing_0.jpg"), (1, 1))
        os.rename(os.path.join(self.refs, "thing_3.jpg"), os.path.join(self.refs, "other.jpg"))
        report = self.build()
        self.assertEqual((report["encoded"], report["kept"], report["dropped"]), (0, 4, 1))
        with numpy.load(self.index) as data:
            self.assertIn("Other", data["names"])

    def test_result_does_not_depend_on_threads(self):
        self.fill(6)
        self.build("--threads", "1")
        with open(self.index, "rb") as file:
            one = file.read()
        self.build("--threads", "4", "--rebuild")
        with open(self.index, "rb") as file:
            self.assertEqual(file.read(), one)

    def test_unreadable_pictures_are_left_out_with_a_reason(self):
        self.fill(3)
        whole = open(os.path.join(self.refs, "thing_0.jpg"), "rb").read()
        broken = {"zero.jpg": b"", "text.jpg": b"this is no picture\n" * 40,
                  "short.jpg": whole[:len(whole) // 2]}
        for name, data in broken.items():
            with open(os.path.join(self.refs, name), "wb") as file:
                file.write(data)
        os.mkdir(os.path.join(self.refs, "folder.jpg"))
        report = self.build()
        self.assertEqual(report["references"], 3)
        left_out = {entry["filename"]: entry["reason"] for entry in report["unreadable"]}
        self.assertEqual(set(left_out), set(broken) | {"folder.jpg"})
        self.assertIn("folder", left_out["folder.jpg"])
        before = open(self.index, "rb").read()
        failed = self.build("--strict", "--rebuild", expect=3)
        self.assertIn(".jpg", failed.stderr)
        self.assertEqual(open(self.index, "rb").read(), before)

    def test_white_art_on_nothing(self):
        """Over white there is nothing to see of it: it goes over black, and knows itself there."""
        for seed, name in enumerate(("pale_a.png", "pale_b.webp", "dark.png", "opaque.png")):
            shape = picture(seed).convert("L").point(lambda v: 255 if v > 110 else 0)
            grey = 30 if name == "dark.png" else 250
            art = Image.new("RGBA", shape.size, (grey, grey, grey, 255))
            if name == "opaque.png":
                art = Image.merge("RGBA", (*[shape.point(lambda v: 230 + v // 20)] * 3,
                                           Image.new("L", shape.size, 255)))
            else:
                art.putalpha(shape)
            art.save(os.path.join(self.refs, name), lossless=True)
        report = self.build()
        told = {entry["filename"]: entry["reason"] for entry in report["warnings"]}
        self.assertEqual(sorted(told), ["pale_a.png", "pale_b.webp"])
        self.assertIn("put over black", told["pale_a.png"])
        photo = self.path("photo.png")
        for seed, name in enumerate(("pale_a.png", "pale_b.webp")):
            with Image.open(os.path.join(self.refs, name)) as art:
                canvas = Image.new("RGB", (800, 600), (20, 30, 70))
                canvas.paste(art, (200, 80), art)
            canvas.save(photo)
            result = run("query", "--index", self.index, "--json", photo)
            self.assertEqual(result.returncode, 0, result.stdout)
            self.assertEqual(json.loads(result.stdout)["masks"][0]["ref_filename"], name)

    def cut_out(self, seed):
        """A drawing in a few colours on nothing."""
        rng = random.Random(seed)
        art = Image.new("RGBA", (420, 420), (0, 0, 0, 0))
        draw = ImageDraw.Draw(art)
        for _ in range(14):
            x, y, w, h = rng.randrange(40, 330), rng.randrange(40, 330), rng.randrange(20, 90), rng.randrange(20, 90)
            colour = (rng.randrange(120, 256), rng.randrange(60), rng.randrange(60), 255)
            corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)], [(x, y), (x + w, y + h // 3), (x + w // 3, y + h)]]
            draw.polygon(rng.choice(corners), fill=colour)
        return art

    def test_a_cut_out_is_known_on_any_ground(self):
        """Over white its outline is dark on light; on a dark table it is the other way round."""
        for i in range(4):
            self.cut_out(i).save(os.path.join(self.refs, f"cut_{i}.png"))
        report = self.build()
        self.assertEqual(report["warnings"], [])
        late = self.path("cut_late.png")
        self.cut_out(9).save(late)
        self.assertEqual(run("add", "--index", self.index, late).returncode, 0)
        wanted = [(i, f"cut_{i}.png") for i in range(4)] + [(9, "cut_late.png"), (20, None), (21, None)]
        for ground in ((250, 250, 250), (128, 128, 128), (15, 22, 70), (10, 10, 10), (235, 140, 40)):
            for seed, name in wanted:
                table = Image.new("RGB", (640, 480), ground)
                art = self.cut_out(seed).rotate(37 * seed + 10, expand=True, resample=Image.Resampling.BICUBIC).resize((380, 380))
                table.paste(art, (130, 50), art)
                table.save(self.path("table.png"))
                result = run("query", "--index", self.index, "--json", self.path("table.png"))
                named = [m["ref_filename"] for m in json.loads(result.stdout)["masks"] if m["confident"]]
                self.assertEqual(named, [name] if name else [], (ground, seed))

    def test_round_corners_are_no_cut_out(self):
        """What both grounds show is taken once, and what is mostly picture keeps its surface."""
        card = picture(5).convert("RGBA")
        ImageDraw.Draw(card).polygon([(0, 0), (30, 0), (0, 30)], fill=(0, 0, 0, 0))
        card.save(os.path.join(self.refs, "card.png"))
        self.cut_out(1).save(os.path.join(self.refs, "cut.png"))
        self.build()
        with numpy.load(self.index) as index:
            self.assertTrue(index["pictures"][0].any())
            self.assertFalse(index["pictures"][1].any())
            of_card = index["keypoints"][:index["feature_offsets"][1]]
        self.assertGreater(len(of_card), 200)
        self.assertEqual(len(numpy.unique(of_card, axis=0)), len(of_card))

    def test_add_sees_what_index_sees(self):
        """Also of a small picture, which is enlarged, and of a transparent one."""
        self.fill(2)
        shutil.copytree(self.refs, self.path("some"))
        picture(7, (150, 190)).save(os.path.join(self.refs, "tiny.png"))
        self.cut_out(3).save(os.path.join(self.refs, "zcut.png"))
        self.build()
        some = self.path("some.npz")
        self.assertEqual(run("index", "--refs", self.path("some"), "--out", some, "--quiet").returncode, 0)
        added = run("add", "--index", some, *(os.path.join(self.refs, n) for n in ("tiny.png", "zcut.png")))
        self.assertEqual(added.returncode, 0, added.stderr)
        with numpy.load(self.index) as whole, numpy.load(some) as grown:
            for column in ("filenames", "keypoints", "descriptors", "embeddings", "pictures"):
                numpy.testing.assert_array_equal(whole[column], grown[column], column)

    def test_nothing_to_know_it_by_is_named(self):
        Image.new("RGB", (300, 400), (250, 250, 250)).save(os.path.join(self.refs, "white.png"))
        two = Image.new("RGB", (300, 400), (220, 30, 30))
        two.paste((30, 30, 220), (0, 0, 150, 400))
        two.save(os.path.join(self.refs, "two.png"))  # two colours are something
        self.add("thing.jpg", 1)
        report = self.build()
        self.assertEqual([(w["filename"], "nothing in it to know it by" in w["reason"])
                          for w in report["warnings"]], [("white.png", True)])

    def test_what_is_passed_over_is_named(self):
        self.fill(2)
        for name in ("a.jpe", "b.JFIF"):
            shutil.copy(os.path.join(self.refs, "thing_0.jpg"), os.path.join(self.refs, name))
        for name in ("one.tif", "two.TIF", "three.gif", "notes.txt", "plain", ".hidden.bmp",
                     "labels.csv"):
            with open(os.path.join(self.refs, name), "w", encoding="utf-8") as file:
                file.write("filename,name\n" if name == "labels.csv" else "x")
        os.mkdir(os.path.join(self.refs, "sleeves"))
        report = self.build()
        self.assertEqual(report["references"], 4)
        told = {entry["filename"]: entry["reason"] for entry in report["passed_over"]}
        self.assertEqual(set(told), {"notes.txt", "one.tif", "three.gif", "plain", "sleeves"})
        self.assertIn("2 files of kind .tif", told["one.tif"])
        self.assertIn("JPEG or PNG", told["three.gif"])
        self.assertNotIn("JPEG", told["notes.txt"])
        self.assertIn("sub-folder", told["sleeves"])
        warned = run("index", "--refs", self.refs, "--out", self.index).stderr
        self.assertIn("warning: 2 files of kind .tif (one.tif, ...) are passed over", warned)

    def test_nothing_but_sub_folders(self):
        os.mkdir(os.path.join(self.refs, "sleeves"))
        failed = self.build(expect=3)
        self.assertIn("1 sub-folder (sleeves) is not read", failed.stderr)

    def test_permission(self):
        self.fill(2)
        os.chmod(os.path.join(self.refs, "thing_0.jpg"), 0)
        as_nobody = {}
        if os.geteuid() == 0:  # root reads everything: the program runs as somebody who may not,
            # and from where that somebody reaches it
            os.chmod(self.dir, 0o777)
            as_nobody = {"user": 65534, "group": 65534, "extra_groups": [],
                         "executable": shutil.copy(PROGRAM, self.path("program"))}
        result = run("index", "--refs", self.refs, "--out", self.index, "--json", **as_nobody)
        self.assertEqual(result.returncode, 0, result.stderr)
        unreadable = json.loads(result.stdout)["unreadable"]
        self.assertEqual([entry["filename"] for entry in unreadable], ["thing_0.jpg"])
        self.assertIn("ermission", unreadable[0]["reason"])

    def test_duplicates_are_reported(self):
        self.fill(2)
        shutil.copy(os.path.join(self.refs, "thing_0.jpg"), os.path.join(self.refs, "zz.jpg"))
        report = self.build()
        self.assertEqual(report["duplicates"][0]["filename"], "zz.jpg")
        self.assertEqual(report["duplicates"][0]["same_as"], "thing_0.jpg")

    def test_what_shares_most_with_another_is_named(self):
        self.fill()
        for name, corner in (("alpha.png", (20, 30)), ("beta.png", (240, 360))):
            print_ = picture(50)
            print_.paste(picture(60, (50, 50)), corner)
            print_.save(os.path.join(self.refs, name))
        built = self.build()
        self.assertEqual([(p["filename"], p["other"]) for p in built["alike"]],
                         [("alpha.png", "beta.png")])
        self.assertIn("one name", built["alike"][0]["reason"])
        told = run("index", "--refs", self.refs, "--out", self.path("other.npz"))
        self.assertIn("alpha.png shares most of itself with beta.png", told.stderr)
        self.assertEqual(self.build()["alike"], [])  # told when it came
        seen = json.loads(run("verify", "--index", self.index, "--views", "0", "--json").stdout)
        self.assertEqual([(p["a"], p["b"]) for p in seen["alike"]],
                         [("alpha.png", "beta.png")])
        self.assertGreater(seen["alike"][0]["share"], .65)
        self.assertIn("Share most of themselves",
                      run("verify", "--index", self.index, "--views", "0").stdout)
        with open(os.path.join(self.refs, "labels.csv"), "w", encoding="utf-8") as labels:
            labels.write("filename,name\nalpha.png,One\nbeta.png,One\n")
        self.assertEqual(self.build("--rebuild")["alike"], [])  # one name: it does not matter

    def test_labels_csv_overrides(self):
        self.fill(2)
        with open(os.path.join(self.refs, "labels.csv"), "w", encoding="utf-8") as file:
            file.write('filename,name,rarity,set_code\nthing_0.jpg,"Naïve, really",UR,AB-01\n'
                       "gone.jpg,x,,\n")
        report = self.build()
        with numpy.load(self.index) as data:
            self.assertEqual(list(data["names"]), ["Naïve, really", "Thing 1"])
            self.assertEqual(list(data["rarities"]), ["UR", ""])
            self.assertEqual(list(data["set_codes"]), ["AB-01", ""])
        self.assertIn("gone.jpg", report["warnings"][0]["reason"])
        os.remove(os.path.join(self.refs, "labels.csv"))
        changed = self.build()  # new labels alone: nothing is encoded, the index is written
        self.assertEqual((changed["encoded"], changed["written"]), (0, True))

    def test_strange_file_names(self):
        names = ["with space.jpg", "it's \"quoted\".jpg", "new\nline.jpg", "emoji_\U0001f0cf.jpg",
                 b"bad_\xff\xfe.jpg"]
        for i, name in enumerate(names):
            data = self.path("t.jpg")
            picture(i).save(data)
            target = os.path.join(os.fsencode(self.refs), os.fsencode(name))
            os.rename(data, target)
        self.assertEqual(self.build()["references"], 5)
        self.assertEqual(self.build()["kept"], 5)
        for i, name in enumerate(names):
            target = os.path.join(os.fsencode(self.refs), os.fsencode(name))
            result = subprocess.run([PROGRAM, "query", "--index", self.index, "--json", target],
                                    capture_output=True, timeout=60)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(result.stdout.count(b"\n"), 1)
        text = subprocess.run([PROGRAM, "verify", "--index", self.index, "--views", "0"], capture_output=True,
                              timeout=60).stdout
        text.decode("utf-8")

    def test_clear_errors(self):
        empty = run("index", "--refs", self.refs, "--out", self.index)
        self.assertEqual(empty.returncode, 3)
        self.assertIn("no pictures in", empty.stderr)
        missing = run("index", "--refs", self.path("nowhere"), "--out", self.index)
        self.assertEqual(missing.returncode, 3)
        self.assertIn("nowhere", missing.stderr)
        self.fill(1)
        nowhere = run("index", "--refs", self.refs, "--out", self.path("no", "such", "x.npz"))
        self.assertNotEqual(nowhere.returncode, 0)
        self.assertIn("x.npz", nowhere.stderr)
        self.assertFalse(os.path.exists(self.index))

    def test_a_file_that_is_no_index_is_not_overwritten(self):
        self.fill(1)
        with open(self.index, "w", encoding="utf-8") as file:
            file.write("precious")
        refused = run("index", "--refs", self.refs, "--out", self.index)
        self.assertEqual(refused.returncode, 3)
        self.assertIn("--rebuild", refused.stderr)
        self.assertEqual(open(self.index, encoding="utf-8").read(), "precious")
        self.build("--rebuild")

    def test_full_disk_leaves_the_old_index(self):
        self.fill(3)
        self.build()
        before = open(self.index, "rb").read()
        self.add("more.jpg", 50)
        result = subprocess.run(
            ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh", PROGRAM, "index", "--refs", self.refs,
             "--out", self.index], capture_output=True, text=True, timeout=60,
            preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
        self.assertEqual(result.returncode, 4, result.stderr)
        self.assertEqual(open(self.index, "rb").read(), before)
        self.assertEqual(sorted(os.listdir(self.dir)), ["index.npz", "refs"])

    @staticmethod
    def wait_for_handler(pid):
        """Until the program catches SIGINT, as /proc tells; where there is no /proc, a while."""
        for _ in range(1000):
            try:
                with open(f"/proc/{pid}/status", encoding="ascii") as status:
                    caught = next(line for line in status if line.startswith("SigCgt"))
            except (OSError, StopIteration):
                time.sleep(0.3)
                return
            if int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1:
                return
            time.sleep(0.005)

    def test_interrupt_leaves_the_old_index(self):
        self.fill(2)
        self.build()
        before = open(self.index, "rb").read()
        for i in range(150):
            self.add(f"many_{i}.png", 1000 + i, size=(500, 700))
        child = subprocess.Popen([PROGRAM, "index", "--refs", self.refs, "--out", self.index,
                                  "--threads", "1"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        self.wait_for_handler(child.pid)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=30)
        self.assertEqual(child.returncode, 130)
        self.assertEqual(open(self.index, "rb").read(), before)
        self.assertEqual(sorted(os.listdir(self.dir)), ["index.npz", "refs"])


if __name__ == "__main__":
    unittest.main()
