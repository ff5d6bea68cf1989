// A page of nine: one photo of a binder page, its answers in reading order, and Add all.
import { button, h, picture, settleScrollers } from './dom.js';
import { state } from './state.js';
import { printings } from './parts.js';
import { amountOf, inWords, money, plural, priceText, rarityName } from './words.js';

/** @param {Track} t */
function lowest(t) {
  const amounts = printings(t).map((c) => amountOf(c.price)).filter((a) => a != null);
  return amounts.length ? `from ${money(Math.min(...amounts))}` : '';
}

/** @param {Track} t @param {number} i */
function cell(t, i) {
  const sure = t.kind === 'sure';
  return h('li', null, h('button', { type: 'button', class: 'cell', 'data-unsure': !sure, 'data-act': 'picker', 'data-n': String(t.id) },
    h('span', { class: 'pic' }, picture(t.thing.pic, '', { loading: 'eager' }), h('span', { class: 'pos' }, String(i + 1) + (sure ? '' : '?'))),
    h('b', { dir: 'auto' }, t.thing.name || 'No match'),
    h('small', null, sure ? rarityName(t.thing.rarity) || t.thing.code : t.kind === 'unknown' ? 'Not in this collection' : 'Which printing?'),
    h('span', { class: 'price' }, sure ? priceText(t.thing.price) : lowest(t))));
}

/** What Add all adds: everything with a name. */
export const addable = () => (state.nine || []).filter((t) => t.kind !== 'unknown');

function waiting() {
  const camera = state.source === 'camera' || state.source === 'video';
  return [
    h('div', { class: 'phead' }, h('h2', { id: 'h-view' }, 'Page of nine')),
    h('div', { class: 'pbody' }, h('p', { class: 'none' }, state.looking ? 'Looking at the page…'
      : camera ? 'Lay a binder page under the camera so that all of it shows, then take the picture.' : 'A photo of a binder page gives nine answers at once, in reading order.')),
    h('div', { class: 'addall' },
      camera ? button('still', 'i-camera', 'Take the picture', 'btn btn-go btn-big', { disabled: state.looking }) : button('webcam', 'i-camera', 'Use Webcam', 'btn btn-go btn-big'),
      button('photo', 'i-photo', 'Choose a photo', 'btn btn-line')),
  ];
}

/** @param {HTMLElement} panel */
export function renderNine(panel) {
  const { nine } = state;
  if (!nine) { panel.replaceChildren(...waiting()); return; }
  const list = addable(), unsure = nine.map((t, i) => (t.kind === 'unsure' ? i + 1 : 0)).filter(Boolean);
  const sum = list.reduce((s, t) => s + (t.kind === 'sure' ? amountOf(t.thing.price) ?? 0 : 0), 0);
  const done = list.length > 0 && list.every((t) => state.added.has(t.id));
  panel.replaceChildren(
    h('div', { class: 'phead' }, h('h2', { id: 'h-view' }, plural(nine.length, 'answer')), h('span', { class: 'n' }, nine.length ? 'in reading order' : ''), h('span', { class: 'sp' }), button('again', 'i-camera', 'Next page', 'btn btn-bare')),
    h('div', { class: 'pbody', role: 'group', 'aria-label': 'Answers' },
      nine.length ? h('ol', { class: 'nine' }, nine.map(cell)) : h('p', { class: 'none' }, 'Nothing on this picture is in the collection. Try with more light, straight from above.')),
    list.length ? h('div', { class: 'addall' },
      button('addall', done ? 'i-check' : 'i-add', done ? 'Added' : `Add all ${list.length}${sum ? ' · ' + money(sum) : ''}`, 'btn btn-go btn-big', { 'data-added': done }),
      unsure.length ? h('p', null, `${unsure.length === 1 ? `Number ${unsure[0]} is` : `${inWords(unsure.length)} are`} added as unsure. Tap to choose the printing first.`) : '') : '');
  settleScrollers();
}
