// Active tracks: a row a thing in view, kept by its id and patched in place.
import { $, button, h, keyed, picture, setAttr, setPicture, setText, settleScrollers } from './dom.js';
import { focused, state } from './state.js';
import { addButton, glyph, originalLine, patchAdd, spanOf, trackLabel } from './parts.js';
import { priceText, scoreText } from './words.js';
import { renderNine } from './nine.js';

const GONE_MS = 600; // a row fades when its thing has been missing for this long

const panel = /** @type {HTMLElement} */ ($('#p-view'));
/** @type {{count: HTMLElement, none: HTMLElement, list: HTMLElement} | null} */
let parts = null;

function build() {
  const count = h('span', { class: 'n' }), none = h('p', { class: 'none' }), list = h('ul', { id: 'tracks' });
  panel.replaceChildren(
    h('div', { class: 'phead' }, h('h2', { id: 'h-view' }, 'Active tracks'), count),
    h('div', { class: 'pbody', role: 'group', 'aria-label': 'Tracks' }, none, list));
  return { count, none, list };
}

/** @param {Track} t */
function row(t) {
  return h('li', { class: 'trk' }, picture(t.thing.pic, '', { class: 'trk-pic' }),
    h('div', { class: 'trk-top' }, h('button', { type: 'button', class: 'trk-name', 'data-act': 'focus', 'data-n': String(t.id) }), h('p', { class: 'trk-price price' })),
    h('div', { class: 'trk-mid' }, h('p', { class: 'trk-sub' }), h('p', { class: 'trk-orig' })),
    h('p', { class: 'trk-seen' }), h('div', { class: 'trk-do' }));
}

/** @param {Track} t */
const actions = (t) => (t.kind === 'sure' ? [addButton(t)] : [
  button('picker', null, t.kind === 'unknown' ? 'It’s this one…' : 'Choose', 'btn btn-line', { 'data-n': String(t.id), 'aria-label': t.kind === 'unknown' ? null : `Choose the printing of ${t.thing.name}` }),
  t.kind === 'unsure' && button('addunsure', 'i-add', '', 'btn btn-line only', { 'data-n': String(t.id), 'aria-label': `Add ${t.thing.name} as unsure`, title: 'Add as unsure' }),
].filter(Boolean));

/** @param {HTMLElement} el @param {Track} t */
function patch(el, t) {
  const { thing } = t, look = [t.kind, t.n, thing.name, thing.rarity, thing.code, thing.pic, priceText(thing.price), t.kind === 'unsure' ? spanOf(t) : ''].join('|');
  if (el.dataset.look !== look) {
    el.dataset.look = look;
    setPicture($('.trk-pic', el), thing.pic);
    $('.trk-name', el).replaceChildren(glyph(t), h('span', { class: 'trk-title', dir: 'auto' }, trackLabel(t)));
    setText($('.trk-price', el), t.kind === 'sure' ? priceText(thing.price) : '');
    $('.trk-sub', el).replaceChildren(...(t.kind === 'unknown' ? ['Not in this collection'] : t.kind === 'unsure' ? ['Printing not sure']
      : [thing.rarity && thing.rarity + (thing.code ? ' · ' : ''), thing.code && h('span', { class: 'code' }, thing.code)].filter(Boolean)));
    $('.trk-orig', el).replaceChildren(...(t.kind === 'sure' ? originalLine(thing.price).filter(Boolean) : [t.kind === 'unsure' ? spanOf(t) : '']));
    $('.trk-do', el).replaceChildren(...actions(t));
  }
  const here = focused()?.id === t.id;
  setAttr(el, 'data-focus', here);
  setAttr($('.trk-name', el), 'aria-pressed', String(here));
  setAttr(el, 'data-gone', t.missing > 0 && !t.nowhere && performance.now() - t.missing > GONE_MS);
  const add = $('[data-act="add"]', el);
  if (add) patchAdd(add, t);
}

/** @param {Track} t */
const seenText = (t) => `${scoreText(t.score)} · seen ${t.seen} of ${t.of}`;

export function renderTracks() {
  if (state.mode === 'page') { parts = null; renderNine(panel); return; }
  parts ||= build();
  const { tracks } = state.tracker;
  setText(parts.count, tracks.length ? String(tracks.length) : '');
  setText(parts.none, state.lost ? 'Paused until the server answers.' : state.source ? 'Nothing known in view. What you hold up appears here.' : 'What you hold up appears here.');
  parts.none.hidden = tracks.length > 0;
  const before = parts.list.childElementCount;
  keyed(parts.list, tracks, (t) => String(t.id), row, patch);
  if (before !== parts.list.childElementCount) { renderTrackNumbers(); settleScrollers(); }
}

/** The numbers in the rows change at most four times a second. */
export function renderTrackNumbers() {
  if (!parts) return;
  for (const t of state.tracker.tracks) {
    const el = parts.list.querySelector(`[data-key="${t.id}"]`);
    if (el) { setText($('.trk-seen', el), seenText(t)); patch(/** @type {HTMLElement} */ (el), t); }
  }
}

/** Words or money changed. */
export function resetTracks() {
  for (const el of panel.querySelectorAll('[data-look]')) el.removeAttribute('data-look');
  renderTracks();
}

