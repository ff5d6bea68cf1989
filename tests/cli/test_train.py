"""dlf-identify train: what it writes, says and refuses."""
import json
import os
import pty
import resource
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

    def test_few_references_get_more_views(self):
        self.fill(2)  # 4,800 of each would make 9,600; 1,024 is most
        said = json.loads(self.train("--json", "--views", "bank", "--epochs", "1").stdout)
        self.assertEqual(said["views"], 2 * 1024)

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
        for words in (["--views", "bank:0"], ["--views", "bankx"], ["--views", "new"],
                      ["--start", "cold"], ["--recipe", "own"]):
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
        process.communicate(timeout=300)
        self.assertEqual(process.returncode, 130)
        done = run("index", "--refs", self.refs, "--out", os.path.join(self.dir, "i.npz"),
                   "--encoder", "builtin", "--projection", head)
        self.assertEqual(done.returncode, 0, done.stderr)


class Interrupted(ProgramTest):
    """A training that is stopped and goes on makes the head of one that is not."""

    WORDS = ["--encoder", "builtin", "--views", "bank:2", "--k-cards", "4", "--m-augs", "2"]
    EPOCHS = ["--epochs", "12", "--steps-per-epoch", "150"]
    ONE_EPOCH = ["--epochs", "1", "--steps-per-epoch", "2000"]

    def setUp(self):
        super().setUp()
        for i in range(4):
            self.add(f"thing_{i}.jpg", i)

    def command(self, name, *words):
        return ["train", "--refs", self.refs, "--out", self.path(name), *self.WORDS, *words]

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def stop_after_epoch(self, epoch, name, how):
        process = subprocess.Popen([PROGRAM, *self.command(name, *self.EPOCHS)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if line.startswith(f"epoch {epoch:2d}/"):
                break
        process.send_signal(how)
        said = process.communicate(timeout=300)[1]
        return process.returncode, said

    def resume(self, name, *words, code=(0, 1)):
        done = run(*self.command(name, *words, "--resume"))
        self.assertIn(done.returncode, code, done.stderr)
        return done

    def test_ctrl_c_and_resume(self):
        whole = run(*self.command("whole.pt", *self.EPOCHS))
        self.assertIn(whole.returncode, (0, 1), whole.stderr)
        code, said = self.stop_after_epoch(2, "cut.pt", signal.SIGINT)
        self.assertEqual(code, 130)
        self.assertIn("--resume goes on", said)
        self.assertNotEqual(self.read("cut.pt"), self.read("whole.pt"))
        # other options, other references: refused, and nothing is lost
        for words, what in ((["--lr", "1e-3"], "lr 0.0005, this one has 0.001"),
                            (["--seed", "2"], "seed 1"), (["--temperature", "0.2"], "temperature"),
                            (["--views", "fresh"], "views bank:2"),
                            (["--recipe", "original"], "recipe mixed"),
                            (["--start", "random"], "start"),
                            (["--epochs", "13"], "epochs 12")):
            said = self.resume("cut.pt", *self.EPOCHS, *words, code=(3,)).stderr
            self.assertIn(what, said)
        self.add("thing_9.jpg", 9)
        said = self.resume("cut.pt", *self.EPOCHS, code=(3,)).stderr
        self.assertIn("other references", said)
        os.remove(os.path.join(self.refs, "thing_9.jpg"))
        said = json.loads(self.resume("cut.pt", *self.EPOCHS, "--json", "--threads", "1").stdout)
        self.assertGreaterEqual(said["resumed_steps"], 300)
        self.assertFalse(said["interrupted"])
        self.assertLess(len(said["epochs"]), 12)
        self.assertEqual(self.read("cut.pt"), self.read("whole.pt"))
        self.assertFalse(os.path.exists(self.path("cut.pt.resume")))
        said = self.resume("cut.pt", *self.EPOCHS, code=(3,)).stderr
        self.assertIn("no interrupted training", said)

    def test_killed_and_damaged(self):
        name = "x.safetensors"
        self.assertEqual(self.stop_after_epoch(3, name, signal.SIGKILL)[0], -signal.SIGKILL)
        self.assertFalse(os.path.exists(self.path(name)))
        checkpoint = self.path(name + ".resume")
        good = self.read(name + ".resume")
        for bad, what in ((good[:len(good) // 2], "outside"), (good[:100], "ends within"),
                          (good[:-5] + b"?" + good[-4:], "damaged"), (b"", "too few")):
            with open(checkpoint, "wb") as file:
                file.write(bad)
            self.assertIn(name, self.resume(name, *self.EPOCHS, code=(3,)).stderr)
        with open(checkpoint, "wb") as file:
            file.write(good)
        self.resume(name, *self.EPOCHS)
        done = run(*self.command("whole.safetensors", *self.EPOCHS))
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertEqual(self.read(name), self.read("whole.safetensors"))

    def test_stopped_before_the_first_epoch_is_over(self):
        ours, theirs = pty.openpty()
        env = dict(os.environ, TERM="xterm")
        process = subprocess.Popen([PROGRAM, *self.command("cut.pt", *self.ONE_EPOCH)],
                                   stdout=subprocess.DEVNULL, stderr=theirs, env=env)
        os.close(theirs)
        shown = b""
        while b"train " not in shown:  # the progress line of the steps
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
        os.close(ours)
        self.assertEqual(process.wait(timeout=300), 130)
        self.assertIn(b"no head yet", shown)
        self.assertFalse(os.path.exists(self.path("cut.pt")))
        self.resume("cut.pt", *self.ONE_EPOCH)
        run(*self.command("whole.pt", *self.ONE_EPOCH))
        self.assertEqual(self.read("cut.pt"), self.read("whole.pt"))

    def test_starting_anew_over_a_checkpoint(self):
        with open(self.path("head.pt.resume"), "wb") as file:
            file.write(b"left over")
        done = run(*self.command("head.pt", "--epochs", "1", "--steps-per-epoch", "5"))
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertIn("starts anew", done.stderr)
        self.assertFalse(os.path.exists(self.path("head.pt.resume")))

    def test_places_that_cannot_be_written(self):
        for name in ("missing/head.pt", "refs"):  # found out before anything is rendered
            done = run(*self.command(name, *self.EPOCHS))
            self.assertNotIn(done.returncode, (0, 1), done.stderr)
            self.assertNotIn("epoch", done.stderr)
            self.assertIn(name, done.stderr)

    def test_a_full_disk(self):
        def full():  # nothing over 100 kB; the signal that says so is ignored
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        done = run(*self.command("head.pt", "--epochs", "3", "--steps-per-epoch", "5"),
                   preexec_fn=full, restore_signals=False)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual(done.stderr.count("head.pt.resume"), 1)  # told once, as a warning
        self.assertIn("epoch  3/3", done.stderr)
        self.assertEqual(sorted(os.listdir(self.dir)), ["refs"])


if __name__ == "__main__":
    unittest.main()
