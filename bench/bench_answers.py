#!/usr/bin/env python3
"""bench_answers.py BUILD [EVAL] - how right the answers are, with confirmation by geometry and without:
made-up frames of 1, 3, 6 and 10 example cards by difficulty, and the photographs of EVAL against all
references and against every second one, all with what `index` and `query` do by default. One JSON object
a line; rates are 0 to 1.

Cards of one frame share its blur and its light, so a rate of frames is less certain than its number of
cards says; and docs/matching.md names what was chosen on the photographs."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/bench")
EVAL = sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "../shared/data/eval")
PROGRAM = os.path.join(BUILD, "dlf-identify")
SEED, FRAMES = "20261125", "6"
WAYS = (("geometry", []), ("no geometry", ["--no-geometry"]))
TARGETS = {  # of the default way
    "frames of 1 to 10 cards, middle": "recall >= 0.97, precision >= 0.995, boxes at IoU 0.9",
    "photographs, books": "top1 >= 0.99, accepted_right >= 0.97, strangers_accepted 0",
    "photographs, books, half left out": "unknown_accepted <= 1",
    "photographs, objects": "top1 >= 0.98",
}


def say(name, way, **figures):
    target = {"target": TARGETS[name]} if way == WAYS[0][0] and name in TARGETS else {}
    rounded = {key: round(value, 4) for key, value in figures.items()}
    print(json.dumps({"name": name, "way": way, **rounded, **target}), flush=True)


def frames(work):
    """Example cards in made-up frames, by tools/eval_frames.py."""
    cards = os.path.join(ROOT, "data/example")
    subprocess.run([os.path.join(BUILD, "tools/make-frames"), "--refs", cards, "--out", work,
                    "--seed", SEED, "--frames", FRAMES], check=True)
    for way, options in WAYS:
        done = subprocess.run(
            [sys.executable, os.path.join(ROOT, "tools/eval_frames.py"), PROGRAM, cards, work,
             "--json", "--", *options], check=True, capture_output=True, text=True)
        for line in map(json.loads, done.stdout.splitlines()):
            say(f"frames of 1 to 10 cards, {line['difficulty']}", way, cards=line["cards"],
                recall=line["recall"], precision=line["precision"],
                artwork_recall=line["artwork_recall"],
                artwork_precision=line["artwork_precision"], wrong=line["wrong"],
                box_iou_90=line["box_90_rate"], ms_a_frame=line["mean_ms"])


def ask(index, pictures, options):
    """{name of a picture: answer}"""
    done = subprocess.run([PROGRAM, "query", "--index", index, "--json", *options, *pictures],
                          capture_output=True, text=True, encoding="utf-8")
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    answers = map(json.loads, done.stdout.splitlines())
    return {os.path.basename(answer["image"]): answer for answer in answers}


def sure(answer):
    return [mask["ref_filename"] for mask in answer["masks"] if mask["confident"]]


def listed(folder):
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def photographs(name, work):
    folder = os.path.join(EVAL, name)
    truth = {}
    with open(os.path.join(folder, "pairs.tsv"), encoding="utf-8") as table:
        for line in table:
            picture, reference = line.rstrip("\n").split("\t")[:2]
            truth[picture] = reference
    queries = [os.path.join(folder, "queries", picture) for picture in truth]
    half = os.path.join(work, name)
    os.mkdir(half)
    for path in listed(os.path.join(folder, "refs"))[::2]:
        shutil.copy(path, half)
    for refs, what in ((os.path.join(folder, "refs"), name), (half, name + ", half left out")):
        index = half + ".npz"
        subprocess.run([PROGRAM, "index", "--quiet", "--refs", refs, "--out", index, "--rebuild"],
                       check=True, stdout=subprocess.DEVNULL)
        known = set(os.listdir(refs))
        for way, options in WAYS:
            answers = ask(index, queries, options)
            there = [picture for picture in truth if truth[picture] in known]
            gone = [picture for picture in truth if truth[picture] not in known]
            times = [1000 * answer["elapsed_seconds"] for answer in answers.values()]
            others = ask(index, listed(os.path.join(EVAL, "strangers")), options)
            say("photographs, " + what, way, known=len(there), unknown=len(gone),
                top1=sum((answers[p]["ranking"] or [{"filename": None}])[0]["filename"] == truth[p]
                         for p in there) / len(there),
                accepted_right=sum(truth[p] in sure(answers[p]) for p in there) / len(there),
                accepted_wrong=sum(any(r != truth[p] for r in sure(answers[p]))
                                   for p in there) / len(there),
                unknown_accepted=sum(bool(sure(answers[p])) for p in gone),
                strangers=len(others), strangers_accepted=sum(map(bool, map(sure, others.values()))),
                ms_a_frame=statistics.median(times))


def main():
    with tempfile.TemporaryDirectory() as work:
        made = os.path.join(work, "frames")
        os.mkdir(made)
        frames(made)
        for name in ("books", "objects"):
            if os.path.isfile(os.path.join(EVAL, name, "pairs.tsv")):
                photographs(name, work)


if __name__ == "__main__":
    main()
