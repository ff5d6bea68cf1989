// The parts of the page that need no browser: types, sizes, reading answers, tracking, the deck's files.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { pathToFileURL } from 'node:url';
import { DRAGON, EAGLE, GOLDFISH, QUAD, SOURCE, answer, beside, closest, mask } from './fake.mjs';
import { WEB, assert, run } from './lib.mjs';

const JS = path.join(SOURCE, 'web/js');
globalThis.location = { origin: 'http://localhost:8500' };
const load = (name) => import(pathToFileURL(path.join(JS, name)));
const { parseJson, readAnswer } = await load('answer.js');
const { Tracker } = await load('tracker.js');
const { fold, readDeck, readEntry, storedDeck } = await load('deck.js');
const { FORMATS, parseCsv, readText } = await load('formats.js');
const { readingOrder } = await load('geometry.js');
const { shapeOf, squareToQuad } = await load('rectify.js');
const { qrModules } = await load('qr.js');
const words = await load('words.js');

const frame = { n: 1, source: 1, shown: 0, width: 960, height: 540, blob: null, cells: null };
const read = (body, query = '') => readAnswer(body, frame, query);
const shift = (dx) => QUAD.map(([x, y]) => [x + dx, y]);
words.purse.rates = { base: 'USD', date: '2026-11-26', rates: { JPY: 155.86, EUR: 0.954 } };

await run({
  types() {
    execFileSync(path.join(WEB, 'node_modules/.bin/tsc'), ['-p', path.join(SOURCE, 'tests/web/tsconfig.json')], { stdio: ['ignore', 'inherit', 'inherit'] });
  },

  'one preload a module, under 150 KB in all'() {
    const html = fs.readFileSync(path.join(SOURCE, 'web/index.html'), 'utf8'), preloaded = [...html.matchAll(/modulepreload" href="\/canvas\/js\/([^"]+)"/g)].map((m) => m[1]).sort();
    assert.deepEqual([...preloaded, 'boot.js', 'encode-worker.js', 'paint-worker.js'].sort(), fs.readdirSync(JS).sort());
    const files = [...fs.readdirSync(JS).map((f) => 'js/' + f), 'index.html', 'style.css'];
    const sent = files.reduce((n, f) => n + zlib.gzipSync(fs.readFileSync(path.join(SOURCE, 'web', f)), { level: 9 }).length, 0);
    assert.ok(sent < 150000, `${sent} bytes`);
  },

  'answers of every kind'() {
    const ours = read(answer(GOLDFISH(), DRAGON())).detections;
    assert.deepEqual(ours.map((d) => [d.kind, d.thing.name, d.thing.rarity, d.thing.code]), [['sure', 'Lantern Goldfish', 'UR', 'LOCH-JP009'], ['unsure', 'Moonlit Dragon', 'UR', 'LOCH-JP001']]);
    assert.deepEqual(ours[0].quad, QUAD);
    assert.deepEqual(ours[1].choices.map((c) => [c.rarity, c.price.median]), [['UR', 3980], ['PScR', 24800], ['', 180]]);
    // the original: rarity left in the names of top_k, no code, no corners
    const old = read({ image_size: [960, 540], count: 1, masks: [{ bbox_norm: { x1: 0.1, y1: 0.1, x2: 0.4, y2: 0.9 }, area_fraction: 0.2, label: 'Lantern Goldfish (UR)?', name: 'Lantern Goldfish', rarity: 'UR', score: 0.7, margin: 0.01, confident: false, top_k: [{ name: 'Lantern Goldfish Ur', filename: 'a b#.jpg', score: 0.7 }], ref_filename: 'a b#.jpg', price: { code: 'X', median: 5, min: 5, max: 5, currency: 'USD', usd_median: 5 } }] }).detections[0];
    assert.deepEqual([old.kind, old.thing.pic, old.choices.length, old.choices[0].name, old.choices[0].rarity], ['unsure', '/refs/a%20b%23.jpg', 1, 'Lantern Goldfish', 'UR']);
    // its web proxy
    const proxy = read({ ok: true, count: 1, bboxes: [{ x1: 0.1, y1: 0.2, x2: 0.3, y2: 0.4, score: 0.9, label: 'High Eagle', ref_url: 'http://localhost:8500/refs/e.jpg', confident: true, price: null }], image_size: { w: 960, h: 540 } }).detections[0];
    assert.deepEqual([proxy.kind, proxy.thing.name, proxy.thing.pic, proxy.quad[2]], ['sure', 'High Eagle', 'http://localhost:8500/refs/e.jpg', [0.3, 0.4]]);
    // mac_tensor: no label, no score, pixels
    const mac = read({ count: 1, mask_ids: [1], masks: [{ id: 1, slot: 0, area_fraction: 0.125, centroid_norm: { x: 0.5, y: 0.5 }, bbox_norm: { x1: 96, y1: 54, x2: 480, y2: 270 }, image_region: 'middle-center' }] }, 'drone').detections[0];
    assert.deepEqual([mac.kind, mac.thing.name, mac.score, mac.quad[0], mac.quad[2]], ['sure', 'drone', 0.125, [0.1, 0.1], [0.5, 0.5]]);
    assert.equal(read({ masks: [{ bbox_norm: { x1: 0, y1: 0, x2: 1, y2: 1 } }] }).detections[0].kind, 'unknown');
  },

  'answers that are broken'() {
    assert.deepEqual(parseJson('{"a": NaN, "b": [-Infinity, "NaN \\" NaN"]}'), { a: null, b: [null, 'NaN " NaN'] });
    assert.throws(() => parseJson('{"a": '));
    assert.throws(() => read(null));
    assert.throws(() => read({ detail: 'x' }));
    const bad = [null, 7, {}, { bbox_norm: null }, { bbox_norm: { x1: null, y1: 0, x2: 1, y2: 1 } }, { bbox_norm: { x1: 0.5, y1: 0.5, x2: 0.5, y2: 0.5 } }, { bbox_norm: { x1: 'a', y1: 0, x2: 1, y2: 1 } }];
    assert.equal(read({ masks: bad }).detections.length, 0);
    const odd = read({ masks: [GOLDFISH({ corners: [[0, 0], [1, null], [1, 1], [0, 1]], price: { median: 'x' }, top_k: 'no', name: 5, label: '\u202eabc\u0000 (UR)' })] }).detections[0];
    assert.deepEqual([odd.thing.name, odd.thing.price, odd.choices], ['abc', null, []]);
    assert.equal(read({ masks: Array(1000).fill(GOLDFISH()) }).detections.length, 200);
  },

  'tracks: ids live, names make tracks, prices die with their label'() {
    const t = new Tracker(), see = (now, ...masks) => t.update({ frame, ms: 10, ...read(answer(...masks)) }, now);
    see(0, GOLDFISH());
    see(100, GOLDFISH({ corners: shift(0.05) }));
    assert.deepEqual([t.tracks.length, t.tracks[0].id, t.tracks[0].seen, t.counted], [1, 1, 2, 1]);
    see(200, EAGLE({ corners: shift(0.05), price: null })); // another card in the same place
    assert.deepEqual(t.tracks.map((x) => [x.id, x.thing.name, x.thing.price && x.thing.price.median]), [[1, 'Lantern Goldfish', 1780], [2, 'High Eagle', null]]);
    see(2150, EAGLE({ corners: shift(0.05), price: null }));
    assert.deepEqual(t.tracks.map((x) => x.id), [2]); // two seconds unseen
    see(2900, GOLDFISH({ corners: shift(-0.2) })); // back within three: itself, not counted again
    assert.deepEqual([t.tracks.map((x) => x.id).sort(), t.counted], [[1, 2], 2]);
    t.expire(6000, 2000); // no answers for a while
    see(9000, GOLDFISH());
    assert.deepEqual([t.tracks.map((x) => x.id), t.counted], [[1], 2]); // nobody has said that it was away
    see(9050);
    t.expire(12000, 2000);
    see(12100);
    see(12500, GOLDFISH());
    assert.deepEqual([t.tracks.map((x) => x.id), t.counted], [[3], 3]);
    see(12600, GOLDFISH(), GOLDFISH({ corners: shift(0.35) })); // two copies are two
    assert.deepEqual(t.tracks.map((x) => x.n).length, 2);
    assert.notEqual(t.tracks[0].n, t.tracks[1].n);
  },

  'tracks: unsure becomes sure without a new track; colours do not clash'() {
    const t = new Tracker(), see = (now, ...masks) => t.update({ frame, ms: 10, ...read(answer(...masks)) }, now);
    see(0, DRAGON());
    see(100, DRAGON({ confident: true, label: 'Moonlit Dragon (UR)' }));
    assert.deepEqual([t.tracks.length, t.tracks[0].id, t.tracks[0].kind], [1, 1, 'sure']);
    const many = Array.from({ length: 8 }, (_, i) => mask('T' + i, '', '', '', { corners: [[i / 10, 0], [i / 10 + 0.08, 0], [i / 10 + 0.08, 1], [i / 10, 1]] }));
    const u = new Tracker();
    u.update({ frame, ms: 1, ...read(answer(...many)) }, 0);
    assert.deepEqual(u.tracks.map((x) => x.n).sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
  },

  'tracks: what has no name is one when it stands still, and gives way to a name'() {
    const t = new Tracker(), see = (now, of, ...quads) => t.update({ frame, ms: 10, ...read(beside(of, ...quads)) }, now), kinds = () => t.tracks.map((x) => x.kind);
    see(0, closest(), QUAD);
    see(50, closest(), shift(0.3)); // elsewhere: a flicker
    see(100, closest());
    see(150, closest(), QUAD);
    assert.deepEqual(kinds(), []);
    see(200, closest()); // one answer without it
    see(250, closest(), QUAD);
    assert.deepEqual(kinds(), []);
    see(300, closest(), shift(0.01));
    assert.deepEqual([kinds(), t.tracks[0].choices.map((c) => c.name), t.counted], [['unknown'], ['Silver Swan', 'Rose Flamingo', 'Iron Scorpion'], 0]);
    const [{ id }] = t.tracks;
    see(350, closest(), shift(0.05)); // moves, and is the same
    assert.deepEqual([t.tracks.length, t.tracks[0].id, t.tracks[0].quad], [1, id, shift(0.05)]);
    see(400, answer(GOLDFISH()), shift(0.4));
    assert.deepEqual(kinds(), ['sure']); // it has a name after all
    for (let now = 450; now < 900; now += 50) see(now, closest(), QUAD); // hidden for a moment: still the goldfish
    assert.deepEqual(kinds(), ['sure']);
    const photo = new Tracker();
    photo.update({ frame, ms: 10, ...read(beside(closest(), QUAD, shift(0.4))) }, 0, true);
    assert.deepEqual(photo.tracks.map((x) => x.kind), ['unknown', 'unknown']);
    for (const bad of [5, [null, 5, {}, { corners: 'x' }], 'x']) assert.deepEqual(read({ masks: [], unknown: bad }).unknown, []);
  },

  'the deck: entries of the original load, keys with ? are folded'() {
    const old = { 'Lantern Goldfish': { label: 'Lantern Goldfish (UR)', ref_url: 'http://localhost:8500/refs/g.jpg', usd: 11.42, jpy: 1780, added_at: 1700000000000, qty: 2 }, 'Lantern Goldfish (UR)?': { label: 'Lantern Goldfish (UR)?', added_at: 1700000000001, qty: 3 }, 'No Price': { label: 'No Price', added_at: 1, qty: 1 } };
    const entries = readDeck(old);
    assert.deepEqual(entries.map((e) => [e.name, e.rarity, e.qty, e.unsure, e.price && e.price.median, e.pic]), [['Lantern Goldfish', 'UR', 5, false, 11.42, '/refs/g.jpg'], ['No Price', '', 1, false, null, '']]);
    const back = storedDeck(entries);
    assert.deepEqual([back['Lantern Goldfish'].label, back['Lantern Goldfish'].usd, back['Lantern Goldfish'].qty], ['Lantern Goldfish (UR)', 11.42, 5]); // as the original reads it
    assert.deepEqual(readDeck(JSON.parse(JSON.stringify(back))).map((e) => [e.name, e.qty]), entries.map((e) => [e.name, e.qty]));
    for (const bad of [null, 5, 'x', [], { a: null }, { a: {} }, { a: { label: 7 } }, [[]]]) assert.deepEqual(readDeck(bad), []);
    assert.equal(readEntry({ label: 'X', qty: 1e9 }).qty, 9999);
    assert.equal(readEntry({ label: 'X', qty: -3 }).qty, 1);
    const two = storedDeck(readDeck([{ label: 'Moonlit Dragon (UR)', qty: 1 }, { label: 'Moonlit Dragon (PScR)', qty: 1 }, { label: '__proto__', qty: 1 }]));
    assert.equal(Object.keys(two).length, 3);
  },

  'export and import of every format'() {
    const made = fold(readDeck([
      { label: 'x', name: 'Lantern Goldfish', rarity: 'UR', code: 'LOCH-JP009', qty: 2, added_at: 1700000000000, price: { median: 1780, currency: 'JPY', usd: 11.42 } },
      { label: 'x', name: '=HYPERLINK("http://x";"y"), it "says"', rarity: '', code: '', qty: 1, added_at: 1700000000000, price: null },
      { label: 'x', name: 'Æ, \u05d0', rarity: 'ScR', code: 'MP24-EN101', qty: 7, added_at: 1700000000000, price: { median: 3.5, currency: 'USD', usd: 3.5 } },
    ]));
    for (const f of FORMATS) {
      const out = f.write(made), back = readText(out);
      assert.deepEqual(back.map((e) => [e.name, e.qty]).sort(), made.map((e) => [e.name, e.qty]).sort(), f.id);
      if (f.id !== 'json') assert.ok(!/(^|,|\n)"?[=+@]/.test(out), f.id); // no cell that a spreadsheet runs
      if (f.id === 'csv' || f.id === 'json') assert.deepEqual(back.map((e) => [e.rarity, e.code, e.price && e.price.median]), made.map((e) => [e.rarity, e.code, e.price && e.price.median]), f.id);
      if (f.id === 'tcgplayer') assert.equal(back[0].code, 'LOCH-JP009');
    }
    assert.ok(FORMATS[1].write(made).startsWith('Quantity,Name,Simple Name,Set,Card Number,Set Code,External ID,Printing,Condition,Language,Rarity,Product ID,SKU,Price,Price Each\r\n2,Lantern Goldfish (UR),Lantern Goldfish,LOCH,JP009,LOCH-JP009,,Normal,Near Mint,English,UR,,,22.84,11.42\r\n'));
    assert.ok(FORMATS[2].write(made).startsWith('Count,Tradelist Count,Name,Edition,Condition,Language,Foil,Tags,Last Modified,Collector Number,Alter,Proxy,Purchase Price\r\n2,0,Lantern Goldfish,loch,Near Mint,English,,,2023-11-14,JP009,False,False,11.42\r\n'));
    assert.deepEqual(readText('4 Lantern Goldfish\n2x High Eagle (UR)\n\n# note\nOld Memory').map((e) => [e.qty, e.name, e.rarity]), [[4, 'Lantern Goldfish', ''], [2, 'High Eagle', 'UR'], [1, 'Old Memory', '']]);
    assert.deepEqual(readText(JSON.stringify(JSON.stringify({ X: { label: 'X (UR)?', qty: 2, added_at: 5 } }))).map((e) => [e.name, e.unsure, e.qty]), [['X', true, 2]]);
    assert.deepEqual(parseCsv('a;b\r\n"x;""y""";2\n'), [['a', 'b'], ['x;"y"', '2']]);
    for (const bad of ['', '{"a":', '[]', '{}', 'Name,Quantity\n']) assert.throws(() => readText(bad), /entry|damaged/);
  },

  'money, dates, reading order, straightening, QR'() {
    const { priceText, originalText, spanText, ageText, purse } = words, p = { median: 1780, min: 1480, max: 2400, currency: 'JPY', usd: 11.42 };
    assert.deepEqual([priceText(p), originalText(p)], ['$11.42', '¥1,780 (¥1,480–¥2,400)']);
    purse.currency = 'EUR';
    assert.equal(priceText(p), '€10.89');
    purse.currency = 'JPY';
    assert.deepEqual([priceText(p), originalText(p)], ['¥1,780', '¥1,480–¥2,400']);
    purse.currency = 'USD';
    assert.deepEqual([priceText({ median: 12.5, currency: 'XAU' }), originalText(null), priceText(null)], ['XAU 12.50'.replace(' ', '\u00a0'), 'No price for this one', '']);
    assert.equal(spanText([p, { median: 24800, currency: 'JPY', usd: 159.12 }, null]), '$11.42 to $159.12');
    const now = Date.parse('2026-11-28T12:00:00Z');
    assert.deepEqual(['2026-11-28', '2026-11-27', '2026-10-26', 'junk'].map((d) => ageText(d, now)), ['28 Nov, today', '27 Nov, 1 day old', 'Old: 26 Oct', '']);
    const cells = [];
    for (let r = 0; r < 3; r++) for (let c = 0; c < 3; c++) { const x = 0.1 + c * 0.3 + r * 0.01, y = 0.05 + r * 0.31 + c * 0.03; cells.push({ i: r * 3 + c, quad: [[x, y], [x + 0.2, y], [x + 0.2, y + 0.25], [x, y + 0.25]] }); }
    assert.deepEqual(readingOrder([5, 2, 8, 0, 7, 1, 4, 6, 3].map((i) => cells[i])).map((c) => c.i), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const map = squareToQuad(QUAD);
    [[0, 0], [1, 0], [1, 1], [0, 1]].forEach(([u, v], i) => map(u, v).forEach((x, k) => assert.ok(Math.abs(x - QUAD[i][k]) < 1e-9)));
    // a card of 63 x 88 mm in front of a camera whose focal length is 0.9 of its width, turned about both axes
    const seenAt = (ax, ay) => [[-31.5, -44], [31.5, -44], [31.5, 44], [-31.5, 44]].map(([x, y]) => {
      const X = x * Math.cos(ay), z = x * Math.sin(ay), Y = y * Math.cos(ax) - z * Math.sin(ax), Z = 260 + y * Math.sin(ax) + z * Math.cos(ax);
      return [640 + 1152 * X / Z, 360 + 1152 * Y / Z];
    });
    for (const [ax, ay] of [[0, 0], [0.6, 0], [0, -0.7], [0.5, 0.6]]) assert.ok(Math.abs(shapeOf(seenAt(ax, ay), 1280, 720) - 63 / 88) < 1e-6, `${ax} ${ay}`);
    assert.equal(shapeOf([[0, 0], [9, 0], [9, 0], [0, 0]], 1280, 720), 1);
    assert.deepEqual(['https://192.168.1.24:8501/canvas/live', 'x'.repeat(106)].map((t) => qrModules(t).length), [29, 37]);
    assert.equal(qrModules('x'.repeat(107)), null);
  },
});
