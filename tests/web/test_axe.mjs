// axe-core over the states of the page, four sizes, two themes: no violation of WCAG 2 A to 2.2 AA or of
// best practice, and no sideways scrolling. Each state is looked at in one size and theme of a rota, so
// that every size and theme meets several states; AXE_ALL=1 looks at all of them.
import { Fake } from './fake.mjs';
import { AXE, SIZES, assert, browser, open, run } from './lib.mjs';
import { calm } from './frames.mjs';
import { DECK, STATES } from './states.mjs';
import { pagePhoto } from './pagephoto.mjs';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const photo = pagePhoto();
const b = await browser({ camera: calm('01_at_an_angle.jpg'), args: ['--host-resolver-rules=MAP cards.test 127.0.0.1'] });

/** What runs side by side: a server and pages that states share, one a size of the first look. A state begins with a load of its own. */
class Lane {
  static async start() {
    const lane = new Lane();
    lane.fake = Object.assign(await new Fake().listen(), { pagePhoto: photo });
    lane.base = lane.fake.info;
    lane.pages = {};
    return lane;
  }
}

const ROOM = [[720, 450], [320, 640]];
const widths = Object.keys(SIZES), VIEWS = widths.flatMap((size) => ['light', 'dark'].map((theme) => ({ size, theme })));
const keep = (d) => { if (!localStorage.getItem('dlf-deck-v1')) localStorage.setItem('dlf-deck-v1', JSON.stringify(d)); };

/** A page just loaded, with the deck that the state wants. */
async function fresh({ fake, pages }, state, { size, theme }) {
  const url = state.origin === 'insecure' ? `http://cards.test:${fake.port}` : fake.url, touch = size === '360';
  // the policy of the page forbids what axe adds to it, so it is off for this check alone
  let page = pages[touch];
  if (!page || page.isClosed()) page = pages[touch] = await open(b, url, { size: SIZES[size], bypassCSP: true, reducedMotion: 'reduce', before: { fn: keep, arg: DECK } });
  await page.setViewportSize({ width: SIZES[size][0], height: SIZES[size][1] });
  await page.emulateMedia({ colorScheme: theme });
  await page.evaluate((d) => { localStorage.clear(); if (d) localStorage.setItem('dlf-deck-v1', JSON.stringify(d)); }, state.deck);
  await page.goto(url + '/canvas/live', { waitUntil: 'domcontentloaded' });
  await page.waitForFunction(() => window.identify?.state.info.known);
  await page.addStyleTag({ content: '*, *::before, *::after { transition: none !important; animation: none !important }' });
  return page;
}

async function check(lane, name, views) {
  const state = STATES[name], { fake } = lane;
  fake.info = { ...lane.base, ...state.info };
  const page = await fresh(lane, state, views[0]);
  await state.go(page, fake);
  await page.evaluate(AXE);
  for (const { size, theme } of views) {
    await page.setViewportSize({ width: SIZES[size][0], height: SIZES[size][1] });
    await page.emulateMedia({ colorScheme: theme });
    await page.evaluate(async () => { for (let i = 0; i < 3; i++) await new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); }); }); // what follows a resize
    const found = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }).then((r) => r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message || n.all[0]?.message || '')).join(' | ')}`)), TAGS);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.deepEqual(found, [], `${name} ${size} ${theme}`);
    assert.ok(wide <= 0, `${name} ${size}: ${wide} px too wide`);
  }
  for (const [width, height] of ROOM) { // 1440 x 900 at 200 % zoom, and the narrowest
    await page.setViewportSize({ width, height });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${name}, ${width} x ${height}: ${wide} px too wide`);
    const cut = await page.evaluate(() => [...document.querySelectorAll('button')].filter((e) => e.checkVisibility() && !e.closest('.which')) // those tiles scroll
      .filter((e) => { const r = e.getBoundingClientRect(); return r.width && (r.right > innerWidth + 1 || r.left < -1); }).map((e) => e.ariaLabel || e.innerText));
    assert.deepEqual(cut, [], `${name}, ${width} x ${height}: cut off`);
  }
  assert.deepEqual(page.wrong, []);
  await page.evaluate(() => document.querySelector('#video').srcObject?.getTracks().forEach((t) => t.stop())); // nobody looks on
}

const lanes = [await Lane.start(), await Lane.start()];
await run(Object.fromEntries(Object.keys(STATES).map((name, i) => [name, (lane) => check(lane, name, process.env.AXE_ALL ? VIEWS : [VIEWS[i * 3 % VIEWS.length]])])), lanes);
await b.close();
for (const { fake } of lanes) await fake.close();
