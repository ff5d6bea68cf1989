// The museum label under the picture: one thing, large enough to read from a metre.
import { $, button, h, isPhone, picture, setText, settleScrollers, use } from './dom.js';
import { focused, state } from './state.js';
import { addButton, glyph, originalLine, patchAdd, printings, spanOf, trackLabel } from './parts.js';
import { inWords, priceText, rarityName, scoreText } from './words.js';

const box = /** @type {HTMLElement} */ ($('#caption'));
/** what is shown, so that an answer that changes nothing moves nothing */
let shown = '';

/** @param {Track} t */
const seenText = (t) => `Score ${scoreText(t.score)}, seen ${t.seen} of ${t.of}`;

/** @param {string} title @param {string} text @param {any} [more] */
function quiet(title, text, more) {
  const key = `quiet|${title}|${text}|${!!more}`;
  if (shown === key) return;
  shown = key;
  settleScrollers();
  box.replaceChildren(h('div', { class: 'cap-quiet' }, h('h2', null, title), h('p', null, text), more));
}

const byName = () => h('div', { class: 'ask-btns' }, button('picker', 'i-search', 'Search by name', 'btn btn-line'));

function nothing() {
  if (state.lost) return quiet('Waiting for the server', 'The camera keeps running. Names come back by themselves.');
  if (state.source === 'photo' && !state.looking) {
    const near = state.closest;
    if (!near.length) return quiet('No match', 'Nothing in this photo is in the collection.', byName());
    const key = 'photo|' + near.map((c) => c.file || c.name).join('|');
    if (shown === key) return;
    shown = key;
    settleScrollers();
    box.replaceChildren(h('div', { class: 'cap', 'data-kind': 'unknown' },
      h('div', { class: 'cap-wide' }, h('h2', { class: 'cap-name' }, 'No match'), h('p', { class: 'cap-meta' }, `None of the ${state.info.count || ''} reference pictures fits. The closest are:`.replace('  ', ' '))),
      which(near, true)));
    if (!isPhone()) $('.cap-wide', box).append($('.which', box));
    return;
  }
  if (state.looking) return quiet('Looking…', 'One picture is on its way.');
  quiet(state.source ? 'Nothing known in view' : 'Nothing in view', `Hold one thing up so that all of it shows.${state.source ? ' What is not in the collection stays without a name.' : ''}`, state.source && byName());
}

/** Tiles to choose from. @param {Choice[]} list @param {boolean} unknown */
function which(list, unknown) {
  return h('div', { class: 'which' },
    list.map((c, i) => h('button', { type: 'button', class: 'tile', 'data-act': 'choose', 'data-i': String(i) }, picture(c.pic, ''),
      h('span', null, h('b', { dir: 'auto' }, unknown ? c.name : rarityName(c.rarity) || 'Common'), h('small', { class: 'code' }, c.code),
        h('span', { class: 'price' }, unknown ? `alike ${scoreText(c.score)}` : priceText(c.price))))),
    h('button', { type: 'button', class: 'tile', 'data-act': 'picker' }, use('i-search'), h('span', null, h('b', null, unknown ? 'None of these' : 'Another'), h('small', null, 'Search by name'))));
}

/** What the tiles stand for, by their number. @param {number} i @returns {Choice | undefined} */
export function tileChoice(i) {
  const t = focused();
  return !t ? state.closest[i] : t.kind === 'unknown' ? closestOf(t)[i] : printings(t)[i];
}

/** @param {Track} t */
const closestOf = (t) => (t.choices.length ? t.choices : state.closest).slice(0, 3);

/** @param {Track} t */
function sure(t) {
  const { thing } = t;
  box.replaceChildren(h('div', { class: 'cap' },
    h('div', { class: 'cap-pic' }, picture(thing.pic, thing.pic ? `Reference picture of ${thing.name}` : '', { loading: 'eager' })),
    h('div', { class: 'cap-main' },
      h('h2', { class: 'cap-name' }, glyph(t, true), h('span', { class: 'cap-title', dir: 'auto' }, thing.name)),
      h('p', { class: 'cap-meta' }, thing.rarity && h('span', null, rarityName(thing.rarity)), thing.code && h('span', { class: 'code' }, thing.code), h('span', { class: 'num opt2 seen' }, seenText(t))),
      h('div', { class: 'cap-price' }, thing.price && h('span', { class: 'price' }, priceText(thing.price)), h('span', { class: 'orig' }, originalLine(thing.price, true)))),
    h('div', { class: 'cap-do' }, addButton(t, true), button('picker', 'i-swap', 'Not this one', 'btn btn-line', { 'aria-label': 'Not this one: choose another', 'aria-keyshortcuts': 'c' }))));
}

/** @param {Track} t */
function doubtful(t) {
  const unknown = t.kind === 'unknown', list = unknown ? closestOf(t) : printings(t), span = unknown ? '' : spanOf(t);
  const count = list.length > 1 ? `${inWords(list.length)} printings look like this` : 'The printing is not sure';
  const closest = list.length ? `None of the ${state.info.count || ''} reference pictures fits. The closest are:`.replace('  ', ' ') : 'None of the reference pictures fits.';
  box.replaceChildren(h('div', { class: 'cap', 'data-kind': t.kind },
    h('div', { class: 'cap-pic' }, picture(t.thing.pic || (unknown ? '' : list[0]?.pic) || '', unknown ? 'What the camera saw' : `Closest reference picture of ${t.thing.name}`, { loading: 'eager' })),
    h('div', { class: 'cap-wide' },
      h('h2', { class: 'cap-name' }, glyph(t, true), h('span', { class: 'cap-title', dir: 'auto' }, trackLabel(t))),
      h('p', { class: 'cap-meta' }, unknown ? closest : h('span', null, `${count}${span ? ': ' + span : ''}. Which is it?`))),
    which(list, unknown)));
  if (!isPhone()) $('.cap-wide', box).append($('.which', box));
}

export function renderCaption() {
  const t = state.mode === 'page' ? undefined : focused();
  if (!t) { nothing(); return; }
  const key = [t.id, t.n, t.kind, t.thing.name, t.thing.rarity, t.thing.code, t.thing.pic, priceText(t.thing.price), originalLine(t.thing.price)[0],
    t.kind === 'sure' ? '' : [...printings(t), ...closestOf(t)].map((c) => c.file + priceText(c.price)).join(','), isPhone()].join('|');
  if (key !== shown) {
    shown = key;
    if (t.kind === 'sure') sure(t); else doubtful(t);
    settleScrollers();
    return;
  }
  const add = $('[data-act="add"]', box);
  if (add) patchAdd(add, t);
}

/** The numbers, at most four times a second. */
export function renderCaptionNumbers() {
  const t = focused(), seen = $('.seen', box);
  if (t && seen) setText(seen, seenText(t));
}

/** Draws it anew: words or money changed. */
export function resetCaption() { shown = ''; renderCaption(); }

