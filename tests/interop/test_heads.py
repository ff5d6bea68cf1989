#!/usr/bin/python3
"""Heads and indexes against the real PyTorch and NumPy: ours are read by theirs, theirs by ours, and a
picture gets the same vector from either. Needs tools/deps.sh interop; `make interop` runs it."""
import json
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
    if done.returncode not in (code if isinstance(code, tuple) else (code,)):
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

    def train(self, name):
        run("train", "--refs", REFS, "--out", self.at / name, "--encoder", "builtin", "--views",
            "bank:2", "--epochs", "2", "--steps-per-epoch", "10", "--quiet", code=(0, 1))
        return self.at / name

    def test_theirs_reads_ours(self):
        path = self.train("ours.pt")
        checkpoint = torch.load(path, weights_only=True)
        # as the original's loader: a dictionary with a state, and the sizes to build the module from
        self.assertEqual(list(checkpoint["state_dict"]), ["net.0.weight", "net.0.bias",
                                                          "net.2.weight", "net.2.bias"])
        self.assertEqual([checkpoint[key] for key in ("in_dim", "hidden", "out_dim", "epochs",
                                                      "k_cards", "m_augs", "ref_count", "seed")],
                         [512, 512, 256, 2, 16, 4, 31, 1])
        self.assertEqual(checkpoint["encoder"], self.encoder)
        measured = json.loads(checkpoint["measurements"])
        self.assertIn(measured["verdict"], ("helps", "makes no difference", "hurts"))
        head = Head((checkpoint["in_dim"], checkpoint["hidden"], checkpoint["out_dim"]))
        head.load_state_dict(checkpoint["state_dict"])  # strict: these keys and no others
        self.assertTrue(all(p.dtype == torch.float32 for p in head.parameters()))
        self.assertEqual(sum(p.numel() for p in head.parameters()), 393984)
        run("index", "--refs", REFS, "--out", self.at / "x.npz", "--encoder", "builtin",
            "--projection", path)
        with numpy.load(self.at / "x.npz") as index, torch.no_grad():  # no pickle in it
            numpy.testing.assert_allclose(index["embeddings"], head(self.plain).numpy(), atol=2e-6)
            self.assertEqual(len(index["names"]), 31)
            self.assertEqual(len(index["filenames"]), 31)

    def test_safetensors_hold_the_same(self):
        checkpoint = torch.load(self.train("a.pt"), weights_only=True)
        data = self.train("a.safetensors").read_bytes()
        n = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + n])
        self.assertEqual(header["__metadata__"]["encoder"], self.encoder)
        for name, tensor in checkpoint["state_dict"].items():
            begin, end = header[name]["data_offsets"]
            values = numpy.frombuffer(data[8 + n + begin:8 + n + end], "<f4")
            self.assertEqual(header[name]["shape"], list(tensor.shape))
            numpy.testing.assert_array_equal(values, tensor.numpy().ravel())

    def test_an_index_of_the_original_is_read(self):
        """Object arrays, as numpy.savez pickles them."""
        rng = numpy.random.default_rng(1)
        rows = rng.normal(size=(5, 512)).astype(numpy.float32)
        rows /= numpy.linalg.norm(rows, axis=1, keepdims=True)
        names = numpy.array([f"Thing {i}" for i in range(5)], dtype=object)
        files = numpy.array([f"thing_{i}.jpg" for i in range(5)], dtype=object)
        numpy.savez(self.at / "theirs.npz", embeddings=rows, names=names, filenames=files)
        said = json.loads(run("verify", "--index", self.at / "theirs.npz", "--json", "--views", "0"))
        self.assertEqual(said["index_size"] if "index_size" in said else said["references"], 5)

    def test_a_head_for_other_sizes_is_refused(self):
        torch.save({"state_dict": Head((64, 8, 4)).state_dict(), "encoder": self.encoder},
                   self.at / "small.pt")
        said = run("index", "--refs", REFS, "--out", self.at / "x.npz", "--projection",
                   self.at / "small.pt", code=3)
        self.assertIn("vectors of 64 numbers", said)


if __name__ == "__main__":
    unittest.main()
