#!/usr/bin/env python3
"""What `make install` leaves behind: everything in its place under PREFIX and DESTDIR, headers that
compile alone, a shared library that exports only what is ours, and a pkg-config file with which
examples/identify_one.c builds (shared and static) and answers."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("IDENTIFY_SOURCE_DIR",
                                     pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("IDENTIFY_BUILD_DIR", SOURCE / "build" / "dev"))
CACHE = dict(re.findall(r"^(\w+):\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE))
CC = CACHE["CMAKE_C_COMPILER"]
CXX = next((path for path in map(shutil.which, ("g++", "clang++")) if path), None)
# What the library is instrumented with, a program that links it must be linked with too.
SANITIZE = CACHE.get("IDENTIFY_SANITIZE", "")
FLAGS = ["-fsanitize=" + SANITIZE] if SANITIZE else []
if CACHE.get("IDENTIFY_COVERAGE") == "ON":
    FLAGS.append("--coverage")


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          timeout=300, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} exited {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="install test "))
        cls.prefix = cls.folder / "pre fix"  # a folder with a space breaks careless quoting
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def pkg_config(self, *arguments):
        pc = next(self.prefix.glob("lib*/**/pkgconfig"))
        return shlex.split(run("pkg-config", *arguments, "identify",
                               env={**os.environ, "PKG_CONFIG_PATH": str(pc)}))

    def library(self, pattern):
        found = sorted(self.prefix.glob("lib*/**/" + pattern))
        self.assertTrue(found, pattern)
        return found[0]

    def test_everything_is_in_its_place(self):
        self.assertTrue(os.access(self.prefix / "bin" / "dlf-identify", os.X_OK))
        for name in ("data_label_factory", "data_label_factory.identify"):
            self.assertEqual(os.readlink(self.prefix / "bin" / name), "dlf-identify")
            self.assertIn("gather", run(self.prefix / "bin" / name, "--help"))
        self.assertTrue((self.prefix / "share/dlf-identify/projects/yugioh.yaml").is_file())
        self.library("libidentify.a")
        self.library("libidentify.so")
        headers = {path.name for path in (self.prefix / "include" / "identify").iterdir()}
        self.assertEqual(headers, {path.name for path in
                                   (SOURCE / "include" / "identify").glob("*.h")})
        pages = {path.name for path in self.prefix.glob("share/man/man1/*")}
        self.assertEqual(pages, {path.name for path in (SOURCE / "docs" / "man").glob("*.1")})

    def test_the_installed_program_runs(self):
        version = run(self.prefix / "bin" / "dlf-identify", "--version").split()
        self.assertEqual(version, ["dlf-identify", *self.pkg_config("--modversion")])

    def test_destdir(self):
        stage = self.folder / "stage"
        run("cmake", "--install", BUILD, "--prefix", "/opt/identify",
            env={**os.environ, "DESTDIR": str(stage)})
        self.assertTrue((stage / "opt" / "identify" / "bin" / "dlf-identify").is_file())
        self.assertEqual([path.name for path in stage.iterdir()], ["opt"])

    def test_headers_compile_alone(self):
        dialects = [(CC, "-xc", "-std=c11", "-Wstrict-prototypes")]
        if CXX:
            dialects.append((CXX, "-xc++", "-std=c++17", "-Wold-style-cast"))
        include = "-I" + str(self.prefix / "include")
        headers = sorted((self.prefix / "include" / "identify").glob("*.h"))
        self.assertTrue(headers)
        for dialect in dialects:
            # A file an include; the second inclusion tries the guard.
            for header in headers:
                line = f"#include <identify/{header.name}>\n"
                run(*dialect, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", include,
                    "-", input=line + line + "extern int something;\n")

    def test_only_our_symbols_are_exported(self):
        table = run("nm", "-D", "--defined-only", self.library("libidentify.so"))
        names = {line.split()[-1].split("@")[0] for line in table.splitlines()}
        self.assertIn("idf_version", names)
        public = set()
        for header in (self.prefix / "include" / "identify").glob("*.h"):
            for declaration in re.findall(r"IDF_API\b([^;]*);", header.read_text()):
                public.add(re.search(r"(\w+)\s*(?:\(|\[|$)", declaration).group(1))
        self.assertEqual(public - names, set())  # what is promised is there
        strange = names - public
        if not FLAGS:
            self.assertEqual(strange, set())

    @unittest.skipIf("thread" in SANITIZE or "address" in SANITIZE,
                     "a sanitizer's run-time library belongs to the program, not to our library")
    def test_example_shared(self):
        library = self.library("libidentify.so").parent
        self.answer("shared", self.pkg_config("--cflags", "--libs"),
                    {"LD_LIBRARY_PATH": str(library)})

    def test_example_static(self):
        flags = self.pkg_config("--static", "--cflags", "--libs")
        archive = str(self.library("libidentify.a"))
        self.answer("static", [archive if flag == "-lidentify" else flag for flag in flags], {})

    def answer(self, name, flags, environment):
        """Builds the example, indexes the example collection and asks it two things."""
        program = self.folder / name
        run(CC, "-std=c11", "-Wall", "-Wextra", "-Werror", SOURCE / "examples" / "identify_one.c",
            "-o", program, *flags, *FLAGS)
        index = self.folder / "example.npz"
        if not index.exists():
            run(self.prefix / "bin" / "dlf-identify", "index", "--quiet", "--refs",
                SOURCE / "data" / "example", "--out", index)
        environment = {**os.environ, **environment}
        for picture, expected in (("example/LOCH-JP017_old_memory.jpg", "Old Memory"),
                                  ("example-frames/01_at_an_angle.jpg", "Lantern Goldfish")):
            self.assertEqual(run(program, index, SOURCE / "data" / picture, env=environment),
                             expected + "\n")
        missing = subprocess.run([str(program), str(index), "/nowhere.jpg"], env=environment,
                                 capture_output=True, text=True)
        self.assertEqual((missing.returncode, missing.stdout), (1, ""))
        self.assertIn("/nowhere.jpg", missing.stderr)


if __name__ == "__main__":
    unittest.main()
