// The canvas above the picture: outlines through the true corners, eased towards the newest answer at
// display rate. Sure: thin outline and heavy corners. Unsure: dashes. Unknown: dots. It draws only
// while something is in view, and never copies the picture.
import { $, isCalm, isPhone, isTall } from './dom.js';
import { chip, COLOUR } from './chips.js';
import { Scene } from './scene.js';

/** @typedef {import('./chips.js').Drawing} Drawing */
/** @typedef {import('./chips.js').Box} Box */

const EASE_MS = 70;
const REST = 0.5; // pixels that a corner may be off its place
const SOON_MS = 60; // between two looks at an outline that will fade
const PAPER = '#F4F7F6', KEPT = '#36C98B', CASING = 'rgba(6,9,9,.62)';

/** @param {Drawing[]} list */
const keysOf = (list) => list.map((d) => d.key).join();

export class Overlay {
  /** @param {() => Drawing[]} drawings what to draw, asked for each time */
  constructor(drawings) {
    this.drawings = drawings;
    this.canvas = /** @type {HTMLCanvasElement} */ ($('#overlay'));
    this.ctx = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d'));
    /** the feed that is shown and its own size */
    this.feed = /** @type {HTMLElement} */ ($('#video'));
    this.width = 16;
    this.height = 9;
    this.mirror = false;
    this.guide = false;
    /** brightness of what is on the screen, where the picture moves @type {Uint8Array | null} */
    this.cells = null;
    this.sheet = 0;
    /** whose outlines are drawn */
    this.shown = '';
    this.rect = { x: 0, y: 0, w: 16, h: 9 };
    /** of the canvas, in CSS pixels */
    this.size = { w: 16, h: 9 };
    /** @type {Map<number, Point[]>} */
    this.eased = new Map();
    this.last = 0;
    this.asked = 0;
    /** milliseconds of drawing and how many frames, for the bench */
    this.spent = { ms: 0, frames: 0 };
    const size = new ResizeObserver(() => this.resize());
    for (const el of [this.canvas, $('#tools'), $('#sheet')]) size.observe(el);
  }

  /** Another picture is shown. @param {HTMLElement} feed @param {number} width @param {number} height */
  show(feed, width, height) {
    this.feed = feed;
    this.width = width || 16;
    this.height = height || 9;
    this.eased.clear();
    this.resize();
  }

  /** Where the picture lies inside the canvas, in CSS pixels; found out when something changes size. */
  resize() {
    const dpr = devicePixelRatio || 1, W = this.canvas.clientWidth, H = this.canvas.clientHeight;
    this.size = { w: W, h: H };
    if (this.canvas.width !== Math.round(W * dpr)) this.canvas.width = Math.round(W * dpr);
    if (this.canvas.height !== Math.round(H * dpr)) this.canvas.height = Math.round(H * dpr);
    const r = this.feed.getBoundingClientRect(), s = this.canvas.getBoundingClientRect();
    const k = Math.min(r.width / this.width, r.height / this.height) || 1, w = this.width * k, h = this.height * k;
    const top = getComputedStyle(this.feed).objectPosition.endsWith(' 0%') || getComputedStyle(this.feed).objectPosition.endsWith(' 0px');
    this.rect = { x: r.left - s.left + (r.width - w) / 2, y: r.top - s.top + (top ? 0 : (r.height - h) / 2), w, h };
    const tools = $('#tools').getBoundingClientRect();
    /** @type {Box} */
    this.tools = { x: tools.left - s.left, y: tools.top - s.top, w: tools.width, h: tools.height };
    this.sheet = isTall() ? $('#sheet').getBoundingClientRect().height : 0;
    this.wake();
  }

  /** Another frame is on the screen: drawn anew where an outline comes or goes with it. @param {Uint8Array | null} cells its brightness */
  look(cells) {
    this.cells = cells;
    if (keysOf(this.belonging()) !== this.shown) this.wake();
  }

  /** What belongs to the picture on the screen. */
  belonging() {
    return this.drawings().filter((d) => d.fade > 0 && (!d.frame || Scene.same(d.quad, d.frame.cells, this.cells)));
  }

  /** Draws from the next display frame on, until nothing is left to draw. */
  wake() {
    if (!this.asked) this.asked = requestAnimationFrame((now) => this.frame(now));
  }

  /** @param {Point} p of the picture, 0..1 @returns {Point} in CSS pixels */
  at([x, y]) {
    return [this.rect.x + (this.mirror ? 1 - x : x) * this.rect.w, this.rect.y + y * this.rect.h];
  }

  /** @param {number} now */
  frame(now) {
    this.asked = 0;
    const started = performance.now(), { ctx } = this, dpr = devicePixelRatio || 1;
    const { w: W, h: H } = this.size, dt = Math.min(100, now - this.last || 16);
    this.last = now;
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    ctx.clearRect(0, 0, W, H);
    ctx.lineJoin = ctx.lineCap = 'round';
    const u = Math.min(3, Math.max(1, Math.min(this.rect.w, W) / 900));
    const list = this.belonging();
    this.shown = keysOf(list);
    if (!list.length && this.guide) guide(ctx, this.rect, Math.min(H, isTall() ? innerHeight - this.sheet : H), u);
    const moving = this.ease(list, dt);
    for (const d of list) { ctx.globalAlpha = d.fade; outline(ctx, d, /** @type {Point[]} */ (this.eased.get(d.key)), u); }
    const placed = this.tools ? [{ ...this.tools }] : [];
    const view = { width: W, top: isPhone() ? 100 : 8, bottom: isTall() ? innerHeight - this.sheet : H, small: isPhone() };
    for (const d of list.sort((a, b) => Number(b.focus) - Number(a.focus))) {
      ctx.globalAlpha = d.fade;
      chip(ctx, d, /** @type {Point[]} */ (this.eased.get(d.key)), u, view, placed);
    }
    ctx.globalAlpha = 1;
    this.canvas.dispatchEvent(new CustomEvent('drawn', { detail: list }));
    this.spent.ms += performance.now() - started;
    this.spent.frames++;
    if (moving || list.some((d) => d.fade < 1)) this.wake();
    else if (list.some((d) => d.leaving)) setTimeout(() => this.wake(), SOON_MS);
  }

  /** Corners ease by 1 - exp(-dt / 70 ms), snap over long jumps and rest near their place; true while any is on its way. @param {Drawing[]} list @param {number} dt */
  ease(list, dt) {
    const k = 1 - Math.exp(-dt / EASE_MS), calm = isCalm(), keep = new Map();
    let moving = false;
    for (const d of list) {
      const to = d.quad.map((p) => this.at(p)), was = this.eased.get(d.key);
      const far = !was || Math.hypot(was[0][0] - to[0][0], was[0][1] - to[0][1]) > 0.25 * Math.hypot(to[0][0] - to[2][0], to[0][1] - to[2][1]);
      if (far || calm) keep.set(d.key, to);
      else if (was.every((a, i) => Math.abs(a[0] - to[i][0]) + Math.abs(a[1] - to[i][1]) < REST)) keep.set(d.key, was);
      else {
        keep.set(d.key, was.map((a, i) => [a[0] + (to[i][0] - a[0]) * k, a[1] + (to[i][1] - a[1]) * k]));
        moving = true;
      }
    }
    this.eased = keep;
    return moving;
  }

  /** The drawing under a point of the canvas. @param {number} x @param {number} y @returns {number | null} its key */
  hit(x, y) {
    for (const [key, p] of this.eased) {
      let sum = 0;
      for (let i = 0; i < 4; i++) {
        const a = p[i], b = p[(i + 1) % 4];
        sum += Math.sign((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]));
      }
      if (Math.abs(sum) === 4) return key;
    }
    return null;
  }
}

/** Nothing in view: four quiet corners show where to hold it. @param {CanvasRenderingContext2D} ctx @param {{x: number, y: number, w: number, h: number}} r the picture @param {number} bottom what is below is covered @param {number} u */
function guide(ctx, r, bottom, u) {
  const high = Math.min(r.h, bottom - r.y), h = Math.min(high * 0.66, r.w * 0.8), w = h * 5 / 7, x = r.x + (r.w - w) / 2, y = r.y + (high - h) / 2, l = h * 0.12;
  ctx.setLineDash([]);
  ctx.beginPath();
  for (const [cx, cy, sx, sy] of [[x, y, 1, 1], [x + w, y, -1, 1], [x + w, y + h, -1, -1], [x, y + h, 1, -1]]) {
    ctx.moveTo(cx + sx * l, cy); ctx.lineTo(cx, cy); ctx.lineTo(cx, cy + sy * l);
  }
  ctx.strokeStyle = 'rgba(0,0,0,.4)'; ctx.lineWidth = 6 * u; ctx.stroke();
  ctx.strokeStyle = 'rgba(255,255,255,.78)'; ctx.lineWidth = 3.5 * u; ctx.stroke();
}

/** @param {CanvasRenderingContext2D} ctx @param {Point[]} p */
function path(ctx, p) {
  ctx.beginPath();
  p.forEach(([x, y], i) => (i ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
  ctx.closePath();
}

/** @param {CanvasRenderingContext2D} ctx @param {Drawing} d @param {Point[]} p @param {number} u */
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
