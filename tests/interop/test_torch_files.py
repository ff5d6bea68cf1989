#!/usr/bin/env python3
"""PyTorch reads the tensors we wrote, with weights_only=True, and the safetensors layout is what its
specification says. Needs PyTorch; skipped without. PyTorch 1.13 cannot read floats
beside the tensors with weights_only=True, not in its own files either."""
import json
import math
import os
import struct
import subprocess
import tempfile
import unittest

try:
    import torch
except ImportError:
    torch = None

WRITER = os.path.join(os.environ["IDENTIFY_BUILD_DIR"], "tests", "unit_format_test_tensors")
MATRIX = [1, -2, 3.5, 0, math.nan, 1e30]


def write(folder):
    subprocess.run([WRITER], check=True, env={**os.environ, "IDENTIFY_WRITE_TENSORS": folder})


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        write(self.folder)

    @unittest.skipIf(torch is None, "no PyTorch")
    def test_torch(self):
        simple = torch.load(os.path.join(self.folder, "int.pt"), weights_only=True)
        self.assertEqual(simple.pop("in_dim"), 512)
        self.assertEqual(list(simple), ["state_dict"])
        whole = torch.load(os.path.join(self.folder, "ours.pt"),
                           weights_only=not torch.__version__.startswith("1."))
        state = whole.pop("state_dict")
        self.assertEqual(whole, {"in_dim": 512, "large": -(1 << 40), "temperature": 0.1,
                                 "model": "ViT-B/32 \u00e9"})
        self.assertEqual(list(state), ["net.0.weight", "half", "a scalar \u00e9", "empty"])
        self.assertEqual(state["net.0.weight"].dtype, torch.float32)
        torch.testing.assert_close(state["net.0.weight"], torch.tensor(MATRIX).reshape(2, 3),
                                   rtol=0, atol=0, equal_nan=True)
        self.assertEqual(state["half"].tolist(), [1, -2, math.inf])
        self.assertEqual(state["half"].dtype, torch.float16)
        self.assertEqual(state["a scalar \u00e9"].item(), 0.25)
        self.assertEqual(state["empty"].shape, (0, 7))
        self.assertTrue(state["net.0.weight"].is_contiguous())

    def test_safetensors(self):
        with open(os.path.join(self.folder, "ours.safetensors"), "rb") as file:
            data = file.read()
        n = struct.unpack("<Q", data[:8])[0]
        self.assertEqual((8 + n) % 64, 0)
        header = json.loads(data[8:8 + n])
        self.assertEqual(header.pop("__metadata__")["large"], str(-(1 << 40)))
        at = 0
        for entry in header.values():
            self.assertEqual(entry["data_offsets"][0], at)
            at = entry["data_offsets"][1]
        self.assertEqual(8 + n + at, len(data))
        begin, end = header["net.0.weight"]["data_offsets"]
        got = struct.unpack("<6f", data[8 + n + begin:8 + n + end])
        self.assertEqual([g for g in got if g == g], [struct.unpack("f", struct.pack("f", m))[0]
                                                      for m in MATRIX if m == m])


if __name__ == "__main__":
    unittest.main()
