"""An index that is a folder, in a world that fails: at each write, sync and rename of every way of changing it
the disk is full, or the process is killed. It always opens, with the old rows or with the new ones."""
import errno
import json
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
from common import ProgramTest, picture, run  # noqa: E402

SHIM = os.environ.get("IDENTIFY_FAULT_SHIM", "")
KINDS = "write,fsync,rename"
POINTS, KILLED = 6, -9


@unittest.skipUnless(SHIM and os.path.exists(SHIM), "the shim is for glibc, without sanitizers")
class FolderFaults(ProgramTest):
    def setUp(self):
        super().setUp()
        self.kept, self.folder = self.path("kept.idx"), self.path("cards.idx")
        for i in range(3):
            self.add(f"thing_{i}.jpg", i, size=(120, 160))
        self.new, self.out = self.path("new.jpg"), self.path("out.npz")
        picture(9, size=(120, 160)).save(self.new)
        self.photo = self.path("photo.png")
        picture(0, size=(120, 160)).save(self.photo)
        self.change("index", "--refs", self.refs, "--out", self.kept, "--calibration-views", "0", "--json")
        shutil.copy(self.new, self.path("old.jpg"))
        self.change("add", "--index", self.kept, self.path("old.jpg"))  # two segments, a row deleted
        self.change("remove", "--index", self.kept, "thing_2.jpg")
        os.remove(os.path.join(self.refs, "thing_2.jpg"))

    def change(self, *args, expect=0):
        result = run(*args)
        self.assertEqual(result.returncode, expect, result.stderr)

    def faulty(self, args, at, **options):
        env = {"LD_PRELOAD": SHIM, "FAULT_KINDS": KINDS}
        if at is not None:
            env["FAULT_AT"] = str(at)
        env.update({"FAULT_" + name.upper(): str(value) for name, value in options.items()})
        return run(*args, env=env)

    def begin(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.kept, self.folder)
        if os.path.exists(self.out):
            os.remove(self.out)

    def rows(self, index):
        """What is in it, by asking: it opens and answers."""
        result = run("query", "--index", index, "--json", "--top", "20", self.photo)
        self.assertEqual(result.returncode, 0, result.stderr)
        return sorted(entry["filename"] for entry in json.loads(result.stdout)["ranking"])

    def files(self):
        return sorted(os.listdir(self.folder))

    def named(self):
        """The files that the manifest names, and itself."""
        with open(os.path.join(self.folder, "manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        names = {"manifest.json", manifest.get("words"), manifest.get("shared")}
        for segment in manifest["segments"]:
            names |= {segment["file"], segment.get("deleted")}
        return sorted(names - {None})

    def check(self, *args, exported=False):
        """`args` change the folder, or export it."""
        def content():
            if not exported:
                return self.rows(self.folder)
            return self.rows(self.out) if os.path.exists(self.out) else None
        self.begin()
        before, files = content(), self.files()
        counted = self.path("count")
        self.assertEqual(self.faulty(args, None, count=counted).returncode, 0)
        after = content()
        self.assertEqual(self.files(), self.named())
        with open(counted, encoding="ascii") as file:
            n = int(file.read())
        self.assertGreater(n, 2)
        for at in sorted({i * (n - 1) // (POINTS - 1) for i in range(POINTS)}):
            self.begin()
            result = self.faulty(args, at, errno=errno.ENOSPC)
            if result.returncode == 0:  # the folder's own sync, after the rename
                self.assertEqual(content(), after, at)
            else:
                self.assertEqual(result.returncode, 4, result.stderr)
                self.assertEqual((content(), self.files()), (before, files), at)
            self.begin()
            self.assertEqual(self.faulty(args, at, kill=1).returncode, KILLED)
            found = content()
            self.assertIn(found, (before, after), at)
            again = run(*args)  # whoever comes next goes on, and clears up
            self.assertIn(again.returncode, (0, 3) if found == after else (0,), again.stderr)
            self.assertEqual(content(), after, at)
            if found != after:  # else the next change does
                self.assertEqual(self.files(), self.named())
        if exported:
            self.assertEqual([x for x in os.listdir(self.dir) if x.startswith("out.npz.")], [])

    def test_add(self):
        self.check("add", "--index", self.folder, self.new)

    def test_remove(self):
        self.check("remove", "--index", self.folder, "thing_1.jpg")

    def test_index(self):
        shutil.copy(self.new, os.path.join(self.refs, "new.jpg"))
        os.remove(os.path.join(self.refs, "thing_1.jpg"))
        self.check("index", "--refs", self.refs, "--out", self.folder, "--calibration-views", "0")

    def test_compact(self):
        self.check("index", "--out", self.folder, "--compact")

    def test_export(self):
        self.check("index", "--out", self.folder, "--export", self.out, exported=True)


if __name__ == "__main__":
    unittest.main()
