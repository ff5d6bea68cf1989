#!/usr/bin/python3
"""Heads and indexes against the real PyTorch and NumPy: ours are read by theirs, theirs by ours, and a
picture gets the same vector from either. Needs tools/deps.sh interop; `make interop` runs it."""
import os
import pathlib
import subprocess
import tempfile
import unittest

import numpy
import torch

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("DLF_IDENTIFY", str(SOURCE / "build" / "dev" / "dlf-identify"))
REFS = SOURCE / "data" / "example"


class Head(torch.nn.Module):
    """As the Python original lays its head out: a module with one sequence, "net"."""

    def __init__(self, sizes=(512, 512, 256)):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(sizes[0], sizes[1]), torch.nn.GELU(),
                                       torch.nn.Linear(sizes[1], sizes[2]))

    def forward(self, x):
        return torch.nn.functional.normalize(self.net(x), dim=-1)


def run(*words, code=0):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != code:
        raise AssertionError(f"{words}: exit {done.returncode}: {done.stderr}")
    return done.stdout + done.stderr


class Heads(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.at = pathlib.Path(self.folder.name)
        run("index", "--refs", REFS, "--out", self.at / "plain.npz")
        with numpy.load(self.at / "plain.npz") as index:
            self.plain = torch.from_numpy(index["embeddings"])
            self.encoder = str(index["meta"]).split('"encoder":"')[1].split('"')[0]

    def test_ours_read_theirs(self):
        torch.manual_seed(1)
        head = Head()
        checkpoint = {"state_dict": head.state_dict(), "in_dim": 512, "hidden": 512,
                      "out_dim": 256, "model": "ViT-B/32", "epochs": 12, "k_cards": 16,
                      "m_augs": 4, "ref_count": 31}
        torch.save(checkpoint, self.at / "clip.pt")
        said = run("index", "--refs", REFS, "--out", self.at / "x.npz", "--projection",
                   self.at / "clip.pt", code=3)
        self.assertIn("trained for CLIP ViT-B/32", said)
        torch.save({**checkpoint, "encoder": self.encoder}, self.at / "theirs.pt")
        run("index", "--refs", REFS, "--out", self.at / "x.npz", "--projection",
            self.at / "theirs.pt")
        with numpy.load(self.at / "x.npz") as index, torch.no_grad():
            want = head(self.plain).numpy()
            numpy.testing.assert_allclose(index["embeddings"], want, atol=2e-6)
            stored = index["head_weight1"], index["head_bias2"]
            numpy.testing.assert_array_equal(stored[0], head.net[0].weight)
            numpy.testing.assert_array_equal(stored[1], head.net[2].bias)

    def test_a_head_for_other_sizes_is_refused(self):
        torch.save({"state_dict": Head((64, 8, 4)).state_dict(), "encoder": self.encoder},
                   self.at / "small.pt")
        said = run("index", "--refs", REFS, "--out", self.at / "x.npz", "--projection",
                   self.at / "small.pt", code=3)
        self.assertIn("vectors of 64 numbers", said)


if __name__ == "__main__":
    unittest.main()
