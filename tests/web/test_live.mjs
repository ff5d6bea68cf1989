// The page against the real server with the example collection: what it is for. Frames are made here, so
// that the true corners are known.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Fake, GOLDFISH, answer } from './fake.mjs';
import { FRAMES, assert, browser, camera, drawn, iou, keepInView, noErrors, open, press, run, scratchFile, startCamera, text, until } from './lib.mjs';
import { NINE, pagePhoto } from './pagephoto.mjs';
import { frameOf } from './frames.mjs';
import { PROGRAM, REFS, Server, exampleIndex, writePrices } from './server.mjs';

const GOLD = 'LOCH-JP009_lantern_goldfish_ur', EAGLE = 'LOCH-JP012_high_eagle', OWL = 'LOCH-JP011_harvest_owl_scr';
const LEFT = [[0.16, 0.2], [0.4, 0.14], [0.45, 0.8], [0.2, 0.88]], RIGHT = [[0.58, 0.16], [0.8, 0.22], [0.78, 0.86], [0.55, 0.82]];

const index = exampleIndex(), prices = scratchFile('prices.json');
writePrices(prices, { 'LOCH-JP009': 1780, 'LOCH-JP011': 5480 });
const collection = ['--index', index, '--refs', REFS, '--prices', prices];
const server = await Server.start(collection);
const b = await browser({ camera: camera([[frameOf([[GOLD, LEFT]]), 2]]) });
const seen = (page, name) => page.waitForFunction((n) => [...document.querySelectorAll('#tracks .trk-title')].some((e) => e.textContent.startsWith(n)), name);
const close = async (page) => { noErrors(page); await page.context().close(); };

/** A camera whose picture the test changes. */
async function shown(page, jpeg) {
  await page.evaluate(async (data) => {
    const image = await createImageBitmap(new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], { type: 'image/jpeg' }));
    window.testCanvas.getContext('2d').drawImage(image, 0, 0, 1280, 720);
  }, jpeg.toString('base64'));
}
const steered = (url) => open(b, url, { before: () => {
  const canvas = window.testCanvas = document.createElement('canvas');
  canvas.width = 1280; canvas.height = 720;
  const ctx = canvas.getContext('2d');
  setInterval(() => { ctx.fillStyle = `rgb(${Math.random() * 9},0,0)`; ctx.fillRect(0, 0, 1, 1); }, 50); // a stream of a canvas that rests has no frames
  navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(20);
} });

await run({
  async 'a webcam: the name, the price, the outline where the card is, add, reload'() {
    const page = await open(b, server.url);
    await keepInView(page);
    await startCamera(page);
    await seen(page, 'Lantern Goldfish');
    assert.equal(await text(page, '#caption .price'), '$11.41');
    assert.match(await text(page, '#caption .orig'), /^¥1,780 \(¥1,680–¥2,180\) ?26 Nov, /);
    const best = await until('the outline lies on the card', async () => { const [d] = await drawn(page); const o = d ? iou(d.quad, LEFT) : 0; return o >= 0.9 && o; });
    console.log(`     intersection over union ${best.toFixed(3)}`);
    await page.waitForFunction(() => document.querySelector('#caption .cap-pic img')?.naturalWidth > 100);
    await page.locator('#tracks').getByText('+ Add to Deck').click();
    await until('it is kept', async () => (await text(page, '#deck-total')) === '$11.41');
    await page.reload();
    assert.equal(await text(page, '#deck b'), 'Lantern Goldfish');
    await until('the dearest', async () => /1 Harvest Owl ScR · LOCH-JP011 \$35\.13/.test(await text(page, '#p-top')));
    await close(page);
  },

  async 'two cards, a swap, a stranger'() {
    const page = await steered(server.url);
    await startCamera(page);
    await shown(page, frameOf([[GOLD, LEFT], [EAGLE, RIGHT]]));
    await seen(page, 'Lantern Goldfish');
    await seen(page, 'High Eagle');
    await until('each outline on its card', async () => { const d = await drawn(page); return [[LEFT, 'Lantern Goldfish'], [RIGHT, 'High Eagle']].every(([q, n]) => d.some((x) => x.text === n && iou(x.quad, q) >= 0.9)); });
    const gold = await page.locator('#tracks > li', { hasText: 'Lantern Goldfish' }).getAttribute('data-key');
    await shown(page, frameOf([[OWL, LEFT]]));
    await seen(page, 'Harvest Owl');
    const owl = page.locator('#tracks > li', { hasText: 'Harvest Owl' });
    assert.notEqual(await owl.getAttribute('data-key'), gold);
    assert.match(await owl.innerText(), /\$35\.13/);
    await until('the others are gone', async () => (await page.locator('#tracks > li').count()) === 1);
    await close(page);
  },

  async 'a stranger has an outline and no name; an empty table and what lies about have none'() {
    const page = await steered(server.url);
    await startCamera(page);
    await shown(page, frameOf([])); // the table
    const watch = () => page.evaluate(() => { window.outlines = 0; window.identify.overlay.canvas.addEventListener('drawn', (e) => { window.outlines += e.detail.length; }); });
    const answers = async (n) => { const from = await page.evaluate(() => window.identify.state.answers); await until(`${n} answers`, () => page.evaluate((k) => window.identify.state.answers >= k, from + n)); };
    await watch();
    await answers(12);
    assert.equal(await page.evaluate(() => window.outlines), 0);
    assert.match(await text(page, '#caption'), /Nothing known in view/);
    await shown(page, fs.readFileSync(path.join(FRAMES, '09_stranger.jpg')));
    const card = [[0.403, 0.153], [0.648, 0.256], [0.616, 0.894], [0.32, 0.8]];
    const [d] = await until('its outline', async () => { const all = await drawn(page); return all.length === 1 && iou(all[0].quad, card) > 0.9 && all; });
    assert.deepEqual([d.kind, d.text, d.price], ['unknown', 'No match', '']);
    assert.match(await text(page, '#tracks'), /^\? ?No match Not in this collection/);
    assert.match(await text(page, '#caption'), /No match None of the 31 reference pictures fits/);
    await page.waitForFunction(() => document.querySelector('#caption .cap-pic img')?.src.startsWith('blob:') && document.querySelector('#caption .cap-pic img').naturalWidth > 100);
    assert.equal(await text(page, '#status .live'), 'Live');
    await shown(page, fs.readFileSync(path.join(FRAMES, '05_small_in_clutter.jpg')));
    await seen(page, 'Seven Spot Knight');
    await until('it alone', async () => (await page.locator('#tracks > li').count()) === 1);
    await answers(8);
    await until('it is drawn, and alone', async () => (await drawn(page)).map((x) => x.kind).join() === 'sure');
    await close(page);
  },

  async 'page of nine: a photo, nine answers in reading order'() {
    const page = await open(b, server.url);
    await press(page, 'mode-page');
    await page.setInputFiles('#pick-photo', pagePhoto());
    await page.waitForSelector('.nine');
    const names = await page.locator('.nine b').allInnerTexts(), wanted = NINE.map((f) => f.replace(/^[^_]+_/, '').replace(/_(scr|ur|sr|utr)$/, '').replace(/_/g, ' '));
    assert.deepEqual(names.map((n) => n.toLowerCase()), wanted);
    await close(page);
  },

  async 'a correction is kept by a writable server'() {
    const refs = scratchFile('refs'), own = scratchFile('own.npz');
    fs.cpSync(REFS, refs, { recursive: true });
    execFileSync(PROGRAM, ['index', '--refs', refs, '--out', own, '--quiet'], { stdio: ['ignore', 'ignore', 'inherit'] });
    const writable = await Server.start(['--index', own, '--refs', refs, '--writable', '--auth-token', 'a-token-of-the-test']);
    const page = await open(b, writable.url, { path: '/login?token=a-token-of-the-test', wait: false });
    await page.goto(writable.url + '/canvas/live');
    await startCamera(page);
    await seen(page, 'Lantern Goldfish');
    const before = fs.readdirSync(refs);
    await page.keyboard.press('c');
    await page.waitForSelector('.yours img[src^="blob:"]');
    await page.fill('#find', 'Striped');
    await page.locator('.cand', { hasText: 'Striped Oracle' }).click();
    const added = await until('the picture is in the folder', () => fs.readdirSync(refs).find((f) => !before.includes(f) && f.endsWith('.jpg')));
    assert.ok(fs.statSync(path.join(refs, added)).size > 3000);
    await until('it is what was chosen', async () => (await text(page, '#caption h2')) === 'Striped Oracle');
    await page.locator('#toasts [data-act="unkeep"]').click();
    await until('and out of it again', () => !fs.readdirSync(refs).includes(added));
    await close(page);
    assert.equal(await writable.stop(), 0);
  },

  async 'the server is killed and started again'() {
    const first = await Server.start(collection);
    const page = await open(b, first.url);
    await startCamera(page);
    await seen(page, 'Lantern Goldfish');
    await first.stop('SIGKILL');
    await page.waitForFunction(() => document.querySelector('#banner').textContent.startsWith('Lost the server.') && !document.querySelector('#tracks li'));
    const second = await Server.start(collection, first.port);
    await seen(page, 'Lantern Goldfish');
    await page.context().close();
    await second.stop();
  },

  async 'through the server to upstreams of both other kinds'() {
    const upstream = await new Fake({ pages: false }).listen();
    const { track_id: _, corners, set_code, ...original } = GOLDFISH();
    upstream.answer = () => answer(original);
    const proxy = await Server.start(['--upstream', `http://127.0.0.1:${upstream.port}/api/falcon`]);
    const page = await open(b, proxy.url);
    await startCamera(page);
    await seen(page, 'Lantern Goldfish');
    await page.waitForFunction(() => document.querySelector('#tracks .trk-pic')?.naturalWidth > 100); // the upstream's picture, from our origin
    upstream.answer = () => ({ status: 200, text: '{"query":"card","count":1,"mask_ids":[1],"masks":[{"id":1,"slot":0,"area_fraction":NaN,"centroid_norm":{"x":0.5,"y":0.5},"bbox_norm":{"x1":288,"y1":108,"x2":576,"y2":486},"image_region":"middle-center"}],"elapsed_seconds":1.5}' });
    await seen(page, 'card');
    await until('its box is where it is', async () => { const d = (await drawn(page)).find((x) => x.text === 'card'); return d && iou(d.quad, [[0.3, 0.2], [0.6, 0.2], [0.6, 0.9], [0.3, 0.9]]) > 0.97; });
    await upstream.close();
    await page.waitForFunction(() => document.querySelector('#banner').textContent.startsWith('No answer from the upstream.'));
    await close(page);
    await proxy.stop();
  },
});
await b.close();
await Server.stopAll();
