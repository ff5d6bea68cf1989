// My Deck: what is kept, in this browser's localStorage under the original's key, in a form that the
// original reads too. Entries of the original load; an unsure entry ("X (UR)?") joins its sure one.
import { clean, amountOf, labelOf, splitLabel } from './words.js';
import { readPrice } from './answer.js';

export const DECK_KEY = 'dlf-deck-v1';
const MAX_ENTRIES = 20000, MAX_QTY = 9999, UNDO_STEPS = 20;

/** Entries that are one: same name, printing and sureness. @param {{name: string, rarity: string, code: string, unsure: boolean}} e */
const identity = (e) => [e.name, e.rarity, e.code, e.unsure ? '?' : ''].join('\u0001');

/** @param {number} qty */
const bounded = (qty) => Math.max(1, Math.min(MAX_QTY, Math.round(qty) || 1));

/** A picture's address in our own origin, else none. @param {unknown} url */
function ownPicture(url) {
  try {
    const u = new URL(String(url || ''), location.origin);
    return url && u.pathname.startsWith('/refs/') ? u.pathname : '';
  } catch { return ''; }
}

/** @param {any} s one stored entry @returns {DeckEntry | null} */
export function readEntry(s) {
  if (!s || typeof s !== 'object') return null;
  const split = splitLabel(clean(s.label)), name = clean(s.name) || split.name;
  if (!name) return null;
  const old = s.price === undefined; // the original's: usd, and jpy in whatever currency the feed had
  const price = old
    ? readPrice({ median: s.usd, currency: 'USD', usd_median: s.usd }) || readPrice({ median: s.jpy, currency: 'JPY' })
    : readPrice(s.price && { ...s.price, usd_median: s.price.usd });
  return {
    key: '', name, rarity: s.name ? clean(s.rarity, 24) : split.rarity, code: clean(s.code, 40), pic: ownPicture(s.ref_url),
    price, qty: bounded(Number(s.qty)), added: Number(s.added_at) > 0 ? Number(s.added_at) : Date.now(),
    unsure: s.name ? s.unsure === true : split.unsure,
  };
}

/** Any stored or pasted deck: the original's object, a list, or what Export wrote. @param {any} data @returns {DeckEntry[]} */
export function readDeck(data) {
  const list = Array.isArray(data) ? data : Array.isArray(data?.entries) ? data.entries : data && typeof data === 'object' ? Object.values(data) : [];
  const entries = list.slice(0, MAX_ENTRIES).map(readEntry).filter((/** @type {any} */ e) => e);
  return fold(entries);
}

/** Joins equal entries, and unsure ones of the original with the sure one of that name. @param {DeckEntry[]} list @returns {DeckEntry[]} */
export function fold(list) {
  /** @type {Map<string, DeckEntry>} */
  const by = new Map();
  const printings = new Map(), names = new Map();
  for (const e of list) if (!e.unsure) { printings.set(`${e.name}\u0001${e.rarity}`, e); names.set(e.name, e); }
  for (const e of list) {
    const same = e.unsure && e.rarity && (printings.get(`${e.name}\u0001${e.rarity}`) || names.get(e.name));
    const entry = same ? { ...same, qty: e.qty } : { ...e };
    entry.key = identity(entry);
    const there = by.get(entry.key);
    if (!there) by.set(entry.key, entry);
    else { there.qty = bounded(there.qty + entry.qty); there.price ||= entry.price; there.pic ||= entry.pic; }
  }
  return [...by.values()];
}

/** @param {DeckEntry} e @returns {StoredEntry} */
export function storedEntry(e) {
  /** @type {StoredEntry} */
  const s = { label: labelOf(e) + (e.unsure ? '?' : ''), added_at: e.added, qty: e.qty, name: e.name, rarity: e.rarity, code: e.code, price: e.price };
  const usd = amountOf(e.price, 'USD');
  if (e.pic) s.ref_url = e.pic;
  if (usd != null) s.usd = Math.round(usd * 100) / 100;
  if (e.price) s.jpy = e.price.median;
  if (e.unsure) s.unsure = true;
  return s;
}

/** As the original keeps it: an object, by name where that is free. @param {DeckEntry[]} entries */
export function storedDeck(entries) {
  /** @type {Record<string, StoredEntry>} */
  const out = Object.create(null);
  for (const e of entries) {
    const s = storedEntry(e);
    let key = e.name;
    if (key in out) key = s.label;
    while (key in out) key += ' ' + (e.code || '+');
    out[key] = s;
  }
  return out;
}

export class Deck {
  /** @param {() => void} changed @param {(text: string) => void} failed */
  constructor(changed, failed) {
    this.changed = changed;
    this.failed = failed;
    /** newest first @type {DeckEntry[]} */
    this.entries = [];
    /** @type {{what: string, entries: DeckEntry[]}[]} */
    this.past = [];
    /** the key of the entry added last */
    this.newest = '';
    this.load();
    addEventListener('storage', (e) => { if (e.key === DECK_KEY || e.key === null) { this.load(); this.changed(); } });
  }

  load() {
    let data = null;
    try { data = JSON.parse(localStorage.getItem(DECK_KEY) || '{}'); } catch { /* broken: shown as empty, kept until the next change */ }
    this.entries = readDeck(data).sort((a, b) => b.added - a.added);
  }

  /** @param {string} what the words on Undo @param {() => void} change */
  act(what, change) {
    this.past = [...this.past.slice(1 - UNDO_STEPS), { what, entries: this.entries.map((e) => ({ ...e })) }];
    change();
    this.store();
  }

  store() {
    try {
      localStorage.setItem(DECK_KEY, JSON.stringify(storedDeck(this.entries)));
    } catch {
      this.failed('This browser’s storage is full: the last change will be gone when the page closes. Export the deck.');
    }
    this.changed();
  }

  /** @param {Thing[]} things @param {boolean} unsure the printing is not known, so there is no price */
  add(things, unsure = false) {
    this.act('Undo', () => { for (const t of things) this.put(t, unsure); });
  }

  /** Several, each sure or not, as one step. @param {{thing: Thing, unsure: boolean}[]} list */
  addEach(list) {
    this.act(`Undo adding ${list.length}`, () => { for (const { thing, unsure } of list) this.put(thing, unsure); });
  }

  /** @param {Thing} t @param {boolean} unsure */
  put(t, unsure) {
    const e = { key: '', name: t.name, rarity: unsure ? '' : t.rarity, code: unsure ? '' : t.code, pic: ownPicture(t.pic), price: unsure ? null : t.price, qty: 1, added: Date.now(), unsure };
    e.key = identity(e);
    const there = this.entries.find((x) => x.key === e.key) || (!unsure && !t.code && this.entries.find((x) => !x.unsure && x.name === t.name && x.rarity === t.rarity));
    if (there) Object.assign(there, { qty: bounded(there.qty + 1), price: e.price || there.price, pic: e.pic || there.pic, added: e.added });
    this.entries = [there || e, ...this.entries.filter((x) => x !== there)].slice(0, MAX_ENTRIES);
    this.newest = (there || e).key;
  }

  /** @param {string} key @param {number} by */
  change(key, by) {
    const e = this.entries.find((x) => x.key === key);
    if (!e) return;
    this.newest = '';
    if (e.qty + by < 1) this.act(`Undo removing ${e.name}`, () => { this.entries = this.entries.filter((x) => x !== e); });
    else this.act('Undo', () => { e.qty = bounded(e.qty + by); });
  }

  clear() { this.newest = ''; this.act('Undo clear', () => { this.entries = []; }); }

  /** @param {DeckEntry[]} list */
  merge(list) {
    this.newest = '';
    this.act('Undo import', () => { this.entries = fold([...list.map((e) => ({ ...e })), ...this.entries]).slice(0, MAX_ENTRIES); });
  }

  get undoText() { return this.past.length ? this.past[this.past.length - 1].what : ''; }

  undo() {
    const step = this.past.pop();
    if (!step) return false;
    this.entries = step.entries;
    this.newest = '';
    this.store();
    return true;
  }

  get count() { return this.entries.reduce((n, e) => n + e.qty, 0); }

  /** Sum of what has a price, and how many have none. */
  get total() {
    let sum = 0, without = 0;
    for (const e of this.entries) {
      const amount = amountOf(e.price);
      if (amount == null) without += e.qty; else sum += amount * e.qty;
    }
    return { sum, without };
  }
}

