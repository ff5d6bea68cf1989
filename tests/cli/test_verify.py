"""dlf-identify verify: of the vectors, of simulated camera views, of photographs."""
import collections
import html.parser
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from PIL import Image

import numpy as np

from common import PROGRAM, ProgramTest, picture, run


class Vectors(ProgramTest):
    def test_self_identification_and_confusables(self):
        for i in range(8):
            self.add(f"thing_{i}.jpg", i)
        self.build()
        result = run("verify", "--index", self.index, "--views", "0", "--json", "--top-confusables", "3")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual((report["references"], report["self_identification"]), (8, 1.0))
        self.assertEqual(len(report["confusables"]), 3)
        scores = [pair["score"] for pair in report["confusables"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertGreater(report["median_margin"], 0)
        text = run("verify", "--index", self.index, "--views", "0").stdout
        for word in ("self-identification", "Most-confusable", "Margin analysis",
                     "Cosine threshold", "Verdict  unknown"):
            self.assertIn(word, text)

    def test_twins_fail(self):
        for i in range(6):
            self.add(f"thing_{i}.jpg", i // 2)  # each picture twice
        self.build()
        self.assertEqual(run("verify", "--index", self.index, "--views", "0").returncode, 1)



class Photographs(ProgramTest):
    def test_photographs(self):
        for i in range(6):
            self.add(f"thing_{i}.jpg", i)
        self.build()
        os.mkdir(self.path("photos"))
        for i in range(4):
            picture(i).rotate(15, expand=True, resample=3).save(self.path("photos", f"{i}.jpg"))
        picture(900).save(self.path("photos", "stranger.jpg"))
        pairs = self.path("pairs.tsv")
        with open(pairs, "w", encoding="utf-8") as file:
            file.write("".join(f"{i}.jpg\tthing_{i}.jpg\n" for i in range(4)) +
                       "stranger.jpg\tNONE\n")
        result = run("verify", "--index", self.index, "--views", "0", "--json", "--queries", self.path("photos"),
                     "--pairs", pairs)
        photos = json.loads(result.stdout)["photographs"]
        self.assertEqual((photos["queries"], photos["strangers"]), (4, 1))
        self.assertEqual((photos["top1"], photos["strangers_accepted"]), (1.0, 0))
        with open(pairs, "a", encoding="utf-8") as file:
            file.write("0.jpg\tunknown.jpg\n")
        wrong = run("verify", "--index", self.index, "--views", "0", "--queries", self.path("photos"), "--pairs",
                    pairs)
        self.assertEqual(wrong.returncode, 3)
        self.assertIn("unknown.jpg", wrong.stderr)

    def test_a_photograph_of_several_things(self):
        """Several lines are one photograph: each thing counts, a wrong name is one that no line has, and
        a stranger that cannot be read was not refused."""
        for i in range(6):
            self.add(f"thing_{i}.jpg", i)
        self.build()
        os.mkdir(self.path("photos"))
        both = Image.new("RGB", (900, 600), (90, 90, 90))
        for k in range(2):
            both.paste(picture(k).resize((360, 480)), (60 + 420 * k, 60))
        both.save(self.path("photos", "both.jpg"))
        open(self.path("photos", "broken.jpg"), "w").close()
        pairs = self.path("pairs.tsv")

        def measure(lines):
            with open(pairs, "w", encoding="utf-8") as file:
                file.write("".join(f"{a}\t{b}\n" for a, b in lines))
            result = run("verify", "--index", self.index, "--views", "0", "--json", "--queries",
                         self.path("photos"), "--pairs", pairs)
            return json.loads(result.stdout)["photographs"]

        known = measure([("both.jpg", "thing_0.jpg"), ("both.jpg", "thing_1.jpg"), ("broken.jpg", "NONE")])
        self.assertEqual((known["queries"], known["accepted_right"], known["accepted_wrong"]), (2, 2, 0))
        self.assertEqual((known["strangers"], known["unreadable"], known["top1"]), (0, 1, 1.0))
        half = measure([("both.jpg", "thing_0.jpg")])
        self.assertEqual((half["queries"], half["accepted_right"], half["accepted_wrong"]), (1, 1, 1))

    def test_a_folder_of_strangers(self):
        for i in range(4):
            self.add(f"thing_{i}.jpg", i)
        self.build()
        os.mkdir(self.path("others"))
        for i in range(3):
            picture(700 + i).save(self.path("others", f"{i}.jpg"))
        with open(self.path("others", "notes.txt"), "w") as file:
            file.write("not a picture")
        result = run("verify", "--index", self.index, "--views", "0", "--json", "--strangers",
                     self.path("others"))
        photos = json.loads(result.stdout)["photographs"]
        self.assertEqual((photos["queries"], photos["strangers"], photos["strangers_accepted"]),
                         (0, 3, 0))
        # the things themselves are no strangers, and are seen through
        own = run("verify", "--index", self.index, "--views", "0", "--json", "--strangers",
                  self.refs)
        self.assertEqual(json.loads(own.stdout)["photographs"]["strangers_accepted"], 4)
        empty = run("verify", "--index", self.index, "--views", "0", "--strangers",
                    self.path("nothing"))
        self.assertEqual(empty.returncode, 3)
        self.assertIn("nothing", empty.stderr)


class Page(html.parser.HTMLParser):
    """Counts tags, checks that those that have to be closed are."""
    KEPT_OPEN = {"meta", "img", "br", "tr", "th", "td", "path", "rect", "circle"}

    def __init__(self):
        super().__init__()
        self.open, self.titles, self.links, self.count = [], [], [], collections.Counter()

    def handle_starttag(self, tag, attrs):
        self.count[tag] += 1
        self.count["tile"] += ("class", "tile") in attrs
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.KEPT_OPEN:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.KEPT_OPEN:
            assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.titles.append(data)


class CameraViews(ProgramTest):
    N = 4

    def setUp(self):
        super().setUp()
        for i in range(self.N):
            self.add(f"thing_{i}.jpg", i)
        self.build()

    def verify(self, *args, **options):
        return run("verify", "--index", self.index, "--json", *args, **options)

    def camera(self, *args):
        result = self.verify(*args)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)["camera"]

    def test_what_is_measured(self):
        camera = self.camera("--views", "3")
        self.assertEqual((camera["views"], camera["views_asked"]), (3 * self.N, 3 * self.N))
        self.assertEqual(camera["tried"]["views"], 2 * self.N)
        # busy pictures that have nothing in common: geometry finds most, and takes none for another
        self.assertGreater(camera["top1"], 0.6)
        self.assertGreaterEqual(camera["tried"]["top1"],
                                camera["tried"]["top1_without_geometry"])
        self.assertEqual(camera["tried"]["strangers_accepted"], 0)
        self.assertEqual(camera["accepted_wrong"], 0)
        rates = [t["false_accepts"] for t in camera["thresholds"]]
        scores = [t["threshold"] for t in camera["thresholds"]]
        self.assertEqual(rates, [0.01, 0.001, 0.0001])
        self.assertEqual(scores, sorted(scores))
        for t in camera["thresholds"]:
            low, high = t["recall_interval"]
            self.assertTrue(0 <= low <= t["recall"] <= high <= 1)
        for a, b in zip(camera["roc"], camera["roc"][1:]):
            self.assertGreaterEqual(a[0], b[0])
            self.assertTrue(a[1] <= b[1] <= 1 and a[2] <= b[2] <= 1)
        references = camera["references"]
        self.assertEqual({r["reference"] for r in references},
                         {f"thing_{i}.jpg" for i in range(self.N)})
        self.assertEqual([r["top1"] for r in references], sorted(r["top1"] for r in references))
        self.assertEqual(sum(r["top1"] for r in references), round(camera["top1"] * 3 * self.N))

    def test_a_seed_and_any_number_of_threads_give_the_same(self):
        reports = []
        for args in (["--threads", "1"], ["--threads", "3"], ["--seed", "2"]):
            camera = self.camera("--views", "1", *args)
            camera.pop("elapsed_seconds")
            reports.append(camera)
        self.assertEqual(reports[0], reports[1])
        self.assertNotEqual(reports[0], reports[2])

    def test_looking_alike_shows(self):
        self.add("twin_a.jpg", 50)
        self.add("twin_b.jpg", 50, quality=60)
        self.build()
        camera = self.camera("--views", "1")
        rivals = {r["reference"]: r["rival"] for r in camera["references"]}
        self.assertEqual((rivals["twin_a.jpg"], rivals["twin_b.jpg"]),
                         ("twin_b.jpg", "twin_a.jpg"))
        # a printing of the same artwork is no stranger to it
        self.assertEqual(camera["tried"]["strangers_accepted"], 0)

    def test_thresholds_are_saved(self):
        before = self.camera("--views", "1")
        with open(self.index, "rb") as file:
            bytes_before = file.read()
        self.assertEqual(self.verify("--views", "1").returncode, 0)
        with open(self.index, "rb") as file:
            self.assertEqual(file.read(), bytes_before)  # only when asked to
        saved = self.camera("--views", "1", "--save-thresholds")
        after = self.camera("--views", "1")
        self.assertEqual(saved["sim_threshold"], before["sim_threshold"])
        self.assertAlmostEqual(after["sim_threshold"], before["recommended_threshold"], places=5)
        self.assertEqual(self.build()["encoded"], 0)  # the index is not built again for it
        self.assertAlmostEqual(self.camera("--views", "1")["sim_threshold"],
                               after["sim_threshold"], places=5)

    def test_time_is_limited_and_shared_out(self):
        result = self.verify("--views", "1000", "--time-limit", "1.5")
        camera = json.loads(result.stdout)["camera"]
        self.assertTrue(camera["out_of_time"])
        self.assertGreater(camera["views"], 0)
        self.assertLess(camera["views"], 1000 * self.N)
        seen = [r["views"] for r in camera["references"]]
        self.assertLessEqual(max(seen) - min(seen), 4)

    def test_least_top1(self):
        self.assertEqual(self.verify("--views", "1", "--min-top1", "0").returncode, 0)
        self.add("twin_a.jpg", 50)
        self.add("twin_b.jpg", 50)
        self.build()
        result = self.verify("--views", "2", "--min-top1", "1")
        self.assertEqual(result.returncode, 1)
        self.assertFalse(json.loads(result.stdout)["passed"])

    def test_pictures_that_are_gone_or_changed(self):
        os.remove(os.path.join(self.refs, "thing_0.jpg"))
        self.add("thing_1.jpg", 99)
        camera = self.camera("--views", "1")
        self.assertEqual((camera["unreadable"], camera["changed"], camera["views"]),
                         (1, 1, self.N - 2))
        moved = self.path("moved")
        shutil.move(self.refs, moved)
        result = self.verify()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("camera", json.loads(result.stdout))
        self.assertIn("--refs DIR", result.stderr)
        self.assertEqual(self.verify("--views", "1").returncode, 3)  # asked for by name
        self.assertEqual(self.camera("--views", "1", "--refs", moved)["views"], self.N - 2)

    def test_an_index_of_another_encoder(self):
        with np.load(self.index) as file:
            arrays = dict(file)
        arrays["meta"] = np.array(re.sub("builtin/[0-9]+", "builtin/1", str(arrays["meta"])))
        np.savez(self.index, **arrays)
        result = self.verify()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("camera", json.loads(result.stdout))
        self.assertIn("made by builtin/1", result.stderr)
        self.assertIn("build the index again", result.stderr)
        self.assertNotIn("--refs DIR", result.stderr)  # that is not what is wrong

    def test_two_indexes_side_by_side(self):
        other = self.path("other.npz")
        shutil.copy(self.index, other)
        result = self.verify("--views", "1", "--compare", other)
        report = json.loads(result.stdout)
        same = report["compared_with"]["camera"]
        for key in ("top1", "median_margin", "equal_error_rate", "tried"):
            self.assertEqual(same[key], report["camera"][key])
        text = run("verify", "--index", self.index, "--views", "1", "--compare", other).stdout
        self.assertIn("wins 0 and loses 0", text)

    def test_text(self):
        text = run("verify", "--index", self.index, "--views", "1").stdout
        for words in ("Simulated camera views", "equal error rate", "false accepts", "in use",
                      "without; top-5"):
            self.assertIn(words, text)
        self.assertNotIn("\033", text)
        self.assertNotIn("nan", text)

    def test_report_page(self):
        self.add("<b>&\"'.jpg", 60)
        self.add("twin_a.jpg", 50)
        self.add("twin_b.jpg", 50)
        self.build()
        page = self.path("report.html")
        result = run("verify", "--index", self.index, "--views", "1", "--report", page,
                     "--compare", self.index, "--strangers", self.refs)
        self.assertLess(result.returncode, 2, result.stderr)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        seen = Page()
        seen.feed(text)
        self.assertEqual(seen.open, [])
        for title in ("Before a camera", "Thresholds", "Most-confusable pairs",
                      "Weakest references", "Photographs", "Side by side"):
            self.assertIn(title, seen.titles)
        self.assertGreaterEqual(seen.count["svg"], 3)
        self.assertGreater(seen.count["img"], 4)
        self.assertEqual(seen.count["script"] + seen.count["b"] - seen.count["tile"], 0)
        for link in seen.links:
            self.assertTrue(link.startswith("data:image/jpeg;base64,"), link[:60])
        self.assertNotIn("url(", text)
        self.assertIn("byte for byte", text)  # what the twins are told
        self.assertNotIn("nan", re.sub("base64,[^\"]*", "", text))
        # an unwritable place costs the report, not the file that is there
        refused = run("verify", "--index", self.index, "--views", "1", "--report",
                      self.path("no", "such", "folder.html"))
        self.assertGreaterEqual(refused.returncode, 3)
        self.assertIn("folder.html", refused.stderr)

    def test_interrupt(self):
        process = subprocess.Popen([PROGRAM, "verify", "--index", self.index, "--views", "1000",
                                    "--time-limit", "0", "--save-thresholds"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with open(self.index, "rb") as file:
            before = file.read()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual(out, "")
        self.assertIn("stopped after", err)
        with open(self.index, "rb") as file:
            self.assertEqual(file.read(), before)

    def test_usage(self):
        for args, words in ((["--views", "0", "--save-thresholds"], "--views 0"),
                            (["--views", "-1"], "--views"),
                            (["--min-top1", "2"], "--min-top1"),
                            (["--queries", "x"], "go together")):
            result = run("verify", "--index", self.index, *args)
            self.assertEqual(result.returncode, 2, args)
            self.assertIn(words, result.stderr)


if __name__ == "__main__":
    unittest.main()
