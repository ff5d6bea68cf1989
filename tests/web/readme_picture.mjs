// The README's picture: the page while two cards are held up, made from the real server with the example
// collection, its camera and prices made up. usage: node run.mjs readme_picture.mjs OUT.jpg
import { browser, camera, open, scratchFile, startCamera } from './lib.mjs';
import { frameOf } from './frames.mjs';
import { DECK } from './states.mjs';
import { REFS, Server, exampleIndex, writePrices } from './server.mjs';

const OWL = [[0.2, 0.14], [0.415, 0.1], [0.45, 0.84], [0.215, 0.9]], GOLDFISH = [[0.565, 0.2], [0.78, 0.15], [0.79, 0.86], [0.56, 0.84]];
const prices = scratchFile('prices.json');
writePrices(prices, { 'LOCH-JP001': 24800, 'LOCH-JP020': 12800, 'LOCH-JP011': 5480, 'LOCH-JP004': 3480, 'LOCH-JP009': 1780, 'LOCH-JP018': 1280, 'LOCH-JP005': 1180, 'LOCH-JP008': 680 });
const deck = structuredClone(DECK); // in the server's rate
for (const { price } of Object.values(deck)) if (price) price.usd = Math.round(price.median * 0.641) / 100;
const server = await Server.start(['--index', exampleIndex(), '--refs', REFS, '--prices', prices]);
const b = await browser({ camera: camera([[frameOf([['LOCH-JP011_harvest_owl_scr', OWL], ['LOCH-JP009_lantern_goldfish_ur', GOLDFISH]], [1280, 720]), 2]]) });
const page = await open(b, server.url, { theme: 'dark', size: [1440, 900], before: { fn: (d) => localStorage.setItem('dlf-deck-v1', JSON.stringify(d)), arg: deck } });
await startCamera(page);
await page.waitForFunction(() => document.querySelectorAll('#tracks > li').length === 2 && window.identify.state.answers > 12);
await page.locator('#tracks .trk-name', { hasText: 'Harvest Owl' }).click();
await page.waitForTimeout(1500); // corners ease, pictures load
await page.screenshot({ path: process.argv[2], type: 'jpeg', quality: 80 });
await b.close();
await server.stop();
