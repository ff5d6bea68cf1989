#!/usr/bin/env python3
"""The program with CLIP: a tiny model of random weights stands in for the real one."""
import json
import os
import shutil
import unittest

import numpy as np

from common import SOURCE, ProgramTest, run

TINY = os.path.join(SOURCE, "tests", "golden", "clip", "tiny.pt")


class Clip(ProgramTest):
    def setUp(self):
        super().setUp()
        for seed in range(5):
            self.add(f"thing_{seed}.jpg", seed)
        self.env = {"HOME": self.path("home"), "XDG_CACHE_HOME": "", "IDENTIFY_MODELS": ""}

    def call(self, *args):
        return run(*args, env=self.env)

    def place(self):
        folder = self.path("home", ".cache", "clip")
        os.makedirs(folder)
        return shutil.copy(TINY, os.path.join(folder, "ViT-B-32.pt"))

    def index_with(self, *args):
        return self.call("index", "--refs", self.refs, "--out", self.index, "--json", *args)

    def test_auto_takes_clip_when_it_is_there(self):
        without = self.index_with()
        self.assertEqual(json.loads(without.stdout)["encoder"], "builtin/4")
        self.assertEqual(without.stderr, "encoder: the built-in one; 'dlf-identify models pull "
                         "ViT-B/32' gets CLIP's weights\n")
        path = self.place()
        with_it = self.index_with()
        self.assertEqual(with_it.returncode, 0, with_it.stderr)
        self.assertRegex(json.loads(with_it.stdout)["encoder"], r"^clip/[0-9a-f]{64}/(bf16|fp32)$")
        self.assertIn(f"encoder: CLIP ViT-B/32 from {path}; --encoder builtin takes", with_it.stderr)
        self.assertIn("encoding everything anew", with_it.stderr)
        again = self.index_with("--quiet")
        self.assertEqual(json.loads(again.stdout)["kept"], 5)
        self.assertEqual(again.stderr, "")
        back = self.index_with("--encoder", "builtin")
        self.assertEqual(json.loads(back.stdout)["encoder"], "builtin/4")
        self.assertEqual(self.index_with("--encoder", "clip", "--threads", "1").returncode, 0)

    def test_queries_follow_the_index(self):
        made = self.index_with("--clip-model", TINY, "--precision", "int8")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertTrue(json.loads(made.stdout)["encoder"].endswith("/int8"))
        picture = os.path.join(self.refs, "thing_3.jpg")
        found = self.call("query", "--index", self.index, "--json", picture)
        self.assertEqual(found.returncode, 0, found.stderr)
        best = json.loads(found.stdout)["ranking"][0]
        self.assertEqual(best["filename"], "thing_3.jpg")
        shown = self.call("verify", "--index", self.index, "--views", "0")
        self.assertRegex(shown.stdout, r"encoder clip/[0-9a-f]{12}/int8, 48 numbers")
        with open(self.path("pairs.tsv"), "w") as pairs:
            pairs.write("thing_1.jpg\tthing_1.jpg\n")
        measured = self.call("verify", "--index", self.index, "--views", "0", "--queries", self.refs, "--pairs",
                             self.path("pairs.tsv"), "--json")
        self.assertEqual(json.loads(measured.stdout)["photographs"]["top1"], 1)

        # On another machine: neither packed weights nor their file.
        self.env["HOME"] = self.path("elsewhere")
        lost = self.call("query", "--index", self.index, picture)
        self.assertEqual(lost.returncode, 3)
        self.assertRegex(lost.stderr, "made with CLIP weights of SHA-256 .* name their file by "
                         "--clip-model, or index again")
        told = self.call("query", "--index", self.index, "--clip-model", TINY, picture)
        self.assertEqual(told.returncode, 0, told.stderr)
        other = self.path("other.pt")
        with open(TINY, "rb") as file:
            data = file.read()
        with open(other, "wb") as file:
            file.write(data + b"\0")
        self.env["HOME"] = self.path("a third")
        wrong = self.call("query", "--index", self.index, "--clip-model", other, picture)
        self.assertEqual(wrong.returncode, 3)
        self.assertIn("was made with other CLIP weights", wrong.stderr)

    def test_an_index_of_the_original_is_queried_by_clip(self):
        self.index_with("--clip-model", TINY, "--precision", "fp32")
        with np.load(self.index) as arrays:
            kept = {name: arrays[name] for name in ("embeddings", "names", "filenames")}
        np.savez(self.index, **kept)
        picture = os.path.join(self.refs, "thing_3.jpg")
        found = self.call("query", "--index", self.index, "--clip-model", TINY, "--json", picture)
        self.assertIn(found.returncode, (0, 1), found.stderr)
        best = json.loads(found.stdout)["ranking"][0]
        self.assertEqual(best["filename"], "thing_3.jpg")
        other = self.call("query", "--index", self.index, picture)
        self.assertEqual(other.returncode, 3, other.stdout)

    def test_threads_and_batches_give_the_same_index(self):
        for seed in range(5, 40):
            self.add(f"thing_{seed}.png", seed, size=(60, 40))
        vectors = []
        for threads in ("1", "3"):
            made = self.index_with("--clip-model", TINY, "--precision", "bf16", "--rebuild",
                                   "--threads", threads)
            self.assertEqual(made.returncode, 0, made.stderr)
            with open(self.index, "rb") as file:
                vectors.append(file.read())
        self.assertEqual(*vectors)

    def test_wrong_words_and_weights(self):
        for args, code, text in (
            (("--encoder", "dinov2"), 2, "auto, builtin and clip are possible"),
            (("--precision", "fp8"), 2, "there is no precision 'fp8'"),
            (("--encoder", "builtin", "--precision", "int8"), 2, "--precision is for CLIP"),
            (("--encoder", "clip"), 3, "dlf-identify models pull ViT-B/32"),
            (("--clip-model", "ViT-X/9"), 3, "no model that is known"),
            (("--clip-model", self.refs), 3, "there are no weights in"),
            (("--clip-model", os.path.join(self.refs, "thing_0.jpg")), 3, "thing_0.jpg"),
        ):
            with self.subTest(args=args):
                result = self.index_with(*args)
                self.assertEqual(result.returncode, code, result.stderr)
                self.assertIn(text, result.stderr)
                self.assertFalse(os.path.exists(self.index))

    def test_damaged_weights(self):
        with open(TINY, "rb") as file:
            data = bytearray(file.read())
        bad = self.path("bad.pt")
        for change in ("cut", "flipped"):
            with open(bad, "wb") as file:
                if change == "flipped":
                    data[len(data) // 2] ^= 16
                file.write(data if change == "flipped" else data[:len(data) // 2])
            result = self.index_with("--clip-model", bad)
            self.assertEqual(result.returncode, 3, (change, result.stderr))
            self.assertIn("bad.pt", result.stderr)


if __name__ == "__main__":
    unittest.main()
