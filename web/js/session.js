// What is looked at: opens sources, sends their frames, takes answers in, says what is drawn.
import { $, isPhone, root, setAttr } from './dom.js';
import { changed, focused, settings, state } from './state.js';
import * as camera from './camera.js';
import { Overlay } from './draw.js';
import { Live } from './live.js';
import { feedback, say, toast } from './say.js';
import { overlap, readingOrder } from './geometry.js';
import { straighten } from './worker.js';
import { renderStage } from './stage.js';
import { labelOf, priceText, rarityName, spokenPrice } from './words.js';

const HOLD_MS = 400, SWITCH_MS = 400, SPEAK_AFTER = 3;

const video = /** @type {HTMLVideoElement} */ ($('#video'));
const photo = /** @type {HTMLImageElement} */ ($('#photo'));

/* ---------- what is drawn on the picture ---------- */

/** @param {Track} t @param {number} i @param {number} now @returns {import('./draw.js').Placed} */
function drawing(t, i, now) {
  const still = state.source === 'photo' || state.frozen || !!state.nine, page = !!state.nine;
  return {
    key: t.id, n: t.n, kind: t.kind, quad: t.quad, plain: page, leaves: still || !t.missing ? Infinity : t.missing + HOLD_MS - now, frame: still ? null : t.frame,
    text: page ? `${i + 1}${t.kind === 'sure' ? '' : '?'}` : t.kind === 'unknown' ? 'No match' : t.thing.name,
    price: t.kind === 'sure' ? priceText(t.thing.price) : '',
    focus: !page && state.tracker.tracks.length > 1 && focused()?.id === t.id, kept: state.added.has(t.id) && !page,
  };
}

export const overlay = new Overlay(() => {
  const now = performance.now();
  return (state.mode === 'page' ? state.nine || [] : state.tracker.tracks.filter((t) => !t.nowhere)).map((t, i) => drawing(t, i, now));
});

/* ---------- answers ---------- */

/** The thing in the label stays until another is chosen or it is gone; another that is there takes its place. */
export function keepFocus() {
  const now = performance.now(), t = focused(), { tracks } = state.tracker;
  if (!t) return;
  const other = tracks.filter((x) => !x.missing && x !== t) // what took its place, else what came last; names first
    .sort((a, b) => Number(b.kind !== 'unknown') - Number(a.kind !== 'unknown') || overlap(b.quad, t.quad) - overlap(a.quad, t.quad) || b.born - a.born)[0];
  const yields = t.kind === 'unknown' && state.picked !== t.id && !!other && other.kind !== 'unknown';
  state.focus = other && (yields || (t.missing && now - t.missing > SWITCH_MS)) ? other.id : t.id;
}

/** Speaks of a track once, when three answers agree. @param {Track} t */
function speakOf(t) {
  if (t.spoken || t.steady < SPEAK_AFTER || t.kind === 'unknown') return;
  t.spoken = true;
  say(t.kind === 'unsure' ? `${t.thing.name}, printing not sure.` : [t.thing.name, rarityName(t.thing.rarity), spokenPrice(t.thing.price)].filter(Boolean).join(', ') + '.');
  feedback('known');
}

/** @type {Map<Track, string>} */
const crops = new Map();

/** What has no name is shown as the camera saw it; pictures of what has gone are given back. @param {Track[]} born */
async function cutOut(born) {
  const { tracks, away } = state.tracker;
  for (const [t, url] of crops) if (!tracks.includes(t) && !away.includes(t)) { URL.revokeObjectURL(url); crops.delete(t); }
  for (const t of born) {
    const blob = t.kind === 'unknown' && t.frame.blob && await straighten(t.frame.blob, t.quad, 280).catch(() => null);
    if (!blob || t.kind !== 'unknown' || ![...state.tracker.tracks, ...state.tracker.away].includes(t)) continue;
    const pic = URL.createObjectURL(blob);
    crops.set(t, pic);
    t.thing = { ...t.thing, pic };
    changed('tracks nine');
  }
}

/** What the lists said of the tracks at the last answer. */
let listed = '';

/** The lists follow an answer only where it says something new; numbers have their own pace. */
function list() {
  const now = [state.focus, ...state.tracker.tracks.map((t) => [t.id, t.n, t.kind, labelOf(t.thing), t.thing.code, t.thing.pic, t.thing.price?.median, t.choices.length].join())].join('|');
  if (now !== listed) changed('tracks');
  listed = now;
}

/** @param {Answer} answer @param {Track[]} born */
function answered(answer, born) {
  state.tracker.tracks.forEach(speakOf);
  cutOut(born);
  keepFocus();
  overlay.draw();
  list();
  if (born.length) changed('numbers status');
}

export const live = new Live({ overlay, answered, token: () => { leave(); state.ask = 'token'; changed('stage'); } });

/* ---------- sources ---------- */

/** Nothing that was in view is any more. */
export function leave() {
  state.epoch++;
  camera.stop();
  state.source = null;
  state.frozen = state.looking = false;
  state.nine = null;
  state.tracker.clear();
  state.closest = [];
  state.focus = 0;
  live.restart();
}

export function showPicture() {
  state.ask = null;
  const still = state.source === 'photo' || !!state.nine;
  setAttr($('#stage'), 'data-shows', still ? 'photo' : 'video');
  const [w, h] = still ? [photo.naturalWidth, photo.naturalHeight] : [video.videoWidth, video.videoHeight];
  root.style.setProperty('--ratio', String(h / (w || 1) || 0.5625));
  setAttr($('#stage'), 'data-tall', h > w);
  renderStage();
  const mirrored = settings.mirror && state.source === 'camera' && !still;
  root.toggleAttribute('data-mirror', mirrored);
  overlay.mirror = mirrored;
  overlay.guide = false;
  overlay.show(still ? photo : video, w, h);
  changed('stage tracks status nine');
}

export async function startCamera() {
  leave();
  state.ask = camera.secure() ? 'asking' : 'insecure';
  changed('stage tracks status');
  const why = await camera.openCamera(() => { leave(); state.ask = 'nocamera'; changed('stage tracks status'); });
  if (why === 'late') return;
  if (why) {
    state.ask = why;
    feedback('wrong');
    changed('stage');
    return;
  }
  state.source = 'camera';
  showPicture();
  live.watch();
}

/** @param {Blob} file */
export async function startVideo(file) {
  leave();
  const epoch = state.epoch, ok = await camera.openVideo(file);
  if (epoch !== state.epoch) return;
  if (!ok) { sayError('This browser cannot play that video.'); return; }
  state.source = 'video';
  showPicture();
  live.watch();
}

/** @param {string} text */
function sayError(text) {
  if (!state.source) state.ask = 'first';
  state.error = text;
  toast(text);
  feedback('wrong');
  changed('stage status');
}

/** @param {Blob} file */
export async function startPhoto(file) {
  leave();
  const { epoch } = state, bitmap = await camera.openPhoto(file);
  if (epoch !== state.epoch) return;
  if (!bitmap) { sayError('That is no picture which this browser can read.'); return; }
  state.source = 'photo';
  state.looking = true;
  showPicture();
  await look(bitmap);
}

/** Asks for the one picture on the stage. @param {ImageBitmap} bitmap */
async function look(bitmap) {
  const page = state.mode === 'page', answer = await live.photo(bitmap, page ? { max_objects: '30' } : {});
  bitmap.close();
  if (!answer) { if (state.source) { state.looking = false; changed('tracks nine status'); } return; }
  state.looking = false;
  state.tracker.clear();
  cutOut(state.tracker.update(answer, performance.now(), true));
  const { tracks } = state.tracker;
  if (page) state.nine = readingOrder(tracks);
  else if (tracks.every((t) => t.kind === 'unknown')) say('No match.');
  if (page) { say(`${tracks.length} answers.`); if (isPhone()) { root.dataset.sheet = 'open'; root.dataset.tab = 'view'; } }
  else for (const t of tracks) { t.steady = SPEAK_AFTER; speakOf(t); }
  keepFocus();
  showPicture();
}

export async function takeStill() {
  if (state.mode !== 'page' || state.looking || !video.videoWidth) return;
  state.looking = true;
  changed('nine');
  const { epoch } = state, bitmap = await camera.takeStill();
  if (epoch === state.epoch) await look(bitmap);
}

/** @param {'live' | 'page'} mode */
export function setMode(mode) {
  if (state.mode === mode) return;
  state.mode = mode;
  if (state.source === 'photo') leave();
  state.nine = null;
  state.looking = false;
  state.tracker.clear();
  if (!state.source) state.ask = 'first';
  if (isPhone()) { root.dataset.sheet = mode === 'page' ? 'open' : 'peek'; root.dataset.tab = 'view'; }
  live.restart();
  if (state.source) showPicture();
  changed('stage tracks nine status info');
  live.watch();
}
