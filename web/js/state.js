// The one state of the page, its settings, and who is told when they change.
import { noInfo } from './api.js';
import { AGAIN_MS, Tracker } from './tracker.js';
import { purse } from './words.js';

/** @typedef {'first' | 'asking' | 'denied' | 'nocamera' | 'busycamera' | 'insecure' | 'token'} Ask */

const SETTINGS = 'dlf-live-settings-v1';

/** @returns {Settings} */
function loadSettings() {
  /** @type {Settings} */
  const base = {
    camera: '', cameraLabel: '', facing: 'environment', resolution: '1280 × 720', mirror: false, sound: false,
    haptic: true, speak: false, currency: '', theme: 'auto', hand: false, keys: true, query: 'card',
  };
  try {
    const kept = JSON.parse(localStorage.getItem(SETTINGS) || '{}');
    for (const key of /** @type {(keyof Settings)[]} */ (Object.keys(base)))
      if (typeof kept[key] === typeof base[key]) /** @type {any} */ (base)[key] = kept[key];
  } catch { /* a broken entry is as good as none */ }
  return base;
}

export const settings = loadSettings();

export const state = {
  /** why the stage has no picture @type {Ask | null} */
  ask: /** @type {Ask | null} */ ('first'),
  /** where pictures come from @type {'camera' | 'video' | 'photo' | null} */
  source: /** @type {'camera' | 'video' | 'photo' | null} */ (null),
  /** counts sources; answers for an older one are dropped */
  epoch: 0,
  mode: /** @type {'live' | 'page'} */ ('live'),
  frozen: false,
  /** no server: when the next try is, and how often it failed @type {{at: number, times: number, why: string} | null} */
  lost: /** @type {{at: number, times: number, why: string} | null} */ (null),
  error: '',
  info: noInfo(),
  tracker: new Tracker(),
  /** the track in the label, by id, and whether it was chosen by hand */
  focus: 0, picked: 0,
  /** the newest answer's closest references, for pictures that show nothing known @type {Choice[]} */
  closest: /** @type {Choice[]} */ ([]),
  /** the picture of the newest answer @type {Frame | null} */
  lastFrame: /** @type {Frame | null} */ (null),
  /** the page of nine: answers in reading order @type {Track[] | null} */
  nine: /** @type {Track[] | null} */ (null),
  /** waiting for the page's answer */
  looking: false,
  /** track ids that have just been added */
  added: /** @type {Set<number>} */ (new Set()),
  /** milliseconds and rate of answers */
  ms: 0, average: 0, rate: 0, answers: 0,
  top: /** @type {Thing[]} */ ([]), topKnown: false,
  torch: /** @type {boolean | null} */ (null),
  cameras: /** @type {{id: string, label: string}[]} */ ([]),
};

/** @type {Map<string, Set<() => void>>} */
const listeners = new Map();
/** @type {Set<string>} */
const pending = new Set();

/** Calls `fn` after any of the topics changed, at most once a display frame. @param {string} topics @param {() => void} fn */
export function on(topics, fn) {
  for (const topic of topics.split(' ')) {
    if (!listeners.has(topic)) listeners.set(topic, new Set());
    /** @type {Set<() => void>} */ (listeners.get(topic)).add(fn);
  }
}

function flush() {
  const due = new Set();
  for (const topic of pending) for (const fn of listeners.get(topic) || []) due.add(fn);
  pending.clear();
  for (const fn of due) fn();
}

/** @param {string} topics of: stage tracks numbers deck top status settings nine lost added info */
export function changed(topics) {
  if (!pending.size) queueMicrotask(flush);
  for (const topic of topics.split(' ')) pending.add(topic);
}

export function saveSettings() {
  try { localStorage.setItem(SETTINGS, JSON.stringify(settings)); } catch { /* the page works without */ }
  applySettings();
}

/** Settings that the whole document reads. */
export function applySettings() {
  const { dataset } = document.documentElement;
  dataset.theme = settings.theme;
  dataset.hand = settings.hand ? 'left' : 'right';
  purse.currency = settings.currency || state.info.currency;
  purse.rates = state.info.rates;
  purse.date = state.info.prices?.date || '';
  changed('settings tracks deck top nine');
}

/** The words for what is collected. */
export const words = () => (state.info.cards
  ? { deck: 'deck', Deck: 'Deck', one: 'card', many: 'cards' }
  : { deck: 'collection', Deck: 'Collection', one: 'thing', many: 'things' });

/** The track in the label: the chosen one, for a moment after it went, too, else the one with a name that is longest in view. @returns {Track | undefined} */
export function focused() {
  const { tracks, away } = state.tracker, now = performance.now();
  return tracks.find((t) => t.id === state.focus) || away.find((t) => t.id === state.focus && now - t.last <= AGAIN_MS)
    || tracks.find((t) => t.kind !== 'unknown') || tracks[0];
}
