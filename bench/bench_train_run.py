#!/usr/bin/env python3
"""bench_train_run.py BUILD - the whole of `train` on the original's reference run: 150 references, 12
epochs of 80 steps of 64 views. One JSON object a line, each with the seconds that it may take.

The references are simulated photographs of the example collection, five of each card: for timing only.
CLIP's weights are random (bench_train writes them), which changes no time. The run with fresh views is
61,440 encodings; a hundredth of its steps are measured and the rest is reckoned, unless
IDENTIFY_BENCH_WHOLE is set."""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/bench")
PROGRAM = os.path.join(BUILD, "dlf-identify")
REFERENCES, EPOCHS, STEPS, ROWS = 150, 12, 80, 64


def train(folder, *words):
    done = subprocess.run([PROGRAM, "train", "--refs", os.path.join(folder, "refs"), "--out",
                           os.path.join(folder, "head.pt"), "--json", "--quiet", *words],
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "XDG_CACHE_HOME": folder})
    if done.returncode not in (0, 1):  # 1: the head hurts, which random weights may well
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def say(name, seconds, limit, **more):
    print(json.dumps({"name": name, "seconds": round(seconds, 1), "baseline": "at most",
                      "baseline_seconds": limit, "ratio": round(limit / seconds, 2), **more}),
          flush=True)


def make_references(folder):
    refs = os.path.join(folder, "refs")
    subprocess.run([PROGRAM, "augment", "--refs", os.path.join(ROOT, "data", "example"), "--out",
                    refs, "-n", "5", "--harsh", "--quiet"], stdout=subprocess.DEVNULL, check=True)
    for name in sorted(os.listdir(refs))[REFERENCES:]:
        os.remove(os.path.join(refs, name))


def parts(report):
    return {"view_seconds": round(report["view_seconds"], 1),
            "step_seconds": round(report["step_seconds"], 1), "views": report["views"]}


def main():
    with tempfile.TemporaryDirectory() as folder:
        make_references(folder)
        builtin = train(folder, "--encoder", "builtin")
        say("reference run, built-in encoder", builtin["elapsed_seconds"], 60, **parts(builtin))
        weights = os.path.join(folder, "clip.safetensors")
        subprocess.run([os.path.join(BUILD, "bench", "bench_train"), "--weights", weights],
                       check=True)
        clip = ["--clip-model", weights, "--precision", "int8"]
        train(folder, *clip, "--epochs", "1", "--steps-per-epoch", "1", "--views", "bank:1")  # packs
        bank = train(folder, *clip)
        say("reference run, CLIP int8", bank["elapsed_seconds"], 150, **parts(bank))
        whole = bool(os.environ.get("IDENTIFY_BENCH_WHOLE"))
        epochs, steps = (EPOCHS, STEPS) if whole else (1, EPOCHS * STEPS // 100)
        fresh = train(folder, *clip, "--views", "fresh", "--epochs", str(epochs),
                      "--steps-per-epoch", str(steps))
        per_step = (fresh["view_seconds"] + fresh["step_seconds"]) / (epochs * steps)
        rest = fresh["elapsed_seconds"] - fresh["view_seconds"] - fresh["step_seconds"]
        say("reference run, CLIP int8, fresh views", rest + per_step * EPOCHS * STEPS, 480,
            measured_steps=epochs * steps, measured_seconds=round(fresh["elapsed_seconds"], 1))


if __name__ == "__main__":
    main()
