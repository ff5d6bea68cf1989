// Every state of the page at four widths in both themes, as PNG: make screenshots.
// usage: node run.mjs screenshots.mjs [OUT] [STATE...]
import fs from 'node:fs';
import path from 'node:path';
import { Fake } from './fake.mjs';
import { BUILD, SIZES, browser, camera, open } from './lib.mjs';
import { DECK, STATES } from './states.mjs';
import { pagePhoto } from './pagephoto.mjs';

const [out = path.join(BUILD, '../screenshots'), ...only] = process.argv.slice(2);
fs.mkdirSync(out, { recursive: true });
const fake = await new Fake().listen();
fake.pagePhoto = pagePhoto();
const base = fake.info;
const b = await browser({ camera: camera([['01_at_an_angle.jpg', 2]]), args: ['--host-resolver-rules=MAP cards.test 127.0.0.1'] });
const sizes = (process.env.SHOT_SIZES || Object.keys(SIZES).join(' ')).split(' '), themes = (process.env.SHOT_THEMES || 'light dark').split(' ');
let failed = 0;
for (const [name, state] of Object.entries(STATES)) for (const size of sizes) for (const theme of themes) {
  if (only.length && !only.includes(name)) continue;
  fake.info = { ...base, ...state.info };
  const page = await open(b, state.origin === 'insecure' ? `http://cards.test:${fake.port}` : fake.url, { size: SIZES[size], theme, before: { fn: (d) => { if (!localStorage.getItem('dlf-deck-v1')) localStorage.setItem('dlf-deck-v1', JSON.stringify(d)); }, arg: state.deck || DECK } });
  try {
    await state.go(page, fake);
    await page.waitForTimeout(900); // corners ease, pictures load
    await page.screenshot({ path: path.join(out, `${name}-${size}-${theme}.png`) });
  } catch (error) {
    failed++;
    console.error(`${name} ${size} ${theme}: ${error.message.split('\n')[0]}`);
  }
  await page.context().close();
}
await b.close();
await fake.close();
process.exitCode = failed ? 1 : 0;
