#!/usr/bin/env python3
"""Compares decoding and resampling with the Pillow that is installed, byte for byte, on random
pictures, under every SIMD level. Does nothing where Pillow or NumPy is missing."""
import os
import random
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from PIL import Image
except ImportError:
    print("skipped: no Pillow or no NumPy")
    sys.exit(0)

PROBE = os.path.join(os.environ.get("IDENTIFY_BUILD_DIR", "build/dev"), "tools", "image-probe")
FILTERS = {"box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
LEVELS = "none", "avx2", "avx512", "neon"


def probe(*args, level="none"):
    run = subprocess.run([PROBE, *map(str, args)], check=True, stdout=subprocess.PIPE,
                         env={**os.environ, "IDENTIFY_CPU": level})
    kind, size, _, pixels = run.stdout.split(b"\n", 3)
    width, height = map(int, size.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3 if kind == b"P6" else 1)


def check(what, got, expected):
    expected = np.asarray(expected)
    if expected.ndim == 2:
        expected = expected[..., None]
    if got.shape != expected.shape or (got != expected).any():
        sys.exit(f"{what}: differs from Pillow")


def check_resize(path, draw, values):
    width, height = draw.randint(1, 200), draw.randint(1, 200)
    out = draw.choice([width, draw.randint(1, 150)]), draw.choice([height, draw.randint(1, 150)])
    pixels = values.integers(0, 256, (height, width, 3)).astype(np.uint8)
    if draw.random() < 0.3:
        pixels = np.where(pixels > 127, 255, 0).astype(np.uint8)
    image = Image.fromarray(pixels)
    image.save(path, "PNG")
    name = draw.choice(list(FILTERS))
    box = None
    if draw.random() < 0.5:
        xs = sorted(draw.uniform(0, width) for _ in range(2))
        ys = sorted(draw.uniform(0, height) for _ in range(2))
        box = [float(np.float32(v)) for v in (xs[0], ys[0], xs[1], ys[1])]
    expected = image.resize(out, FILTERS[name], box=box)
    for level in LEVELS:
        got = probe("resize", path, *out, name, *map(repr, box or []), level=level)
        check(f"{width} x {height} to {out}, {name}, box {box}, {level}", got, expected)


def check_decode(path, draw, values):
    width, height = draw.randint(1, 90), draw.randint(1, 90)
    pixels = values.integers(0, 256, (height, width, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    image.save(path, "PNG")
    check("luma", probe("decode", path, "grey"), image.convert("L"))
    image.save(path, "JPEG", quality=draw.randint(30, 98), subsampling=draw.randint(0, 2),
               progressive=draw.random() < 0.5)
    check("JPEG", probe("decode", path), Image.open(path))
    image.convert("L").save(path, "JPEG")
    check("grey JPEG", probe("decode", path, "grey"), Image.open(path))


def main():
    draw, values = random.Random(7), np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "picture")
        for _ in range(40):
            check_resize(path, draw, values)
        for _ in range(15):
            check_decode(path, draw, values)
    print("equal to Pillow", Image.__version__)


if __name__ == "__main__":
    main()
