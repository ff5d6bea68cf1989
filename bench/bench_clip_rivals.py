#!/usr/bin/env python3
"""ViT-B/32 by this program and by what else is installed, in one run: ONNX Runtime (the npm package
onnxruntime-node, driven by node), oneDNN and PyTorch. What is not there is named in a line of its own;
`make rivals` installs all three.

    bench_clip_rivals.py BUILD [FOLDER_IGNORED [TURNS [PRECISION...]]]

Engines are processes that take turns, so that a change of the machine's pace meets all of them alike:
in each turn each runs ROUNDS passes. Figures are medians over all of them, milliseconds an
image, and ratios of medians. The engines compute on the same weights and are compared on the same
input first."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
THREADS, TURNS = 2, 5  # TURNS unless said otherwise
ROUNDS = {1: 7, 16: 1}  # passes in a turn, by batch
PRECISIONS = ("fp32", "bf16", "int8")


class Missing(Exception):
    pass


class Engine:
    """A process that answers a line "BATCH ROUNDS" with a list of milliseconds."""

    def __init__(self, name, command):
        self.name = name
        # Threads that wait by sleeping: another engine's turn is not disturbed.
        env = dict(os.environ, OMP_NUM_THREADS=str(THREADS), OMP_WAIT_POLICY="passive")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=env)
        line = self.process.stdout.readline()
        if not line:
            raise Missing(self.process.communicate()[1].strip().split("\n")[-1])
        self.hello = json.loads(line)
        self.took = {batch: [] for batch in ROUNDS}

    def ask(self, batch, rounds):
        self.process.stdin.write(f"{batch} {rounds}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def turn(self, batch):
        self.took[batch] += self.ask(batch, ROUNDS[batch])
        time.sleep(0.05)  # what waits spinning after a pass has stopped by then

    def ms(self, batch):
        return statistics.median(self.took[batch])

    def resident_mb(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            kb = next(line.split()[1] for line in file if line.startswith("VmRSS"))
        return int(kb) // 1024

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return dot / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5


def find_onnxruntime(build):
    places = [os.environ.get("IDENTIFY_ONNXRUNTIME"), build.parent / "rivals" / "node_modules"]
    for place in filter(None, places):
        package = pathlib.Path(place) / "onnxruntime-node"
        if package.is_dir():
            return package
    raise Missing("the npm package onnxruntime-node is not in build/rivals")


def start_onnxruntime(build, weights, precision):
    package = find_onnxruntime(build)
    if shutil.which("node") is None:
        raise Missing("no node")
    if precision == "bf16":
        raise Missing("it has no bf16 on processors of this kind")
    model = weights.with_suffix(f".{precision}.onnx")
    made = subprocess.run([sys.executable, HERE / "rivals" / "onnx_model.py", weights, model,
                           precision], stderr=subprocess.PIPE, text=True)
    if made.returncode != 0:
        raise Missing(made.stderr.strip().split("\n")[-1])
    return ["node", HERE / "rivals" / "onnx_run.js", package, model, str(THREADS)]


def start_onednn(build, _, precision):
    program = build / "bench" / "onednn_clip"
    if not program.is_file():
        raise Missing("oneDNN was not there when the benchmarks were built")
    return [program, precision]


def start_pytorch(_, weights, precision):
    if precision != "fp32":
        raise Missing("fp32 alone is compared")
    return [sys.executable, HERE / "rivals" / "pytorch_clip.py", weights, str(THREADS)]


RIVALS = {"ONNX Runtime": start_onnxruntime, "oneDNN, products alone": start_onednn,
          "PyTorch": start_pytorch}


def start_rivals(build, weights, precision):
    engines = []
    for name, start in RIVALS.items():
        try:
            engines.append(Engine(name, start(build, weights, precision)))
        except Missing as reason:
            print(f"bench_clip_rivals: {name} {precision} NOT COMPARED: {reason}", file=sys.stderr)
            print(json.dumps({"name": f"ViT-B/32 {precision}, {name}", "skipped": str(reason)}))
    return engines


def compare(build, weights, precision, turns):
    ours = Engine("this program", [build / "bench" / "bench_clip", "serve", precision,
                                   str(THREADS)])
    rivals = start_rivals(build, weights, precision)
    peaks = []
    for _ in range(turns):
        peaks += ours.ask(0, 0)
        for batch in ROUNDS:
            for engine in [ours] + rivals:
                engine.turn(batch)
    peak = statistics.median(peaks)
    gop = ours.hello["operations"] * 1e-9
    for engine in [ours] + rivals:
        line = {"name": f"ViT-B/32 {precision}, {engine.name}", "version": engine.hello["version"],
                "threads": THREADS, "resident_mb": engine.resident_mb()}
        for batch in ROUNDS:
            line[f"ms_batch{batch}"] = round(engine.ms(batch), 2)
        if engine is ours:
            del line["resident_mb"]  # bench_clip measures it without the weights' source
            line["peak_gops"] = round(peak)
            for batch in ROUNDS:
                line[f"of_peak_batch{batch}"] = round(gop / engine.ms(batch) * 1000 / peak, 3)
        else:
            for batch in ROUNDS:
                line[f"ours_is_faster_batch{batch}"] = round(engine.ms(batch) / ours.ms(batch), 2)
        if "embedding" in engine.hello and engine is not ours:
            line["cosine"] = round(cosine(engine.hello["embedding"], ours.hello["embedding"]), 6)
        print(json.dumps(line), flush=True)
        engine.close()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    turns = int(sys.argv[3]) if len(sys.argv) > 3 else TURNS
    with tempfile.TemporaryDirectory() as folder:
        weights = pathlib.Path(folder) / "vit-b-32.safetensors"
        subprocess.run([build / "bench" / "bench_clip", "weights", weights], check=True)
        for precision in sys.argv[4:] or PRECISIONS:
            compare(build, weights, precision, turns)


if __name__ == "__main__":
    main()
