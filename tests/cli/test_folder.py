"""An index that is a folder, driven from outside: it grows, shrinks, is merged and exported; it survives
kill -9, a full disk, a second writer and a folder that cannot be written."""
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

import numpy

from common import PROGRAM, ProgramTest, picture, run

QUIET = ("--calibration-views", "0")


class FolderTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.folder = self.path("cards.idx")

    def build_folder(self, *args, expect=0):
        result = run("index", "--refs", self.refs, "--out", self.folder, "--json", *args)
        self.assertEqual(result.returncode, expect, result.stderr)
        return json.loads(result.stdout) if expect == 0 else result

    def answers(self, index, *pictures, expect=(0, 1)):
        result = run("query", "--index", index, "--json", *pictures)
        self.assertIn(result.returncode, expect, result.stderr)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        for line in lines:
            line.pop("elapsed_ms", None)
            line.pop("elapsed_seconds", None)
        return lines

    def manifest(self):
        with open(os.path.join(self.folder, "manifest.json"), encoding="utf-8") as file:
            return json.load(file)

    def photos(self, *seeds):
        paths = []
        for seed in seeds:
            paths.append(self.path(f"photo{seed}.png"))
            picture(seed).rotate(7, expand=True).resize((260, 330)).save(paths[-1])
        return paths

    def test_a_folder_a_file_and_an_export_answer_alike(self):
        for i in range(6):
            self.add(f"thing_{i}.jpg", i)
        self.assertEqual(self.build_folder()["references"], 6)
        self.build()
        export = self.path("export.npz")
        self.assertEqual(run("index", "--out", self.folder, "--export", export).returncode, 0)
        photos = self.photos(0, 3, 99)
        want = self.answers(self.index, *photos)
        self.assertEqual(self.answers(self.folder, *photos), want)
        self.assertEqual(self.answers(export, *photos), want)
        with open(export, "rb") as a, open(self.index, "rb") as b:
            self.assertEqual(a.read(), b.read())  # as a fresh build writes it
        self.assertIn(run("verify", "--index", self.folder, "--views", "0").returncode, (0, 1))
        self.assertFalse(self.build_folder()["written"])

    def test_it_grows_and_shrinks(self):
        self.folder += "/"  # as a folder may be written
        for i in range(3):
            self.add(f"thing_{i}.jpg", i)
        self.build_folder(*QUIET)
        new = self.path("new")
        os.mkdir(new)
        picture(7).save(os.path.join(new, "LOCH-JP001_night_owl_ur.png"))
        added = run("add", "--index", self.folder, "--json", os.path.join(new, "LOCH-JP001_night_owl_ur.png"))
        self.assertEqual((added.returncode, added.stdout),
                         (0, '{"change":"added","filename":"LOCH-JP001_night_owl_ur.png"}\n'), added.stderr)
        top = self.answers(self.folder, *self.photos(7))[0]
        self.assertIn("Night Owl", json.dumps(top))
        self.assertEqual([s["rows"] for s in self.manifest()["segments"]], [3, 1])
        # the same name again replaces it; a label can be given
        picture(8).save(os.path.join(new, "LOCH-JP001_night_owl_ur.png"))
        again = run("add", "--index", self.folder, "--name", "Day Owl", os.path.join(new, "LOCH-JP001_night_owl_ur.png"))
        self.assertEqual(again.stdout, "replaced LOCH-JP001_night_owl_ur.png\n", again.stderr)
        self.assertIn("Day Owl", json.dumps(self.answers(self.folder, *self.photos(8))[0]))
        gone = run("remove", "--index", self.folder, "thing_1.jpg", "LOCH-JP001_night_owl_ur.png")
        self.assertEqual(gone.returncode, 0, gone.stderr)
        self.assertNotIn("thing_1", json.dumps(self.answers(self.folder, *self.photos(1))))
        missing = run("remove", "--index", self.folder, "thing_0.jpg", "thing_1.jpg")
        self.assertEqual(missing.returncode, 3)
        self.assertIn("no reference 'thing_1.jpg'", missing.stderr)
        self.assertIn("Thing 0", json.dumps(self.answers(self.folder, *self.photos(0))))  # all or none
        self.assertEqual(run("index", "--out", self.folder, "--compact").returncode, 0)
        segments = self.manifest()["segments"]
        self.assertEqual([(s["rows"], "deleted" in s) for s in segments], [(2, False)])
        self.assertEqual(sorted(os.listdir(self.folder)), ["manifest.json", segments[0]["file"],
                                                           self.manifest()["words"]])
        report = self.build_folder(*QUIET)  # the folder of pictures has the last word
        self.assertEqual((report["references"], report["encoded"], report["kept"]), (3, 1, 2))

    def test_a_file_is_changed_too(self):
        for i in range(3):
            self.add(f"thing_{i}.jpg", i)
        self.build(*QUIET)
        self.assertEqual(run("remove", "--index", self.index, "thing_1.jpg").returncode, 0)
        picture(9).save(self.path("night_owl.png"))
        self.assertEqual(run("add", "--index", self.index, self.path("night_owl.png")).returncode, 0)
        with numpy.load(self.index) as file:
            self.assertEqual(file["filenames"].tolist(), ["night_owl.png", "thing_0.jpg", "thing_2.jpg"])
        self.assertEqual(os.path.exists(self.index + ".lock"), False)
        bad = run("add", "--index", self.index, self.path("nothing.png"))
        self.assertEqual(bad.returncode, 3, bad.stderr)

    def test_changes_in_the_folder_of_pictures(self):
        for i in range(5):
            self.add(f"thing_{i}.jpg", i)
        self.build_folder(*QUIET)
        os.remove(os.path.join(self.refs, "thing_0.jpg"))
        os.rename(os.path.join(self.refs, "thing_1.jpg"), os.path.join(self.refs, "other_1.jpg"))
        self.add("thing_2.jpg", 22)
        self.add("thing_9.jpg", 9)
        with open(os.path.join(self.refs, "labels.csv"), "w", encoding="utf-8") as file:
            file.write("filename,name\nthing_3.jpg,Third\n")
        report = self.build_folder(*QUIET)
        self.assertEqual((report["references"], report["encoded"], report["changed"], report["kept"],
                          report["dropped"]), (5, 2, 1, 3, 2))
        self.build("--rebuild", *QUIET)
        export = self.path("export.npz")
        self.assertEqual(run("index", "--out", self.folder, "--export", export).returncode, 0)
        with open(export, "rb") as a, open(self.index, "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_one_picture_many_times(self):
        self.add("a0.jpg", 1, size=(64, 64))
        for i in range(1, 300):
            shutil.copy(os.path.join(self.refs, "a0.jpg"), os.path.join(self.refs, f"a{i}.jpg"))
        report = self.build_folder(*QUIET)
        self.assertEqual((report["references"], len(report["duplicates"])), (300, 299))
        for i in range(1, 300):
            os.remove(os.path.join(self.refs, f"a{i}.jpg"))
        self.assertEqual(self.build_folder(*QUIET)["references"], 1)

    def test_a_second_writer_is_told_who_writes(self):
        self.add("a.jpg", 1)
        self.build_folder(*QUIET)
        self.build(*QUIET)
        for index, lock in ((self.folder, os.path.join(self.folder, "lock")), (self.index, self.index + ".lock")):
            holder = subprocess.Popen(["flock", lock, "sleep", "60"])
            try:
                while not os.path.exists(lock) or run("remove", "--index", index, "no.jpg").returncode != 4:
                    time.sleep(0.02)
                with open(lock, "w", encoding="utf-8") as file:
                    file.write("process 42 on host since 2026-01-01 00:00:00 UTC")
                result = run("index", "--refs", self.refs, "--out", index)
                self.assertEqual(result.returncode, 4)
                self.assertIn("is being written by process 42 on host since 2026-01-01", result.stderr)
                self.assertIn(run("query", "--index", index, self.path("refs", "a.jpg")).returncode, (0, 1))
            finally:
                holder.kill()
                holder.wait()

    def test_interrupted_it_goes_on(self):
        for i in range(400):
            picture(i, (80, 80)).save(os.path.join(self.refs, f"a{i:03}.png"))
        process = subprocess.Popen([PROGRAM, "index", "--refs", self.refs, "--out", self.folder, "--threads", "1"],
                                   stderr=subprocess.PIPE)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate()[1].decode()
        if process.returncode == 0:
            self.skipTest("too fast to be interrupted")
        self.assertEqual(process.returncode, 130, stderr)
        began = run("query", "--index", self.folder, self.path("refs", "a000.png"))
        self.assertNotEqual(began.returncode, 0)
        report = self.build_folder(*QUIET)
        self.assertEqual(report["references"], 400)
        if "kept for the next time" in stderr and "after 0 of" not in stderr:
            self.assertGreater(report["kept"], 0)

    def test_killed_while_adding_it_opens(self):
        """kill -9 at any time: the old state or the new one, and the next writer goes on."""
        for i in range(2):
            self.add(f"thing_{i}.jpg", i)
        self.build_folder(*QUIET)
        extra = []
        for i in range(12):
            extra.append(self.path(f"extra_{i:02}.jpg"))
            picture(100 + i, (120, 120)).save(extra[-1])
        for i, path in enumerate(extra):
            process = subprocess.Popen([PROGRAM, "add", "--quiet", "--index", self.folder, path],
                                       stdout=subprocess.DEVNULL)
            time.sleep(0.004 * i)
            process.kill()
            process.wait()
            rows = sum(s["rows"] for s in self.manifest()["segments"])
            self.assertTrue(2 <= rows <= 2 + i + 1)
            self.assertIn(run("query", "--index", self.folder, path).returncode, (0, 1))
        self.assertEqual(run("add", "--index", self.folder, *extra).returncode, 0)
        self.assertEqual(run("index", "--out", self.folder, "--compact").returncode, 0)
        self.assertEqual([s["rows"] for s in self.manifest()["segments"]], [14])
        self.assertEqual(len(os.listdir(self.folder)), 3)  # nothing is left of those that died

    def test_full_disk_at_each_write(self):
        for i in range(2):
            self.add(f"thing_{i}.jpg", i)
        self.build_folder(*QUIET)
        new = self.path("new.jpg")
        picture(5).save(new)
        before = sorted(os.listdir(self.folder))
        failures = 0
        for blocks in (0, 1, 2, 4, 8, 16, 24, 32, 48, 64):
            result = subprocess.run(
                ["bash", "-c", f'trap "" XFSZ; ulimit -f {blocks}; exec "$0" add --index "$1" "$2"',
                 PROGRAM, self.folder, new], capture_output=True, text=True)
            if result.returncode == 0:
                break
            failures += 1
            self.assertEqual(result.returncode, 4, result.stderr)
            self.assertEqual(sorted(os.listdir(self.folder)), before)
            self.assertEqual(sum(s["rows"] for s in self.manifest()["segments"]), 2)
        self.assertGreater(failures, 2)
        self.assertEqual(run("add", "--index", self.folder, new).returncode, 0)
        self.assertEqual(sum(s["rows"] for s in self.manifest()["segments"]), 3)

    @unittest.skipIf(os.geteuid() == 0 and shutil.which("setpriv") is None, "root may write everywhere")
    def test_a_folder_that_cannot_be_written_answers(self):
        self.add("a.jpg", 1)
        self.build_folder(*QUIET)
        for top, _, files in os.walk(self.dir):
            os.chmod(top, 0o555)
            for name in files:
                os.chmod(os.path.join(top, name), 0o444)
        self.addCleanup(lambda: [os.chmod(top, 0o755) for top, _, _ in os.walk(self.dir)])
        drop = ["setpriv", "--reuid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
        query = subprocess.run([*drop, PROGRAM, "query", "--index", self.folder, self.path("refs", "a.jpg")],
                               capture_output=True, text=True)
        self.assertIn(query.returncode, (0, 1), query.stderr)
        picture = self.path("refs", "a.jpg")
        fresh = ["index", "--refs", self.path("refs"), *QUIET, "--out"]
        for args in (["remove", "--index", self.folder, "a.jpg"],
                     ["add", "--index", self.folder, picture],
                     [*fresh, self.folder, "--rebuild"], [*fresh, self.path("new.idx")],
                     [*fresh, self.path("new.npz")],
                     ["verify", "--index", self.folder, "--views", "1", "--save-thresholds"],
                     ["verify", "--index", self.folder, "--report", self.path("r.html")],
                     ["query", "--index", self.folder, "--annotate", self.path("o.png"), picture],
                     ["augment", "--refs", self.path("refs"), "--out", self.path("views")],
                     ["train", "--refs", self.path("refs"), "--out", self.path("head.pt")]):
            change = subprocess.run([*drop, PROGRAM, *args], capture_output=True, text=True)
            self.assertEqual((change.returncode, change.stdout), (4, ""), change.stderr)
            self.assertRegex(change.stderr, "cannot (write|create).*: Permission denied")

    def test_thresholds_are_saved(self):
        for i in range(3):
            self.add(f"thing_{i}.jpg", i)
        self.build_folder(*QUIET)
        before = self.manifest()["meta"]
        result = run("verify", "--index", self.folder, "--views", "2", "--save-thresholds")
        self.assertIn(result.returncode, (0, 1), result.stderr)
        self.assertNotIn("sim_threshold", before)
        self.assertIn("sim_threshold", self.manifest()["meta"])

    def test_a_damaged_segment_is_passed_over_when_asked(self):
        for i in range(3):
            self.add(f"thing_{i}.jpg", i)
        self.build_folder(*QUIET)
        picture(7).save(self.path("owl.png"))
        self.assertEqual(run("add", "--index", self.folder, self.path("owl.png")).returncode, 0)
        name = self.manifest()["segments"][1]["file"]
        with open(os.path.join(self.folder, name), "r+b") as file:
            file.truncate(1000)
        photo = self.photos(0)[0]
        result = run("query", "--index", self.folder, photo)
        self.assertEqual(result.returncode, 3)
        self.assertIn(name, result.stderr)
        result = run("query", "--index", self.folder, "--skip-damaged", photo)
        self.assertIn(result.returncode, (0, 1), result.stderr)
        self.assertIn(name, result.stderr)
        self.assertIn("Thing 0", result.stdout)
        other = run("index", "--refs", self.refs, "--out", self.folder)
        self.assertEqual(other.returncode, 3)
        self.assertIn("--rebuild", other.stderr)
        self.assertEqual(self.build_folder("--rebuild", *QUIET)["references"], 3)

    def test_usage(self):
        self.assertEqual(run("add", "--index", self.folder).returncode, 2)
        self.assertEqual(run("remove").returncode, 2)
        self.assertEqual(run("remove", "--index", self.path("no.idx"), "a").returncode, 3)
        os.mkdir(self.folder)
        result = run("query", "--index", self.folder, "x.jpg")
        self.assertEqual(result.returncode, 3)
        self.assertIn("no index", result.stderr)


if __name__ == "__main__":
    unittest.main()
