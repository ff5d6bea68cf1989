#!/usr/bin/env python3
"""bench_program.py BUILD [EVAL] - figures of the whole program: index throughput, peak memory, bytes a
reference, query from process start to answer. One JSON object a line.

The pictures are 1000 x 700 JPEGs composed from the example collection (several cards a picture, turned
and scaled, and two such pictures blended into one), so that their texture and size in bytes are those of
photographs of such things and no two show the same."""
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

from PIL import Image, ImageChops, ImageOps

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/bench")
PROGRAM = os.path.join(BUILD, "dlf-identify")


def say(name, value, unit, target, baseline=None, baseline_value=None):
    row = {"name": name, unit: round(value, 4), "target": target}
    if baseline:
        row.update({"baseline": baseline, "baseline_" + unit: round(baseline_value, 4),
                    "ratio": round(value / baseline_value, 4)})
    print(json.dumps(row), flush=True)


def compose(rng, cards):
    image = Image.effect_noise((125, 88), 60).convert("RGB").resize((1000, 700), 3)
    for _ in range(7):
        card = rng.choice(cards)
        scale = rng.uniform(0.5, 1.1)
        card = card.resize((int(card.width * scale), int(card.height * scale)))
        card = card.convert("RGBA").rotate(rng.uniform(0, 360), expand=True, resample=3)
        image.paste(card, (rng.randrange(-200, 900), rng.randrange(-200, 600)), card)
    return image


def fill(folder, n):
    """n pictures of which no two show the same: mirrored ones and negatives have other corners."""
    cards = [Image.open(os.path.join(ROOT, "data/example", name))
             for name in sorted(os.listdir(os.path.join(ROOT, "data/example")))
             if name.endswith(".jpg")]
    rng = random.Random(5)
    for i in range(0, n, 4):
        image = ImageChops.difference(compose(rng, cards), compose(rng, cards))
        mirrored = ImageOps.mirror(image)
        for k, one in enumerate((image, mirrored, ImageOps.invert(image), ImageOps.invert(mirrored))):
            one.save(os.path.join(folder, f"picture_{i + k:04d}.jpg"), quality=85)


def timed(*args):
    """Runs the program; seconds, peak resident bytes."""
    started = time.perf_counter()
    child = subprocess.Popen([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.stdout.close()
    child.stderr.close()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        raise RuntimeError(f"{args}: exit {child.returncode}")
    return seconds, usage.ru_maxrss * 1024, output


def decode_all(folder, names):
    """The baseline of indexing: reading and decoding every picture with Pillow, one thread."""
    started = time.perf_counter()
    for name in names:
        with Image.open(os.path.join(folder, name)) as image:
            image.load()
    return time.perf_counter() - started


def main():
    with tempfile.TemporaryDirectory() as work:
        refs = os.path.join(work, "refs")
        os.mkdir(refs)
        n = 1000
        fill(refs, n)
        names = sorted(os.listdir(refs))
        index = os.path.join(work, "index.npz")
        runs = [timed("index", "--refs", refs, "--out", index, "--rebuild", "--quiet")
                for _ in range(3)]
        seconds = statistics.median(run[0] for run in runs)
        baseline = decode_all(refs, names[:250]) * n / 250
        say("index, 1000 pictures of 1000x700, 2 threads", n / seconds, "per_second", ">= 120",
            "Pillow decoding alone, 1 thread", n / baseline)
        say("index, peak memory for 1000 references", max(r[1] for r in runs) / 1e6, "MB",
            "<= 150")
        say("index, bytes a reference on disk", os.path.getsize(index) / n / 1000, "KB", "<= 30")
        for name in names[150:]:
            os.remove(os.path.join(refs, name))
        timed("index", "--refs", refs, "--out", index, "--quiet")
        photo = os.path.join(refs, names[3])
        times = [timed("query", "--index", index, photo)[0] for _ in range(21)]
        start = [timed("--version")[0] for _ in range(21)]
        say("query, process start to answer, 150 references", 1000 * statistics.median(times), "ms",
            "<= 60", "dlf-identify --version", 1000 * statistics.median(start))


if __name__ == "__main__":
    main()
