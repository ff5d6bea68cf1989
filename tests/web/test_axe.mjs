// axe-core over the states of the page, four sizes, two themes: no violation of WCAG 2 A to 2.2 AA or of
// best practice, and no sideways scrolling. Each state is looked at in one size and theme of a rota, so
// that every size and theme meets many states; AXE_ALL=1 looks at all of them.
import { Fake } from './fake.mjs';
import { AXE, SIZES, assert, browser, camera, open, run } from './lib.mjs';
import { DECK, STATES } from './states.mjs';
import { pagePhoto } from './pagephoto.mjs';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const fake = await new Fake().listen();
fake.pagePhoto = pagePhoto();
const base = fake.info;
const b = await browser({ camera: camera([['01_at_an_angle.jpg', 2]]), args: ['--host-resolver-rules=MAP cards.test 127.0.0.1'] });

/** Every size and theme once, then round again. */
const VIEWS = Object.keys(SIZES).flatMap((size) => ['light', 'dark'].map((theme) => ({ size, theme })));

async function check(name, { size, theme }) {
  const state = STATES[name];
  fake.info = { ...base, ...state.info };
  const url = state.origin === 'insecure' ? `http://cards.test:${fake.port}` : fake.url;
  // the policy of the page forbids what axe adds to it, so it is off for this check alone
  const page = await open(b, url, { size: SIZES[size], theme, bypassCSP: true, before: { fn: (d) => { if (!localStorage.getItem('dlf-deck-v1')) localStorage.setItem('dlf-deck-v1', JSON.stringify(d)); }, arg: state.deck || DECK } });
  await state.go(page, fake);
  await page.evaluate(AXE);
  const found = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }).then((r) => r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message || n.all[0]?.message || '')).join(' | ')}`)), TAGS);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  const wrong = page.wrong;
  await page.context().close();
  assert.deepEqual(found, [], `${name} ${size} ${theme}`);
  assert.ok(wide <= 0, `${name} ${size}: ${wide} px too wide`);
  assert.deepEqual(wrong, []);
}

const names = Object.keys(STATES);
await run(Object.fromEntries(names.map((name, i) => [name, async () => {
  const views = process.env.AXE_ALL ? VIEWS : [VIEWS[(i * 3) % VIEWS.length]];
  for (const view of views) await check(name, view);
}])));
await b.close();
await fake.close();
