#!/usr/bin/env python3
"""make_example.py - paints data/example (the cards and labels.csv) and data/example-frames (camera
frames and pairs.tsv).

Everything is seeded by names: the same packages give the same bytes. Needs Debian's python3-pil,
python3-numpy, fonts-dejavu-core and openclipart-png (clip art whose authors put it in the public
domain; OPENCLIPART names another folder that holds it). About a minute.

usage: tools/make_example.py [--out DIR] [--check] [--only WORD]...
"""
import argparse
import csv
import io
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from example_art.camera import take  # noqa: E402
from example_art.card import draw_card  # noqa: E402
from example_art.catalogue import CARDS, STRANGERS  # noqa: E402
from example_art.shots import SHOTS  # noqa: E402

CARD_QUALITY = 80
# Pictures whose file name says nothing: labels.csv names them.
UNNAMED = ("IMG_2041",)


def as_jpeg(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=CARD_QUALITY, optimize=True)
    return out.getvalue()


def labels_csv():
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["filename", "name", "rarity", "set_code"])
    for card in CARDS:
        if card["file"] in UNNAMED:
            table.writerow([card["file"] + ".jpg", card["name"], card["rarity"], card["set_code"]])
    return out.getvalue().encode()


def pairs_tsv():
    known = {card["file"] for card in CARDS}
    lines = []
    for shot in SHOTS:
        answer = shot["card"] + ".jpg" if shot["card"] in known else "NONE"
        lines.append(f"{shot['file']}.jpg\t{answer}\n")
    return "".join(lines).encode()


def produce(wanted):
    """Yields (path below the output folder, bytes). wanted(name) says whether to paint it."""
    fields = {card["file"]: card for card in CARDS + STRANGERS}
    yield "example/labels.csv", labels_csv()
    yield "example-frames/pairs.tsv", pairs_tsv()
    for card in CARDS:
        if wanted(card["file"]):
            yield f"example/{card['file']}.jpg", as_jpeg(draw_card(card))
    for shot in SHOTS:
        if wanted(shot["file"]):
            pictures = {shot["card"]: draw_card(fields[shot["card"]])}
            yield f"example-frames/{shot['file']}.jpg", take(shot, pictures)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    options.add_argument("--out", type=pathlib.Path,
                         default=pathlib.Path(__file__).resolve().parents[1] / "data",
                         help="the folder that holds example/ and example-frames/")
    options.add_argument("--check", action="store_true",
                         help="write nothing; exit 1 when a file differs from what is there")
    options.add_argument("--only", action="append", default=[], metavar="WORD",
                         help="only pictures whose name contains WORD")
    options = options.parse_args()
    different = 0
    for path, content in produce(
            lambda name: not options.only or any(word in name for word in options.only)):
        path = options.out / path
        if options.check:
            same = path.exists() and path.read_bytes() == content
            different += not same
            print(("same       " if same else "different  ") + str(path))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            print(f"{len(content):8d}  {path}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
