// The lists beside the tracks: top valuable, the phone's tabs, the status bar, the bar's line.
import { $, h, isPhone, keyed, picture, root, setAttr, setPicture, setText, settleScrollers, use } from './dom.js';
import { state, words } from './state.js';
import { dayText, money, plural, priceText, amountOf, purse, shortKind } from './words.js';

/** @typedef {import('./deck.js').Deck} Deck */

/* ---------- top valuable ---------- */

const top = (() => {
  const n = h('span', { class: 'n' }), list = h('ol', { id: 'top' }), none = h('p', { class: 'none' });
  $('#p-top').replaceChildren(
    h('div', { class: 'phead' }, h('h2', { id: 'h-top' }, 'Top valuable'), n, h('span', { class: 'sp' }),
      h('button', { type: 'button', class: 'icon-btn sm only-tab', 'data-act': 'todeck', 'aria-label': 'Show my deck', title: 'My deck' }, use('i-stack'))),
    h('div', { class: 'pbody', role: 'group', 'aria-label': 'Most valuable first' }, none, list));
  return { n, list, none };
})();

/** @param {Thing} t */
const topRow = (t) => h('li', { class: 'row rank' }, h('span', { class: 'i' }), picture(t.pic, ''), h('span', null, h('b', { dir: 'auto' }, t.name), h('small')), h('span', { class: 'price' }, h('span'), h('small')));

/** @param {HTMLElement} el @param {Thing} t @param {number} i */
function patchTop(el, t, i) {
  setText(el.children[0], String(i + 1));
  setPicture(/** @type {any} */ (el.children[1]), t.pic);
  setText($('small', el.children[2]), shortKind(t));
  setText(el.children[3].children[0], priceText(t.price));
  setText(el.children[3].children[1], t.price && t.price.currency !== purse.currency && amountOf(t.price) != null ? money(t.price.median, t.price.currency) : '');
}

/** Three rows or more, by the height of the window; all on a phone, and where nothing else wants the room. */
function topCount() {
  if (innerWidth < 1200) return state.top.length;
  const rem = parseFloat(getComputedStyle(root).fontSize) / 16;
  return $('#app').hasAttribute('data-blank') && !$('#deck').childElementCount ? state.top.length : Math.max(3, Math.floor((innerHeight / rem - 720) / 56));
}

export function renderTop() {
  const { info } = state, day = dayText(info.prices?.date);
  setText(top.n, [info.count && `of ${info.count.toLocaleString('en')}`, day && `prices ${day}`].filter(Boolean).join(' · '));
  setText(top.none, state.topKnown ? 'No prices here yet. “dlf-identify scrape_prices” makes a price file for the collection.' : state.lost ? 'Comes back with the server.' : '');
  top.none.hidden = state.top.length > 0;
  keyed(top.list, state.top.slice(0, topCount()), (t) => t.code + '|' + t.name, topRow, patchTop);
  settleScrollers();
}

/* ---------- the phone's tabs ---------- */

const tabs = Object.fromEntries([['view', 'i-eye', 'In view'], ['deck', 'i-stack', 'Deck'], ['top', 'i-top', 'Top']].map(([id, icon, text]) => {
  const word = h('span', { class: 'w' }, text), value = h('b'), el = h('button', { type: 'button', 'data-act': 'tab', 'data-tab': id, 'aria-controls': 'p-' + id }, use(icon), h('span', null, word, ' ', value));
  $('#tabs').append(el);
  return [id, { el, word, value }];
}));

/** @param {Deck} deck */
export function renderTabs(deck) {
  const open = root.dataset.sheet === 'open', { tab } = root.dataset, page = state.mode === 'page';
  for (const id of ['view', 'deck', 'top']) setAttr(tabs[id].el, 'aria-expanded', String(open && tab === id));
  setText(tabs.view.word, page ? 'Page' : 'In view');
  setText(tabs.view.value, String((page ? state.nine?.length : state.tracker.tracks.length) || ''));
  setText(tabs.deck.word, words().Deck === 'Deck' ? 'Deck' : 'Kept');
  setText(tabs.deck.value, deck.count ? money(deck.total.sum).replace(/\.\d\d$/, '') : '');
  setAttr(tabs.deck.el, 'data-pulse', state.added.size > 0);
  setAttr($('.grip'), 'aria-expanded', String(open));
}

/* ---------- the bar and the status line ---------- */

export function renderBar() {
  const { info } = state;
  setText($('#barSet'), info.upstream ? `through ${new URL(info.upstream).host}` : [info.count && plural(info.count, 'thing'), info.sets.join(', ')].filter(Boolean).join(' · '));
  for (const b of document.querySelectorAll('.seg [data-act^=mode]')) setAttr(b, 'aria-pressed', String(/** @type {HTMLElement} */ (b).dataset.act === 'mode-' + state.mode));
}

const status = (() => {
  const part = (/** @type {string} */ cls) => h('span', { class: cls });
  const dot = h('i', { class: 'dot' }), word = h('span'), live = h('span', { class: 'live' }, dot, word);
  const rate = part(''), ms = part('opt2'), count = part(''), where = part(''), size = part('opt2'), backend = part('opt2'), err = part('');
  $('#status').replaceChildren(live, rate, ms, count, where, size, backend, h('span', { class: 'sp' }), err);
  return { dot, word, rate, ms, count, where, size, backend, err };
})();

/** @param {HTMLElement} el @param {string} before @param {string} value @param {string} after */
function part(el, before, value, after) {
  const text = before + value + after;
  if (el.textContent === text) return;
  el.replaceChildren(...(value ? [before, h('b', null, value), after] : []));
}

/** "x 0.42, y 0.55" of the thing in the label. @param {Track | undefined} t */
function positionOf(t) {
  if (!t) return '';
  const x = t.quad.reduce((s, p) => s + p[0], 0) / 4, y = t.quad.reduce((s, p) => s + p[1], 0) / 4;
  return `x ${x.toFixed(2)}, y ${y.toFixed(2)}`;
}

/** @param {Track | undefined} focus */
export function renderStatus(focus) {
  const running = !!state.source, moving = running && state.source !== 'photo' && !state.frozen, { lost, tracker } = state;
  const [mark, word] = lost ? ['bad', 'Server lost'] : state.frozen ? ['wait', 'Frozen'] : running ? ['ok', state.mode === 'page' ? 'Page' : state.source === 'photo' ? 'Photo' : 'Live'] : ['wait', 'Not running'];
  status.dot.className = 'dot ' + mark;
  setText(status.word, word);
  part(status.rate, '', moving ? state.rate.toFixed(1) : '', ' frames/s');
  part(status.ms, '', running && state.ms && !lost ? String(Math.round(state.ms)) : '', ` ms now, ${Math.round(state.average)} average`);
  part(status.count, '', running ? String(tracker.tracks.length) : '', ` in view, ${tracker.counted} so far`);
  part(status.where, 'at ', running ? positionOf(focus) : '', '');
  part(status.size, 'frame ', running && state.lastFrame ? `${state.lastFrame.width} × ${state.lastFrame.height}` : '', '');
  part(status.backend, 'Backend ', backendName(), state.info.count ? `, ${plural(state.info.count, 'thing')}` : '');
  setText(status.err, state.error || 'No errors');
  status.err.className = state.error ? 'err' : '';
  renderPill(moving, mark);
}

/** @param {boolean} moving @param {string} mark */
function renderPill(moving, mark) {
  const text = state.lost ? '' : state.looking ? 'Looking…' : state.frozen ? 'Frozen' : moving && isPhone() && state.mode === 'live' ? `${Math.round(state.rate)} f/s, ${Math.round(state.ms)} ms` : '';
  const pill = $('#pill');
  if (pill.dataset.text === text) return;
  pill.dataset.text = text;
  pill.replaceChildren(...(text ? [h('i', { class: 'dot ' + mark }), text] : []));
}

export const onThisComputer = () => ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);

export const backendName = () => (state.info.upstream ? new URL(state.info.upstream).host : onThisComputer() ? 'this computer' : location.host);

/** Where pictures go, in a sentence. */
export function privacy() {
  const { upstream } = state.info, here = onThisComputer() ? 'this computer' : location.hostname;
  if (upstream) return `Pictures go to ${here} and on to ${new URL(upstream).host}.`;
  return onThisComputer() ? 'Pictures stay on this computer.' : `Pictures go to ${here} on your network, and nowhere else.`;
}
