// What the page asks the server beside the frames.
import { clean } from './words.js';
import { parseJson, picOf, readPrice, readThing } from './answer.js';

/** @param {string} url @param {RequestInit} [init] @param {number} [timeout] @returns {Promise<any>} */
async function ask(url, init = {}, timeout = 8000) {
  const response = await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(timeout), ...init });
  const text = await response.text();
  /** @type {any} */
  let body = null;
  try { body = parseJson(text); } catch { /* said below */ }
  if (!response.ok || !body || body.ok === false) {
    const why = clean(body?.error) || clean(body?.detail) || `HTTP ${response.status}`;
    throw Object.assign(new Error(why), { status: response.status });
  }
  return body;
}

/** @param {unknown} url @returns {string} an http or https address, or '' */
function address(url) {
  try {
    const u = new URL(String(url));
    return /^https?:$/.test(u.protocol) ? u.origin : '';
  } catch { return ''; }
}

/** @param {any} r @returns {Info['rates']} */
function readRates(r) {
  if (!r || typeof r !== 'object' || !/^[A-Z]{3}$/.test(r.base) || !r.rates || typeof r.rates !== 'object') return null;
  const rates = Object.fromEntries(Object.entries(r.rates).filter(([k, v]) => /^[A-Z]{3}$/.test(k) && typeof v === 'number' && v > 0));
  return { base: r.base, date: clean(r.date, 30), rates: /** @type {Record<string, number>} */ (rates) };
}

/** What is known before the server has said anything. @returns {Info} */
export const noInfo = () => ({
  name: '', count: 0, sets: [], cards: true, canWrite: false, frameSize: 960, upstream: '', httpsUrl: '',
  fingerprint: '', currency: 'USD', rates: null, prices: null, known: false,
});

/** @param {any} b @returns {Info} */
export function readInfo(b) {
  const size = Number(b.frame_size), count = Number(b.index_size);
  return {
    name: clean(b.name, 80), count: Number.isFinite(count) && count > 0 ? count : 0,
    sets: Array.isArray(b.sets) ? b.sets.map((/** @type {any} */ s) => clean(s, 40)).filter(Boolean).slice(0, 12) : [],
    cards: b.cards !== false || !!address(b.upstream), canWrite: b.can_write === true,
    frameSize: Number.isFinite(size) && size >= 160 && size <= 4096 ? size : 960,
    upstream: address(b.upstream), httpsUrl: address(b.https_url), fingerprint: clean(b.cert_sha256, 120),
    currency: /^[A-Z]{3}$/.test(b.currency) ? b.currency : 'USD', rates: readRates(b.rates),
    prices: b.prices && typeof b.prices === 'object' ? { date: clean(b.prices.date, 30), currency: clean(b.prices.currency, 3) } : null,
    known: true,
  };
}

export const info = async () => readInfo(await ask('/api/info'));

/** @param {number} limit @param {string} currency what the feed counts in @returns {Promise<Thing[]>} */
export async function topPrices(limit, currency) {
  const body = await ask(`/api/top-prices?limit=${limit}`);
  return (Array.isArray(body.top) ? body.top : []).slice(0, limit).map((/** @type {any} */ t) => ({
    name: clean(t.name) || clean(t.name_jp) || clean(t.code), rarity: clean(t.rarity, 24), code: clean(t.code, 40),
    file: String(t.filename || ''), pic: picOf(typeof t.filename === 'string' ? t.filename : ''),
    price: readPrice(t.price) || readPrice({ median: t.jpy_median, currency: currency || 'JPY', usd_median: t.usd_median })
      || readPrice({ median: t.usd_median, currency: 'USD' }),
  })).filter((/** @type {Thing} */ t) => t.name);
}

/** @param {string} q @param {number} [limit] @returns {Promise<Thing[]>} */
export async function search(q, limit = 20) {
  const body = await ask(`/api/search?q=${encodeURIComponent(q)}&limit=${limit}`);
  return (Array.isArray(body.results) ? body.results : []).slice(0, limit).map(readThing).filter((/** @type {Thing} */ t) => t.name);
}

/** Keeps a picture as a reference; says under which file name. @param {Blob} image @param {{name: string, rarity: string, code: string}} thing @returns {Promise<string>} */
export async function addReference(image, thing) {
  const form = new FormData();
  form.append('name', thing.name);
  if (thing.rarity) form.append('rarity', thing.rarity);
  if (thing.code) form.append('set_code', thing.code);
  form.append('image', image, 'correction.jpg');
  const body = await ask('/api/references', { method: 'POST', body: form }, 30000);
  return typeof body.filename === 'string' ? body.filename : '';
}

/** @param {string} file */
export const removeReference = (file) => ask('/api/references?filename=' + encodeURIComponent(file), { method: 'DELETE' }, 30000);

/** The cookie for a token. @param {string} token @returns {Promise<boolean>} */
export async function login(token) {
  const response = await fetch('/login?token=' + encodeURIComponent(token), { cache: 'no-store', redirect: 'manual' });
  return response.ok || response.type === 'opaqueredirect';
}
