// Camera frames made by Pillow: example frames made small, and reference pictures laid on the table of one
// by a perspective transform, whose true corners are known.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { SOURCE } from './fake.mjs';
import { FRAMES, scratchFile } from './lib.mjs';

const LAY = `
import json, sys
import numpy as np
from PIL import Image, ImageFilter
out, folder, table, cards, W, H = sys.argv[1:]
W, H = int(W), int(H)
frame = Image.open(table).convert("RGB").resize((W, H)).filter(ImageFilter.GaussianBlur(24))
for name, quad in json.loads(cards):
    card = Image.open(f"{folder}/{name}.jpg").convert("RGB")
    w, h = card.size
    to = [(x * W, y * H) for x, y in quad]
    rows, right = [], []
    for (x, y), (u, v) in zip(to, [(0, 0), (w, 0), (w, h), (0, h)]):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    map_back = np.linalg.solve(np.array(rows, float), np.array(right, float))
    laid = card.transform((W, H), Image.PERSPECTIVE, tuple(map_back), Image.BICUBIC)
    mask = Image.new("L", (w, h), 255).transform((W, H), Image.PERSPECTIVE, tuple(map_back))
    frame.paste(laid, (0, 0), mask)
frame.filter(ImageFilter.GaussianBlur(.6)).save(out, quality=88)
`;

const SMALL = 'import sys; from PIL import Image; Image.open(sys.argv[1]).resize((480, 270)).save(sys.argv[2], quality=88)';

/** An example frame of 480 x 270: a fake camera that takes little to run. @param {string} name */
export function small(name) {
  const file = scratchFile('small.jpg');
  execFileSync('/usr/bin/python3', ['-c', SMALL, path.join(FRAMES, name), file]);
  return fs.readFileSync(file);
}

const CALM = `
import sys
from PIL import Image
W, H = 480, 270
y, cb, cr = Image.open(sys.argv[1]).convert("YCbCr").resize((W, H)).split()
frame = b"FRAME\\n" + b"".join(p.tobytes() for p in (y, cb.resize((W // 2, H // 2)), cr.resize((W // 2, H // 2))))
open(sys.argv[2], "wb").write(b"YUV4MPEG2 W480 H270 F10:1 C420jpeg\\n" + 2 * frame)
`;

/** A file of the fake camera: an example frame of 480 x 270, ten times a second and not coded, which takes little to run. @param {string} name */
export function calm(name) {
  const file = scratchFile('calm.y4m');
  execFileSync('/usr/bin/python3', ['-c', CALM, path.join(FRAMES, name), file]);
  return file;
}

/** A JPEG. @param {[string, [number, number][]][]} cards which reference lies where, 0..1 @param {[number, number]} [size] */
export function frameOf(cards, [width, height] = [960, 540]) {
  const file = scratchFile('frame.jpg');
  execFileSync('/usr/bin/python3', ['-c', LAY, file, path.join(SOURCE, 'data/example'), path.join(FRAMES, '10_stranger_too.jpg'), JSON.stringify(cards), String(width), String(height)]);
  return fs.readFileSync(file);
}
