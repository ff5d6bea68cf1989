// Camera frames whose true corners are known: reference pictures laid on the table of an example frame by
// Pillow's perspective transform.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { SOURCE } from './fake.mjs';
import { scratchFile } from './lib.mjs';

const LAY = `
import json, sys
import numpy as np
from PIL import Image, ImageFilter
out, folder, table, cards = sys.argv[1:]
frame = Image.open(table).convert("RGB").resize((1280, 720)).filter(ImageFilter.GaussianBlur(24))
for name, quad in json.loads(cards):
    card = Image.open(f"{folder}/{name}.jpg").convert("RGB")
    w, h = card.size
    to = [(x * 1280, y * 720) for x, y in quad]
    rows, right = [], []
    for (x, y), (u, v) in zip(to, [(0, 0), (w, 0), (w, h), (0, h)]):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    map_back = np.linalg.solve(np.array(rows, float), np.array(right, float))
    laid = card.transform((1280, 720), Image.PERSPECTIVE, tuple(map_back), Image.BICUBIC)
    mask = Image.new("L", (w, h), 255).transform((1280, 720), Image.PERSPECTIVE, tuple(map_back))
    frame.paste(laid, (0, 0), mask)
frame.filter(ImageFilter.GaussianBlur(.6)).save(out, quality=88)
`;

/** A JPEG of 1280 x 720. @param {[string, [number, number][]][]} cards which reference lies where, 0..1 */
export function frameOf(cards) {
  const file = scratchFile('frame.jpg');
  execFileSync('/usr/bin/python3', ['-c', LAY, file, path.join(SOURCE, 'data/example'), path.join(SOURCE, 'data/example-frames/10_stranger_too.jpg'), JSON.stringify(cards)]);
  return fs.readFileSync(file);
}
