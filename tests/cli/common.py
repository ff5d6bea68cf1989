"""What the tests of the program share: running it, and making small pictures."""
import json
import os
import random
import shutil
import subprocess
import tempfile
import unittest

from PIL import Image, ImageDraw

PROGRAM = os.environ.get("DLF_IDENTIFY") or os.path.join(
    os.environ.get("IDENTIFY_BUILD_DIR", "build/dev"), "dlf-identify")
SOURCE = os.environ.get("IDENTIFY_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run(*args, stdin=None, env=None, **options):
    """Runs the program; the result has returncode, stdout and stderr as text."""
    full_env = dict(os.environ, **(env or {}))
    return subprocess.run([PROGRAM, *map(os.fspath, args)], input=stdin, capture_output=True,
                          text=not isinstance(stdin, bytes), env=full_env, timeout=600, **options)


def picture(seed, size=(300, 420)):
    """A busy picture that differs for every seed."""
    rng = random.Random(seed)
    image = Image.new("RGB", size, tuple(rng.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(120):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        w, h = rng.randrange(8, 70), rng.randrange(8, 70)
        colour = tuple(rng.randrange(256) for _ in range(3))
        shape = rng.choice([draw.rectangle, draw.ellipse])
        shape([x, y, x + w, y + h], fill=colour)
    return image


class ProgramTest(unittest.TestCase):
    """Each test gets an empty folder, self.dir, with a helper that fills self.refs."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="identify-test-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.refs = os.path.join(self.dir, "refs")
        self.index = os.path.join(self.dir, "index.npz")
        os.mkdir(self.refs)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def add(self, name, seed, quality=90, **options):
        picture(seed, **options).save(os.path.join(self.refs, name), quality=quality)

    def build(self, *args, expect=0):
        result = run("index", "--refs", self.refs, "--out", self.index, "--json", *args)
        self.assertEqual(result.returncode, expect, result.stderr)
        return json.loads(result.stdout) if result.returncode == 0 else result
