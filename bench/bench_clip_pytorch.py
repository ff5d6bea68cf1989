#!/usr/bin/env python3
"""ViT-B/32 by PyTorch, where it is installed (tools/deps.sh interop): the rival of bench_clip, on the
same random weights. Prints nothing without."""
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools" / "reference"))
try:
    import torch
    import clip_reference as reference
except ImportError:
    sys.exit(0)

ROUNDS, SECONDS = 15, 10  # at most


def median_ms(state, case, batch):
    pixels = torch.rand(batch, 3, case["side"], case["side"])
    took, began = [], time.perf_counter()
    reference.forward(state, case, pixels)
    while not took or (len(took) < ROUNDS and time.perf_counter() - began < SECONDS):
        start = time.perf_counter()
        reference.forward(state, case, pixels)
        took.append(1000 * (time.perf_counter() - start) / batch)
    return statistics.median(took)


def main():
    torch.set_grad_enabled(False)
    case = reference.CASES["b32"]
    state = reference.weights(case)
    print(json.dumps({"name": "ViT-B/32 fp32, PyTorch", "version": torch.__version__,
                      "threads": torch.get_num_threads(),
                      "ms_batch1": round(median_ms(state, case, 1), 2),
                      "ms_batch16": round(median_ms(state, case, 16), 2)}))


if __name__ == "__main__":
    main()
