#!/usr/bin/env python3
"""The man pages: a page a command, the options of each just those of its --help, no errors."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

SOURCE = pathlib.Path(os.environ.get("IDENTIFY_SOURCE_DIR",
                                     pathlib.Path(__file__).resolve().parents[2]))
PROGRAM = os.environ.get("DLF_IDENTIFY", str(SOURCE / "build" / "dev" / "dlf-identify"))
MAN = SOURCE / "docs" / "man"


def help_of(*words):
    return subprocess.run([PROGRAM, *words, "--help"], capture_output=True, text=True,
                          check=True).stdout


def commands():
    listed = help_of().split("Commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def options_of_page(text):
    """{option: metavar} of the .It lines, spelt as --help spells them."""
    found = re.findall(r"^\.It Fl -([a-z0-9-]+)(?: Ar (.+))?$", text, re.MULTILINE)
    return dict(found)


def options_of_help(text):
    listed = re.split(r"^(?:\w+ o|O)ptions:\n", text, maxsplit=1, flags=re.MULTILINE)[1]
    listed = listed.split("\nExamples:")[0]
    return {name: metavar for name, metavar in
            re.findall(r"^  --([a-z0-9-]+)(?: ([A-Z]\S*))?", listed, re.MULTILINE)}


class Man(unittest.TestCase):
    def test_a_page_a_command(self):
        expected = {"dlf-identify.1"} | {f"dlf-identify-{name}.1" for name in commands()}
        self.assertEqual({page.name for page in MAN.glob("*")}, expected)

    def test_options_are_those_of_help(self):
        common = options_of_page((MAN / "dlf-identify.1").read_text())
        self.assertIn("json", common)
        for command in commands():
            text = (MAN / f"dlf-identify-{command}.1").read_text()
            offered = options_of_help(help_of(command))
            self.assertTrue(offered)
            self.assertEqual({**options_of_page(text), **common}, offered, command)
            synopsis = text.split(".Sh SYNOPSIS")[1].split(".Sh")[0]
            shown = set(re.findall(r"Fl -([a-z0-9-]+)", synopsis)) | {"help", "version"}
            self.assertEqual(shown, set(offered), command)

    def test_the_overview_names_every_command(self):
        text = (MAN / "dlf-identify.1").read_text()
        self.assertEqual(re.findall(r"^\.It Cm (\w+)$", text, re.MULTILINE), commands())

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_mandoc_finds_nothing(self):
        for page in sorted(MAN.glob("*.1")):
            done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", str(page)],
                                  capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (0, ""), page.name)


if __name__ == "__main__":
    unittest.main()
