// The canvas above the picture: outlines through the true corners, eased towards the newest answer at
// display rate. Here is decided what lies where; paint.js paints it, in a worker, and only while something
// changes or moves. The picture is never copied.
import { $, isCalm, isPhone, isTall } from './dom.js';
import { setShapes } from './chips.js';
import { Painter, fadeOf, onTheWay } from './paint.js';
import { Scene } from './scene.js';

/** @typedef {import('./chips.js').Box} Box */
/** @typedef {import('./paint.js').Painting} Painting */
/**
 * A thing on the picture: where, on which frame it was found (null: any).
 * @typedef {import('./chips.js').Drawing & {quad: Quad, frame: Frame | null}} Placed
 */

const REST = 0.5; // pixels that a corner may be off its place
const ALL_GONE_MS = 250; // after it began to fade
const SHAPES = Array.from({ length: 9 }, (_, i) => $(`#g-${i} path`)?.getAttribute('d') || '');

/** @param {Placed[]} list */
const keysOf = (list) => list.map((d) => d.key).join();

export class Overlay {
  /** @param {() => Placed[]} drawings what to draw, asked for each time */
  constructor(drawings) {
    this.drawings = drawings;
    this.canvas = /** @type {HTMLCanvasElement} */ ($('#overlay'));
    /** who paints: a worker or this page @type {{take: (what: Painting) => void}} */
    this.painter = this.lend();
    /** what is painted, as text */
    this.painted = '';
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
    /** where corners come from, where they go, since when @type {Map<number, {from: Point[], to: Point[], start: number}>} */
    this.ways = new Map();
    this.asked = 0;
    this.gone = 0;
    /** how often it was painted, for the bench */
    this.paintings = 0;
    const size = new ResizeObserver(() => this.resize());
    for (const el of [$('#stage'), $('#tools'), $('#sheet')]) size.observe(el);
  }

  /** Lends the canvas to a worker that paints; where that cannot be had the page paints itself. @returns {{take: (what: Painting) => void}} */
  lend() {
    setShapes(SHAPES);
    if (typeof Worker !== 'function' || !this.canvas.transferControlToOffscreen) return new Painter(this.canvas);
    const lent = this.canvas.transferControlToOffscreen(), worker = new Worker('/canvas/js/paint-worker.js', { type: 'module' });
    worker.postMessage({ canvas: lent, shapes: SHAPES }, [lent]);
    worker.onerror = () => { // cannot be loaded: a canvas that was lent does not come back
      const own = /** @type {HTMLCanvasElement} */ (this.canvas.cloneNode());
      this.canvas.replaceWith(own);
      this.canvas = own;
      this.painter = new Painter(own);
      this.painted = '';
      this.wake();
    };
    return { take: (what) => worker.postMessage(what) };
  }

  /** Another picture is shown. @param {HTMLElement} feed @param {number} width @param {number} height */
  show(feed, width, height) {
    this.feed = feed;
    this.width = width || 16;
    this.height = height || 9;
    this.ways.clear();
    this.resize();
  }

  /** Where the picture lies inside the canvas, in CSS pixels; found out when something changes size. */
  resize() {
    this.size = { w: this.canvas.clientWidth, h: this.canvas.clientHeight };
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

  /** Another frame is on the screen: an outline comes or goes with it. @param {Uint8Array | null} cells its brightness */
  look(cells) {
    this.cells = cells;
    const list = this.belonging();
    if (keysOf(list) !== this.shown) this.draw(list);
  }

  /** What belongs to the picture on the screen. */
  belonging() {
    return this.drawings().filter((d) => fadeOf(d.leaves) > 0 && (!d.frame || Scene.same(d.quad, d.frame.cells, this.cells)));
  }

  /** Where the corners of everything are at this moment, by key. @returns {Map<number, Point[]>} */
  get eased() {
    const now = performance.now();
    return new Map([...this.ways].map(([key, { from, to, start }]) => [key, onTheWay({ from, to, age: now - start })]));
  }

  /** Looks again at the next display frame. */
  wake() {
    if (!this.asked) this.asked = requestAnimationFrame(() => this.draw());
  }

  /** @param {Point} p of the picture, 0..1 @returns {Point} in CSS pixels */
  at([x, y]) {
    return [this.rect.x + (this.mirror ? 1 - x : x) * this.rect.w, this.rect.y + y * this.rect.h];
  }

  /** At once: what belongs to the picture. @param {Placed[]} [list] */
  draw(list = this.belonging()) {
    cancelAnimationFrame(this.asked);
    clearTimeout(this.gone);
    this.asked = 0;
    this.shown = keysOf(list);
    this.send(list);
    this.canvas.dispatchEvent(new CustomEvent('drawn', { detail: list.map((d) => ({ ...d, fade: fadeOf(d.leaves) })) }));
    const leaves = Math.max(-Infinity, ...list.map((d) => d.leaves).filter((ms) => ms < Infinity));
    if (leaves > -Infinity) this.gone = window.setTimeout(() => this.wake(), leaves + ALL_GONE_MS);
  }

  /** Has it painted where it differs from what is there. @param {Placed[]} list */
  send(list) {
    const { rect, size: { w: width, h: height } } = this, bottom = isTall() ? innerHeight - this.sheet : height, now = performance.now();
    this.turn(list, now);
    const ways = list.map((d) => /** @type {{from: Point[], to: Point[], start: number}} */ (this.ways.get(d.key)));
    const what = {
      width, height, dpr: devicePixelRatio || 1, u: Math.min(3, Math.max(1, Math.min(rect.w, width) / 900)),
      guide: !list.length && this.guide ? { ...rect, h: Math.min(rect.h, Math.min(height, bottom) - rect.y) } : null,
      view: { width, top: isPhone() ? 100 : 8, bottom, small: isPhone() }, taken: this.tools ? [this.tools] : [],
      list: list.map(({ quad, frame, ...d }) => d),
    };
    const text = JSON.stringify([{ ...what, list: what.list.map((d) => ({ ...d, leaves: d.leaves < Infinity })) }, ways.map((way) => way.to)]);
    if (text === this.painted) return;
    this.painted = text;
    this.painter.take({ ...what, ways: ways.map(({ from, to, start }) => ({ from, to, age: now - start })) });
    this.paintings++;
  }

  /** Corners set out for new places; they snap over long jumps and rest near their place. @param {Placed[]} list @param {number} now */
  turn(list, now) {
    const keep = new Map(), calm = isCalm();
    for (const d of list) {
      const to = d.quad.map((p) => this.at(p)), way = this.ways.get(d.key);
      if (way && !calm && way.to.every((a, i) => Math.abs(a[0] - to[i][0]) + Math.abs(a[1] - to[i][1]) < REST)) { keep.set(d.key, way); continue; }
      const from = way && onTheWay({ ...way, age: now - way.start });
      const far = !from || Math.hypot(from[0][0] - to[0][0], from[0][1] - to[0][1]) > 0.25 * Math.hypot(to[0][0] - to[2][0], to[0][1] - to[2][1]);
      keep.set(d.key, far || calm ? { from: to, to, start: 0 } : { from, to, start: now });
    }
    this.ways = keep;
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
