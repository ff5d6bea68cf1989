// The page by hand, ear and eye: lenses, torch and zoom of a camera that has them, swipes, sound and
// buzzes, what a screen reader is told, and the main job by keyboard alone.
import { DRAGON, Fake, GOLDFISH, answer } from './fake.mjs';
import { SIZES, assert, browser, keepInView, noErrors, open, press, run, startCamera, text, until } from './lib.mjs';

const fake = await new Fake().listen();
const b = await browser();
const FAR = [[0.76, 0.15], [0.97, 0.2], [0.94, 0.75], [0.73, 0.7]];
const seen = (page, name) => page.waitForFunction((n) => [...document.querySelectorAll('#tracks .trk-title')].some((e) => e.textContent.startsWith(n)), name);
const done = async (page) => { noErrors(page); await page.context().close(); };

/** A phone's cameras: two lenses, a torch, a zoom. What is asked of them is in window.asked. */
function lenses() {
  window.asked = { opened: [], told: [] };
  window.lenses = [['wide', 'Back wide'], ['tele', 'Back tele']];
  const { mediaDevices } = navigator, canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 }), ctx = canvas.getContext('2d');
  setInterval(() => { ctx.fillStyle = `rgb(${Math.random() * 255},90,90)`; ctx.fillRect(0, 0, 320, 180); }, 40);
  mediaDevices.enumerateDevices = async () => window.lenses.map(([deviceId, label]) => ({ kind: 'videoinput', deviceId, label }));
  mediaDevices.getUserMedia = async ({ video }) => {
    const id = video.deviceId?.exact, lens = window.lenses.find((l) => l[0] === id) || (id ? null : window.lenses[0]);
    window.asked.opened.push(id || video.facingMode.ideal);
    if (!lens) throw new DOMException('', 'OverconstrainedError');
    const stream = canvas.captureStream(20), [track] = stream.getVideoTracks();
    let zoom = 1;
    Object.defineProperty(track, 'label', { value: lens[1] });
    track.getCapabilities = () => ({ torch: true, zoom: { min: 1, max: 4, step: 0.5 } });
    track.getSettings = () => ({ deviceId: lens[0], zoom });
    track.applyConstraints = async ({ advanced: [set] }) => {
      if (window.refuses) throw new DOMException('', 'OverconstrainedError');
      window.asked.told.push(set);
      zoom = set.zoom ?? zoom;
    };
    return stream;
  };
}
const asked = (page) => page.evaluate(() => window.asked);

/** What the page says, buzzes, plays and reads aloud, in order. */
function listen() {
  window.heard = { said: [], buzzes: [], tones: [], spoken: [] };
  addEventListener('DOMContentLoaded', () => {
    const region = document.querySelector('#announce');
    new MutationObserver(() => { if (region.textContent) window.heard.said.push([region.textContent, Math.round(performance.now())]); }).observe(region, { childList: true, characterData: true, subtree: true });
  });
  navigator.vibrate = (pattern) => { window.heard.buzzes.push(pattern); return true; };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function begin(...at) { window.heard.tones.push(Math.round(this.frequency.value)); return start.apply(this, at); };
  speechSynthesis.speak = (what) => { window.heard.spoken.push(what.text); };
}
const heard = (page) => page.evaluate(() => window.heard);

/** The page's accessibility tree, as a reader gets it. */
async function tree(page) {
  const cdp = await page.context().newCDPSession(page), { nodes } = await cdp.send('Accessibility.getFullAXTree');
  await cdp.detach();
  return nodes.filter((n) => !n.ignored).map((n) => ({ role: n.role?.value, name: n.name?.value || '', ...Object.fromEntries((n.properties || []).map((p) => [p.name, p.value.value])) }));
}

/** Presses Tab until what has the focus matches; fails when that is nowhere. */
async function tabTo(page, selector) {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((s) => !!document.activeElement?.matches(s), selector)) return;
  }
  assert.fail(`Tab does not reach ${selector}`);
}

await run({
  async 'lenses are remembered by id, by name, and forgotten when they are gone; the other lens'() {
    fake.answer = () => answer(GOLDFISH());
    const page = await open(b, fake.url, { before: lenses, size: SIZES[360] });
    await startCamera(page);
    await press(page, 'flip');
    await until('the other lens', async () => (await asked(page)).opened.length === 2);
    assert.deepEqual((await asked(page)).opened, ['environment', 'tele']);
    await page.waitForFunction(() => JSON.parse(localStorage.getItem('dlf-live-settings-v1')).cameraLabel === 'Back tele');
    const again = async (list) => {
      await page.reload();
      await page.waitForFunction(() => window.identify);
      await page.evaluate((l) => { window.lenses = l; }, list);
      await startCamera(page);
      return (await asked(page)).opened;
    };
    assert.deepEqual(await again([['wide', 'Back wide'], ['tele', 'Back tele']]), ['tele']);
    assert.deepEqual(await again([['w2', 'Back wide'], ['t2', 'Back tele']]), ['t2']);
    assert.deepEqual(await again([['w2', 'Back wide']]), ['environment']);
    await press(page, 'settings');
    assert.equal(await page.locator('#camera').inputValue(), 'w2');
    await done(page);
  },

  async 'torch and zoom, where the lens has them'() {
    const page = await open(b, fake.url, { before: lenses });
    await startCamera(page);
    const torch = page.locator('#tools [data-act="torch"]');
    assert.equal(await torch.getAttribute('aria-pressed'), 'false');
    await torch.click();
    await page.waitForSelector('#tools [data-act="torch"][aria-pressed="true"]');
    await page.keyboard.press('t');
    await page.waitForSelector('#tools [data-act="torch"][aria-pressed="false"]');
    assert.deepEqual((await asked(page)).told, [{ torch: true }, { torch: false }]);
    await page.keyboard.press(',');
    await page.locator('#zoom').fill('2.5');
    await until('it zooms', async () => (await asked(page)).told.at(-1).zoom === 2.5);
    await page.locator('#set-torch').check();
    await until('it is lit', async () => (await asked(page)).told.at(-1).torch === true);
    await page.keyboard.press('Escape');
    await page.keyboard.press(',');
    assert.equal(await page.locator('#zoom').inputValue(), '2.5');
    await page.keyboard.press('Escape');
    await page.evaluate(() => { window.refuses = true; });
    await torch.click(); // the lens lied: no button that does nothing
    await torch.waitFor({ state: 'detached' });
    await done(page);
    const plain = await open(b, fake.url); // Chromium's own fake camera has neither
    await startCamera(plain);
    await press(plain, 'settings');
    assert.equal(await plain.locator('#zoom, #set-torch, #tools [data-act="torch"]').count(), 0);
    await done(plain);
  },

  async 'a swipe switches Live and Page, the grip pulls the sheet; short and upright ones do nothing'() {
    const page = await open(b, fake.url, { size: SIZES[360] });
    await startCamera(page);
    const drag = (x0, y0, x1, y1) => page.evaluate(([a, d, c, e]) => { // as a finger does, in five touches
      const stage = document.querySelector('#stage');
      for (let i = 0; i <= 4; i++) {
        const touch = new Touch({ identifier: 1, target: stage, clientX: a + (c - a) * i / 4, clientY: d + (e - d) * i / 4 });
        stage.dispatchEvent(new TouchEvent(i === 0 ? 'touchstart' : i === 4 ? 'touchend' : 'touchmove', { touches: i < 4 ? [touch] : [], changedTouches: [touch], bubbles: true, cancelable: true }));
      }
    }, [x0, y0, x1, y1]);
    const mode = () => page.evaluate(() => window.identify.state.mode), sheet = () => page.getAttribute('html', 'data-sheet');
    await drag(250, 200, 210, 200);
    await drag(250, 160, 160, 260);
    assert.equal(await mode(), 'live');
    await drag(280, 200, 120, 215);
    await until('the page of nine', async () => (await mode()) === 'page');
    await drag(80, 100, 300, 105);
    await until('live again', async () => (await mode()) === 'live');
    assert.equal(await sheet(), 'peek');
    const grip = await page.locator('.grip').boundingBox(), x = grip.x + grip.width / 2, y = grip.y + grip.height / 2;
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x, y - 200, { steps: 4 });
    await page.mouse.up();
    await until('the sheet is open', async () => (await sheet()) === 'open');
    assert.equal(await page.getAttribute('.grip', 'aria-expanded'), 'true');
    await done(page);
  },

  async 'sound and buzzes: off and on as set, once for a track; names read aloud'() {
    fake.answer = () => answer(GOLDFISH());
    const page = await open(b, fake.url, { before: listen });
    await startCamera(page);
    await until('it is said', async () => (await heard(page)).said.length > 0);
    await page.keyboard.press('a');
    await until('it buzzes', async () => (await heard(page)).buzzes.length === 2);
    assert.deepEqual(await heard(page).then((h) => [h.buzzes, h.tones, h.spoken]), [[[12], [16, 40, 22]], [], []]);
    await page.keyboard.press(',');
    await page.locator('#set-sound').check();
    await page.locator('#set-speak').check();
    await page.locator('#set-haptic').uncheck();
    await page.keyboard.press('Escape');
    fake.answer = () => answer(DRAGON());
    await until('it is read aloud', async () => (await heard(page)).spoken.some((t) => t.includes('Moonlit Dragon, printing not sure.')));
    fake.answer = () => answer(GOLDFISH({ name: 'Second', label: 'Second' }));
    await seen(page, 'Second');
    await until('a tick for each', async () => (await heard(page)).tones.length >= 2);
    await page.waitForFunction(() => document.querySelector('#caption .cap-title')?.textContent === 'Second'); // what `a` adds
    await page.keyboard.press('a');
    await until('two notes', async () => (await heard(page)).tones.length >= 4);
    await page.setInputFiles('#pick-photo', { name: 'x.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') });
    await until('what is wrong', async () => (await heard(page)).tones.at(-1) === 220);
    assert.deepEqual(await heard(page).then((h) => [h.tones, h.buzzes.length]), [[660, 660, 784, 1175, 220], 2]);
    await done(page);
  },

  async 'a screen reader: each thing once, in words, at most one message in two seconds; names begin with what is seen'() {
    fake.answer = () => answer(GOLDFISH(), DRAGON({ corners: FAR }));
    const page = await open(b, fake.url, { before: listen });
    await keepInView(page);
    await startCamera(page);
    await until('both are said', async () => (await heard(page)).said.map((s) => s[0]).join(' ').includes('printing not sure'));
    await page.keyboard.press('a');
    await until('what was added', async () => (await heard(page)).said.some(([t]) => t.includes('added')));
    const { said } = await heard(page), all = said.map((s) => s[0]).join(' ');
    for (const once of ['Lantern Goldfish, Ultra Rare, 11 dollars 42.', 'Moonlit Dragon, printing not sure.', 'Lantern Goldfish added. 1 card, $11.42.']) assert.equal(all.split(once).length, 2, `${once} in: ${all}`);
    said.slice(1).forEach(([, at], i) => assert.ok(at - said[i][1] > 1900, `${at - said[i][1]} ms between two messages`));
    const nodes = await tree(page), of = (role) => nodes.filter((n) => n.role === role).map((n) => n.name);
    assert.deepEqual(nodes.filter((n) => n.role === 'Canvas'), []);
    assert.deepEqual(['status', 'main', 'heading'].map((role) => nodes.some((n) => n.role === role)), [true, true, true]);
    assert.equal(nodes.find((n) => n.role === 'status').live, 'polite');
    for (const name of ['Identify', 'Active tracks', 'My deck', 'Top valuable', 'Lantern Goldfish']) assert.ok(of('heading').some((n) => n.startsWith(name)), `heading ${name}: ${of('heading')}`);
    for (const name of ['Live', 'Page of nine', 'Settings', 'Freeze the picture (Space)', 'Not this one: choose another', 'Choose the printing of Moonlit Dragon', 'One Lantern Goldfish more', 'Export']) assert.ok(of('button').includes(name), `button ${name}: ${of('button').join(' | ')}`);
    assert.ok(of('image').includes('Reference picture of Lantern Goldfish'));
    assert.deepEqual(nodes.filter((n) => ['button', 'link', 'textbox', 'combobox', 'checkbox', 'switch', 'slider', 'dialog'].includes(n.role) && !n.name), []);
    const amiss = await page.evaluate(() => [...document.querySelectorAll('button')].filter((e) => e.checkVisibility() && e.ariaLabel && e.innerText.trim() && !/^\W*$/.test(e.innerText) && !e.ariaLabel.startsWith(e.innerText.trim().split('\n')[0])).map((e) => e.ariaLabel + ' / ' + e.innerText));
    assert.deepEqual(amiss, []);
    await done(page);
  },

  async 'by keyboard alone, with the single keys turned off: webcam, add, one more, the printing, export, undo'() {
    fake.answer = () => answer(GOLDFISH(), DRAGON({ corners: FAR }));
    const page = await open(b, fake.url, { before: () => localStorage.setItem('dlf-live-settings-v1', '{"keys":false}') });
    await keepInView(page);
    await tabTo(page, '#msg [data-act="webcam"]');
    assert.ok(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== 'none'), 'the focus is seen');
    await page.keyboard.press('Enter');
    await seen(page, 'Moonlit Dragon');
    await page.keyboard.press('a'); // turned off
    assert.equal(await page.locator('#deck li').count(), 0);
    await tabTo(page, '#caption [data-act="add"]');
    await page.keyboard.press('Enter');
    await until('it is kept', async () => (await text(page, '#deck-total')) === '$11.42');
    await tabTo(page, '#deck [data-act="more"]');
    await page.keyboard.press('Space');
    await until('two', async () => (await text(page, '#deck-total')) === '$22.84');
    assert.ok(await page.evaluate(() => document.activeElement?.matches('#deck [data-act="more"]')), 'the focus stays on it');
    await tabTo(page, '#p-deck [data-act="export"]');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.matches('[data-act="save"]')); // the menu takes the focus
    await page.evaluate(() => { window.identify.deck.changed(); return new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); }); }); // it is drawn anew
    assert.ok(await page.evaluate(() => document.activeElement?.matches('[data-act="save"]')), 'the menu keeps the focus');
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    assert.equal(download.suggestedFilename(), 'deck.csv');
    await tabTo(page, '#tracks > li:nth-child(2) [data-act="picker"]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#picker[open]');
    await tabTo(page, '#picker .cand');
    await page.keyboard.press('Enter');
    await until('the printing is chosen', () => page.evaluate(() => !document.querySelector('#picker').open && window.identify.state.tracker.tracks.every((t) => t.kind === 'sure')));
    await tabTo(page, '[data-act="undo"]');
    await page.keyboard.press('Enter');
    await until('one again', async () => (await text(page, '#deck-total')) === '$11.42');
    await done(page);
  },
});
await b.close();
await fake.close();
