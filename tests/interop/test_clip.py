#!/usr/bin/env python3
"""The program's CLIP embeddings of PNG pictures against PyTorch's, from weights that PyTorch wrote in
every layout; the layouts have to give the same bits. Needs PyTorch and Pillow; skipped without."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("DLF_IDENTIFY", str(SOURCE / "build" / "dev" / "dlf-identify"))
sys.path.insert(0, str(SOURCE / "tools" / "reference"))
try:
    import torch
    import clip_reference as reference
except ImportError:
    torch = None

CASE = dict(width=128, layers=6, mlp=512, patch=16, side=224, dim=96, quick=True)
LEAST_COSINE = {"bf16": 0.9998, "int8": 0.998}


@unittest.skipIf(torch is None, "no PyTorch")
class Clip(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_grad_enabled(False)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.dir = pathlib.Path(folder.name)
        (cls.dir / "refs").mkdir()
        cls.pictures = [reference.picture(i, 200 + 31 * i, 330 - 17 * i) for i in range(5)]
        for i, picture in enumerate(cls.pictures):
            picture.save(cls.dir / "refs" / f"thing_{i}.png")
        cls.state = reference.weights(CASE)
        cls.expected = reference.forward(cls.state, CASE, torch.stack(
            [reference.preprocess(picture, CASE["side"]) for picture in cls.pictures])).numpy()

    def embed(self, weights, precision="fp32"):
        """The vectors of an index that the program makes with these weights."""
        out = self.dir / "index.npz"
        env = dict(os.environ, HOME=str(self.dir / "home"), XDG_CACHE_HOME="")
        subprocess.run([PROGRAM, "index", "--refs", self.dir / "refs", "--out", out, "--clip-model",
                        weights, "--precision", precision, "--rebuild", "--quiet"], env=env,
                       check=True, stdout=subprocess.DEVNULL)
        with np.load(out) as index:
            return index["embeddings"].copy()

    def layouts(self):
        half = {name: tensor.half() for name, tensor in self.state.items()}
        theirs = reference.huggingface(self.state)
        path = self.dir / "ViT.pt"
        torch.jit.save(reference.scripted(self.state, CASE), str(path))
        yield path
        for name, save in (
            ("model.safetensors", lambda p: reference.write_safetensors(p, theirs)),
            ("pytorch_model.bin", lambda p: torch.save(theirs, p)),
            ("open_clip_model.safetensors", lambda p: reference.write_safetensors(p, self.state)),
            ("open_clip_pytorch_model.bin", lambda p: torch.save({"state_dict": half}, p)),
        ):
            folder = self.dir / name.split(".")[0]
            folder.mkdir(exist_ok=True)
            (folder / "config.json").write_text(
                json.dumps({"vision_config": {"hidden_act": "quick_gelu"}}))
            (folder / "open_clip_config.json").write_text(
                json.dumps({"model_cfg": {"quick_gelu": True}}))
            save(str(folder / name))
            yield folder
            (folder / name).unlink()

    def test_every_layout_gives_pytorchs_vectors(self):
        first = None
        for weights in self.layouts():
            with self.subTest(weights=weights.name):
                vectors = self.embed(weights)
                self.assertLessEqual(np.abs(vectors - self.expected).max(), 2e-5)
                first = vectors if first is None else first
                self.assertEqual(vectors.tobytes(), first.tobytes())

    def test_precisions(self):
        weights = next(self.layouts())
        for precision, least in LEAST_COSINE.items():
            cosines = (self.embed(weights, precision) * self.expected).sum(axis=1)
            print(f"{precision}: least cosine {cosines.min():.6f}")
            self.assertGreaterEqual(cosines.min(), least)


@unittest.skipIf(torch is None, "no PyTorch")
class GoldenFiles(unittest.TestCase):
    def test_weights_are_still_the_same(self):
        """tests/golden/clip was made from these weights, which the C tests make too."""
        sums = [float(t.double().sum()) for t in reference.weights(reference.CASES["tiny"]).values()]
        script = torch.jit.load(str(SOURCE / "tests/golden/clip/tiny.pt")).state_dict()
        kept = [float(script[name].double().sum()) for name in
                reference.weights(reference.CASES["tiny"])]
        np.testing.assert_allclose(sums, kept, rtol=0, atol=1e-9)


if __name__ == "__main__":
    unittest.main()
