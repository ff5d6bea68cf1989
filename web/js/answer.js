// Reads what a server answers, whichever kind it is: ours and the original's (masks with names), the
// original's web proxy (bboxes), mac_tensor (masks without names, boxes in pixels).
import { clean, splitLabel } from './words.js';

/** @param {unknown} x @returns {number | null} */
const num = (x) => (typeof x === 'number' && Number.isFinite(x) ? x : null);

/** JSON as Python writes it: NaN and Infinity outside of strings are read as null. @param {string} text */
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    const mended = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (m) => (m[0] === '"' ? m : 'null'));
    if (mended === text) throw error;
    return JSON.parse(mended);
  }
}

/** The address of a reference picture. @param {string} file */
export const picOf = (file) => (file ? '/refs/' + encodeURIComponent(file) : '');

/** @param {any} p @returns {Price | null} */
export function readPrice(p) {
  const median = num(p?.median);
  if (median == null || median < 0) return null;
  const currency = /^[A-Z]{3}$/.test(p.currency) ? p.currency : 'USD';
  return {
    median, currency,
    min: num(p.min) ?? undefined, max: num(p.max) ?? undefined,
    usd: num(p.usd_median) ?? undefined, date: clean(p.date, 30) || undefined,
  };
}

/** @param {any} m @returns {Thing} */
export function readThing(m) {
  const file = typeof m.ref_filename === 'string' ? m.ref_filename : typeof m.filename === 'string' ? m.filename : '';
  const split = splitLabel(clean(m.label));
  const url = typeof m.ref_url === 'string' && /^(https?:\/\/|\/)/.test(m.ref_url) ? m.ref_url : '';
  return {
    name: clean(m.name) || split.name,
    rarity: clean(m.rarity, 24) || (m.name && m.rarity !== undefined ? '' : split.rarity),
    code: clean(m.set_code, 40) || clean(m.code, 40) || clean(m.price?.code, 40),
    file, pic: url || picOf(file), price: readPrice(m.price),
  };
}

/** @param {any} list @returns {Choice[]} */
export const readChoices = (list) =>
  (Array.isArray(list) ? list : []).slice(0, 12).filter((m) => m && typeof m === 'object')
    .map((m) => ({ ...readThing(m), score: num(m.score) ?? 0 })).filter((c) => c.name);

/** @param {number} v */
const unit = (v) => Math.max(0, Math.min(1, v));

/** @param {any} m @param {number} w @param {number} h @returns {Quad | null} */
function readQuad(m, w, h) {
  const b = m.bbox_norm && typeof m.bbox_norm === 'object' ? m.bbox_norm : m;
  let [x1, y1, x2, y2] = [num(b.x1), num(b.y1), num(b.x2), num(b.y2)];
  if (x1 == null || y1 == null || x2 == null || y2 == null) return null;
  if (x2 > 1.5 || y2 > 1.5) { x1 /= w; x2 /= w; y1 /= h; y2 /= h; } // pixels
  [x1, y1, x2, y2] = [unit(x1), unit(y1), unit(x2), unit(y2)];
  if (x2 - x1 < 0.002 || y2 - y1 < 0.002) return null;
  const corners = Array.isArray(m.corners) && m.corners.length === 4
    && m.corners.every((/** @type {any} */ c) => Array.isArray(c) && num(c[0]) != null && num(c[1]) != null && Math.abs(c[0]) < 3 && Math.abs(c[1]) < 3);
  return corners ? m.corners.map((/** @type {any} */ c) => [c[0], c[1]]) : [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
}

/** @param {any} m @param {string} query @returns {{kind: Kind, thing: Thing} | null} */
function readNaming(m, query) {
  const thing = readThing(m), label = clean(m.label);
  if (!thing.name && !query) return { kind: 'unknown', thing };
  if (!thing.name) return { kind: 'sure', thing: { ...thing, name: query } }; // a detector found what was asked for
  return { kind: m.confident === false || /\?$/.test(label) ? 'unsure' : 'sure', thing };
}

/** Printings that cannot be told apart: what the server lists, and what shares the name. @param {any} m @param {Thing} thing */
function choicesOf(m, thing) {
  const all = [...readChoices(m.variants), ...readChoices(m.top_k)].map((c) => {
    const same = c.file && c.file === thing.file;
    // the original leaves the rarity word in these names: "Lantern Goldfish Ur"
    const bare = c.name.toLowerCase().startsWith(thing.name.toLowerCase() + ' ') && c.name.length - thing.name.length <= 6;
    return { ...c, name: bare ? thing.name : c.name, rarity: c.rarity || (same ? thing.rarity : ''), code: c.code || (same ? thing.code : ''), price: c.price || (same ? thing.price : null) };
  });
  return all.filter((c, i) => all.findIndex((o) => (o.file || o.name) === (c.file || c.name)) === i);
}

/**
 * @param {any} body the parsed answer @param {Frame} frame what was sent @param {string} query
 * @returns {{detections: Detection[], closest: Choice[], unknown: Quad[]}}
 */
export function readAnswer(body, frame, query) {
  if (!body || typeof body !== 'object') throw new Error('The answer is not JSON of a known kind.');
  const list = Array.isArray(body.bboxes) ? body.bboxes : Array.isArray(body.masks) ? body.masks : null;
  if (!list) throw new Error('The answer has neither masks nor bboxes.');
  const size = body.image_size;
  const w = num(size?.[0]) || num(size?.w) || frame.width, h = num(size?.[1]) || num(size?.h) || frame.height;
  /** @type {Detection[]} */
  const detections = [];
  for (const m of list.slice(0, 200)) {
    if (!m || typeof m !== 'object') continue;
    const quad = readQuad(m, w, h), naming = readNaming(m, query);
    if (!quad || !naming) continue;
    detections.push({
      ...naming, quad, score: num(m.score) ?? num(m.area_fraction) ?? 1,
      serverId: num(m.track_id) ?? 0, choices: choicesOf(m, naming.thing),
    });
  }
  const unknown = /** @type {Quad[]} */ ((Array.isArray(body.unknown) ? body.unknown : []).slice(0, 30)
    .map((/** @type {any} */ m) => (m && typeof m === 'object' ? readQuad(m, w, h) : null)).filter(Boolean));
  return { detections, closest: readChoices(body.ranking).slice(0, 3), unknown };
}
