// Every state of the page, for screenshots and for the accessibility check.
import { DRAGON, GOLDFISH, PRICE, QUAD, answer, beside, closest, mask } from './fake.mjs';
import path from 'node:path';
import { FRAMES, press, startCamera } from './lib.mjs';
import { NINE, pocket } from './pagephoto.mjs';

const SECOND = [[0.75, 0.15], [0.97, 0.2], [0.94, 0.75], [0.72, 0.7]];
const page9 = () => answer(...NINE.map((file, i) => {
  const m = /^([A-Z0-9]+-[A-Z]+\d+)_(.+?)(?:_(scr|ur|sr|utr))?$/.exec(file), code = m[1], rarity = { scr: 'ScR', ur: 'UR', sr: 'SR', utr: 'UtR' }[m[3]] || '';
  const name = m[2].split('_').map((w) => (w === 'of' ? w : w[0].toUpperCase() + w.slice(1))).join(' ');
  return name === 'Moonlit Dragon' ? DRAGON({ corners: pocket(i) }) : mask(name, rarity, code, file + '.jpg', { corners: pocket(i), price: PRICE(400 + 811 * i, code) });
}));

export const DECK = Object.fromEntries([['Harvest Owl', 'ScR', 'LOCH-JP011', 'LOCH-JP011_harvest_owl_scr', 5480, 1], ['Silver Swan', 'ScR', 'LOCH-JP004', 'LOCH-JP004_silver_swan_scr', 3480, 2], ['Admiral of Embers', 'UR', 'LOCH-JP005', 'LOCH-JP005_admiral_of_embers_ur', 1180, 1], ['Violet Lady', 'OP', 'LOCH-JP008', 'LOCH-JP008_violet_lady_op', 680, 3], ['Thornwood Wolf', 'SR', 'LOCH-JP002', 'LOCH-JP002_thornwood_wolf_sr', 480, 4], ['Frost Ram', 'SR', 'MOOR-EN023', 'MOOR-EN023_frost_ram_sr', 260, 2], ['Last Light of Skerryhead', '', 'MOOR-EN027', 'IMG_2041', 0, 1]]
  .map(([name, rarity, code, file, jpy, qty], i) => [name, { label: name, name, rarity, code, ref_url: `/refs/${file}.jpg`, price: jpy ? { median: jpy, currency: 'JPY', usd: Math.round(jpy / 1.5586) / 100 } : null, added_at: 100 - i, qty }]));

const both = () => answer(GOLDFISH(), DRAGON({ corners: SECOND }));
const rows = (page, n) => page.waitForFunction((k) => document.querySelectorAll('#tracks > li').length >= k, n);
const live = async (page, fake, reply, n) => { fake.answer = reply; await startCamera(page); await (n ? rows(page, n) : answered(page)); };
const answered = (page) => page.waitForFunction(() => window.identify.state.answers > 1);
const second = (page) => page.waitForFunction(() => { const el = document.querySelector('#tracks > li:nth-child(2) .trk-name'); el?.click(); return !!el; });
const refuse = (name) => (page) => page.evaluate((n) => { navigator.mediaDevices.getUserMedia = () => (n ? Promise.reject(new DOMException('', n)) : new Promise(() => {})); }, name);
const ask = (name) => async (page) => { await refuse(name)(page); await page.getByText('Use Webcam').first().click(); };
const tall = (page) => page.viewportSize().width < 760;
const sheet = async (page, tab) => { if (tall(page)) await page.locator(`#tabs [data-tab="${tab}"]`).click(); };

/** name -> {go, deck, origin, info}: how to get there, with which deck, at which origin. */
export const STATES = {
  first: { go: async () => {} },
  asking: { go: ask('') }, denied: { go: ask('NotAllowedError') }, nocamera: { go: ask('NotFoundError') }, busy: { go: ask('NotReadableError') },
  insecure: { origin: 'insecure', info: { https_url: 'https://192.168.1.24:8501', cert_sha256: '4F:9A:17:C2:03:D8:55:66' }, go: (page) => page.waitForSelector('.addr') },
  searching: { go: (page, fake) => live(page, fake, () => answer(), 0) },
  live: { go: (page, fake) => live(page, fake, both, 2) },
  unsure: { go: async (page, fake) => { await live(page, fake, both, 2); await second(page); } },
  added: { go: async (page, fake) => { await live(page, fake, both, 2); await page.locator('#caption [data-act="add"]').click(); } },
  nomatch: { go: async (page, fake) => { fake.answer = closest; await page.setInputFiles('#pick-photo', path.join(FRAMES, '09_stranger.jpg')); await page.waitForSelector('#caption .tile'); } },
  stranger: { go: (page, fake) => live(page, fake, () => beside(closest(), QUAD), 1) },
  pagestart: { go: async (page) => { await press(page, 'mode-page'); } },
  page: { go: async (page, fake) => { fake.answer = page9; await press(page, 'mode-page'); await page.setInputFiles('#pick-photo', fake.pagePhoto); await page.waitForSelector('.nine'); } },
  picker: { info: { can_write: true }, go: async (page, fake) => { await live(page, fake, both, 2); await second(page); await page.keyboard.press('c'); await page.waitForSelector('.yours img[src^="blob:"]'); } },
  nothingfound: { info: { can_write: true }, go: async (page, fake) => { await live(page, fake, both, 2); await page.keyboard.press('c'); await page.fill('#find', 'grendel'); await page.getByText('Nothing called').waitFor(); } },
  lost: { go: async (page, fake) => { await live(page, fake, both, 2); await answered(page); fake.answer = () => ({ drop: true }); await page.waitForFunction(() => !document.querySelector('#tracks li') && document.querySelector('#banner .when')); } },
  cleared: { go: async (page) => { await sheet(page, 'deck'); await press(page, 'clear'); } },
  empty: { deck: {}, go: async (page) => { await sheet(page, 'deck'); } },
  deck: { go: async (page, fake) => { await live(page, fake, both, 2); await sheet(page, 'deck'); } },
  top: { go: async (page) => { await sheet(page, 'top'); } },
  export: { go: async (page) => { await sheet(page, 'deck'); await press(page, 'export'); } },
  import: { go: async (page) => { await sheet(page, 'deck'); await press(page, 'import'); } },
  settings: { go: async (page) => { await press(page, 'settings'); } },
  keys: { go: async (page) => { await page.keyboard.press('?'); } },
  token: { go: async (page, fake) => { fake.answer = () => ({ status: 401, body: { error: 'a token is needed' } }); await page.getByText('Use Webcam').first().click(); await page.waitForSelector('#token-text'); } },
};
