// Which thing is which from frame to frame. An id lives as long as its thing stays in view under one
// name; another name is another track, with its own price. A thing that comes back within three
// seconds is the same one and is not counted again; nor is one that no answer has missed, however long
// there was none.
import { labelOf } from './words.js';
import { overlap } from './geometry.js';

export const GONE_MS = 2000; // leaves the list after this long without being seen
export const AGAIN_MS = 3000; // comes back as itself within this long
const HERE = 0.3, STILL = 0.7; // overlaps from which it is the same thing, and from which it has not moved
const STEADY = 3; // answers in which something without a name stands still before it is one

/** @type {Thing} */
const NOBODY = { name: '', rarity: '', code: '', file: '', pic: '', price: null };

/** Whether two namings can be one thing: the same name, and the same printing when both are sure of it. @param {Track} t @param {Detection} d */
function agrees(t, d) {
  if (t.chosen) return d.kind === 'unknown' || t.thing.name === d.thing.name || t.choices.some((c) => c.name === d.thing.name);
  if (t.kind === 'unknown' || d.kind === 'unknown') return t.kind === d.kind;
  if (t.thing.name !== d.thing.name) return false;
  return t.kind === 'unsure' || d.kind === 'unsure' || (labelOf(t.thing) === labelOf(d.thing) && t.thing.code === d.thing.code);
}

/** How well a detection continues a track; 0: not at all. @param {Track} t @param {Detection} d @param {number} now */
function fit(t, d, now) {
  if (!agrees(t, d) || (t.missing && now - t.last > AGAIN_MS)) return 0;
  if (t.serverId && t.serverId === d.serverId) return 3;
  const o = overlap(t.quad, d.quad);
  if (o >= HERE) return 1 + o;
  // moved fast, or back again: the name alone says it, unless nothing has one
  return d.kind === 'unknown' ? 0 : 0.5;
}

export class Tracker {
  constructor() {
    /** @type {Track[]} */
    this.tracks = [];
    /** @type {Track[]} */
    this.away = [];
    /** what may be a thing without a name @type {{quad: Quad, times: number, missed: boolean}[]} */
    this.waiting = [];
    this.nextId = 1;
    this.nextColour = 0;
    this.counted = 0;
  }

  /** Forgets everything in view: another source. */
  clear() {
    this.tracks = [];
    this.away = [];
    this.waiting = [];
  }

  /** A colour that no other track has, in turn; shared from the ninth on. */
  colour() {
    for (let i = 0; i < 8; i++) {
      const n = (this.nextColour + i) % 8 + 1;
      if (!this.tracks.some((t) => t.n === n)) { this.nextColour = n % 8; return n; }
    }
    this.nextColour = this.nextColour % 8 + 1;
    return this.nextColour;
  }

  /**
   * Takes an answer in.
   * @param {Answer} answer @param {number} now @param {boolean} [still] a photo: there is no other answer
   * @returns {Track[]} the tracks that are new
   */
  update(answer, now, still = false) {
    const pool = [...this.tracks, ...this.away], detections = [...answer.detections, ...this.unnamed(answer, still)];
    /** @type {{t: Track, d: Detection, f: number}[]} */
    const pairs = [];
    for (const t of pool) for (const d of detections) {
      const f = fit(t, d, now);
      if (f > 0) pairs.push({ t, d, f });
    }
    pairs.sort((a, b) => b.f - a.f);
    const taken = new Set(), met = new Set();
    for (const { t, d } of pairs) {
      if (taken.has(d) || met.has(t)) continue;
      taken.add(d); met.add(t);
      this.see(t, d, answer, now);
    }
    for (const t of pool) if (!met.has(t)) { t.of++; t.steady = 0; if (!t.missing) t.missing = now; }
    const born = detections.filter((d) => !taken.has(d)).map((d) => this.begin(d, answer, now));
    this.tracks = this.tracks.filter((t) => t.kind !== 'unknown' || !this.named(t.quad, true));
    this.expire(now, GONE_MS);
    return born;
  }

  /** Whether something with a name is here. @param {Quad} quad @param {boolean} seen in the newest answer */
  named(quad, seen) {
    return this.tracks.some((t) => t.kind !== 'unknown' && !(seen && t.missing) && overlap(t.quad, quad) >= HERE);
  }

  /** What has no name counts when it has stood still for some answers: tables and hands flicker. @param {Answer} answer @param {boolean} still @returns {Detection[]} */
  unnamed(answer, still) {
    const before = this.waiting, pool = [...this.tracks, ...this.away];
    /** @type {Quad[]} */
    const found = [];
    this.waiting = [];
    for (const quad of answer.unknown) {
      const known = pool.some((t) => (t.kind === 'unknown' || t.chosen) && overlap(t.quad, quad) >= HERE);
      if (!known && this.named(quad, false)) continue; // hidden for a moment
      const times = 1 + (before.find((w) => overlap(w.quad, quad) >= STILL)?.times || 0);
      if (known || still || times >= STEADY) found.push(quad);
      else this.waiting.push({ quad, times, missed: false });
    }
    for (const w of before) // one answer without it is forgiven
      if (!w.missed && !answer.unknown.some((quad) => overlap(w.quad, quad) >= STILL)) this.waiting.push({ ...w, missed: true });
    return found.map((quad) => ({ kind: 'unknown', thing: NOBODY, quad, score: answer.closest[0]?.score ?? 0, serverId: 0, choices: answer.closest }));
  }

  /** @param {Track} t @param {Detection} d @param {Answer} answer @param {number} now */
  see(t, d, answer, now) {
    t.steady = t.kind === d.kind || t.chosen ? t.steady + 1 : 1;
    if (!t.chosen && d.kind !== 'unknown') { t.kind = d.kind; t.thing = d.thing; t.choices = d.choices; }
    Object.assign(t, { quad: d.quad, score: d.score, serverId: d.serverId, frame: answer.frame, last: now, missing: 0, nowhere: false });
    t.seen++; t.of++;
    if (this.away.includes(t)) { // its colour may be somebody else's by now
      this.away = this.away.filter((x) => x !== t);
      if (this.tracks.some((x) => x.n === t.n)) t.n = this.colour();
      this.tracks.push(t);
    }
  }

  /** @param {Detection} d @param {Answer} answer @param {number} now @returns {Track} */
  begin(d, answer, now) {
    const t = {
      id: this.nextId++, n: this.colour(), kind: d.kind, thing: d.thing, choices: d.choices, quad: d.quad,
      score: d.score, seen: 1, of: 1, serverId: d.serverId, born: now, last: now, missing: 0,
      frame: answer.frame, steady: 1, spoken: false, chosen: false,
    };
    if (d.kind !== 'unknown') this.counted++;
    this.tracks.push(t);
    return t;
  }

  /** The track itself, or, when it went while somebody thought about it, the one that is there instead. @param {Track} t @returns {Track} */
  here(t) {
    if (this.tracks.includes(t) || this.away.includes(t)) return t;
    const again = this.tracks.find((x) => x.kind === t.kind && labelOf(x.thing) === labelOf(t.thing));
    if (!again) this.away.push(t); // in the label until something else is
    return again || t;
  }

  /** Drops what has not been seen for `limit` milliseconds; true when something went. @param {number} now @param {number} limit */
  expire(now, limit) {
    const gone = this.tracks.filter((t) => now - t.last > limit);
    if (gone.length) {
      this.tracks = this.tracks.filter((t) => !gone.includes(t));
      this.away.push(...gone);
    }
    this.away = this.away.filter((t) => !t.missing || now - t.last <= AGAIN_MS);
    return gone.length > 0;
  }
}
