#!/usr/bin/env python3
"""make_readme_picture.py - docs/demo.jpg: the example frames with the answers that the program gives.

Indexes data/example, asks for every frame of data/example-frames, and draws each with what was said:
the reference beside it, its name and score, the outline when it was found by geometry.

usage: tools/make_readme_picture.py PROGRAM [OUT.jpg]
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from PIL import Image, ImageDraw, ImageFont

ROOT = pathlib.Path(__file__).resolve().parents[1]
FONTS = "/usr/share/fonts/truetype/dejavu/"
COLUMNS, TILE, FRAME, CARD, GAP = 5, (384, 316), (384, 216), (64, 90), 16
GROUND, PANEL, INK, FAINT = (22, 27, 34), (35, 42, 52), (240, 244, 248), (150, 162, 176)
SURE, UNSURE, NOBODY = (86, 211, 120), (240, 196, 80), (150, 162, 176)


def ask(program, frames):
    """The program's answers, one for each frame."""
    with tempfile.TemporaryDirectory() as folder:
        index = f"{folder}/example.npz"
        subprocess.run([program, "index", "--quiet", "--refs", str(ROOT / "data" / "example"),
                        "--out", index], check=True, stdout=subprocess.DEVNULL)
        done = subprocess.run([program, "query", "--index", index, "--json", *map(str, frames)],
                              capture_output=True, text=True, encoding="utf-8")
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def font(name, size):
    return ImageFont.truetype(FONTS + name + ".ttf", size)


def shortened(text, face, width):
    while face.getlength(text) > width:
        text = text[:-2].rstrip("… ") + "…"
    return text


def draw_tile(frame, answer):
    """One frame with its answer below it, drawn at twice its size."""
    tile = Image.new("RGB", (TILE[0] * 2, TILE[1] * 2), PANEL)
    picture = Image.open(frame).convert("RGB").resize((FRAME[0] * 2, FRAME[1] * 2), Image.LANCZOS)
    draw = ImageDraw.Draw(picture)
    found = answer["masks"][0] if answer["masks"] else None
    colour = NOBODY if found is None else SURE if found["confident"] else UNSURE
    for mask in answer["masks"]:
        if mask["method"] == "geometry":
            outline = [(x * picture.width, y * picture.height) for x, y in mask["corners"]]
            draw.line([*outline, *outline[:2]], fill=colour, width=7, joint="curve")
    tile.paste(picture, (0, 0))
    draw = ImageDraw.Draw(tile)
    draw.rectangle((0, FRAME[1] * 2, tile.width, FRAME[1] * 2 + 5), fill=colour)
    left, top = 20, FRAME[1] * 2 + 12
    if found is not None:
        card = Image.open(ROOT / "data" / "example" / found["ref_filename"]).convert("RGB")
        tile.paste(card.resize((CARD[0] * 2, CARD[1] * 2), Image.LANCZOS), (left, top))
        title, text = found["label"], f"score {found['score']:.2f}, margin {found['margin']:.2f}"
        left += CARD[0] * 2 + 24
    else:
        title, text = "none of them", ""
    face = font("DejaVuSans-Bold", 34)
    draw.text((left, top + 26), shortened(title, face, tile.width - left - 16), font=face,
              fill=colour if found is None or not found["confident"] else INK)
    draw.text((left, top + 84), text, font=font("DejaVuSans", 27), fill=FAINT)
    draw.text((left, top + 128), pathlib.Path(answer["image"]).name, font=font("DejaVuSans", 23),
              fill=FAINT)
    return tile.resize(TILE, Image.LANCZOS)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip().splitlines()[-1])
    folder = ROOT / "data" / "example-frames"
    frames = sorted(folder.glob("*.jpg"))
    rows = -(-len(frames) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (TILE[0] + GAP) + GAP, rows * (TILE[1] + GAP) + GAP), GROUND)
    for at, (frame, answer) in enumerate(zip(frames, ask(sys.argv[1], frames))):
        sheet.paste(draw_tile(frame, answer), (GAP + at % COLUMNS * (TILE[0] + GAP),
                                               GAP + at // COLUMNS * (TILE[1] + GAP)))
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else ROOT / "docs" / "demo.jpg"
    sheet.save(out, quality=86, optimize=True)


if __name__ == "__main__":
    main()
