#!/usr/bin/env python3
"""An index file that we wrote opens in NumPy without allow_pickle, with the content it should have,
and in the zip reader of Python, every checksum right. Skipped where there is no NumPy."""
import json
import os
import subprocess
import tempfile
import unittest
import zipfile

try:
    import numpy as np
except ImportError:
    np = None

WRITER = os.path.join(os.environ["IDENTIFY_BUILD_DIR"], "tests", "unit_index_test_index_file")
FILENAMES = [b"a.jpg", b"b\xe9.png", b"c\xff\xfe.webp", b"\xf0\x9f.jpeg", b"e f.jpg", b"g\nh.jpg",
             b"\xc3\xa9.jpg", b"\xed\xa0\x80"]


@unittest.skipIf(np is None, "no NumPy")
class IndexFile(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "index.npz")
        subprocess.run([WRITER], check=True, env={**os.environ, "IDENTIFY_WRITE_INDEX": self.path})

    def test_numpy_reads_it(self):
        with np.load(self.path, allow_pickle=False) as f:
            index = {name: f[name] for name in f.files}
        n = 8
        types = {"embeddings": "<f4", "sizes": "<u8", "mtimes": "<i8", "sha256": "|u1",
                 "feature_offsets": "<u8", "feature_sizes": "<u2", "keypoints": "|u1",
                 "descriptors": "|u1", "words_tree": "<u4", "words_nodes": "<u8",
                 "words_of": "<u8", "words_start": "<u4", "words_entries": "<u4",
                 "words_signatures": "<u8", "embeddings_int8": "|i1",
                 "embeddings_scale": "<f4", "text": "|u1", "text_starts": "<u4", "text_of": "<u4"}
        for name, dtype in types.items():
            self.assertEqual(index[name].dtype, np.dtype(dtype), name)
        for name in ("names", "filenames", "rarities", "set_codes"):
            self.assertEqual(index[name].dtype.kind, "U", name)
            self.assertEqual(index[name].shape, (n,))
        self.assertEqual(sorted(index), sorted([*types, "names", "filenames", "rarities",
                                                "set_codes", "meta"]))
        self.assertEqual(index["embeddings"].shape, (n, 24))
        lengths = np.linalg.norm(index["embeddings"], axis=1)
        np.testing.assert_allclose(np.delete(lengths, 3), 1, atol=1e-6)
        self.assertEqual(lengths[3], 0)
        self.assertEqual([os.fsencode(str(x)) for x in index["filenames"]], FILENAMES)
        self.assertEqual(index["names"][2], "Caf\u00e9 \u96ea \U0001f600")
        self.assertEqual(index["names"][3], "")
        self.assertEqual(list(index["rarities"][:2]), ["", "PScR"])
        self.assertEqual(list(index["mtimes"][:2]), [-5, 10**18 - 5])
        self.assertEqual(list(index["sizes"][:3]), [0, 1 << 33, 2 << 33])
        self.assertTrue((index["sha256"] == np.arange(1, 9)[:, None]).all())
        counts = np.diff(index["feature_offsets"].astype(int))
        self.assertEqual(list(counts), [i * 13 % 40 for i in range(n)])
        self.assertEqual(index["keypoints"].shape, (counts.sum(), 6))
        self.assertEqual(index["descriptors"].shape, (counts.sum(), 32))
        self.assertTrue((index["feature_sizes"] == [640, 480]).all())
        # The layout docs/formats/index.md gives for entries: each feature once, with its signature.
        entries = index["words_entries"]
        at = index["feature_offsets"][entries >> 12] + (entries & 4095)
        self.assertEqual(sorted(at), list(range(counts.sum())))
        signatures = index["descriptors"][at.astype(int), :8].copy().view("<u8")[:, 0]
        self.assertTrue((index["words_signatures"] == signatures).all())
        self.assertEqual(index["words_start"][-1], len(entries))
        self.assertEqual(len(index["words_start"]), index["words_tree"].prod() + 1)
        codes = index["embeddings_int8"] * index["embeddings_scale"][:, None]
        self.assertLess(np.abs(codes - index["embeddings"]).max(), 0.51 / 127)
        # The layout docs/formats/index.md gives for a keypoint.
        kp = index["keypoints"].view([("x", "<u2"), ("y", "<u2"), ("angle", "u1"), ("level", "u1")])
        self.assertLess(kp["x"].max(), 640 * 32)
        self.assertLess(kp["level"].max(), 8)
        meta = json.loads(str(index["meta"]))
        self.assertEqual(meta, {"format": 1, "encoder": "builtin/1", "projection": "",
                                "refs_dir": "/tmp/k\u00e4se", "sim_threshold": 0.625, "made_by": "test \u00e9", "n": 3})

    def test_zip(self):
        with zipfile.ZipFile(self.path) as z:
            self.assertIsNone(z.testzip())
            data = open(self.path, "rb").read()
            for info in z.infolist():
                at = info.header_offset
                start = at + 30 + int.from_bytes(data[at + 26:at + 28], "little") \
                    + int.from_bytes(data[at + 28:at + 30], "little")
                self.assertEqual(start % 64, 0, info.filename)
                self.assertEqual(info.date_time, (1980, 1, 1, 0, 0, 0))


if __name__ == "__main__":
    unittest.main()
