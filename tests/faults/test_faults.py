"""The program in a world that fails: memory that runs out, calls that are interrupted or refused, and
kill -9, at call after call."""
import errno
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
from common import ProgramTest, picture, run  # noqa: E402

SHIM = os.environ.get("IDENTIFY_FAULT_SHIM", "")
KILLED = -9


def spread(n, most):
    """Up to `most` numbers under n: the first ones, the last one, and some between."""
    if n <= most:
        return list(range(n))
    early = most // 3
    step = (n - early) / (most - early)
    return sorted(set(range(early)) | {int(early + i * step) for i in range(most - early)} | {n - 1})


def steady(text):
    """Answers less what differs from run to run."""
    lines = []
    for line in text.splitlines():
        answer = json.loads(line)
        answer.pop("elapsed_seconds", None)
        lines.append(answer)
    return lines


@unittest.skipUnless(SHIM and os.path.exists(SHIM), "the shim is for glibc, without sanitizers")
class Faults(ProgramTest):
    def setUp(self):
        super().setUp()
        for i in range(3):
            self.add(f"thing_{i}.jpg", i, size=(120, 160))
        self.build("--calibration-views", "0")
        self.photo = self.path("photo.png")
        picture(1, size=(120, 160)).save(self.photo)
        with open(self.index, "rb") as file:
            self.before = file.read()

    def faulty(self, kinds, at, *args, **options):
        env = {"LD_PRELOAD": SHIM, "FAULT_KINDS": kinds}
        if at is not None:
            env["FAULT_AT"] = str(at)
        env.update({"FAULT_" + name.upper(): str(value) for name, value in options.items()})
        return run(*args, env=env)

    def count(self, kinds, *args):
        counted = self.path("count")
        result = self.faulty(kinds, None, *args, count=counted)
        self.assertIn(result.returncode, (0, 1), result.stderr)
        with open(counted, encoding="ascii") as file:
            n = int(file.read())
        os.remove(counted)
        return n, result

    def content(self):
        with open(self.index, "rb") as file:
            return file.read()

    def index_args(self):
        return ("index", "--refs", self.refs, "--out", self.index, "--json", "--threads", "1",
                "--calibration-views", "0")

    def check_no_memory(self, result, at):
        where = f"allocation {at}: {result.returncode} {result.stderr}"
        self.assertGreaterEqual(result.returncode, 0, where)
        self.assertIn(result.returncode, (0, 1, 4), where)
        if result.returncode == 4:
            self.assertIn("memory", result.stderr, where)
        for word in ("damaged", "malformed", "--rebuild", "delete"):
            self.assertNotIn(word, result.stderr, where)
        for line in result.stdout.splitlines():
            json.loads(line)

    def test_query_without_memory(self):
        args = ("query", "--index", self.index, "--json", "--threads", "1", self.photo)
        n, whole = self.count("alloc", *args)
        self.assertGreater(n, 100)
        for at in spread(n, 30):
            for stays in ({}, {"stays": 1}):
                result = self.faulty("alloc", at, *args, **stays)
                self.check_no_memory(result, at)
                if result.returncode < 2:
                    self.assertEqual(steady(result.stdout), steady(whole.stdout), at)

    def test_index_without_memory(self):
        self.add("new.jpg", 9, size=(120, 160))
        n, _ = self.count("alloc", *self.index_args())
        after = self.content()
        for at in spread(n, 24):
            with open(self.index, "wb") as file:
                file.write(self.before)
            result = self.faulty("alloc", at, *self.index_args(), stays=1)
            self.check_no_memory(result, at)
            self.assertIn(self.content(), (self.before, after), at)

    def test_interrupted_calls_go_on(self):
        self.add("new.jpg", 9, size=(120, 160))
        kinds = "open,read,write,fsync,rename"
        n, _ = self.count(kinds, *self.index_args())
        after = self.content()
        reads = self.own_calls(kinds, n)
        for at in spread(reads, 24):
            with open(self.index, "wb") as file:
                file.write(self.before)
            result = self.faulty(kinds, n - reads + at, *self.index_args(), errno=errno.EINTR)
            self.assertEqual(result.returncode, 0, f"call {at}: {result.stderr}")
            self.assertEqual(self.content(), after, at)

    def own_calls(self, kinds, n):
        """How many of n calls come after the program's start: those that --version makes too are
        the loader's."""
        counted = self.path("count")
        self.faulty(kinds, None, "--version", count=counted)
        with open(counted, encoding="ascii") as file:
            start = int(file.read())
        os.remove(counted)
        return n - start

    def test_a_read_error_drops_no_reference(self):
        self.add("new.jpg", 9, size=(120, 160))
        os.remove(self.index)
        n, _ = self.count("read", *self.index_args())
        n_own = self.own_calls("read", n)
        self.assertGreater(n_own, 3)
        for at in range(n - n_own, n):
            if os.path.exists(self.index):
                os.remove(self.index)
            result = self.faulty("read", at, *self.index_args(), errno=errno.EIO)
            if result.returncode == 0:  # something that can be done without, as /sys
                self.assertEqual(json.loads(result.stdout)["references"], 4, at)
            else:
                self.assertEqual(result.returncode, 4, result.stderr)
                self.assertFalse(os.path.exists(self.index))

    def test_what_cannot_be_written_leaves_the_old_index(self):
        self.add("new.jpg", 9, size=(120, 160))
        for kind in ("write", "fsync", "rename"):
            n, _ = self.count(kind, *self.index_args())
            after = self.content()
            self.assertGreater(n, 0)
            for at in spread(n, 8):
                with open(self.index, "wb") as file:
                    file.write(self.before)
                result = self.faulty(kind, at, *self.index_args(), errno=errno.ENOSPC)
                if result.returncode == 0:  # the folder's fsync, after the rename
                    self.assertEqual(self.content(), after)
                else:
                    self.assertEqual(result.returncode, 4, result.stderr)
                    self.assertEqual(self.content(), self.before, (kind, at))
                self.assertEqual(sorted(os.listdir(self.dir)), ["index.npz", "photo.png", "refs"])
            with open(self.index, "wb") as file:
                file.write(self.before)

    def test_killed_anywhere(self):
        self.add("new.jpg", 9, size=(120, 160))
        kinds = "write,fsync,rename"
        n, _ = self.count(kinds, *self.index_args())
        after = self.content()
        for at in spread(n, 12):
            with open(self.index, "wb") as file:
                file.write(self.before)
            result = self.faulty(kinds, at, *self.index_args(), kill=1)
            self.assertEqual(result.returncode, KILLED)
            self.assertIn(self.content(), (self.before, after), at)
        self.assertEqual(run(*self.index_args()).returncode, 0)
        self.assertEqual(self.content(), after)
        os.remove(os.path.join(self.refs, "new.jpg"))  # so that the next run writes
        self.assertEqual(run(*self.index_args()).returncode, 0)
        self.assertEqual(sorted(os.listdir(self.dir)), ["index.npz", "photo.png", "refs"])


if __name__ == "__main__":
    unittest.main()
