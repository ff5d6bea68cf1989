// The stage: the picture, its buttons, and what it says when there is no picture.
import { $, button, h, isPhone, isTall, root, setAttr, use } from './dom.js';
import { state } from './state.js';
import { privacy } from './lists.js';
import { qrSvg } from './qr.js';

const stage = /** @type {HTMLElement} */ ($('#stage')), app = /** @type {HTMLElement} */ ($('#app'));
let shown = '', tools = '', banner = '';

const corners = () => h('div', { class: 'corners' }, h('i'), h('i'), h('i'), h('i'));
const instead = () => (isPhone() ? 'Take a photo instead' : 'Choose a photo instead');
const big = (/** @type {string} */ icon) => h('div', { class: 'glyphbig' }, use(icon));
const others = () => h('div', { class: 'ask-btns' }, button('photo', 'i-photo', 'Choose a photo', 'btn btn-line'), button('file', 'i-film', 'Open a video', 'btn btn-line'));

/** Five pictures of the collection, fanned out; none before the server has said which. */
function fan() {
  const pics = state.top.filter((t) => t.pic).slice(0, 5);
  return pics.length < 5 ? big('i-camera') : h('div', { class: 'fan' }, pics.map((t) => h('img', { src: t.pic, alt: '', width: 116, height: 162 })));
}

const SAYS = /** @type {Record<string, () => any[]>} */ ({
  first: () => [fan(), h('h2', null, state.mode === 'page' ? 'A page at once.' : 'Hold it up. See what it is.'),
    h('p', null, state.mode === 'page' ? 'A photo of a binder page gives nine answers, in reading order.' : state.info.upstream ? 'The upstream server says what it sees. Set what to look for in Settings.' : `Cards, sleeves, books, paintings, parts: whatever is among your ${state.info.count ? state.info.count.toLocaleString('en') + ' ' : ''}reference pictures.`),
    h('div', { class: 'ask-btns' }, button('webcam', 'i-camera', 'Use Webcam', 'btn btn-go btn-big'), button('photo', 'i-photo', 'Choose a photo', 'btn btn-line'), button('file', 'i-film', 'Open a video', 'btn btn-line')),
    h('p', { class: 'small' }, (isPhone() ? '' : 'Or drop or paste a picture anywhere. ') + privacy())],
  asking: () => [big('i-camera'), h('h2', null, 'Allow the camera'), h('p', null, 'Your browser is asking. Choose Allow and the picture starts.'), h('div', { class: 'ask-btns' }, button('stop', null, 'Cancel', 'btn btn-line'))],
  nocamera: () => [big('i-off'), h('h2', null, 'No camera found'), h('p', null, 'Plug one in and it starts by itself. A photo or a video works without one.'), others()],
  busycamera: () => [big('i-off'), h('h2', null, 'The camera is in use'), h('p', null, 'Another program or page has it. Close that, then try again.'),
    h('div', { class: 'ask-btns' }, button('webcam', null, 'Try again', 'btn btn-go btn-big'), button('photo', 'i-photo', instead(), 'btn btn-line'))],
  denied: () => [big('i-off'), h('h2', null, 'The camera is blocked here'),
    h('ol', { class: 'steps' }, h('li', null, 'Open the site settings: the icon left of the address.'), h('li', null, 'Set Camera to Allow.'), h('li', null, 'Come back and try again.')),
    h('div', { class: 'ask-btns' }, button('webcam', null, 'Try again', 'btn btn-go btn-big'), button('photo', 'i-photo', instead(), 'btn btn-line'))],
  insecure,
  token: () => [big('i-lock'), h('h2', null, 'This server asks for its token'), h('p', null, 'Whoever runs it chose one at the start. It is kept as a cookie of this site.'),
    h('form', { class: 'token', id: 'token' }, h('label', { class: 'find' }, h('span', { class: 'sr' }, 'Token'), use('i-lock'), h('input', { type: 'password', id: 'token-text', autocomplete: 'current-password', required: true, placeholder: 'Token' })),
      h('button', { type: 'submit', class: 'btn btn-go btn-big' }, 'Go on'))],
});

export const secureAddress = () => (state.info.httpsUrl ? state.info.httpsUrl + '/canvas/live' : '');

/** No camera without https: the address, its QR code, the certificate's first bytes. */
function insecure() {
  const address = secureAddress(), print = state.info.fingerprint.replace(/[^0-9A-Fa-f]/g, '').toUpperCase().slice(0, 12).replace(/(..)(?=.)/g, '$1 ');
  const port = location.port ? ':' + location.port : '', qr = address && qrSvg(address);
  const head = [big('i-lock'), h('h2', null, 'The camera needs the https address'), h('p', null, 'Browsers give the camera to secure pages only.')];
  const photo = button('photo', 'i-photo', instead(), 'btn btn-line');
  if (!address) return [...head, h('p', { class: 'small' }, `Start the server with --https and open the address that it prints. On the computer itself, http://localhost${port} works too.`), h('div', { class: 'ask-btns' }, photo)];
  return [...head,
    h('div', { class: 'addr' }, h('span', null, address.slice(0, -12), h('wbr'), address.slice(-12)), h('button', { type: 'button', class: 'icon-btn', 'data-act': 'copy', 'aria-label': 'Copy the address' }, use('i-copy'))),
    h('div', { class: 'pair' }, qr && h('div', { class: 'qr' }, qr), h('div', null,
      print && h('p', null, 'The first time, the browser warns about the certificate: this computer made it itself. It should begin with'), print && h('p', { class: 'code' }, print),
      h('p', { class: 'small' }, `On the computer itself, http://localhost${port} works too.`))),
    h('div', { class: 'ask-btns' }, button('secure', 'i-lock', 'Open the https page', 'btn btn-go btn-big'), photo)];
}

export function renderStage() {
  const { ask, source } = state, blank = !source;
  setAttr(app, 'data-blank', blank);
  app.dataset.mode = state.mode;
  app.dataset.ask = ask || '';
  setAttr(stage, 'data-picture', blank ? null : source === 'photo' ? 'photo' : 'video');
  setAttr(stage, 'data-still', !!state.lost && !blank);
  const key = blank ? [ask, state.mode, state.info.known, state.info.count, state.info.httpsUrl, state.top.length, isPhone(), state.info.cards].join('|') : '';
  if (key !== shown) {
    shown = key;
    $('#msg').replaceChildren(...(blank ? [corners(), h('div', { class: 'ask', 'data-kind': ask || 'first' }, ...SAYS[ask || 'first']())] : []));
  }
  renderTools();
  renderLost();
}

/** @param {string} act @param {string} icon @param {string} text @param {string} [cls] @param {boolean | null} [on] */
const tool = (act, icon, text, cls = '', on = null) => h('button', { type: 'button', 'data-act': act, class: cls, 'aria-label': text, title: text, 'aria-pressed': on == null ? null : String(on) }, use(icon));

function renderTools() {
  const { source, mode } = state, live = source && mode === 'live', camera = source === 'camera', mirrored = root.hasAttribute('data-mirror');
  const key = [live && source, state.frozen, state.torch, state.cameras.length > 1 || isTall(), mirrored].join('|');
  if (key === tools) return;
  tools = key;
  $('#tools').replaceChildren(...(!live ? [] : source === 'photo'
    ? [tool('webcam', 'i-camera', 'Use Webcam'), tool('photo', 'i-photo', 'Another photo'), tool('stop', 'i-close', 'Close the photo')]
    : [tool('freeze', 'i-pause', 'Freeze the picture (Space)', '', state.frozen),
      camera && (state.cameras.length > 1 || isTall()) && tool('flip', 'i-flip', 'Other camera'),
      camera && state.torch != null && tool('torch', 'i-torch', 'Torch (T)', '', state.torch),
      camera && tool('mirror', 'i-mirror', 'Mirror (M)', 'desk', mirrored),
      tool('full', 'i-full', 'Full screen (F)', 'desk'), tool('stop', 'i-close', camera ? 'Stop the camera' : 'Close the video')].filter((x) => x)));
}

/** Lost the server: what happened, when it is tried again, and a button that tries now. */
export function renderLost() {
  const { lost } = state, wait = lost ? Math.ceil((lost.at - performance.now()) / 1000) : 0;
  const text = !lost ? '' : wait > 0 && lost.times > 2 ? `Trying again in ${wait} s.` : 'Trying again.';
  if (text === banner) return;
  banner = text;
  const box = $('#banner'), when = $('.when', box);
  if (!lost) box.replaceChildren();
  else if (when) when.textContent = text;
  else box.replaceChildren(h('span', null, state.info.upstream ? 'No answer from the upstream. ' : 'Lost the server. ', h('span', { class: 'when' }, text)), button('retry', null, 'Try now', 'btn'));
}

