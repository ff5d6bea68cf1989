"""Files and terminals: what is written where, with which exit code, and what never reaches a terminal."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import PROGRAM, ProgramTest, picture, run  # noqa: E402


class Files(ProgramTest):
    def fill(self, n=2):
        for i in range(n):
            self.add(f"thing_{i}.jpg", i, size=(160, 200))

    def index_small(self, *args):
        return self.build("--calibration-views", "0", *args)

    def test_what_cannot_be_written_is_found_first_and_is_4(self):
        self.fill()
        self.index_small()
        nowhere = self.path("no", "such", "file")
        for args in (("index", "--refs", self.refs, "--out", nowhere + ".npz"),
                     ("train", "--refs", self.refs, "--out", nowhere + ".pt"),
                     ("augment", "--refs", self.refs, "--contact-sheet", nowhere + ".jpg"),
                     ("verify", "--index", self.index, "--report", nowhere + ".html")):
            result = run(*args)
            self.assertEqual(result.returncode, 4, (args, result.stderr))
            self.assertIn("no/such/file", result.stderr)
            self.assertNotIn("thing_0", result.stderr + result.stdout)
            self.assertEqual(result.stdout, "")
        self.assertEqual(sorted(os.listdir(self.dir)), ["index.npz", "refs"])

    def test_nothing_that_a_file_says_turns_the_terminal_around(self):
        self.fill()
        self.index_small()
        pairs = self.path("pairs.tsv")
        evil = "a\x1b[2J\u202egpj.exe\u2066"
        with open(pairs, "w", encoding="utf-8") as file:
            file.write(f"thing_0.jpg\t{evil}.jpg\n")
        strangers = self.path("strangers" + evil)
        outputs = [run("verify", "--index", self.index, "--views", "0", "--queries", self.refs,
                       "--pairs", pairs),
                   run("verify", "--index", self.index, "--views", "0", "--strangers", strangers),
                   run("query", "--index", self.index, self.path(evil + ".jpg")),
                   run("query", "--" + evil), run(evil),
                   run("index", "--refs", self.path(evil), "--out", self.index)]
        for i, result in enumerate(outputs):
            said = result.stdout + result.stderr
            self.assertNotIn("\x1b", said)
            self.assertNotIn("\u202e", said)
            self.assertNotIn("\u2066", said)
            self.assertGreater(result.returncode, 1, (i, said))
        self.assertIn("\\x1b[2J\\u202egpj", outputs[2].stderr)

    def test_names_that_look_like_others_are_shown_as_they_are(self):
        self.add("gold\u202egpj.jpg", 3, size=(160, 200))
        self.add("other.jpg", 4, size=(160, 200))
        self.index_small()
        result = run("query", "--index", self.index, os.path.join(self.refs, "other.jpg"))
        self.assertNotIn("\u202e", result.stdout)
        self.assertIn("\\u202e", result.stdout)

    def test_answers_come_one_by_one(self):
        self.fill()
        self.index_small()
        fifo = self.path("late.jpg")
        os.mkfifo(fifo)  # a picture that is no file: refused, but only when its turn comes
        first = os.path.join(self.refs, "thing_0.jpg")
        child = subprocess.Popen([PROGRAM, "query", "--index", self.index, "--json", first, "-"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = child.stdout.readline()  # while the second picture is still waited for
        self.assertEqual(json.loads(line)["image"], first)
        self.assertIsNone(child.poll())
        with open(first, "rb") as file:
            child.stdin.write(file.read())
        child.stdin.close()
        self.assertEqual(json.loads(child.stdout.readline())["image"], "-")
        child.stdout.close()
        child.wait(timeout=60)

    def test_a_head_stays_until_it_is_dropped(self):
        self.fill(4)
        head = self.path("head.pt")
        trained = run("train", "--refs", self.refs, "--out", head, "--encoder", "builtin",
                      "--epochs", "1", "--views", "bank:8", "--k-cards", "2")
        self.assertIn(trained.returncode, (0, 1), trained.stderr)
        encoder = ("--encoder", "builtin")
        with_head = self.index_small(*encoder, "--projection", head)
        again = self.index_small(*encoder)
        self.assertEqual((again["dim"], again["kept"], again["written"]),
                         (with_head["dim"], 4, False))
        self.add("more.jpg", 9, size=(160, 200))
        more = self.index_small(*encoder)
        self.assertEqual((more["dim"], more["encoded"], more["kept"]), (with_head["dim"], 1, 4))
        dropped = self.index_small(*encoder, "--no-projection")
        self.assertNotEqual(dropped["dim"], with_head["dim"])
        self.assertEqual(dropped["encoded"], 5)

    @unittest.skipUnless(shutil.which("localedef"), "no localedef")
    @unittest.skipIf(os.environ.get("IDENTIFY_SANITIZE"), "Python cannot load a library with a sanitizer")
    def test_numbers_have_a_point_where_people_write_a_comma(self):
        # the program itself stays in the C locale; a library's caller may not
        code = r"""
import ctypes, json, locale, sys
locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
assert ctypes.CDLL(None).setlocale(1, b"de_DE.UTF-8") is not None
lib = ctypes.CDLL(sys.argv[1])
encoder, message = ctypes.c_void_p(), ctypes.create_string_buffer(4096)
assert lib.idf_encoder_open_builtin(ctypes.byref(encoder), message) == 0
class Options(ctypes.Structure):
    _fields_ = [("refs", ctypes.c_char_p), ("out", ctypes.c_char_p), ("encoder", ctypes.c_void_p),
                ("pool", ctypes.c_void_p), ("strict", ctypes.c_bool), ("rebuild", ctypes.c_bool),
                ("progress", ctypes.c_void_p), ("note", ctypes.c_void_p),
                ("context", ctypes.c_void_p), ("views", ctypes.c_int),
                ("false_accepts", ctypes.c_double), ("spare", ctypes.c_char * 256)]
options = Options(sys.argv[2].encode(), sys.argv[3].encode(), encoder, None, False, False, None, None,
                  None, 4, 0.001)
status = lib.idf_build_index(ctypes.byref(options), None, message)
assert status == 0, (status, message.raw[4:].split(b"\0")[0])
"""
        library = os.path.join(os.path.dirname(PROGRAM), "libidentify.so")
        if not os.path.exists(library):
            self.skipTest("no shared library")
        self.fill(3)
        locales = tempfile.mkdtemp(dir=self.dir)
        made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8",
                               os.path.join(locales, "de_DE.UTF-8")], capture_output=True)
        if not os.path.isdir(os.path.join(locales, "de_DE.UTF-8")):
            self.skipTest("no German locale can be made: " + made.stderr.decode(errors="replace"))
        done = subprocess.run([sys.executable, "-c", code, library, self.refs, self.index],
                              env=dict(os.environ, LOCPATH=locales), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = run("query", "--index", self.index, os.path.join(self.refs, "thing_0.jpg"))
        self.assertIn(result.returncode, (0, 1), result.stderr)


if __name__ == "__main__":
    unittest.main()
