// A server of the page for the tests: web/ itself, the example collection's pictures, and answers that
// the test decides on. It takes the place of `dlf-identify serve` where a test needs a failure, an
// odd answer or an upstream of another kind.
import http from 'node:http';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const SOURCE = process.env.IDENTIFY_SOURCE_DIR || fileURLToPath(new URL('../..', import.meta.url));
const CSP = /IDF_PAGE_CSP\s+((?:\\?\s*"[^"]*"\s*)+)/.exec(fs.readFileSync(path.join(SOURCE, 'server/pages.h'), 'utf8'))[1].match(/"([^"]*)"/g).map((s) => s.slice(1, -1)).join('');
const TYPES = { html: 'text/html; charset=utf-8', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml', png: 'image/png', webmanifest: 'application/manifest+json', jpg: 'image/jpeg' };

export const QUAD = [[0.339, 0.3666], [0.5736, 0.2233], [0.7086, 0.7116], [0.4064, 0.8951]];

/** @param {[number, number][]} q */
const boxOf = (q) => ({ x1: Math.min(...q.map((p) => p[0])), y1: Math.min(...q.map((p) => p[1])), x2: Math.max(...q.map((p) => p[0])), y2: Math.max(...q.map((p) => p[1])) });

export const PRICE = (jpy, code = 'LOCH-JP009', more = {}) => ({ code, median: jpy, min: Math.round(jpy * 0.83), max: Math.round(jpy * 1.35), currency: 'JPY', name_jp: '灯', usd_median: Math.round(jpy / 1.5586) / 100, date: '2026-11-26', ...more });

/** A mask in the shape of POST /api/falcon. */
export function mask(name, rarity, code, file, more = {}) {
  const corners = more.corners || QUAD, label = name + (rarity ? ` (${rarity})` : '');
  return {
    bbox_norm: boxOf(corners), area_fraction: 0.15, label, name, rarity, set_code: code, score: 0.94, margin: 0.4, confident: true,
    top_k: [{ name, rarity, set_code: code, filename: file, score: 0.94, price: more.price ?? null }], ref_filename: file, price: null, corners, ...more,
  };
}

export const GOLDFISH = (more = {}) => mask('Lantern Goldfish', 'UR', 'LOCH-JP009', 'LOCH-JP009_lantern_goldfish_ur.jpg', { price: PRICE(1780), ...more });
export const EAGLE = (more = {}) => mask('High Eagle', '', 'LOCH-JP012', 'LOCH-JP012_high_eagle.jpg', { price: PRICE(120, 'LOCH-JP012'), ...more });
const printing = (rarity, code, file, jpy, score) => ({ name: 'Moonlit Dragon', rarity, set_code: code, filename: file, score, price: PRICE(jpy, code) });
export const DRAGON = (more = {}) => {
  const list = [printing('UR', 'LOCH-JP001', 'LOCH-JP001_moonlit_dragon_ur.jpg', 3980, 0.88), printing('PScR', 'LOCH-JP001', 'LOCH-JP001_moonlit_dragon_pscr.jpg', 24800, 0.87), printing('', 'MP24-EN101', 'MP24-EN101_moonlit_dragon.jpg', 180, 0.84)];
  return mask('Moonlit Dragon', 'UR', 'LOCH-JP001', 'LOCH-JP001_moonlit_dragon_ur.jpg', { label: 'Moonlit Dragon (UR)?', confident: false, score: 0.88, variant_unsure: true, variants: list.slice(0, 2), top_k: list, price: PRICE(3980, 'LOCH-JP001'), ...more });
};
export const answer = (...masks) => ({ image_size: [960, 540], count: masks.length, masks, query: 'card', elapsed_seconds: 0.012, ranking: [], unknown: [] });
/** An answer with things beside that have no name. @param {any} of @param {[number, number][][]} quads */
export const beside = (of, ...quads) => ({ ...of, unknown: quads.map((corners) => ({ bbox_norm: boxOf(corners), area_fraction: 0.15, corners })) });
const CLOSE = [['Silver Swan', 'LOCH-JP004_silver_swan_ea.jpg', 0.16], ['Rose Flamingo', 'MOOR-EN022_rose_flamingo.jpg', 0.08], ['Iron Scorpion', 'LOCH-JP013_iron_scorpion_utr.jpg', 0.05]];
/** What a picture without anything known is answered with: what is closest. */
export const closest = () => ({ ...answer(), ranking: CLOSE.map(([name, filename, score]) => ({ name, filename, score, rarity: '', set_code: filename.split('_')[0] })) });

const TOP = [['Moonlit Dragon', 'PScR', 'LOCH-JP001', 'LOCH-JP001_moonlit_dragon_pscr.jpg', 24800], ['Ægir’s Serpent', 'GMR', 'MOOR-EN024', 'ægir_s_serpent_gmr.jpg', 18800], ['Tinker’s Raccoon', 'PScR', 'LOCH-JP020', 'LOCH-JP020_tinker_s_raccoon_pscr.jpg', 12800], ['Harvest Owl', 'ScR', 'LOCH-JP011', 'LOCH-JP011_harvest_owl_scr.jpg', 5480], ['Silver Swan', 'ScR', 'LOCH-JP004', 'LOCH-JP004_silver_swan_scr.jpg', 3480], ['Lantern Goldfish', 'UR', 'LOCH-JP009', 'LOCH-JP009_lantern_goldfish_ur.jpg', 1780], ['Moor Rhinoceros', 'UR', 'LOCH-JP018', 'LOCH-JP018_moor_rhinoceros_ur.jpg', 1280], ['Admiral of Embers', 'UR', 'LOCH-JP005', 'LOCH-JP005_admiral_of_embers_ur.jpg', 1180]];

export const INFO = {
  model: 'identify', nodes: [], allow_write: false, vision: false, falcon: true, swarm_leader: false, name: 'dlf-identify', version: '0.0', index_size: 31, sets: ['LOCH', 'MOOR', 'MP24'], cards: true,
  can_write: false, frame_size: 960, upstream: null, https_url: null, cert_sha256: null, currency: 'USD', rates: { base: 'USD', date: '2026-11-26', rates: { JPY: 155.86, EUR: 0.954, GBP: 0.756 } },
  prices: { date: '2026-11-26', site: 'yuyu-tei', currency: 'JPY', count: 28 },
};

const things = () => fs.readdirSync(path.join(SOURCE, 'data/example')).filter((f) => f.endsWith('.jpg')).map((file) => {
  const m = /^(?:([A-Z0-9]+-[A-Z]+\d+)_)?(.+?)(?:_(pscr|scr|ur|sr|op|utr|ea|gmr))?\.jpg$/.exec(file);
  const rarity = { pscr: 'PScR', scr: 'ScR', ur: 'UR', sr: 'SR', op: 'OP', utr: 'UtR', ea: 'EA', gmr: 'GMR' }[m[3]] || '';
  const name = m[2].split('_').map((w) => w[0].toUpperCase() + w.slice(1)).join(' ');
  return { name, label: name + (rarity ? ` (${rarity})` : ''), rarity, set_code: m[1] || '', filename: file, price: m[1] ? PRICE(500, m[1]) : null };
});

/** @param {Buffer} body @returns {Record<string, string>} the text fields; image is its length */
function fields(body) {
  const text = body.toString('latin1'), mark = '--' + /^--([^\r\n]+)/.exec(text)?.[1];
  return Object.fromEntries(text.split(mark).map((part) => /name="([^"]+)"(?:; filename="[^"]*")?[^]*?\r\n\r\n([^]*)\r\n$/.exec(part)).filter(Boolean).map((m) => [m[1], m[1] === 'image' ? String(m[2].length) : m[2]]));
}

export class Fake {
  constructor(options = {}) {
    this.info = { ...INFO, ...options.info };
    /** what a frame is answered with: a body, or {status, body, headers, text, delay} */
    this.answer = () => answer();
    this.frames = [];
    this.references = [];
    this.requests = [];
    this.pages = options.pages !== false;
    this.server = http.createServer((req, res) => this.handle(req, res));
  }

  async listen(port = 0, host = '127.0.0.1') {
    await new Promise((resolve, reject) => { this.server.once('error', reject); this.server.listen(port, host, resolve); });
    this.port = this.server.address().port;
    this.url = `http://localhost:${this.port}`;
    return this;
  }

  async close() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  send(res, status, body, headers = {}) {
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
    res.end(text);
  }

  file(res, name, headers = {}) {
    if (!fs.existsSync(name) || !fs.statSync(name).isFile()) return this.send(res, 404, { detail: 'Not Found', error: 'Not Found' });
    return this.send(res, 200, fs.readFileSync(name), { 'content-type': TYPES[name.split('.').pop()] || 'application/octet-stream', 'cache-control': 'no-cache', ...headers });
  }

  async handle(req, res) {
    const url = new URL(req.url, 'http://x'), chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    this.requests.push(`${req.method} ${url.pathname}`);
    const body = Buffer.concat(chunks), at = url.pathname;
    if (at === '/api/falcon' || at === '/api/falcon-frame') return this.frame(res, at, body);
    if (this.pages && /^\/canvas(\/|$)/.test(at)) {
      const name = /^\/canvas\/?(live\/?)?$/.test(at) ? 'index.html' : at.slice(8);
      return this.file(res, path.join(SOURCE, 'web', path.normalize('/' + name)), { 'content-security-policy': CSP });
    }
    if (at.startsWith('/refs/')) return this.file(res, path.join(SOURCE, 'data/example', path.basename(decodeURIComponent(at.slice(6)))));
    if (at === '/health') return this.send(res, 200, { phase: 'ready' });
    if (at === '/api/info') return this.send(res, 200, this.info);
    if (at === '/api/top-prices') return this.send(res, 200, { ok: true, count: TOP.length, top: TOP.map(([name, rarity, code, filename, jpy]) => ({ code, name, rarity, filename, name_jp: '', jpy_median: jpy, usd_median: Math.round(jpy / 1.5586) / 100 })) });
    if (at === '/api/search') {
      const q = (url.searchParams.get('q') || '').toLowerCase(), results = things().filter((t) => (t.name + ' ' + t.set_code).toLowerCase().includes(q)).slice(0, Number(url.searchParams.get('limit')) || 20);
      return this.send(res, 200, { ok: true, count: results.length, results });
    }
    if (at === '/api/references' && this.info.can_write) {
      if (req.method === 'DELETE') { this.references = this.references.filter((r) => r.filename !== url.searchParams.get('filename')); return this.send(res, 200, { ok: true }); }
      const filename = `kept_${this.references.length + 1}.jpg`;
      this.references.push({ filename, ...fields(body) });
      return this.send(res, 201, { ok: true, filename });
    }
    return this.send(res, 404, { detail: 'Not Found', error: 'Not Found' });
  }

  async frame(res, at, body) {
    const sent = fields(body);
    this.frames.push({ at, ...sent, when: performance.now() });
    let reply = this.answer(this.frames.length, sent);
    if (reply && typeof reply.then === 'function') reply = await reply;
    if (!reply || reply.masks || reply.bboxes) reply = { status: 200, body: reply };
    if (reply.delay) await new Promise((resolve) => setTimeout(resolve, reply.delay));
    if (reply.drop) return res.destroy();
    return this.send(res, reply.status || 200, reply.text ?? reply.body, reply.headers);
  }
}
