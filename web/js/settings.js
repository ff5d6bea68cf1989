// Settings, the list of keys, and the import dialog.
import { $, button, h, use } from './dom.js';
import { saveSettings, settings, state, changed } from './state.js';
import { abilities, choose, setZoom, zoomNow } from './camera.js';
import { dayText, ageText } from './words.js';

const CURRENCIES = [['USD', 'US dollar, $'], ['EUR', 'Euro, €'], ['GBP', 'Pound, £'], ['JPY', 'Yen, ¥'], ['CAD', 'Canadian dollar'], ['AUD', 'Australian dollar']];
const KEYS = [['Space', 'Freeze the picture'], ['A', 'Add what is in the label'], ['Shift A', 'Add everything in view'], ['1 … 8', 'Choose a track'], ['C', 'Not this one'], ['Z', 'Undo'], ['B', 'Live or page of nine'], ['/', 'Search names'], ['M', 'Mirror'], ['T', 'Torch'], ['F', 'Full screen'], [',', 'Settings'], ['?', 'This list'], ['Esc', 'Close']];

const head = (/** @type {string} */ id, /** @type {string} */ text) => h('div', { class: 'dhead' },
  h('h2', { id, tabindex: '-1', autofocus: true }, text), h('button', { type: 'button', class: 'icon-btn', 'data-act': 'close', 'aria-label': 'Close' }, use('i-close')));

/** @param {string} label @param {string} id @param {string[][]} options @param {string} value @param {string} [note] */
const select = (label, id, options, value, note) => h('label', { class: 'opt' }, h('span', null, label, note && h('small', null, note)),
  h('select', { id, 'data-set': id }, options.map(([v, text]) => h('option', { value: v, selected: v === value }, text))));

/** @param {string} label @param {keyof Settings} id @param {string} [note] */
const toggle = (label, id, note) => h('label', { class: 'opt' }, h('span', null, label, note && h('small', null, note)),
  h('input', { type: 'checkbox', role: 'switch', class: 'sw', id: 'set-' + id, 'data-set': id, checked: settings[id] === true }));

function cameraPart() {
  const can = abilities(), list = state.cameras.length ? state.cameras.map((c) => [c.id, c.label]) : [['', 'The first one']];
  return h('div', { class: 'set' }, h('h3', null, 'Camera'),
    select('Camera', 'camera', list, settings.camera, 'Blurry close up? Try another lens.'),
    select('Resolution', 'resolution', ['1280 × 720', '1920 × 1080', '640 × 480'].map((r) => [r, r]), settings.resolution),
    can.zoom && can.zoom.max > can.zoom.min && h('label', { class: 'opt' }, h('span', null, 'Zoom'), h('input', { type: 'range', class: 'zoom', id: 'zoom', min: String(can.zoom.min), max: String(can.zoom.max), step: String(can.zoom.step || 0.1), value: String(zoomNow() ?? can.zoom.min) })),
    toggle('Mirror', 'mirror', 'For a camera that faces you'),
    state.torch != null && h('label', { class: 'opt' }, h('span', null, 'Torch'), h('input', { type: 'checkbox', role: 'switch', class: 'sw', id: 'set-torch', checked: state.torch })));
}

function pricePart() {
  const { rates, prices, currency } = state.info, now = settings.currency || currency;
  const known = CURRENCIES.filter(([c]) => c === currency || (rates && (rates.rates[c] || rates.base === c)));
  const list = known.some(([c]) => c === currency) ? known : [[currency, currency], ...known];
  const note = [rates && `Rates from ${dayText(rates.date) || 'the server'}.`, prices && `Prices from ${ageText(prices.date) || 'a file without a date'}.`].filter(Boolean).join(' ');
  return h('div', { class: 'set' }, h('h3', null, 'Prices'), select('Currency', 'currency', list, now, note));
}

function themePart() {
  return h('div', { class: 'set' }, h('h3', null, 'Page'),
    h('div', { class: 'opt' }, h('span', { id: 'l-theme' }, 'Theme'), h('div', { class: 'seg', role: 'radiogroup', 'aria-labelledby': 'l-theme' },
      [['auto', 'System'], ['light', 'Light'], ['dark', 'Dark']].map(([v, text]) => h('button', { type: 'button', role: 'radio', 'aria-checked': String(settings.theme === v), 'data-act': 'theme', 'data-v': v }, text)))),
    toggle('Camera buttons on the left', 'hand', 'For the left thumb'), toggle('Single-key shortcuts', 'keys'));
}

export function openSettings() {
  const dialog = $('#settings');
  dialog.replaceChildren(head('h-settings', 'Settings'), h('div', { class: 'dbody' },
    state.info.upstream && h('div', { class: 'set' }, h('h3', null, 'Upstream'), h('label', { class: 'opt' }, h('span', null, 'Look for', h('small', null, 'What a detector is asked to find')), h('input', { type: 'text', id: 'query', class: 'text', 'data-set': 'query', value: settings.query, maxlength: '120' }))),
    cameraPart(),
    h('div', { class: 'set' }, h('h3', null, 'Feedback'), toggle('Sound', 'sound', 'A soft tick when something is known'), toggle('Vibration', 'haptic'), toggle('Read names aloud', 'speak')),
    pricePart(), themePart()));
  if (!dialog.open) dialog.showModal();
}

/** @param {string} theme */
export function setTheme(theme) {
  settings.theme = /** @type {Settings['theme']} */ (theme);
  saveSettings();
  for (const b of document.querySelectorAll('#settings [data-act="theme"]')) b.setAttribute('aria-checked', String(/** @type {HTMLElement} */ (b).dataset.v === theme));
}

/**
 * @param {{restart: () => void, torch: (on: boolean) => void}} does what a change of camera and torch does
 */
export function watchSettings(does) {
  $('#settings').addEventListener('change', (/** @type {Event} */ e) => {
    const el = /** @type {HTMLInputElement} */ (e.target), id = el.dataset.set;
    if (el.id === 'set-torch') { does.torch(el.checked); return; }
    if (!id) return;
    if (id === 'camera') { choose(el.value); does.restart(); return; }
    const value = el.type === 'checkbox' ? el.checked : el.value.trim();
    if (id === 'query' && !value) return;
    /** @type {any} */ (settings)[id] = value;
    saveSettings();
    if (id === 'resolution') does.restart();
    changed('stage status');
  });
  $('#settings').addEventListener('input', (/** @type {Event} */ e) => {
    const el = /** @type {HTMLInputElement} */ (e.target);
    if (el.id === 'zoom') setZoom(Number(el.value));
  });
}

export function openKeys() {
  const dialog = $('#keys');
  dialog.replaceChildren(head('h-keys', 'Keyboard'),
    h('div', { class: 'dbody', role: 'group', 'aria-label': 'Shortcuts', tabindex: '0' }, h('dl', { class: 'klist' }, KEYS.map(([k, text]) =>
      h('div', null, h('dt', null, text), h('dd', null, k.split(' ').map((x) => (x === '…' ? ' … ' : h('kbd', { class: 'key' }, x)))))))),
    h('div', { class: 'dact' }, h('span', null, 'Single keys can be turned off in Settings.')));
  if (!dialog.open) dialog.showModal();
}

export function openImport() {
  const dialog = $('#import');
  dialog.replaceChildren(head('h-import', 'Import'),
    h('div', { class: 'dbody' },
      h('p', { class: 'lead' }, 'A file that Export wrote, a collection file of TCGplayer or Moxfield, or a deck of the older page. What is in it is added to what is here.'),
      h('div', { class: 'ask-btns left' }, button('importfile', 'i-out', 'Choose a file', 'btn btn-line')),
      h('label', { class: 'paste' }, h('span', null, 'Or paste it: a list such as “4 Lantern Goldfish”, CSV, JSON, or what ', h('code', null, 'localStorage["dlf-deck-v1"]'), ' holds on the older page'),
        h('textarea', { id: 'import-text', rows: '7', spellcheck: false })),
      h('p', { class: 'bad', id: 'import-error', role: 'alert' })),
    h('div', { class: 'dact' }, h('span', { class: 'sp' }), button('close', null, 'Cancel', 'btn btn-line'), button('importtext', null, 'Add these', 'btn btn-go')));
  if (!dialog.open) dialog.showModal();
}
