// "Not this one": candidates, search over all names and codes, a new name; with a writable server the
// straightened picture is kept as another reference.
import { $, button, h, isTouch, picture, use } from './dom.js';
import { focused, state } from './state.js';
import { addReference, removeReference, search } from './api.js';
import { straighten } from './worker.js';
import { hush, toast } from './say.js';
import { longKind, plural, priceText, scoreText, clean } from './words.js';

const SEARCH_MS = 150, MAX_NAME = 120;

const dialog = /** @type {HTMLDialogElement} */ ($('#picker'));
/** whom it is about @type {Track | null} */
let track = null;
/** what the camera saw @type {Blob | null} */
let crop = null;
let cropUrl = '', asked = 0, timer = 0, lastKept = '';
/** @type {Thing[]} */
let listed = [];
/** @type {(track: Track | null, thing: Thing) => void} */
let settle = () => {};
/** @type {HTMLElement | null} */
let results = null;

/** @param {(track: Track | null, thing: Thing) => void} fn what a choice does */
export function onChoice(fn) { settle = fn; }

/** @param {number} id @returns {Track | undefined} */
export function trackById(id) {
  return [...(state.nine || []), ...state.tracker.tracks, ...state.tracker.away].find((t) => t.id === id);
}

/** The picture of the thing, cut out of the frame that it was found in. */
async function cutOut() {
  const frame = track ? track.frame : state.lastFrame;
  if (!frame?.blob) return;
  const about = track;
  const blob = track ? await straighten(frame.blob, track.quad).catch(() => null) : frame.blob;
  if (!blob || about !== track || !dialog.open) return;
  crop = blob;
  if (cropUrl) URL.revokeObjectURL(cropUrl);
  cropUrl = URL.createObjectURL(blob);
  $('.yours', dialog).replaceChildren(h('img', { src: cropUrl, alt: track ? 'What the camera saw, straightened' : 'What the camera saw' }), h('figcaption', null, 'What the camera saw'));
}

/** Candidates before anything is typed. @returns {Choice[]} */
function likely() {
  const list = track ? [...(track.kind === 'unknown' ? [] : [{ ...track.thing, score: track.score }]), ...track.choices, ...(track.choices.length ? [] : state.closest)] : state.closest;
  return list.filter((c, i) => list.findIndex((o) => (o.file || o.name) === (c.file || c.name)) === i);
}

/** @param {Thing[]} list @param {string} typed */
function show(list, typed) {
  const on = results?.contains(document.activeElement) ? listed[Number(/** @type {HTMLElement} */ (document.activeElement).dataset.i)] : null;
  listed = list;
  if (!results) return;
  $('#find-n', dialog).textContent = list.length ? plural(list.length, typed ? 'result' : 'likely one') : 'No results';
  if (!list.length) {
    results.replaceChildren(nothing(typed));
    if (on) $('#find', dialog).focus();
    return;
  }
  results.replaceChildren(h('ol', { class: 'cands', 'aria-label': typed ? 'Found, best first' : 'Candidates, likeliest first' }, list.map((t, i) => {
    const score = /** @type {Choice} */ (t).score, tenths = Math.max(1, Math.round((score || 0) * 10));
    return h('li', null, h('button', { type: 'button', class: 'cand', 'data-act': 'pick', 'data-i': String(i) }, picture(t.pic, '', { loading: 'eager' }),
      h('span', null, h('b', { dir: 'auto' }, t.name), h('small', null, longKind(t)),
        score != null && !typed && [h('span', { class: 'like' }, h('i', { class: `w${tenths * 10}` })), h('span', { class: 'sr' }, `alike ${scoreText(score)}`)]),
      h('span', { class: 'price' }, priceText(t.price))));
  })), typed ? newName(typed) : '');
  if (on) (results.querySelector(`[data-i="${list.findIndex((t) => t.file === on.file && t.name === on.name)}"]`) || $('#find', dialog)).focus(); // a late answer takes no focus away
}

/** @param {string} typed */
const newName = (typed) => h('div', { class: 'ask-btns newname' }, button('newname', 'i-add', `New name “${typed}”`, 'btn btn-line'));

/** @param {string} typed */
function nothing(typed) {
  if (!typed) return h('div', { class: 'cap-quiet' }, h('h2', null, 'What is it?'), h('p', null, 'Search by name or code.'));
  const { count, canWrite } = state.info;
  return h('div', { class: 'cap-quiet' }, h('h2', { dir: 'auto' }, `Nothing called “${typed}”`),
    h('p', null, `${count ? `There are ${count.toLocaleString('en')} names here. ` : ''}Try part of the name, or a code. ${canWrite ? 'If it has no reference picture yet, keep this one under a new name.' : 'It can be kept in the deck under a new name.'}`), newName(typed));
}

async function find() {
  const typed = clean($('#find', dialog).value, MAX_NAME), turn = ++asked;
  if (!typed) { show(likely(), ''); return; }
  try {
    const found = await search(typed);
    if (turn === asked && dialog.open) show(found, typed);
  } catch {
    if (turn !== asked || !dialog.open || !results) return;
    results.replaceChildren(h('div', { class: 'cap-quiet' }, h('h2', null, 'The search did not answer'), h('p', null, 'It works again when the server is back. A new name is kept in this browser.'), newName(typed)));
  }
}

/** @param {Track | null | undefined} about @param {boolean} [searching] put the cursor into the search */
export function openPicker(about, searching) {
  track = about === undefined ? focused() || null : about;
  crop = null;
  hush();
  const keep = state.info.canWrite, mouse = searching || !isTouch();
  results = h('div', { id: 'results' });
  const input = h('input', { type: 'search', id: 'find', placeholder: 'Name or code', autocomplete: 'off', spellcheck: false, maxlength: String(MAX_NAME), autofocus: mouse, 'aria-describedby': 'find-n' });
  input.addEventListener('input', () => { clearTimeout(timer); timer = window.setTimeout(find, SEARCH_MS); });
  dialog.replaceChildren(
    h('div', { class: 'dhead' }, h('h2', { id: 'h-picker', tabindex: '-1', autofocus: !mouse }, 'Which one is it?'), h('button', { type: 'button', class: 'icon-btn', 'data-act': 'close', 'aria-label': 'Close' }, use('i-close'))),
    h('div', { class: 'dbody' }, h('div', { class: 'pick' },
      h('figure', { class: 'yours' }, track?.thing.pic ? picture(track.thing.pic, '') : '', h('figcaption', null, 'What the camera saw')),
      h('div', null, h('label', { class: 'find' }, h('span', { class: 'sr' }, 'Search names and codes'), use('i-search'), input), h('p', { class: 'sr', id: 'find-n', role: 'status' }), results))),
    h('div', { class: 'dact' },
      keep && h('label', { class: 'tick' }, h('input', { type: 'checkbox', id: 'keep', checked: true }), 'Keep this picture as another reference'), h('span', { class: 'sp' }),
      track?.kind === 'unsure' && button('addunsure', 'i-add', 'Add as unsure', 'btn btn-line', { 'data-n': String(track.id) }),
      button('close', 'i-none', 'None of these', 'btn btn-line')));
  show(likely(), '');
  if (!dialog.open) dialog.showModal();
  cutOut();
}

/** Keeps the picture as a reference where that was ticked. @param {Thing} thing */
async function keepPicture(thing) {
  const image = crop;
  if (!state.info.canWrite || !image || !$('#keep', dialog)?.checked) return;
  try {
    lastKept = await addReference(image, thing);
    toast(`Kept as another picture of ${thing.name}.`, lastKept ? 'unkeep' : '');
  } catch (error) {
    toast(`The picture was not kept: ${/** @type {Error} */ (error).message}`);
  }
}

/** @param {Thing} thing */
function choose(thing) {
  const about = track;
  keepPicture(thing);
  dialog.close();
  settle(about, thing);
}

/** @param {number} i */
export function pick(i) { if (listed[i]) choose(listed[i]); }

export function pickNewName() {
  const name = clean($('#find', dialog).value, MAX_NAME);
  if (name) choose({ name, rarity: '', code: '', file: '', pic: '', price: null });
}

export async function unkeep() {
  const file = lastKept;
  lastKept = '';
  if (!file) return;
  try { await removeReference(file); toast('The picture is gone again.'); } catch (error) { toast(`It could not be removed: ${/** @type {Error} */ (error).message}`); }
}

dialog.addEventListener('keydown', (e) => { // arrows move through the candidates
  if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp' && !(e.key === 'Enter' && /** @type {Element} */ (e.target).id === 'find')) return;
  const all = /** @type {HTMLElement[]} */ ([...dialog.querySelectorAll('.cand')]), i = all.indexOf(/** @type {any} */ (document.activeElement));
  if (e.key === 'Enter') { e.preventDefault(); if (all.length) pick(0); return; }
  e.preventDefault();
  const next = i + (e.key === 'ArrowDown' ? 1 : -1);
  (next < 0 ? $('#find', dialog) : all[Math.min(next, all.length - 1)])?.focus();
});
dialog.addEventListener('close', () => {
  track = null;
  crop = null;
  if (cropUrl) URL.revokeObjectURL(cropUrl);
  cropUrl = '';
});
