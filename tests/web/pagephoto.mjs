// A photo of a nine-pocket page, laid out of reference pictures by the browser's own canvas would need a
// browser; Python's Pillow, which the tests have anyway, pastes it.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { SOURCE } from './fake.mjs';
import { scratchFile } from './lib.mjs';

export const NINE = ['LOCH-JP002_thornwood_wolf_sr', 'LOCH-JP004_silver_swan_scr', 'LOCH-JP005_admiral_of_embers_ur', 'LOCH-JP012_high_eagle', 'LOCH-JP011_harvest_owl_scr', 'LOCH-JP015_seven_spot_knight_sr', 'LOCH-JP001_moonlit_dragon_ur', 'LOCH-JP018_moor_rhinoceros_ur', 'LOCH-JP013_iron_scorpion_utr'];

/** Where pocket i lies, 0..1. */
export const pocket = (i) => { const x = 0.18 + (i % 3) * 0.22, y = 0.04 + Math.floor(i / 3) * 0.32; return [[x, y], [x + 0.18, y], [x + 0.18, y + 0.28], [x, y + 0.28]]; };

const PASTE = `
import sys
from PIL import Image
out, folder, *names = sys.argv[1:]
W, H = 1500, 1350
page = Image.new("RGB", (W, H), (38, 36, 34))
for i, name in enumerate(names):
    card = Image.open(f"{folder}/{name}.jpg").convert("RGB").resize((round(.18 * W), round(.28 * H)))
    page.paste(card, (round((.18 + i % 3 * .22) * W), round((.04 + i // 3 * .32) * H)))
page.save(out, quality=88)
`;

/** Makes it; the file's path. */
export function pagePhoto(names = NINE) {
  const file = scratchFile('page.jpg');
  execFileSync('/usr/bin/python3', ['-c', PASTE, file, path.join(SOURCE, 'data/example'), ...names]);
  return file;
}
