"""A printing that the collection lacks, of an artwork that it has: sure of the artwork, unsure of the printing."""
import json
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import SOURCE, ProgramTest, run  # noqa: E402

EXAMPLE = os.path.join(SOURCE, "data", "example")
DRAGON, WOLF = "LOCH-JP001_moonlit_dragon_pscr.jpg", "LOCH-JP002_thornwood_wolf_sr.jpg"  # what the collection lacks
DRAGONS = ["LOCH-JP001_moonlit_dragon_ur.jpg", "MP24-EN101_moonlit_dragon.jpg"]  # what it has of them
OTHER_WOLF = "MP24-EN102_thornwood_wolf.jpg"


class Printings(ProgramTest):
    def build(self, *options):
        made = run("index", "--refs", self.refs, "--out", self.index, "--quiet", *options)
        self.assertEqual(made.returncode, 0, made.stderr)

    def ask(self, *names, index=None):
        shown = run("query", "--index", index or self.index, "--json", *[os.path.join(EXAMPLE, n) for n in names])
        masks = [json.loads(line)["masks"][0] for line in shown.stdout.splitlines()]
        return masks if len(names) > 1 else masks[0]

    def test_what_it_lacks_and_what_it_says(self):
        for name in os.listdir(EXAMPLE):
            if name.endswith(".jpg") and name not in (DRAGON, WOLF):
                shutil.copy(os.path.join(EXAMPLE, name), self.refs)
        self.index = self.path("p.idx")
        self.build()
        with self.subTest("of what it has other printings of"):
            taken = self.ask(DRAGON)
            self.assertEqual((taken["name"], taken["confident"], taken["variant_unsure"]),
                             ("Moonlit Dragon", False, True))
            self.assertEqual({v["filename"] for v in taken["variants"]}, set(DRAGONS))
            self.assertGreater(taken["score"], 0.95)
        with self.subTest("what it has is told apart as before"):
            known = sorted(os.listdir(self.refs))
            for name, mask in zip(known, self.ask(*known)):
                self.assertEqual((mask["ref_filename"], mask["confident"]), (name, True))
        with self.subTest("of what it has one of"):
            self.assertTrue(self.ask(WOLF)["confident"])
            self.build("--other-printings", "likely")
            taken = self.ask(WOLF)
            self.assertEqual((taken["ref_filename"], taken["confident"], taken["variant_unsure"]),
                             (OTHER_WOLF, False, True))
            self.assertEqual([v["filename"] for v in taken["variants"]], [OTHER_WOLF])
            self.assertTrue(self.ask(OTHER_WOLF)["confident"])
        with self.subTest("it has them all"):
            self.build("--other-printings", "unlikely")
            self.assertTrue(self.ask(DRAGON)["confident"])
            one = self.path("one.npz")
            self.build("--export", one)  # and it is remembered
            self.assertTrue(self.ask(DRAGON)["confident"])
            self.assertTrue(self.ask(DRAGON, index=one)["confident"])
            self.build("--other-printings", "auto")
            self.assertFalse(self.ask(DRAGON)["confident"])
        with self.subTest("a second picture of one label does not stand before another printing"):
            shutil.copy(os.path.join(EXAMPLE, DRAGONS[1]), self.path("refs", "again.jpg"))
            with open(self.path("refs", "labels.csv"), "w", encoding="utf-8") as f:
                f.write("filename,name,rarity\nagain.jpg,Moonlit Dragon,\n")
            self.build()
            self.assertFalse(self.ask(DRAGON)["confident"])
            os.remove(self.path("refs", "again.jpg"))
        with self.subTest("two pictures of one label are no printings"):
            with open(self.path("refs", "labels.csv"), "w", encoding="utf-8") as f:
                f.write("filename,name,rarity\n" + "".join(f"{name},Dragon,UR\n" for name in DRAGONS))
            self.build()
            self.assertTrue(self.ask(DRAGON)["confident"])

    def test_other_words(self):
        result = run("index", "--refs", EXAMPLE, "--out", self.index, "--other-printings", "maybe")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--other-printings is 'maybe', not auto, likely or unlikely", result.stderr)

    def test_verify_tells_the_rate(self):
        for name in (DRAGON, *DRAGONS, WOLF, OTHER_WOLF):
            shutil.copy(os.path.join(EXAMPLE, name), self.refs)
        self.build()
        told = json.loads(run("verify", "--index", self.index, "--views", "3", "--seed", "2", "--json").stdout)["camera"]["look_alikes"]
        self.assertEqual(told["views"], 10)
        self.assertIn(told["accepted"], (3, 4, 5))  # of the wolves no other is known then
        self.assertGreater(told["variant_unsure"], 0)
        text = run("verify", "--index", self.index, "--views", "3", "--seed", "2").stdout
        self.assertIn(f"{told['accepted']} of 10 taken for one of them, {told['variant_unsure']} unsure", text)


if __name__ == "__main__":
    unittest.main()
