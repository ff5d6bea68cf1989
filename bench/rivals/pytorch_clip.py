#!/usr/bin/env python3
"""ViT-B/32 by PyTorch in fp32, for bench_clip_rivals.py:

    pytorch_clip.py WEIGHTS.safetensors THREADS

Speaks as onnx_run.js does. Exits 3 where there is no PyTorch."""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "reference"))
try:
    import torch
    import clip_reference as reference
    from onnx_model import read_safetensors
except ImportError as error:
    print(f"pytorch_clip: {error}", file=sys.stderr)
    sys.exit(3)


def pixels(n):
    """The same numbers in every engine: of image i, element k."""
    k = torch.arange(3 * 224 * 224) * 37 % 101
    rows = [(k + i) / 50 - 1 for i in range(n)]
    return torch.stack(rows).float().view(n, 3, 224, 224)


def main():
    torch.set_grad_enabled(False)
    torch.set_num_threads(int(sys.argv[2]))
    case = reference.CASES["b32"]
    state = {k: torch.from_numpy(v.copy()) for k, v in read_safetensors(sys.argv[1]).items()}
    print(json.dumps({"version": torch.__version__,
                      "embedding": reference.forward(state, case, pixels(1))[0].tolist()}),
          flush=True)
    for line in sys.stdin:
        batch, rounds = map(int, line.split())
        data, took = pixels(batch), []
        reference.forward(state, case, data)
        for _ in range(rounds):
            start = time.perf_counter()
            reference.forward(state, case, data)
            took.append(1000 * (time.perf_counter() - start) / batch)
        print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
