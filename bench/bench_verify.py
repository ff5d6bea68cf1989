#!/usr/bin/env python3
"""bench_verify.py BUILD [EVAL] - how long verify takes for 150 references with 8 camera views of each, two
threads and no time limit, and what it finds. The references are the books and objects of EVAL and example cards;
without EVAL it says so and measures nothing. One JSON object a line."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/bench")
EVAL = sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "../shared/data/eval")
PROGRAM = os.path.join(BUILD, "dlf-identify")
REFERENCES = 150


def verify(index, *args):
    started = time.perf_counter()
    done = subprocess.run([PROGRAM, "verify", "--index", index, "--json", "--threads", "2", *args],
                          capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return time.perf_counter() - started, json.loads(done.stdout)


def main():
    folders = [os.path.join(EVAL, "books/refs"), os.path.join(EVAL, "objects/refs"),
               os.path.join(ROOT, "data/example")]
    pictures = [os.path.join(folder, name) for folder in folders if os.path.isdir(folder)
                for name in sorted(os.listdir(folder)) if name.endswith(".jpg")][:REFERENCES]
    if len(pictures) < REFERENCES:
        print(json.dumps({"name": "verify, 150 references", "skipped": f"no photographs in {EVAL}"}))
        return
    with tempfile.TemporaryDirectory() as work:
        refs, index = os.path.join(work, "refs"), os.path.join(work, "index.npz")
        os.mkdir(refs)
        for i, path in enumerate(pictures):
            shutil.copy(path, os.path.join(refs, f"{i:03d}_{os.path.basename(path)}"))
        subprocess.run([PROGRAM, "index", "--refs", refs, "--out", index, "--encoder", "builtin",
                        "--quiet"], check=True, capture_output=True)
        vectors, _ = verify(index, "--views", "0")
        seconds, report = verify(index, "--views", "8", "--time-limit", "0")
        camera = report["camera"]
        print(json.dumps({
            "name": "verify, 150 references, 8 camera views of each", "seconds": round(seconds, 2),
            "target": "<= 15", "baseline": "the vectors alone, as the Python original",
            "baseline_seconds": round(vectors, 4), "ratio": round(seconds / vectors, 1),
            "views": camera["views"], "top1": camera["top1"],
            "top1_without_geometry": camera["tried"]["top1_without_geometry"],
            "accepted_right": camera["accepted_right"],
            "accepted_wrong": camera["accepted_wrong"],
            "strangers_accepted": camera["tried"]["strangers_accepted"],
            "equal_error_rate": camera["equal_error_rate"]}), flush=True)


if __name__ == "__main__":
    main()
