// Parts that several views share: the shape of a track, the Add button, the lines under a name.
import { button, h, use } from './dom.js';
import { state } from './state.js';
import { ageText, originalText, purse, spanText } from './words.js';

/** @param {{n: number, kind: Kind}} t @param {boolean} [big] */
export const glyph = (t, big) => h('span', { class: `gly k${t.n}${big ? ' big' : ''}${t.kind === 'sure' ? '' : ' ' + t.kind}` }, t.kind === 'unknown' ? '?' : use('g-' + t.n, 'gl'));

/** @param {Track} t */
export const trackLabel = (t) => (t.kind === 'unknown' ? 'No match' : t.thing.name + (t.kind === 'unsure' ? '?' : ''));

/** The printings that a doubtful track may be: the candidates that share its name. @param {Track} t @returns {Choice[]} */
export function printings(t) {
  const own = t.choices.filter((c) => c.name === t.thing.name);
  const list = own.length ? own : [{ ...t.thing, score: t.score }];
  return list.slice(0, 3);
}

/** @param {Track} t */
export const spanOf = (t) => spanText(printings(t).map((c) => c.price));

/** @param {Price | null} price @param {boolean} [withAge] */
export function originalLine(price, withAge) {
  const age = withAge && price ? ageText(price.date || purse.date) : '';
  return [originalText(price), age && h('span', { class: 'age' }, age)];
}

export const ADD = '+ Add to Deck', ADDED = '✓ Added!';

/** @param {Track} t @param {boolean} [big] */
export function addButton(t, big) {
  const el = button('add', null, ADD, `btn btn-go${big ? ' btn-big' : ''}`, { 'data-n': String(t.id), 'aria-keyshortcuts': big ? 'a' : null });
  el.replaceChildren(h('span', null, ADD), big ? h('kbd', { 'aria-hidden': 'true' }, 'A') : '');
  patchAdd(el, t);
  return el;
}

/** @param {HTMLElement} el @param {Track} t */
export function patchAdd(el, t) {
  const added = state.added.has(t.id), text = added ? ADDED : ADD, span = el.firstElementChild;
  if (span && span.textContent !== text) span.textContent = text;
  if (el.hasAttribute('data-added') !== added) el.toggleAttribute('data-added', added);
  el.dataset.n = String(t.id);
  if (!el.classList.contains('btn-big')) {
    const name = `${text}: ${t.thing.name}`;
    if (el.getAttribute('aria-label') !== name) el.setAttribute('aria-label', name);
  }
}
