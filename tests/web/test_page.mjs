// The page in a real browser against a stand-in for the server: every failure, every odd answer, the
// deck, the picker, upstreams of both other kinds. test_live.mjs has the real server.
import fs from 'node:fs';
import path from 'node:path';
import { DRAGON, EAGLE, Fake, GOLDFISH, PRICE, QUAD, SOURCE, answer, beside, mask } from './fake.mjs';
import { assert, browser, drawn, iou, keepInView, misplaced, noErrors, open, pixelsOf, press, run, scratchFile, startCamera, text, until, FRAMES, SIZES } from './lib.mjs';
import { calm, small } from './frames.mjs';

const lanes = [await new Fake().listen(), await new Fake().listen()]; // a server for each test that runs beside others
const INSECURE = 'cards.test';
const b = await browser({ camera: calm('01_at_an_angle.jpg'), args: [`--host-resolver-rules=MAP ${INSECURE} 127.0.0.1`] });
const shift = (dx) => QUAD.map(([x, y]) => [x + dx, y]);
const far = [[0.76, 0.15], [0.97, 0.2], [0.94, 0.75], [0.73, 0.7]];
const FIRST = [0x76, 0xF2, 0xEA]; // the colour of the first track
const photo = path.join(FRAMES, '01_at_an_angle.jpg');

/** A page with the camera running and the fake answering `reply`. What is in view stays there, where nothing else is wanted. */
async function live(fake, reply, { goes = false, ...options } = {}) {
  fake.answer = reply;
  const page = await open(b, fake.url, options);
  if (!goes) await keepInView(page);
  await startCamera(page);
  return page;
}
const seen = (page, name) => page.waitForFunction((n) => [...document.querySelectorAll('#tracks .trk-title')].some((e) => e.textContent.startsWith(n)), name);
const deckOf = (page) => page.evaluate(() => JSON.parse(localStorage.getItem('dlf-deck-v1') || '{}'));
const done = async (page) => { noErrors(page); await page.context().close(); };
const stored = (deck) => ({ fn: (d) => { if (!localStorage.getItem('dlf-deck-v1')) localStorage.setItem('dlf-deck-v1', JSON.stringify(d)); }, arg: deck });

await run({
  async 'a card: name, price, outline, add, reload, quantity, total, remove, undo, clear'(fake) {
    const page = await live(fake, () => answer(GOLDFISH()));
    await seen(page, 'Lantern Goldfish');
    assert.equal(await text(page, '#caption .price'), '$11.42');
    assert.match(await text(page, '#caption .orig'), /^¥1,780 \(¥1,477–¥2,403\) ?26 Nov, /);
    await until('the outline comes to rest', async () => { const [d] = await drawn(page); return d && iou(d.quad, QUAD) > 0.99; });
    fake.frames.length && assert.ok(fake.frames.every((f) => f.session === fake.frames[0].session && f.query && Number(f.image) > 5000));
    assert.ok((await misplaced(page)) < 1);
    await until('it is on the screen', async () => (await pixelsOf(page, FIRST)) > 1000);
    await page.keyboard.press('m'); // the outline turns with the picture
    const turned = QUAD.map(([x, y]) => [1 - x, y]);
    await until('its mirror image', async () => { const [d] = await drawn(page); return d && iou(d.quad, turned) > 0.99; });
    await page.keyboard.press('m');
    const add = page.locator('#tracks').getByText('+ Add to Deck');
    await page.evaluate(() => { // the deck's border is green for less than a second
      const deck = document.querySelector('#p-deck');
      new MutationObserver(() => { if (deck.hasAttribute('data-pulse')) window.pulsed = getComputedStyle(deck).outlineColor + getComputedStyle(deck).boxShadow; }).observe(deck, { attributes: true });
      new MutationObserver(() => { const el = document.querySelector('#tracks .btn'); if (el?.textContent.includes('✓ Added!')) window.flashed = getComputedStyle(el).backgroundColor; }).observe(document.querySelector('#tracks'), { subtree: true, childList: true, characterData: true });
    });
    await add.click();
    await until('the button says so and the border pulses', () => page.evaluate(() => window.flashed && window.pulsed));
    await until('the button is itself again', async () => (await text(page, '#tracks .btn')) === '+ Add to Deck');
    await page.keyboard.press('a');
    await until('two kept', async () => (await text(page, '#deck-total')) === '$22.84');
    await page.reload();
    assert.equal(await text(page, '#deck-total'), '$22.84');
    await page.getByLabel('One Lantern Goldfish fewer').click();
    assert.equal(await text(page, '#deck-total'), '$11.42');
    await page.getByLabel('One Lantern Goldfish fewer').click();
    assert.equal(await page.locator('#deck li').count(), 0);
    await press(page, 'undo');
    assert.equal(await text(page, '#deck-total'), '$11.42');
    await press(page, 'clear');
    assert.equal(await page.locator('#deck li').count(), 0);
    await page.locator('#toasts [data-act="undo"]').click();
    assert.equal(await text(page, '#deck b'), 'Lantern Goldfish');
    const kept = Object.values(await deckOf(page))[0];
    assert.deepEqual([kept.label, kept.usd, kept.jpy, kept.qty, kept.ref_url], ['Lantern Goldfish (UR)', 11.42, 1780, 1, '/refs/LOCH-JP009_lantern_goldfish_ur.jpg']);
    await done(page);
  },

  async 'two at once; a swap is a new track with its own price; unsure has a span and no price'(fake) {
    let second = false;
    const page = await live(fake, () => (second ? answer(EAGLE({ price: null }), DRAGON({ corners: far })) : answer(GOLDFISH(), DRAGON({ corners: far }))));
    await seen(page, 'Moonlit Dragon?');
    assert.equal(await page.locator('#tracks > li').count(), 2);
    assert.match(await text(page, '#tracks > li:nth-child(2)'), /Printing not sure \$1\.15 to \$159\.12/);
    await until('both are drawn, one with its price', async () => JSON.stringify((await drawn(page)).map((d) => [d.kind, d.price]).sort()) === '[["sure","$11.42"],["unsure",""]]');
    const first = await page.getAttribute('#tracks > li:nth-child(1)', 'data-key');
    second = true;
    await seen(page, 'High Eagle');
    const row = page.locator('#tracks > li', { hasText: 'High Eagle' });
    assert.notEqual(await row.getAttribute('data-key'), first);
    assert.match(await row.innerText(), /No price for this one/);
    await until('the label follows', async () => (await text(page, '#caption h2')) === 'High Eagle');
    assert.ok(!/11\.42/.test(await text(page, '#caption')));
    // one tap settles the printing
    await page.locator('#tracks .trk-name', { hasText: 'Moonlit Dragon' }).click();
    assert.match(await text(page, '#caption .cap-meta'), /^Three printings look like this: \$1\.15 to \$159\.12\. Which is it\?$/);
    await page.locator('#caption .tile', { hasText: 'Prismatic' }).click();
    assert.equal(await text(page, '#caption .price'), '$159.12');
    await page.locator('#caption').getByText('+ Add to Deck').click();
    await until('it is kept', async () => (await text(page, '#deck-total')) === '$159.12');
    await done(page);
  },

  async 'without workers, or with such as do not load, the page does their work'(fake) {
    for (const before of [() => { delete window.Worker; }, () => {
      const { Worker } = window;
      window.Worker = class extends Worker { constructor(url, how) { super(url.replace('/js/', '/gone/'), how); } };
    }]) {
      const page = await live(fake, () => beside(answer(GOLDFISH()), far), { before });
      await seen(page, 'Lantern Goldfish');
      await page.waitForFunction(() => [...document.querySelectorAll('#tracks .trk-pic')].some((e) => e.src.startsWith('blob:') && e.naturalWidth > 20)); // what has no name, straightened
      await until('outlines are on the screen', async () => (await pixelsOf(page, FIRST)) > 1000);
      await until('both are drawn', async () => (await drawn(page)).length === 2);
      await page.context().close();
    }
  },

  async 'an outline is not drawn on another picture'(fake) {
    // a camera whose picture changes while an answer for the first one is under way
    let held = null, free = () => {};
    fake.answer = async () => { await held; return answer(GOLDFISH()); };
    const page = await open(b, fake.url, { before: { fn: (both) => {
      navigator.mediaDevices.getUserMedia = async () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 480, height: 270 }), ctx = canvas.getContext('2d');
        const pictures = await Promise.all(both.map((data) => createImageBitmap(new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))]))));
        window.shows = 0;
        setInterval(() => ctx.drawImage(pictures[window.shows], 0, 0), 40);
        return canvas.captureStream();
      };
    }, arg: ['01_at_an_angle.jpg', '10_stranger_too.jpg'].map((f) => small(f).toString('base64')) } });
    await startCamera(page);
    await seen(page, 'Lantern Goldfish');
    // as cells: what the answer's frame showed and what the screen shows
    await page.evaluate(() => {
      const { overlay, state } = window.identify;
      window.samples = [];
      overlay.canvas.addEventListener('drawn', (e) => {
        const t = state.tracker.tracks[0];
        if (t?.frame.cells && overlay.cells) window.samples.push([e.detail.length, t.frame.cells.reduce((s, c, i) => s + Math.abs(c - overlay.cells[i]), 0) / t.frame.cells.length]);
      });
      setInterval(() => overlay.wake(), 15);
    });
    const count = (own, n) => until(`${n} drawings of ${own ? 'its own' : 'another'} picture`, () => page.evaluate(([f, k]) => window.samples.filter(([drawn, apart]) => (f ? apart < 5 && drawn === 1 : apart > 40 && drawn === 0)).length >= k, [own, n]));
    await count(true, 5);
    held = new Promise((resolve) => { free = resolve; });
    const sent = fake.frames.length;
    await until('a frame of the first picture is on its way', () => fake.frames.length > sent);
    await page.evaluate(() => { window.shows = 1; });
    await count(false, 5);
    held = null;
    free(); // the answer for the first picture comes while the second is on the screen
    await page.evaluate(() => { window.kept = window.samples.splice(0); });
    await count(true, 5);
    const all = await page.evaluate(() => [...window.kept, ...window.samples]);
    for (const [n, apart] of all) assert.ok(apart > 40 ? n === 0 : apart > 5 || n === 1, `${n} drawn on a picture that is ${apart} away`);
    await done(page);
  },

  async 'a frame is sent in its own colours, whichever way the browser has to them'(fake) {
    const page = await live(fake, () => answer(GOLDFISH()));
    await seen(page, 'Lantern Goldfish');
    const ways = await page.evaluate(async () => {
      const { encode } = await import('/canvas/js/frame-post.js'), { prototype } = VideoFrame, { allocationSize, copyTo } = prototype;
      const frame = new VideoFrame(document.querySelector('#video')), W = 240, H = 136; // another size than the camera's
      const pixels = (source) => { const ctx = new OffscreenCanvas(W, H).getContext('2d'); ctx.drawImage(source, 0, 0, W, H); return ctx.getImageData(0, 0, W, H).data; };
      const own = pixels(frame), all = [];
      let formats = [];
      prototype.copyTo = function copy(to, how) { if (how?.format) formats.push(how.format); return copyTo.call(this, to, how); };
      for (const knows of [true, false]) {
        if (!knows) prototype.allocationSize = function size() { return allocationSize.call(this); }; // a browser before this choice of formats
        const bitmap = await createImageBitmap(await encode(frame, W, H)), got = pixels(bitmap);
        const apart = [0, 1, 2].map((c) => Math.abs(got.reduce((sum, v, i) => sum + (i % 4 === c ? v - own[i] : 0), 0)) / (W * H)); // noise of scaling and of JPEG goes
        all.push([formats.join(), bitmap.width, bitmap.height, Math.max(...apart)]);
        formats = [];
      }
      Object.assign(prototype, { allocationSize, copyTo });
      frame.close();
      return all;
    });
    assert.deepEqual(ways.map((way) => way.slice(0, 3)), [['RGBX', 240, 136], ['', 240, 136]]);
    for (const [, , , mean] of ways) assert.ok(mean < 2, `${mean} of 255 apart`);
    await done(page);
  },

  async 'the server dies and comes back; what was in view goes after two seconds'(fake) {
    const mine = await new Fake().listen(), { port } = mine;
    mine.answer = () => answer(GOLDFISH());
    const page = await open(b, mine.url);
    await startCamera(page);
    await seen(page, 'Lantern Goldfish');
    await mine.close();
    await page.waitForFunction(() => document.querySelector('#banner').textContent.startsWith('Lost the server.'));
    await page.waitForFunction(() => !document.querySelector('#tracks li') && document.querySelector('#caption').textContent.includes('Waiting for the server'), null, { timeout: 6000 });
    assert.equal(await text(page, '#status .live'), 'Server lost');
    const back = await new Fake().listen(port);
    back.answer = () => answer(GOLDFISH());
    await seen(page, 'Lantern Goldfish');
    assert.equal(await text(page, '#banner').catch(() => ''), '');
    await back.close();
    await page.context().close();
  },

  async 'busy, broken and refused answers are said in words'(fake) {
    let reply = { status: 503, body: { error: 'queue full' }, headers: { 'retry-after': '1' } };
    const page = await live(fake, () => reply);
    const says = (what) => page.waitForFunction((w) => document.querySelector('#status .err')?.textContent.includes(w), what);
    await says('The server is busy');
    reply = { status: 400, body: { detail: 'bad image: it is cut off', error: 'bad image: it is cut off' } };
    await says('bad image: it is cut off');
    reply = { status: 200, text: '<html>' };
    await says('The answer is not JSON');
    reply = { status: 200, text: '{"masks": [], "x": NaN}' };
    await page.waitForFunction(() => document.querySelector('#status').textContent.includes('No errors'));
    await done(page);
  },

  async 'the token is asked for'(fake) {
    fake.answer = () => ({ status: 401, body: { error: 'a token is needed' } });
    const page = await open(b, fake.url);
    await page.getByText('Use Webcam').first().click(); // the answer may be there before the first picture
    await page.waitForSelector('#token-text');
    await done(page);
  },

  async 'insecure origin: the https address, its QR code and the fingerprint; a photo still works'(fake) {
    fake.info = { ...fake.info, https_url: 'https://192.168.1.24:8501', cert_sha256: '4F:9A:17:C2:03:D8:11:22' };
    fake.answer = () => answer(GOLDFISH());
    const page = await open(b, `http://${INSECURE}:${fake.port}`);
    await page.waitForSelector('.qr path');
    assert.match(await text(page, '#msg'), /The camera needs the https address.*https:\/\/192\.168\.1\.24:8501\/canvas\/live.*4F 9A 17 C2 03 D8/);
    await page.setInputFiles('#pick-photo', photo);
    await seen(page, 'Lantern Goldfish');
    fake.info = { ...fake.info, https_url: null, cert_sha256: null };
    await done(page);
  },

  async 'no camera, a busy one, a refused one'(fake) {
    for (const [name, says] of [['NotFoundError', 'No camera found'], ['NotReadableError', 'The camera is in use']]) {
      const page = await open(b, fake.url, { before: { fn: (n) => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', n)); }, arg: name } });
      await page.getByText('Use Webcam').click();
      await page.waitForFunction((t) => document.querySelector('#msg h2')?.textContent === t, says);
      await done(page);
    }
    const shut = await browser({ fakeUi: false }), page = await open(shut, fake.url); // nobody says yes
    await page.getByText('Use Webcam').click();
    await page.waitForFunction(() => document.querySelector('#msg h2')?.textContent === 'The camera is blocked here');
    await shut.close();
  },

  async 'an upstream of the original’s kind, and of mac_tensor’s'(fake) {
    fake.info = { ...fake.info, upstream: 'http://10.0.0.5:8500' };
    const page = await live(fake, () => ({ ok: true, count: 1, bboxes: [{ x1: 0.3, y1: 0.2, x2: 0.6, y2: 0.9, score: 0.8, label: 'High Eagle (UR)?', ref_url: fake.url + '/refs/LOCH-JP012_high_eagle.jpg', margin: 0.01, confident: false, price: { median: 12.5, min: 12.5, max: 12.5, currency: 'USD' } }], image_size: { w: 960, h: 540 }, elapsed_ms: 50, upstream: 'x' }));
    await seen(page, 'High Eagle?');
    assert.equal(fake.frames.at(-1).at, '/api/falcon-frame');
    assert.match(await text(page, '#status'), /Backend 10\.0\.0\.5:8500/);
    fake.answer = () => ({ status: 200, text: '{"query":"card","count":1,"mask_ids":[1],"masks":[{"id":1,"slot":0,"area_fraction":NaN,"centroid_norm":{"x":0.5,"y":0.5},"bbox_norm":{"x1":144,"y1":54,"x2":288,"y2":243},"image_region":"middle-center"}],"annotated_image":"","elapsed_seconds":1.5}' });
    await seen(page, 'card');
    await until('its box is where it is', async () => { const d = (await drawn(page)).find((x) => x.text === 'card'); return d && iou(d.quad, [[0.3, 0.2], [0.6, 0.2], [0.6, 0.9], [0.3, 0.9]]) > 0.98; });
    fake.answer = () => ({ status: 502, body: { ok: false, error: 'Error: mac_tensor 500' } });
    await page.waitForFunction(() => document.querySelector('#banner').textContent.startsWith('No answer from the upstream.'));
    fake.info = { ...fake.info, upstream: null };
    await done(page);
  },

  async 'page of nine: reading order, unsure one, add all, undo'(fake) {
    const cell = (i) => { const x = 0.1 + (i % 3) * 0.28, y = 0.05 + Math.floor(i / 3) * 0.31; return [[x, y], [x + 0.2, y], [x + 0.2, y + 0.26], [x, y + 0.26]]; };
    const nine = Array.from({ length: 9 }, (_, i) => (i === 6 ? DRAGON({ corners: cell(i) }) : mask('Thing ' + (i + 1), '', `AB-EN00${i + 1}`, 'LOCH-JP012_high_eagle.jpg', { corners: cell(i), price: PRICE(1000) })));
    fake.answer = () => answer(...[4, 8, 1, 6, 0, 3, 7, 2, 5].map((i) => nine[i]));
    const page = await open(b, fake.url);
    await press(page, 'mode-page');
    await press(page, 'webcam');
    await press(page, 'still');
    await page.waitForSelector('.nine');
    assert.deepEqual(await page.locator('.nine b').allInnerTexts(), ['Thing 1', 'Thing 2', 'Thing 3', 'Thing 4', 'Thing 5', 'Thing 6', 'Moonlit Dragon', 'Thing 8', 'Thing 9']);
    assert.equal(fake.frames.at(-1).max_objects, '30');
    assert.deepEqual((await drawn(page)).map((d) => d.text), ['1', '2', '3', '4', '5', '6', '7?', '8', '9']);
    assert.match(await text(page, '.addall'), /Add all 9 · \$51\.36.*Number 7 is added as unsure/);
    await press(page, 'addall');
    assert.match(await text(page, '#toasts'), /Added 9 cards/);
    assert.equal(Object.keys(await deckOf(page)).length, 9);
    await page.locator('#toasts [data-act="undo"]').click();
    assert.equal(Object.keys(await deckOf(page)).length, 0);
    await press(page, 'again');
    await page.locator('[data-act="still"]').waitFor();
    await done(page);
  },

  async 'not this one: search, choose, the picture is kept on a writable server, and removed again'(fake) {
    fake.info = { ...fake.info, can_write: true };
    const page = await live(fake, () => answer(GOLDFISH()));
    await seen(page, 'Lantern Goldfish');
    await page.keyboard.press('c');
    await page.waitForSelector('.yours img[src^="blob:"]');
    await page.keyboard.type('eagle');
    await page.locator('.cand', { hasText: 'High Eagle' }).waitFor();
    await page.keyboard.press('ArrowDown');
    const asked = fake.requests.length; // the same answer once more, late: what has the focus keeps it
    await page.evaluate(() => { document.querySelector('.cand').dataset.old = 'yes'; document.querySelector('#find').dispatchEvent(new Event('input')); });
    await until('it is there', () => fake.requests.slice(asked).some((r) => r.includes('search')) && page.evaluate(() => !document.querySelector('.cand').dataset.old));
    await page.keyboard.press('Enter');
    await until('it is the eagle', async () => (await text(page, '#caption h2')) === 'High Eagle');
    const kept = await until('the picture is there', () => fake.references[0]);
    assert.deepEqual([kept.name, kept.set_code, Number(kept.image) > 3000], ['High Eagle', 'LOCH-JP012', true]);
    await page.waitForTimeout(400);
    assert.equal(await text(page, '#caption h2'), 'High Eagle'); // more answers do not take it back
    await page.locator('#toasts [data-act="unkeep"]').click();
    await until('it is gone', () => fake.references.length === 0);
    // it goes and comes back, as another track, while the picker is open
    await page.evaluate(() => window.identify.state.tracker.clear());
    await seen(page, 'Lantern Goldfish');
    await page.keyboard.press('c');
    await page.waitForSelector('.yours img[src^="blob:"]');
    await page.evaluate(() => window.identify.state.tracker.clear());
    await seen(page, 'Lantern Goldfish');
    await page.fill('#find', 'eagle');
    await page.locator('.cand', { hasText: 'High Eagle' }).click();
    await until('it is the eagle', async () => (await text(page, '#tracks')).startsWith('High Eagle'));
    await until('the picture is there', () => fake.references[0]); // else it comes after what follows
    fake.references = [];
    // a name that is not there yet
    await page.keyboard.press('/');
    await page.fill('#find', 'grendel');
    await page.getByText('Nothing called “grendel”').waitFor();
    await page.getByText('New name “grendel”').click();
    assert.equal((await until('kept under the new name', () => fake.references[0])).name, 'grendel');
    fake.info = { ...fake.info, can_write: false };
    fake.references = [];
    await done(page);
  },

  async 'what no answer finds is named by hand: it has no outline, and time to be added'(fake) {
    const page = await live(fake, () => answer(), { size: SIZES[360], goes: true });
    await page.locator('#caption').getByText('Search by name').click();
    await page.fill('#find', 'eagle');
    await page.evaluate(() => { window.outlines = 0; window.identify.overlay.canvas.addEventListener('drawn', (e) => { window.outlines += e.detail.length; }); });
    await page.locator('.cand', { hasText: 'High Eagle' }).click();
    await seen(page, 'High Eagle');
    await page.waitForTimeout(3500); // longer than what was seen stays
    assert.deepEqual([await page.evaluate(() => window.outlines), await drawn(page)], [0, []]);
    await page.locator('#caption').getByText('+ Add to Deck').click();
    assert.deepEqual(Object.keys(await deckOf(page)), ['High Eagle']);
    await done(page);
  },

  async 'export and import through the buttons'(fake) {
    const page = await open(b, fake.url, { before: stored({ 'Lantern Goldfish': { label: 'Lantern Goldfish (UR)', usd: 11.42, jpy: 1780, added_at: 5, qty: 2 }, 'Moonlit Dragon (UR)?': { label: 'Moonlit Dragon (UR)?', added_at: 4, qty: 1 } }) });
    assert.match(await text(page, '#p-deck .n'), /3 cards, 1 without a price/);
    for (const [id, file, starts] of [['csv', 'deck.csv', 'Quantity,Name,Rarity'], ['tcgplayer', 'deck-tcgplayer.csv', 'Quantity,Name,Simple Name'], ['moxfield', 'deck-moxfield.csv', 'Count,Tradelist'], ['json', 'deck.json', '{']]) {
      await press(page, 'export');
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator(`[data-act="save"][data-id="${id}"]`).click()]);
      assert.equal(download.suggestedFilename(), file);
      await download.saveAs(scratchFile(file));
      assert.ok(fs.readFileSync(scratchFile(file), 'utf8').startsWith(starts));
    }
    await press(page, 'clear');
    await page.setInputFiles('#pick-deck', scratchFile('deck.json'));
    await until('it is back', async () => (await text(page, '#deck-total')) === '$22.84');
    await press(page, 'import');
    await page.fill('#import-text', '{"cut');
    await press(page, 'importtext');
    assert.match(await text(page, '#import-error'), /cut off or damaged/);
    await page.fill('#import-text', '3 High Eagle');
    await press(page, 'importtext');
    await until('six', async () => /^6 cards/.test(await text(page, '#p-deck .n')));
    await done(page);
  },

  async 'a deck of 5,000, a broken one, a full storage'(fake) {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`Thing ${i}`, { label: `Thing ${i} (UR)`, usd: 1.25, added_at: i, qty: 2 }]));
    const page = await open(b, fake.url, { before: stored(many) });
    await until('the total', async () => (await text(page, '#deck-total')) === '$12,500.00');
    assert.ok((await page.locator('#deck > li').count()) < 300);
    const ms = await page.evaluate(async () => { const t = performance.now(); document.querySelector('[data-act="more"]').click(); await new Promise((r) => setTimeout(r)); return performance.now() - t; });
    assert.ok(ms < 3000, `${ms} ms for one more`);
    await page.evaluate(() => { document.querySelector('#p-deck .pbody').scrollTop = 1e9; });
    await until('more rows come', async () => (await page.locator('#deck > li').count()) > 120);
    await page.evaluate(() => { Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }; });
    await press(page, 'less');
    await page.getByText('storage is full').first().waitFor();
    await done(page);
    const bad = await open(b, fake.url, { before: () => localStorage.setItem('dlf-deck-v1', '{"a":') });
    assert.match(await text(bad, '#p-deck .none'), /^Empty/);
    await done(bad);
  },

  async '100 things in one answer; hostile names'(fake) {
    const evil = '<img src=x onerror="document.body.dataset.evil=1">\u202e\u05d0\u05d1\u0000' + 'A'.repeat(300);
    let reply = answer(...Array.from({ length: 100 }, (_, i) => mask(`Thing ${i}`, '', '', 'LOCH-JP012_high_eagle.jpg', { corners: [[(i % 10) / 10, Math.floor(i / 10) / 10], [(i % 10) / 10 + 0.08, Math.floor(i / 10) / 10], [(i % 10) / 10 + 0.08, Math.floor(i / 10) / 10 + 0.08], [(i % 10) / 10, Math.floor(i / 10) / 10 + 0.08]] })));
    const page = await live(fake, () => reply, { size: SIZES[360], goes: true });
    await page.waitForFunction(() => document.querySelectorAll('#tracks > li').length === 100);
    await until('all are drawn', async () => (await drawn(page)).length === 100);
    for (let i = 0; i < 2; i++) { // the sheet goes up and comes down again
      await page.locator('#tabs [data-tab="view"]').click();
      await until('the outlines are where the picture is', async () => (await misplaced(page)) < 1);
    }
    reply = answer(mask(evil, evil, evil, '../../etc/passwd"><script>', { top_k: [{ name: evil, filename: evil, score: 2 }] }));
    await seen(page, '<img src=x');
    await page.locator('#caption').getByText('+ Add to Deck').click();
    await press(page, 'tab').catch(() => {});
    await page.waitForTimeout(100);
    assert.equal(await page.evaluate(() => document.body.dataset.evil), undefined);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    assert.ok(!fake.requests.some((r) => r.includes('passwd') && !r.startsWith('GET /refs/')));
    noErrors(page);
    await page.context().close();
  },

  async 'photos by file, paste and drop; a video; what is neither'(fake) {
    fake.answer = () => answer(GOLDFISH());
    const page = await open(b, fake.url), bytes = [...fs.readFileSync(photo)];
    const give = (how) => page.evaluate(([data, kind]) => {
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array(data)], 'a.jpg', { type: 'image/jpeg' }));
      if (kind === 'paste') dispatchEvent(Object.assign(new ClipboardEvent('paste', { clipboardData: files, bubbles: true })));
      else document.querySelector('#stage').dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true }));
    }, [bytes, how]);
    for (const how of ['paste', 'drop']) {
      const before = fake.frames.length;
      await give(how);
      await seen(page, 'Lantern Goldfish');
      await until('it was sent', () => fake.frames.length > before);
      assert.equal(await page.getAttribute('#stage', 'data-shows'), 'photo');
      await press(page, 'stop');
    }
    const frames = fake.frames.length;
    await page.evaluate(async () => { // a video of a second, made here
      const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 }), ctx = canvas.getContext('2d');
      const made = setInterval(() => { ctx.fillStyle = `hsl(${Math.random() * 360} 50% 50%)`; ctx.fillRect(0, 0, 320, 180); }, 30), parts = [];
      const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: 'video/webm' }), files = new DataTransfer();
      recorder.ondataavailable = (e) => parts.push(e.data);
      recorder.start();
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
      await new Promise((resolve) => { recorder.onstop = resolve; recorder.stop(); });
      clearInterval(made);
      files.items.add(new File(parts, 'a.webm', { type: 'video/webm' }));
      document.querySelector('#stage').dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true }));
    });
    await until('its frames are sent', () => fake.frames.length > frames + 1);
    await seen(page, 'Lantern Goldfish');
    assert.equal(await page.getAttribute('#stage', 'data-shows'), 'video');
    await page.evaluate(() => { // nothing goes out while nobody looks
      Object.defineProperty(document, 'hidden', { value: true, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await page.waitForTimeout(300); // the one under way
    const hidden = fake.frames.length;
    await page.waitForTimeout(500);
    assert.ok(fake.frames.length <= hidden + 1, 'frames of a hidden page');
    await page.evaluate(() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); });
    await until('and goes on', () => fake.frames.length > hidden + 2);
    await press(page, 'stop');
    await page.setInputFiles('#pick-photo', { name: 'x.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') });
    await page.getByText('That is no picture').first().waitFor();
    fake.answer = () => ({ ...answer(), ranking: [{ name: 'Silver Swan', rarity: 'EA', filename: 'LOCH-JP004_silver_swan_ea.jpg', score: 0.16 }] });
    await page.setInputFiles('#pick-photo', photo);
    await until('no match, with what is closest', async () => /No match.*Silver Swan.*alike 0\.16/.test(await text(page, '#caption')));
    await done(page);
  },

  async 'without a network the shell opens and the deck works'(fake) {
    const mine = await new Fake().listen();
    const page = await open(b, mine.url, { serviceWorkers: 'allow', before: stored({ 'High Eagle': { label: 'High Eagle', ref_url: '/refs/LOCH-JP012_high_eagle.jpg', usd: 2, added_at: 1, qty: 1 } }) });
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.reload(); // through the worker, which keeps pictures too
    await page.waitForFunction(() => document.querySelector('#deck img')?.naturalWidth > 100);
    await mine.close();
    await page.reload();
    assert.equal(await text(page, '#deck b'), 'High Eagle');
    await page.getByLabel('One High Eagle more').click();
    assert.equal(await text(page, '#deck-total'), '$4.00');
    await page.waitForFunction(() => document.querySelector('#deck img')?.naturalWidth > 100);
    await page.context().close();
  },

  async 'keys rest while typing and can be turned off; settings are kept'(fake) {
    const page = await open(b, fake.url);
    await page.keyboard.press(',');
    await page.locator('#set-keys').uncheck();
    await page.locator('#settings [data-v="light"]').click();
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    assert.equal(await page.locator('#keys[open]').count(), 0);
    await page.reload();
    await page.waitForFunction(() => window.identify);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
    await page.keyboard.press('?');
    assert.equal(await page.locator('#keys[open]').count(), 0);
    await done(page);
  },

  async 'a photo’s late answer is nobody’s once another source is open'(fake) {
    let release = () => {};
    fake.answer = () => new Promise((resolve) => { release = () => resolve(answer(GOLDFISH())); });
    const page = await open(b, fake.url);
    await page.setInputFiles('#pick-photo', photo);
    await until('it is on its way', () => fake.frames.length && page.evaluate(() => window.identify.state.looking));
    await page.waitForTimeout(300);
    await press(page, 'stop');
    release();
    await page.waitForTimeout(400);
    assert.equal(await page.locator('#tracks > li').count(), 0);
    await done(page);
  },
}, lanes);
await b.close();
for (const fake of lanes) await fake.close();
