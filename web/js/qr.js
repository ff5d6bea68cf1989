// A QR code as SVG: byte mode, error correction L, versions 1 to 5 (up to 106 bytes; ISO/IEC 18004).

const CAPACITY = [[19, 7], [34, 10], [55, 15], [80, 20], [108, 26]]; // data and check bytes
const FORMAT = 0b111011111000100; // level L, mask 0

/** Powers and logarithms in GF(256) over x^8 + x^4 + x^3 + x^2 + 1. */
function field() {
  const exp = /** @type {number[]} */ ([]), log = /** @type {number[]} */ ([]);
  for (let i = 0, x = 1; i < 255; i++) { exp[i] = x; log[x] = i; x <<= 1; if (x > 255) x ^= 285; }
  return (/** @type {number} */ a, /** @type {number} */ b) => (a && b ? exp[(log[a] + log[b]) % 255] : 0);
}

/** @param {number[]} data @param {number} n @returns {number[]} the n Reed-Solomon bytes */
function checkBytes(data, n) {
  const times = field();
  let gen = [1];
  for (let i = 0, root = 1; i < n; i++, root = times(root, 2)) {
    const next = Array(gen.length + 1).fill(0);
    gen.forEach((c, j) => { next[j] ^= c; next[j + 1] ^= times(c, root); });
    gen = next;
  }
  const rest = [...data, ...Array(n).fill(0)];
  for (let i = 0; i < data.length; i++) {
    const c = rest[i];
    if (c) gen.forEach((g, j) => { rest[i + j] ^= times(g, c); });
  }
  return rest.slice(data.length);
}

/** @param {Uint8Array} text @param {number} room bytes @returns {number[]} */
function dataBytes(text, room) {
  /** @type {number[]} */
  const bits = [];
  const put = (/** @type {number} */ value, /** @type {number} */ n) => { for (let i = n - 1; i >= 0; i--) bits.push(value >> i & 1); };
  put(4, 4);
  put(text.length, 8);
  text.forEach((b) => put(b, 8));
  put(0, Math.min(4, room * 8 - bits.length));
  while (bits.length % 8) bits.push(0);
  const bytes = [];
  for (let i = 0; i < bits.length; i += 8) bytes.push(parseInt(bits.slice(i, i + 8).join(''), 2));
  for (let pad = 0; bytes.length < room; pad ^= 1) bytes.push(pad ? 17 : 236);
  return bytes;
}

/** Finders, timing, alignment and format bits; null where data goes. @param {number} size @param {boolean} aligned @returns {(number | null)[][]} */
function frame(size, aligned) {
  const m = Array.from({ length: size }, () => /** @type {(number | null)[]} */ (Array(size).fill(null)));
  const set = (/** @type {number} */ r, /** @type {number} */ c, /** @type {number} */ x) => { if (r >= 0 && c >= 0 && r < size && c < size) m[r][c] = x; };
  for (const [r0, c0] of [[0, 0], [0, size - 7], [size - 7, 0]])
    for (let r = -1; r < 8; r++) for (let c = -1; c < 8; c++)
      set(r0 + r, c0 + c, +(r >= 0 && r < 7 && c >= 0 && c < 7 && (r % 6 === 0 || c % 6 === 0 || (r > 1 && r < 5 && c > 1 && c < 5))));
  if (aligned) for (let r = -2; r < 3; r++) for (let c = -2; c < 3; c++) set(size - 7 + r, size - 7 + c, +(Math.max(Math.abs(r), Math.abs(c)) !== 1));
  for (let i = 8; i < size - 8; i++) m[6][i] = m[i][6] = 1 - i % 2;
  for (let i = 0; i < 15; i++) {
    const bit = FORMAT >> (14 - i) & 1, [r, c] = i < 6 ? [8, i] : i < 8 ? [8, i + 1] : i === 8 ? [7, 8] : [14 - i, 8];
    m[r][c] = bit;
    if (i < 7) m[size - 1 - i][8] = bit; else m[8][size - 15 + i] = bit;
  }
  m[size - 8][8] = 1;
  return m;
}

/** The modules of the code, 0 or 1; null when the text is too long. @param {string} text @returns {number[][] | null} */
export function qrModules(text) {
  const bytes = new TextEncoder().encode(text), v = CAPACITY.findIndex(([room]) => bytes.length + 2 <= room);
  if (v < 0) return null;
  const [room, checks] = CAPACITY[v], size = 21 + 4 * v, data = dataBytes(bytes, room);
  const bits = [...data, ...checkBytes(data, checks)].flatMap((b) => [7, 6, 5, 4, 3, 2, 1, 0].map((i) => b >> i & 1));
  const m = frame(size, v > 0);
  let k = 0;
  for (let c = size - 1, up = true; c > 0; c -= 2, up = !up) {
    if (c === 6) c--;
    for (let i = 0; i < size; i++) for (const cc of [c, c - 1]) {
      const r = up ? size - 1 - i : i;
      if (m[r][cc] === null) m[r][cc] = (bits[k++] || 0) ^ +((r + cc) % 2 === 0);
    }
  }
  return /** @type {number[][]} */ (m);
}

/** @param {string} text @returns {SVGElement | null} */
export function qrSvg(text) {
  const m = qrModules(text);
  if (!m) return null;
  const ns = 'http://www.w3.org/2000/svg', svg = document.createElementNS(ns, 'svg'), path = document.createElementNS(ns, 'path');
  svg.setAttribute('viewBox', `0 0 ${m.length} ${m.length}`);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', 'QR code of the https address');
  svg.setAttribute('shape-rendering', 'crispEdges');
  path.setAttribute('d', m.flatMap((row, r) => row.map((x, c) => (x ? `M${c} ${r}h1v1h-1z` : ''))).join(''));
  svg.append(path);
  return svg;
}
