#!/usr/bin/python3
"""Writes the index files below tests/golden/index with NumPy, in the forms that the Python original
and NumPy's own functions give, and hostile variants. The tests know the content: three rows of four
numbers. Run again only when a form is added: python3 tools/golden_index.py"""
import io
import os
import pickle
import zipfile

import numpy as np

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "golden",
                   "index")
EMBEDDINGS = np.array([[1, 0, 0, 0], [0, 0.6, 0.8, 0], [0.5, 0.5, -0.5, 0.5]], "<f4")
NAMES = ["Dark Magician Pscr", "Pharaoh's Servant", "Caf\u00e9 \u96ea \U0001f600"]
FILENAMES = ["LOCH-JP001_dark_magician_pscr.jpg", "pharaoh_s_servant.png", "caf\udce9.webp"]


def objects(texts):
    return np.array(texts, dtype=object)


def npy(array, protocol=None):
    """The bytes of a .npy file; with `protocol` an object array pickled so."""
    out = io.BytesIO()
    if protocol is None:
        np.lib.format.write_array(out, array, allow_pickle=True)
    else:
        np.lib.format.write_array_header_1_0(
            out, {"descr": "|O", "fortran_order": False, "shape": array.shape})
        pickle.dump(array, out, protocol=protocol)
    return out.getvalue()


def archive(name, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(os.path.join(OUT, name), "w", method) as z:
        for member, data in members.items():
            z.writestr(zipfile.ZipInfo(member + ".npy"), data, method)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/identify-was-here",)


def main():
    os.makedirs(OUT, exist_ok=True)
    path = lambda name: os.path.join(OUT, name)
    three = dict(embeddings=EMBEDDINGS, names=objects(NAMES), filenames=objects(FILENAMES))
    np.savez(path("original.npz"), **three)
    np.savez_compressed(path("original_deflated.npz"), **three)
    np.savez(path("no_filenames.npz"), embeddings=EMBEDDINGS, names=objects(NAMES))
    np.savez(path("unicode.npz"), embeddings=EMBEDDINGS, names=np.array(NAMES),
             filenames=np.array(FILENAMES))
    np.savez(path("half.npz"), **{**three, "embeddings": EMBEDDINGS.astype("<f2")})
    np.savez(path("double.npz"), **{**three, "embeddings": EMBEDDINGS.astype("<f8")})
    np.savez(path("scaled.npz"), **{**three, "embeddings": EMBEDDINGS * np.float32(1.004)})
    np.savez(path("empty.npz"), embeddings=EMBEDDINGS[:0], names=objects([]))
    np.savez(path("str_scalars.npz"), **{**three, "names": objects([np.str_(n) for n in NAMES])})
    for protocol in (2, 3, 4, 5):
        archive(f"protocol{protocol}.npz", {
            "embeddings": npy(EMBEDDINGS), "names": npy(objects(NAMES), protocol),
            "filenames": npy(objects(FILENAMES), protocol)})
    # Refused, each for its reason.
    np.savez(path("bad_fortran.npz"), **{**three, "embeddings": np.asfortranarray(EMBEDDINGS)})
    np.savez(path("bad_big_endian.npz"), **{**three, "embeddings": EMBEDDINGS.astype(">f4")})
    np.savez(path("bad_nan.npz"), **{**three, "embeddings": EMBEDDINGS * np.float32("nan")})
    np.savez(path("bad_length.npz"), **{**three, "embeddings": EMBEDDINGS * 2})
    np.savez(path("bad_count.npz"), **{**three, "names": objects(NAMES[:2])})
    np.savez(path("bad_item.npz"), **{**three, "names": objects(["a", 7, None])})
    np.savez(path("bad_no_names.npz"), embeddings=EMBEDDINGS)
    np.savez(path("bad_evil.npz"), **{**three, "names": objects(["a", Evil(), "b"])})
    archive("bad_evil_root.npz", {"embeddings": npy(EMBEDDINGS), "names": npy(objects(NAMES))[:128]
                                  + pickle.dumps(Evil(), protocol=4)})


if __name__ == "__main__":
    main()
