"""dlf-identify train: what it writes, says and refuses."""
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

import numpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import PROGRAM, ProgramTest, run  # noqa: E402

SMALL = ["--encoder", "builtin", "--epochs", "2", "--steps-per-epoch", "5", "--views", "bank:3",
         "--k-cards", "4", "--m-augs", "2"]


class Train(ProgramTest):
    def fill(self, n=5):
        for i in range(n):
            self.add(f"thing_{i}.jpg", i)

    def train(self, *words, out="head.pt", code=(0, 1)):
        done = run("train", "--refs", self.refs, "--out", os.path.join(self.dir, out), *SMALL,
                   *words)
        self.assertIn(done.returncode, code, done.stderr)
        return done

    def bytes_of(self, name):
        with open(os.path.join(self.dir, name), "rb") as file:
            return file.read()

    def test_the_head_is_used_by_index_query_and_verify(self):
        self.fill()
        said = json.loads(self.train("--json").stdout)
        self.assertEqual((said["references"], said["k_cards"], said["views"]), (5, 4, 15))
        self.assertEqual(len(said["epochs"]), 2)
        self.assertIn(said["verdict"], ["helps", "makes no difference", "hurts"])
        index = os.path.join(self.dir, "i.npz")
        done = run("index", "--refs", self.refs, "--out", index, "--encoder", "builtin",
                   "--projection", os.path.join(self.dir, "head.pt"))
        self.assertEqual(done.returncode, 0, done.stderr)
        with numpy.load(index) as data:
            self.assertEqual(data["embeddings"].shape, (5, 256))
            self.assertIn("+head-", str(data["meta"]))
        os.remove(os.path.join(self.dir, "head.pt"))  # the index needs nothing beside it
        done = run("query", "--index", index, os.path.join(self.refs, "thing_3.jpg"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Thing 3", done.stdout.splitlines()[0])
        self.assertEqual(run("verify", "--index", index, "--views", "0").returncode, 0)

    def test_a_seed_gives_the_same_bytes_on_any_number_of_threads(self):
        self.fill()
        for name, words in (("a.pt", ["--threads", "1"]), ("b.pt", ["--threads", "3"]),
                            ("c.pt", ["--seed", "2"])):
            self.train(*words, out=name)
        self.assertEqual(self.bytes_of("a.pt"), self.bytes_of("b.pt"))
        self.assertNotEqual(self.bytes_of("a.pt"), self.bytes_of("c.pt"))

    def test_fresh_views_and_a_random_start(self):
        self.fill()
        said = json.loads(self.train("--json", "--views", "fresh", "--start", "random",
                                     out="x.safetensors").stdout)
        self.assertEqual(said["views"], 2 * 5 * 8)
        self.assertIn(b"net.0.weight", self.bytes_of("x.safetensors")[:1000])

    def test_copies_and_fewer_references_than_a_batch(self):
        self.fill(3)
        shutil.copy(os.path.join(self.refs, "thing_0.jpg"), os.path.join(self.refs, "zz.jpg"))
        with open(os.path.join(self.refs, "bad.png"), "wb") as file:
            file.write(b"no picture")
        done = self.train("--json")
        said = json.loads(done.stdout)
        self.assertEqual((said["references"], said["copies"], said["unreadable"]), (3, 1, 1))
        self.assertEqual(said["k_cards"], 3)
        self.assertIn("zz.jpg is like thing_0.jpg", done.stderr)

    def test_one_reference_is_refused(self):
        self.fill(1)
        shutil.copy(os.path.join(self.refs, "thing_0.jpg"), os.path.join(self.refs, "zz.jpg"))
        done = self.train(code=(3,))
        self.assertIn("one reference only", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.dir, "head.pt")))

    def test_usage(self):
        for words in (["--views", "bank:0"], ["--views", "new"], ["--start", "cold"]):
            done = run("train", "--refs", self.dir, *words)
            self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(run("train").returncode, 2)

    def test_interrupted_keeps_the_best_so_far(self):
        self.fill()
        head = os.path.join(self.dir, "head.pt")
        process = subprocess.Popen([PROGRAM, "train", "--refs", self.refs, "--out", head, *SMALL,
                                    "--epochs", "100000"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        for line in process.stderr:  # an epoch is over once it has been told
            if line.startswith("epoch"):
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        done = run("index", "--refs", self.refs, "--out", os.path.join(self.dir, "i.npz"),
                   "--encoder", "builtin", "--projection", head)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
