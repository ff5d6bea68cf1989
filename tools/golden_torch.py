#!/usr/bin/python3
"""Writes the small PyTorch files below tests/golden/torch (needs PyTorch; made with Debian's
python3-torch 1.13). tests/unit/format/test_torch_golden.c knows their content: item i of the tensor
called NAME is what value() says. Run again only when a form is added."""
import collections
import os

import torch

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "golden",
                   "torch")


def counted(*shape, start=0, dtype=torch.float32):
    """start, start + 1 ... in quarters: exact in every floating-point type."""
    n = 1
    for side in shape:
        n *= side
    return ((torch.arange(n) + start) / 4).reshape(shape).to(dtype)


def state():
    base = counted(12)
    return collections.OrderedDict([
        ("f32", counted(2, 3)),
        ("f16", counted(5, start=1, dtype=torch.float16)),
        ("bf16", counted(2, 2, start=2, dtype=torch.bfloat16)),
        ("f64", counted(3, start=3, dtype=torch.float64)),
        ("i64", torch.arange(4)),
        ("u8", torch.arange(4, dtype=torch.uint8)),
        ("flag", torch.tensor([True, False])),
        ("scalar", torch.tensor(0.75)),
        ("empty", torch.zeros(0, 3)),
        ("transposed", counted(2, 3).t()),
        ("view.first", base[:6].reshape(2, 3)),
        ("view.last", base[6:]),
        ("parameter", torch.nn.Parameter(counted(2))),
    ])


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(counted(2, 3, dtype=torch.float16))
        self.register_buffer("count", torch.tensor(7))
        self.heads = 3

    def forward(self, x):
        return x @ self.weight


class Outer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.visual = torch.nn.Sequential(Inner(), torch.nn.LayerNorm(3))
        self.logit_scale = torch.nn.Parameter(torch.tensor(4.5))
        self.note = "text"
        self.sizes = [1, 2, 3]

    def forward(self, x):
        return self.visual(x) * self.logit_scale


class Path(torch.nn.Linear):
    pass


def main():
    os.makedirs(OUT, exist_ok=True)
    path = lambda name: os.path.join(OUT, name)
    torch.save(state(), path("state_dict.pt"))
    torch.save({"state_dict": dict(state()), "in_dim": 512, "model": "ViT-B/32", "loss": 0.25,
                "flag2": True, "nothing": None, "list": [1, 2.5, "x"], 3: 4,
                "large": 1 << 40}, path("checkpoint.pt"))
    torch.save(Outer().state_dict(), path("module_state.pt"))
    torch.jit.save(torch.jit.script(Outer()), path("scripted.pt"))
    torch.save(counted(2, 3), path("legacy.pt"), _use_new_zipfile_serialization=False)
    torch.save(Path(2, 2), path("bad_module.pt"))
    for name in sorted(os.listdir(OUT)):
        print(name, os.path.getsize(path(name)))


if __name__ == "__main__":
    main()
