#!/usr/bin/python3
"""Copies seeds for the fuzz targets of lib/format and lib/index out of tests/golden into
tests/fuzz/corpus, small enough for a fuzzer to change usefully."""
import os
import shutil
import zipfile

TESTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests")
CORPUS = os.path.join(TESTS, "fuzz", "corpus")
INDEX = os.path.join(TESTS, "golden", "index")
TORCH = os.path.join(TESTS, "golden", "torch")


def put(target, name, data):
    os.makedirs(os.path.join(CORPUS, target), exist_ok=True)
    with open(os.path.join(CORPUS, target, name), "wb") as out:
        out.write(data)


def whole(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    for name in ("original", "original_deflated", "unicode", "protocol2", "bad_evil", "ours",
                 "words"):
        path = os.path.join(INDEX, name + ".npz")
        for target in ("fuzz_zip", "fuzz_npz", "fuzz_index"):
            if target != "fuzz_zip" or name in ("original", "original_deflated"):
                put(target, name, whole(path))
        with zipfile.ZipFile(path) as z:
            for member in z.namelist():
                data = z.read(member)
                put("fuzz_npy", f"{name}_{member}", data) if name in ("unicode", "original") else 0
                if b"|O" in data[:64]:
                    put("fuzz_pickle", f"{name}_{member}", data[128:])
    for name in ("state_dict", "checkpoint", "scripted", "bad_module"):
        path = os.path.join(TORCH, name + ".pt")
        with zipfile.ZipFile(path) as z:
            member = next(n for n in z.namelist() if n.endswith("/data.pkl"))
            put("fuzz_pickle", name, z.read(member))
        put("fuzz_pt", name, whole(path))
    shutil.copy(os.path.join(TORCH, "ours.safetensors"), os.path.join(CORPUS, "fuzz_safetensors",
                                                                      "ours"))
    shutil.copy(os.path.join(TORCH, "ours.pt"), os.path.join(CORPUS, "fuzz_pt", "ours"))


if __name__ == "__main__":
    os.makedirs(os.path.join(CORPUS, "fuzz_safetensors"), exist_ok=True)
    main()
