// The deck's panel: rows, total, and its foot with Export, Import, Undo, Clear.
import { $, button, h, keyed, picture, setAttr, setPicture, setText, settleScrollers, use } from './dom.js';
import { changed, state, words } from './state.js';
import { amountOf, money, shortKind } from './words.js';
import { FORMATS } from './formats.js';

const STEP = 120; // rows that are made at a time

const panel = /** @type {HTMLElement} */ ($('#p-deck'));
let shown = STEP, menu = false, pulse = 0, footed = '';

/** @typedef {import('./deck.js').Deck} Deck */

const parts = (() => {
  const title = h('h2', { id: 'h-deck' }), count = h('span', { class: 'n' }), total = h('span', { class: 'total', id: 'deck-total' });
  const none = h('p', { class: 'none' }), list = h('ul', { id: 'deck' }), foot = h('div', { class: 'dfoot' }), end = h('p', { class: 'sentinel', 'aria-hidden': 'true' });
  const body = h('div', { class: 'pbody', role: 'group', 'aria-label': 'What is kept' }, none, list, end);
  panel.replaceChildren(
    h('div', { class: 'phead' }, title, count, h('span', { class: 'sp' }),
      h('button', { type: 'button', class: 'icon-btn sm only-tab', 'data-act': 'totop', 'aria-label': 'Show top valuable', title: 'Top valuable' }, use('i-top')), total),
    body, foot);
  new IntersectionObserver((seen) => { if (seen.some((e) => e.isIntersecting)) more(); }, { root: body, rootMargin: '600px' }).observe(end);
  return { title, count, total, none, list, foot, body, end };
})();

/** @type {Deck | null} */
let deck = null;

/** @param {Deck} d */
export function useDeck(d) { deck = d; }

function more() {
  if (!deck || shown >= deck.entries.length) return;
  shown += STEP;
  changed('deck');
}

/** @param {DeckEntry} e */
function row(e) {
  const step = (/** @type {string} */ act, /** @type {string} */ icon, /** @type {string} */ word) =>
    h('button', { type: 'button', class: 'icon-btn sm', 'data-act': act, 'data-key': e.key, 'aria-label': `One ${e.name} ${word}` }, use(icon));
  return h('li', { class: 'row' }, picture(e.pic, ''), h('span', null, h('b', { dir: 'auto' }, e.name), h('small')),
    h('span', { class: 'qty' }, step('less', 'i-less', 'fewer'), h('span', { class: 'q' }), step('more', 'i-add', 'more')),
    h('span', { class: 'price' }));
}

/** @param {HTMLElement} el @param {DeckEntry} e @param {number} i */
function patch(el, e, i) {
  const amount = amountOf(e.price);
  setPicture(/** @type {any} */ (el.firstElementChild), e.pic);
  setText($('small', el), e.unsure ? 'Printing not sure' : shortKind(e));
  setText($('.q', el), String(e.qty));
  setText($('.price', el), amount == null ? '–' : money(amount * e.qty));
  setAttr($('.price', el), 'aria-label', amount == null ? 'no price' : null);
  setAttr(el, 'data-new', e.key === deck?.newest && state.added.size > 0);
  setAttr(el, 'aria-setsize', String(deck?.entries.length || 0));
  setAttr(el, 'aria-posinset', String(i + 1));
}

/** Made anew only when it differs: what has the focus keeps it. */
function foot() {
  const some = !!deck?.entries.length, undo = deck?.undoText, now = [some, undo, menu].join();
  if (footed === now) return;
  footed = now;
  parts.foot.replaceChildren(...[
    h('div', { class: 'menu' }, button('export', 'i-out', 'Export', 'btn btn-line', { 'aria-expanded': String(menu), disabled: !some }),
      menu && h('div', { class: 'menu-pop' }, FORMATS.map((f) => h('button', { type: 'button', 'data-act': 'save', 'data-id': f.id }, f.name, h('small', null, f.note))))),
    button('import', null, 'Import', 'btn btn-bare'), h('span', { class: 'sp' }),
    undo && button('undo', 'i-undo', undo, 'btn btn-line undo', { title: undo }),
    some && button('clear', null, 'Clear', 'btn btn-bare btn-bad'),
  ].filter(Boolean));
}

export function renderDeck() {
  if (!deck) return;
  const { entries, count } = deck, { sum, without } = deck.total, w = words();
  setText(parts.title, `My ${w.deck}`);
  setText(parts.count, count ? `${count.toLocaleString('en')} ${count === 1 ? w.one : w.many}${without ? `, ${without.toLocaleString('en')} without a price` : ''}` : '');
  setText(parts.total, count ? money(sum) : '');
  setText(parts.none, `Empty. “Add to Deck” puts the thing you are holding here. It stays in this browser.`);
  parts.none.hidden = count > 0;
  if (shown > STEP && entries.length < shown - STEP) shown = Math.max(STEP, Math.ceil(entries.length / STEP) * STEP);
  keyed(parts.list, entries.slice(0, shown), (e) => e.key, row, patch);
  parts.end.hidden = shown >= entries.length;
  foot();
  settleScrollers();
}

/** The border is green for a moment; the tab's total too. */
export function pulseDeck() {
  clearTimeout(pulse);
  panel.removeAttribute('data-pulse');
  void panel.offsetWidth; // starts the animation again
  panel.setAttribute('data-pulse', '');
  pulse = window.setTimeout(() => { panel.removeAttribute('data-pulse'); changed('deck'); }, 1400);
  if (parts.body.scrollTop) parts.body.scrollTop = 0;
}

/** @param {boolean} [open] */
export function exportMenu(open = !menu) {
  if (menu === open) return;
  menu = open;
  parts.body.inert = menu; // it lies above the rows
  foot();
  if (menu) $('.menu-pop button', panel).focus();
}
export const menuOpen = () => menu;

/** Saves the deck in a format; the file's name. @param {string} id @returns {string} */
export function saveAs(id) {
  const format = FORMATS.find((f) => f.id === id);
  if (!format || !deck) return '';
  const url = URL.createObjectURL(new Blob([format.write(deck.entries)], { type: format.type + ';charset=utf-8' }));
  const link = h('a', { href: url, download: format.file });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  return format.file;
}
