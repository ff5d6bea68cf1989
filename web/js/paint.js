// Paints what lies on the picture: outlines and their labels. It runs in a worker of its own where the
// browser lends a canvas to one, so that the page's thread touches no pixel; else on the page.
// Sure: thin outline and heavy corners. Unsure: dashes. Unknown: dots.
import { chip, COLOUR } from './chips.js';

/** @typedef {import('./chips.js').Drawing} Drawing */
/** @typedef {import('./chips.js').Box} Box */
/**
 * All that is needed to paint, in CSS pixels: the canvas and its pixels, what to draw and how its corners
 * go, the part of the picture where nothing is known yet, what labels keep clear of.
 * @typedef {{width: number, height: number, dpr: number, u: number, list: Drawing[], ways: {from: Point[], to: Point[], age: number}[],
 *   guide: Box | null, view: {width: number, top: number, bottom: number, small: boolean}, taken: Box[]}} Painting
 */

const EASE_MS = 70, REST_MS = 6 * EASE_MS, FADE_MS = 200;
const PAPER = '#F4F7F6', KEPT = '#36C98B', CASING = 'rgba(6,9,9,.62)';

/** Nothing in view: four quiet corners show where to hold it. @param {any} ctx @param {Box} r the part of the picture that is seen @param {number} u */
function guide(ctx, r, u) {
  const h = Math.min(r.h * 0.66, r.w * 0.8), w = h * 5 / 7, x = r.x + (r.w - w) / 2, y = r.y + (r.h - h) / 2, l = h * 0.12;
  ctx.setLineDash([]);
  ctx.beginPath();
  for (const [cx, cy, sx, sy] of [[x, y, 1, 1], [x + w, y, -1, 1], [x + w, y + h, -1, -1], [x, y + h, 1, -1]]) {
    ctx.moveTo(cx + sx * l, cy); ctx.lineTo(cx, cy); ctx.lineTo(cx, cy + sy * l);
  }
  ctx.strokeStyle = 'rgba(0,0,0,.4)'; ctx.lineWidth = 6 * u; ctx.stroke();
  ctx.strokeStyle = 'rgba(255,255,255,.78)'; ctx.lineWidth = 3.5 * u; ctx.stroke();
}

/** @param {any} ctx @param {Point[]} p */
function path(ctx, p) {
  ctx.beginPath();
  p.forEach(([x, y], i) => (i ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
  ctx.closePath();
}

/** @param {any} ctx @param {Drawing} d @param {Point[]} p @param {number} u */
function outline(ctx, d, p, u) {
  const col = d.kept ? KEPT : d.plain || d.kind === 'unknown' ? PAPER : COLOUR[d.n];
  const twice = (/** @type {number} */ w) => {
    for (const [style, add] of /** @type {[string, number][]} */ ([[CASING, 2.5 * u], [col, 0]])) {
      ctx.strokeStyle = style; ctx.lineWidth = w * u + add; ctx.stroke();
    }
  };
  ctx.setLineDash([]);
  if (d.kept) { path(ctx, p); ctx.fillStyle = 'rgba(54,201,139,.34)'; ctx.fill(); }
  path(ctx, p);
  if (d.kind !== 'sure') {
    ctx.setLineDash(d.kind === 'unsure' ? [11 * u, 8 * u] : [0.1, 9 * u]);
    twice(d.kind === 'unsure' ? (d.focus ? 4.5 : 3.5) : 4);
    ctx.setLineDash([]);
    return;
  }
  twice(d.plain ? 1.5 : 1.75);
  if (d.plain) return;
  ctx.beginPath();
  p.forEach((a, i) => {
    const b = p[(i + 1) % 4], c = p[(i + 3) % 4], t = 0.17;
    ctx.moveTo(a[0] + (c[0] - a[0]) * t, a[1] + (c[1] - a[1]) * t);
    ctx.lineTo(a[0], a[1]);
    ctx.lineTo(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t);
  });
  twice(d.focus ? 6 : 4.5);
}

/** Where corners are on their way: they ease by 1 - exp(-age / 70 ms). @param {{from: Point[], to: Point[], age: number}} way @param {number} [more] milliseconds @returns {Point[]} */
export function onTheWay({ from, to, age }, more = 0) {
  const left = age + more >= REST_MS ? 0 : Math.exp(-(age + more) / EASE_MS);
  return to.map(([x, y], i) => [x + (from[i][0] - x) * left, y + (from[i][1] - y) * left]);
}

/** How much of a thing that goes is left. @param {number} leaves milliseconds until it begins to fade */
export const fadeOf = (leaves) => Math.max(0, Math.min(1, 1 + leaves / FADE_MS));

/** Paints what it is given, at display rate for as long as something in it moves. */
export class Painter {
  /** @param {any} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {Painting | null} */
    this.what = null;
    this.since = 0;
    this.asked = false;
  }

  /** @param {Painting} what in place of what was before */
  take(what) {
    this.what = what;
    this.since = performance.now();
    this.ask();
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    if (typeof requestAnimationFrame === 'function') requestAnimationFrame(() => this.frame()); else setTimeout(() => this.frame(), 16);
  }

  frame() {
    this.asked = false;
    const { what } = this, age = performance.now() - this.since;
    if (!what) return;
    this.paint(what, age);
    if (what.ways.some((way) => way.from !== way.to && way.age + age < REST_MS) || what.list.some((d) => d.leaves < Infinity && d.leaves - age > -FADE_MS)) this.ask();
  }

  /** @param {Painting} what @param {number} age milliseconds since it was given */
  paint({ width, height, dpr, u, list, ways, view, taken, ...what }, age) {
    const { canvas } = this, ctx = canvas.getContext('2d'), W = Math.round(width * dpr), H = Math.round(height * dpr);
    if (canvas.width !== W) canvas.width = W;
    if (canvas.height !== H) canvas.height = H;
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    ctx.clearRect(0, 0, width, height);
    ctx.lineJoin = ctx.lineCap = 'round';
    if (what.guide) guide(ctx, what.guide, u);
    const all = list.map((d, i) => ({ d, corners: onTheWay(ways[i], age), fade: fadeOf(d.leaves - age) })), placed = [...taken];
    for (const { d, corners, fade } of all) { ctx.globalAlpha = fade; outline(ctx, d, corners, u); }
    all.sort((a, b) => Number(b.d.focus) - Number(a.d.focus));
    for (const { d, corners, fade } of all) { ctx.globalAlpha = fade; chip(ctx, d, corners, u, view, placed); }
    ctx.globalAlpha = 1;
  }
}
