#!/usr/bin/env python3
"""eval_frames.py - how many cards of frames made by make-frames are found, and how exactly.

Indexes the references, asks the program for every frame, and compares with frames.tsv. A card is found
when a confident answer names its reference and their outlines overlap by half; found as artwork when an
answer, sure of the printing or not, has its name. Wrong is a confident answer that is neither. Boxes are
compared by intersection over union, of outlines and of axis-aligned boxes.

usage: tools/eval_frames.py PROGRAM REFS FRAMES [--json] [--list] [-- QUERY OPTIONS]
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np


def area(polygon):
    x, y = np.array(polygon, float).T
    return 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def clip(subject, a, b):
    """The part of a convex polygon on the inner side of the line a-b (Sutherland-Hodgman)."""
    def side(p):
        return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    out = []
    for p, q in zip(subject, subject[1:] + subject[:1]):
        at_p, at_q = side(p), side(q)
        if at_p >= 0:
            out.append(p)
        if at_p * at_q < 0:
            t = at_p / (at_p - at_q)
            out.append((p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])))
    return out


def overlap(one, other):
    """Intersection over union of two convex polygons in the same sense of rotation."""
    part = list(one)
    for a, b in zip(other, other[1:] + other[:1]):
        part = clip(part, a, b)
        if len(part) < 3:
            return 0.0
    common = area(part)
    return common / (area(one) + area(other) - common)


def box(polygon):
    x, y = np.array(polygon).T
    return [(x.min(), y.min()), (x.max(), y.min()), (x.max(), y.max()), (x.min(), y.max())]


def answers(program, refs, frames, options):
    """{frame: answer}, {reference: name}"""
    with tempfile.TemporaryDirectory() as folder:
        index = folder + "/frames.npz"
        subprocess.run([program, "index", "--quiet", "--refs", str(refs), "--out", index],
                       check=True, stdout=subprocess.DEVNULL)
        with np.load(index) as arrays:
            names = dict(zip(arrays["filenames"].tolist(), arrays["names"].tolist()))
        done = subprocess.run([program, "query", "--index", index, "--json", *options,
                               *map(str, frames)], capture_output=True, text=True, encoding="utf-8")
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    lines = map(json.loads, done.stdout.splitlines())
    return {pathlib.Path(line["image"]).name: line for line in lines}, names


def outline(mask, size):
    points = [(x * size[0], y * size[1]) for x, y in mask["corners"]]
    return points if area(points) > 0 else points[::-1]


def score_frame(truth, answer, names, count, say):
    """Adds one frame to the counters."""
    size = answer["image_size"]
    left = [(mask, outline(mask, size)) for mask in answer["masks"]]
    for row in truth:
        corners = [(float(row[f"x{i}"]), float(row[f"y{i}"])) for i in range(1, 5)]
        name, known = names.get(row["reference"]), row["reference"] != "NONE"
        near = [(overlap(corners, points), mask, points) for mask, points in left]
        near = [hit for hit in near if hit[0] >= 0.5]
        right = [hit for hit in near if known and hit[1]["ref_filename"] == row["reference"]
                 and hit[1]["confident"]]
        artwork = [hit for hit in near if known and hit[1]["name"] == name]
        best = max(right or artwork, key=lambda hit: hit[0], default=None)
        count["cards"] += known
        count["strangers"] += not known
        count["found"] += bool(right)
        count["artwork"] += best is not None
        if best is not None:
            count["outline_90"] += best[0] >= 0.9
            count["box_90"] += overlap(box(corners), box(best[2])) >= 0.9
            left = [(mask, points) for mask, points in left if mask is not best[1]]
        elif known:
            say(f"missed  {row['frame']}  {row['reference']}")
        if best is not None and not right and best[1]["confident"]:
            count["other_printing"] += 1
    for mask, _ in left:
        if mask["confident"]:
            count["wrong"] += 1
            say(f"wrong   {truth[0]['frame']}  {mask['ref_filename']}  {mask['score']:.3f}")


def share(part, whole):
    return part / whole if whole else 0.0


def main():
    arguments = sys.argv[1:]
    options = []
    if "--" in arguments:
        options = arguments[arguments.index("--") + 1:]
        arguments = arguments[:arguments.index("--")]
    flags = {word for word in arguments if word.startswith("--")}
    places = [word for word in arguments if not word.startswith("--")]
    if len(places) != 3 or flags - {"--json", "--list"}:
        sys.exit(__doc__.strip().splitlines()[-1])
    program, refs, folder = places[0], pathlib.Path(places[1]), pathlib.Path(places[2])
    truth = {}
    with open(folder / "frames.tsv", encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            truth.setdefault(row["frame"], []).append(row)
    found, names = answers(program, refs, [folder / frame for frame in truth], options)
    counters = {}
    for frame, rows in truth.items():
        count = counters.setdefault(frame.split("_")[0], dict.fromkeys(
            ("frames", "cards", "strangers", "found", "artwork", "other_printing", "wrong",
             "outline_90", "box_90", "seconds"), 0))
        count["frames"] += 1
        count["seconds"] += found[frame]["elapsed_seconds"]
        score_frame(rows, found[frame], names, count,
                    print if "--list" in flags else lambda text: None)
    for level, count in counters.items():
        answered = count["found"] + count["other_printing"] + count["wrong"]
        count.update(recall=share(count["found"], count["cards"]),
                     artwork_recall=share(count["artwork"], count["cards"]),
                     precision=share(count["found"], answered),
                     artwork_precision=share(count["found"] + count["other_printing"], answered),
                     box_90_rate=share(count["box_90"], count["artwork"]),
                     outline_90_rate=share(count["outline_90"], count["artwork"]),
                     mean_ms=1000 * share(count["seconds"], count["frames"]))
        if "--json" in flags:
            print(json.dumps({"difficulty": level, **count}))
        else:
            print(f"{level:7s} {count['cards']} cards: recall {count['recall']:.3f} (artwork "
                  f"{count['artwork_recall']:.3f}), precision {count['precision']:.3f} (artwork "
                  f"{count['artwork_precision']:.3f}), {count['wrong']} wrong; box IoU 0.9 "
                  f"{count['box_90_rate']:.3f}, outline {count['outline_90_rate']:.3f}; "
                  f"{count['mean_ms']:.0f} ms a frame")


if __name__ == "__main__":
    main()
