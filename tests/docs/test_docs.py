#!/usr/bin/env python3
"""The documentation keeps its word: fenced `console` blocks are run and their output compared, links
lead somewhere.

In a block, a line "$ command" is run by sh in a folder of its own that holds data/ and examples/, with
dlf-identify on PATH; the lines up to the next command are its output, stdout and stderr together, in
which ... stands for anything (alone on a line: any lines). All blocks of a document run one after
another in the same folder."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("IDENTIFY_SOURCE_DIR",
                                     pathlib.Path(__file__).resolve().parents[2]))
PROGRAM = pathlib.Path(os.environ.get("DLF_IDENTIFY", SOURCE / "build" / "dev" / "dlf-identify"))
DOCUMENTS = sorted(SOURCE.glob("*.md")) + sorted(SOURCE.glob("docs/**/*.md")) + sorted(
    SOURCE.glob("data/*.md"))
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def console_blocks(text):
    """[(command, expected output)]"""
    steps = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append([line[2:], []])
            elif steps and steps[-1][0].endswith("\\"):
                steps[-1][0] += "\n" + line
            else:
                steps[-1][1].append(line.rstrip())
    return [(command, "\n".join(lines).strip("\n")) for command, lines in steps]


def matches(expected, output):
    lines = []
    for line in expected.splitlines():
        if line == "...":
            lines.append(r"(?:[^\n]*\n)*?")
        else:
            lines.append(re.escape(line).replace(re.escape("..."), r"[^\n]*") + r"\n")
    printed = "".join(line.rstrip() + "\n" for line in output.splitlines())
    return re.fullmatch("".join(lines), printed.strip("\n") + "\n" if printed else "") is not None


def anchors(text):
    """The anchors of a document's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Documents(unittest.TestCase):
    def test_console_blocks(self):
        for document in DOCUMENTS:
            steps = console_blocks(document.read_text(encoding="utf-8"))
            if steps:
                with self.subTest(document.name):
                    self.replay(document.name, steps)

    def replay(self, name, steps):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        for shared in ("data", "examples"):
            (folder / shared).symlink_to(SOURCE / shared)
        environment = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}",
                       "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
        for command, expected in steps:
            done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, text=True,
                                  encoding="utf-8", stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
            if not matches(expected, done.stdout):
                self.fail(f"{name}: $ {command}\n--- expected\n{expected}\n--- got\n{done.stdout}")

    def test_readme_has_examples(self):
        readme = (SOURCE / "README.md").read_text(encoding="utf-8")
        self.assertGreaterEqual(len(console_blocks(readme)), 4)

    def test_links_lead_somewhere(self):
        for document in DOCUMENTS:
            text = document.read_text(encoding="utf-8")
            for pair in LINK.findall(re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)):
                target, _, anchor = (pair[0] or pair[1]).partition("#")
                if re.match(r"[a-z]+:", target):
                    continue
                path = (document.parent / target) if target else document
                self.assertTrue(path.exists(), f"{document.name}: {target}")
                if anchor:
                    self.assertIn(anchor, anchors(path.read_text(encoding="utf-8")),
                                  f"{document.name}: {target}#{anchor}")

    def test_architecture_names_every_folder(self):
        text = (SOURCE / "docs" / "architecture.md").read_text(encoding="utf-8")
        inner = [path for outer in ("lib", "include") for path in (SOURCE / outer).iterdir()]
        outer = [path for path in SOURCE.iterdir() if path.name not in (
            "lib", "include", "build", "node_modules") and not path.name.startswith(".")]
        for path in inner + outer:
            if path.is_dir() and any(file.is_file() for file in path.rglob("*")):
                name = str(path.relative_to(SOURCE))
                self.assertIn(f"| `{name}` |", text, f"docs/architecture.md has no line on {name}")

    def test_the_comparison_can_fail(self):
        self.assertTrue(matches("a ... c\n...\nz", "a b c\nx\ny\nz"))
        self.assertTrue(matches("", ""))
        self.assertTrue(matches("a\n...", "a\n"))
        self.assertFalse(matches("a ... c", "a b d"))
        self.assertFalse(matches("a", "a\nb"))


if __name__ == "__main__":
    unittest.main()
