// The labels on the picture: shape, name and price, placed where no other label, button or sheet is.
export const COLOUR = ['', '#76F2EA', '#DDA11A', '#9168FF', '#FFF03C', '#E2605F', '#D8F8C4', '#2FB493', '#B9A0D2'];
const INK = '#0B0E0F', PAPER = '#F4F7F6', DARK = 'rgba(9,12,13,.9)', KEPT = '#36C98B';
const FAMILY = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';

/** the shapes of the tracks, by their number @type {Path2D[]} */
let shapes = [];

/** @param {string[]} paths as SVG writes them; a circle where one is empty */
export function setShapes(paths) { shapes = paths.map((d) => new Path2D(d || 'M8 2.8a5.2 5.2 0 1 0 0 10.4a5.2 5.2 0 1 0 0-10.4Z')); }

/** @typedef {{x: number, y: number, w: number, h: number}} Box */
/** What is drawn of a thing; it begins to fade in `leaves` milliseconds. @typedef {{key: number, n: number, kind: Kind, text: string, price: string, focus: boolean, kept: boolean, plain: boolean, leaves: number}} Drawing */

/** @type {Map<string, {text: string, width: number, price: number}>} */
const measured = new Map();

/** The name as it fits, and the widths; measured once. @param {CanvasRenderingContext2D} ctx @param {Drawing} d @param {number} fs @param {number} max @param {string} price */
function measure(ctx, d, fs, max, price) {
  const key = `${fs}|${Math.round(max)}|${d.text}|${price}`;
  let m = measured.get(key);
  if (!m) {
    if (measured.size > 400) measured.clear();
    ctx.font = `650 ${fs}px ${FAMILY}`;
    let text = d.text;
    while (text.length > 2 && ctx.measureText(text).width > max) text = text.slice(0, -2).trimEnd() + '…';
    const width = ctx.measureText(text).width;
    ctx.font = `550 ${fs}px ${FAMILY}`;
    m = { text, width, price: price ? ctx.measureText(price).width : 0 };
    measured.set(key, m);
  }
  return m;
}

/** The first free place: above, below, inside the top, inside the bottom, the middle. @param {Point[]} p @param {number} x @param {number} w @param {number} hgt @param {number} u @param {{top: number, bottom: number}} edge @param {Box[]} placed */
function place(p, x, w, hgt, u, edge, placed) {
  const top = Math.min(...p.map((a) => a[1])), low = Math.max(...p.map((a) => a[1])), above = top - hgt - 9 * u;
  const free = (/** @type {number} */ y) => y >= edge.top && y + hgt < edge.bottom - 8
    && placed.every((b) => x + w + 4 < b.x || b.x + b.w + 4 < x || y + hgt + 4 < b.y || b.y + b.h + 4 < y);
  const y = [above, low + 9 * u, top + hgt * 0.6, low - hgt * 1.6, (top + low - hgt) / 2].find(free) ?? Math.max(edge.top, above);
  placed.push({ x, y, w, h: hgt });
  return y;
}

/** @param {CanvasRenderingContext2D} ctx @param {Drawing} d @param {number} x @param {number} y @param {number} g */
function glyph(ctx, d, x, y, g) {
  ctx.save();
  ctx.translate(x, y);
  ctx.scale(g / 16, g / 16);
  ctx.fillStyle = d.kind === 'sure' ? INK : d.kind === 'unknown' ? PAPER : COLOUR[d.n];
  if (d.kind === 'unknown') { ctx.font = '700 15px sans-serif'; ctx.fillText('?', 4, 9); } else ctx.fill(shapes[d.n]);
  ctx.restore();
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {Drawing} d
 * @param {Point[]} p the corners in pixels @param {number} u how much larger than 900 px the picture is
 * @param {{width: number, top: number, bottom: number, small: boolean}} view @param {Box[]} placed
 */
export function chip(ctx, d, p, u, view, placed) {
  const fs = Math.round((d.plain ? 15 : 16.5) * Math.min(u, 2.6)), pad = fs * 0.5, g = d.plain ? 0 : fs * 1.15, hgt = Math.round(fs * 1.85);
  const price = view.small || d.plain ? '' : d.price, m = measure(ctx, d, fs, view.width * 0.62, price);
  const hollow = d.kind !== 'sure', col = d.plain || d.kind === 'unknown' ? PAPER : COLOUR[d.n];
  const ask = d.kind === 'unsure' && !d.plain ? fs * 0.8 : 0, pw = price ? m.price + pad * 1.9 : 0;
  const w = pad * 2 + (g ? g + fs * 0.32 : 0) + m.width + ask + pw;
  const cx = d.plain ? p[0][0] : p.reduce((s, a) => s + a[0], 0) / 4;
  const x = Math.max(8, Math.min(view.width - w - 8, cx - w / 2));
  const y = d.plain ? p[0][1] - hgt * 0.5 : place(p, x, w, hgt, u, view, placed);
  ctx.beginPath();
  ctx.roundRect(x, y, w, hgt, d.plain ? fs * 0.35 : fs * 0.45);
  ctx.fillStyle = d.kept ? KEPT : d.plain ? (hollow ? PAPER : DARK) : hollow ? DARK : col;
  ctx.fill();
  if (hollow && !d.plain) {
    ctx.setLineDash(d.kind === 'unsure' ? [6, 5] : [0.1, 6]);
    ctx.lineWidth = 2; ctx.strokeStyle = col; ctx.stroke();
    ctx.setLineDash([]);
  }
  const base = y + hgt / 2;
  let tx = x + pad;
  ctx.textBaseline = 'middle';
  if (g) { glyph(ctx, d, tx, base - g / 2, g); tx += g + fs * 0.32; }
  ctx.font = `650 ${fs}px ${FAMILY}`;
  ctx.fillStyle = d.plain ? (hollow ? INK : PAPER) : hollow && !d.kept ? '#FFFFFF' : INK;
  ctx.fillText(m.text, tx, base + 1);
  tx += m.width;
  if (ask) { ctx.fillStyle = d.kept ? INK : col; ctx.fillText('?', tx + fs * 0.18, base + 1); tx += ask; }
  if (price) {
    ctx.globalAlpha *= 0.5; ctx.fillRect(tx + pad * 0.9, y + hgt * 0.27, 1.25, hgt * 0.46); ctx.globalAlpha *= 2;
    ctx.font = `550 ${fs}px ${FAMILY}`;
    ctx.fillText(price, tx + pad * 1.85, base + 1);
  }
}
