// Puts the parts together: what each button does, what happens when an answer comes.
import { $, isPhone, root, settleScrollers } from './dom.js';
import { applySettings, changed, focused, on, saveSettings, settings, state, words } from './state.js';
import * as api from './api.js';
import * as camera from './camera.js';
import { Deck } from './deck.js';
import { readText } from './formats.js';
import { keepFocus, leave, live, overlay, setMode, showPicture, startCamera, startPhoto, startVideo, takeStill } from './session.js';
import { feedback, hush, say, toast } from './say.js';
import { listenKeys } from './keyboard.js';
import { exportMenu, menuOpen, pulseDeck, renderDeck, saveAs, useDeck } from './deck-view.js';
import { onThisComputer, renderBar, renderStatus, renderTabs, renderTop } from './lists.js';
import { addable } from './nine.js';
import { onChoice, openPicker, pick, pickNewName, trackById, unkeep } from './picker.js';
import { openImport, openKeys, openSettings, setTheme, watchSettings } from './settings.js';
import { renderCaption, renderCaptionNumbers, resetCaption, tileChoice } from './caption.js';
import { renderTrackNumbers, renderTracks, resetTracks } from './tracks.js';
import { renderLost, renderStage, secureAddress } from './stage.js';
import { money, purse } from './words.js';

const FLASH_MS = 1400, NUMBERS_MS = 250;
const KEEP_MS = 8000; // what was named by hand and not found stays this long to be added

const video = /** @type {HTMLVideoElement} */ ($('#video'));

const deck = new Deck(() => changed('deck'), (text) => { state.error = text; toast(text); changed('status'); });
useDeck(deck);

/* ---------- adding ---------- */

/** @param {number[]} ids */
function flash(ids) {
  for (const id of ids) state.added.add(id);
  changed('tracks deck nine added');
  overlay.wake();
  pulseDeck();
  feedback('add');
  setTimeout(() => { for (const id of ids) state.added.delete(id); changed('tracks deck nine added'); overlay.wake(); }, FLASH_MS);
}

const standing = () => `${deck.count} ${deck.count === 1 ? words().one : words().many}, ${money(deck.total.sum)}.`;

/** @param {Track | undefined} t */
function add(t) {
  if (!t) return;
  if (t.kind !== 'sure') { openPicker(t); return; }
  deck.add([t.thing]);
  flash([t.id]);
  say(`${t.thing.name} added. ${standing()}`);
}

/** @param {Track | undefined} t */
function addUnsure(t) {
  $('#picker').close();
  if (!t || t.kind === 'unknown') return;
  deck.add([t.thing], true);
  flash([t.id]);
  toast(`Added ${t.thing.name}, printing not sure`, 'undo');
}

/** @param {Track[]} list */
function addAll(list) {
  if (!list.length) return;
  deck.addEach(list.map((t) => ({ thing: t.thing, unsure: t.kind !== 'sure' })));
  flash(list.map((t) => t.id));
  toast(`Added ${list.length} ${list.length === 1 ? words().one : words().many}`, 'undo');
}

function undo() {
  const what = deck.undoText;
  hush();
  if (deck.undo()) say(`Undone. ${standing()}`);
  else if (!what) say('Nothing to undo.');
}

/** What a choice in the label or the picker does. @param {Track | null} about @param {Thing} thing */
function settle(about, thing) {
  let t = about;
  if (!t) { // nothing was found: the user says what the picture shows
    const frame = state.lastFrame;
    if (!frame || !state.source) { deck.add([thing]); pulseDeck(); toast(`Added ${thing.name}`, 'undo'); return; }
    t = state.tracker.begin({ kind: 'sure', thing, quad: [[0.25, 0.1], [0.75, 0.1], [0.75, 0.9], [0.25, 0.9]], score: 1, serverId: 0, choices: [] }, { frame, detections: [], closest: [], unknown: [], ms: 0 }, performance.now());
    Object.assign(t, { nowhere: true, last: t.last + KEEP_MS });
  }
  t = state.tracker.here(t);
  Object.assign(t, { kind: 'sure', thing, chosen: true, spoken: true });
  state.focus = t.id;
  overlay.wake();
  changed('tracks nine');
  say(`${thing.name} it is.`);
}
onChoice(settle);

/* ---------- files ---------- */

/** @param {File | Blob | null | undefined} file */
function openFile(file) {
  if (!file) return;
  if (file.type.startsWith('video/')) startVideo(file);
  else if (/json|csv|text|excel/.test(file.type) || /\.(json|csv|txt)$/i.test(/** @type {File} */ (file).name || '')) importText(file);
  else startPhoto(file);
}

/** @param {Blob | string} from */
async function importText(from) {
  try {
    const entries = readText(typeof from === 'string' ? from : await from.text());
    deck.merge(entries);
    $('#import').close();
    const n = entries.reduce((s, e) => s + e.qty, 0);
    toast(`Imported ${n} ${n === 1 ? words().one : words().many}`, 'undo');
  } catch (error) {
    const text = /** @type {Error} */ (error).message, box = $('#import-error');
    if ($('#import').open && box) box.textContent = text; else toast(text);
    feedback('wrong');
  }
}

for (const [id, then] of /** @type {[string, (file: File) => void][]} */ ([['pick-photo', startPhoto], ['pick-video', openFile], ['pick-deck', importText]]))
  $('#' + id).addEventListener('change', (/** @type {any} */ e) => { const file = e.target.files[0]; e.target.value = ''; if (file) then(file); });

for (const name of ['dragover', 'dragleave', 'drop']) addEventListener(name, (/** @type {any} */ e) => {
  if (![...(e.dataTransfer?.types || [])].includes('Files')) return;
  e.preventDefault();
  $('#stage').toggleAttribute('data-drop', name === 'dragover');
  if (name === 'drop') openFile(e.dataTransfer.files[0]);
});
addEventListener('paste', (/** @type {any} */ e) => {
  if (e.target.matches?.('input, textarea')) return;
  const file = [...(e.clipboardData?.files || [])][0];
  if (file) { e.preventDefault(); openFile(file); }
});

/* ---------- acts ---------- */

const goLive = () => { if (live.running) live.watch(); };
const tab = (/** @type {string} */ name) => { root.dataset.tab = name; changed('tabs top deck'); settleScrollers(); };
const mirror = () => { settings.mirror = !settings.mirror; saveSettings(); showPicture(); };

function freeze() {
  if (state.mode === 'page') { if (state.nine) acts.again(); else if (state.source) takeStill(); return; }
  if (state.source !== 'camera' && state.source !== 'video') return;
  state.frozen = !state.frozen;
  if (state.frozen) video.pause(); else { video.play().catch(() => {}); live.restart(); live.watch(); }
  overlay.wake();
  changed('stage status');
}

/** @type {Record<string, (el?: HTMLElement, id?: number) => void>} */
const acts = {
  webcam: () => { startCamera(); }, photo: () => $('#pick-photo').click(), file: () => $('#pick-video').click(),
  stop: () => { leave(); state.ask = 'first'; changed('stage tracks nine status'); },
  retry: () => { if (state.lost) { state.lost.at = 0; live.fresh = true; live.pump(); refreshInfo(); } },
  still: () => { takeStill(); },
  again: () => {
    state.nine = null;
    state.tracker.clear();
    if (state.source === 'photo') { leave(); state.ask = 'first'; changed('stage nine tracks status'); $('#pick-photo').click(); } else showPicture();
  },
  secure: () => { if (secureAddress()) location.href = secureAddress(); },
  copy: () => { navigator.clipboard?.writeText(secureAddress()).then(() => toast('Address copied'), () => toast('Copy it by hand: this page may not.')); if (!navigator.clipboard) toast('Copy it by hand: this page may not.'); },
  'mode-live': () => setMode('live'), 'mode-page': () => setMode('page'), mode: () => setMode(state.mode === 'page' ? 'live' : 'page'),
  add: (el, id) => add(id ? trackById(id) : focused()), addall: () => addAll(addable()),
  addinview: () => addAll(state.mode === 'page' ? addable() : state.tracker.tracks.filter((t) => t.kind === 'sure')),
  addunsure: (el, id) => addUnsure(id ? trackById(id) : focused()),
  focus: (el, id) => { if (id) { state.focus = state.picked = id; overlay.wake(); changed('tracks'); } },
  choose: (el) => { const c = tileChoice(Number(el?.dataset.i)); if (c) settle(focused() || null, c); },
  picker: (el, id) => openPicker(id ? trackById(id) : focused()), search: () => openPicker(focused(), true),
  pick: (el) => pick(Number(el?.dataset.i)), newname: pickNewName, unkeep: () => { unkeep(); },
  settings: openSettings, keys: openKeys, close: (el) => /** @type {any} */ (el?.closest('dialog'))?.close(),
  theme: (el) => setTheme(el?.dataset.v || 'auto'),
  less: (el) => deck.change(el?.dataset.key || '', -1), more: (el) => deck.change(el?.dataset.key || '', 1),
  clear: () => { const n = deck.count; deck.clear(); if (n) toast(`Cleared ${n} ${n === 1 ? words().one : words().many}`, 'undo'); },
  undo, export: () => exportMenu(), save: (el) => { const file = saveAs(el?.dataset.id || ''); exportMenu(false); toast(`Saved ${file}`); },
  import: openImport, importfile: () => $('#pick-deck').click(), importtext: () => { importText($('#import-text').value); },
  totop: () => tab('top'), todeck: () => tab('deck'),
  tab: (el) => { const name = el?.dataset.tab || 'view', same = root.dataset.tab === name && root.dataset.sheet === 'open'; root.dataset.sheet = same ? 'peek' : 'open'; tab(name); },
  grip: () => { root.dataset.sheet = root.dataset.sheet === 'open' ? 'peek' : 'open'; tab(root.dataset.tab || 'view'); },
  freeze, flip: () => { camera.chooseNext(); startCamera(); }, torch: () => { camera.setTorch(!state.torch); }, mirror,
  full: () => { if (document.fullscreenElement) document.exitFullscreen(); else root.requestFullscreen?.().catch(() => {}); },
};

document.addEventListener('click', (e) => {
  const el = /** @type {HTMLElement | null} */ (/** @type {Element} */ (e.target).closest('[data-act]'));
  if (menuOpen() && !/** @type {Element} */ (e.target).closest('.menu')) exportMenu(false);
  if (el) acts[el.dataset.act || '']?.(el, Number(el.dataset.n) || undefined);
});
document.addEventListener('keydown', (e) => { if (e.key === 'Escape' && menuOpen()) { exportMenu(false); $('[data-act="export"]').focus(); } });
document.addEventListener('submit', async (e) => {
  e.preventDefault();
  if (/** @type {Element} */ (e.target).id !== 'token') return;
  const ok = await api.login($('#token-text').value).catch(() => false);
  state.ask = 'first';
  if (!ok) { state.ask = 'token'; toast('That is not the token.'); }
  changed('stage');
  if (ok) refreshInfo();
});
listenKeys((act, id) => { if (act === 'torch' && state.torch == null) return; if (act === 'mirror' && state.source !== 'camera') return; acts[act]?.(undefined, id); });

$('#stage').addEventListener('pointerdown', (/** @type {PointerEvent} */ e) => {
  if (/** @type {Element} */ (e.target).closest('button')) return;
  const r = overlay.canvas.getBoundingClientRect(), id = overlay.hit(e.clientX - r.left, e.clientY - r.top);
  if (id) { if (state.nine) openPicker(trackById(id)); else acts.focus(undefined, id); }
});

/** A sideways swipe over the picture switches Live and Page; the grip is pulled up and down. */
function touches() {
  let x0 = 0, y0 = 0;
  const stage = $('#stage'), grip = $('.grip');
  stage.addEventListener('touchstart', (/** @type {TouchEvent} */ e) => { x0 = e.touches[0].clientX; y0 = e.touches[0].clientY; }, { passive: true });
  stage.addEventListener('touchend', (/** @type {TouchEvent} */ e) => {
    const dx = e.changedTouches[0].clientX - x0, dy = e.changedTouches[0].clientY - y0;
    if (isPhone() && state.source && Math.abs(dx) > 80 && Math.abs(dx) > 2.5 * Math.abs(dy)) setMode(dx < 0 ? 'page' : 'live');
  }, { passive: true });
  grip.addEventListener('pointerdown', (/** @type {PointerEvent} */ e) => { y0 = e.clientY; grip.setPointerCapture(e.pointerId); });
  grip.addEventListener('pointerup', (/** @type {PointerEvent} */ e) => {
    const d = e.clientY - y0;
    if (Math.abs(d) < 24) return;
    root.dataset.sheet = d < 0 ? 'peek' : 'open'; // the click that follows turns it round
  });
}

/* ---------- what is drawn when ---------- */

on('stage lost info settings', () => { renderStage(); renderBar(); });
on('tracks lost added', () => { renderCaption(); renderTracks(); renderTabs(deck); });
on('nine', () => { if (state.mode === 'page') renderTracks(); });
on('deck info', () => { renderDeck(); renderTabs(deck); });
on('top info stage deck', renderTop);
on('tabs', () => renderTabs(deck));
on('settings', () => { resetCaption(); resetTracks(); overlay.mirror = root.hasAttribute('data-mirror'); });
on('numbers status', () => renderStatus(focused()));

setInterval(() => {
  if (state.source && state.source !== 'photo' && !state.frozen && !state.nine && state.tracker.expire(performance.now(), live.patience)) {
    changed('tracks');
    overlay.wake();
  }
  const guide = state.source === 'camera' && state.mode === 'live' && !state.tracker.tracks.length && !state.lost;
  if (guide !== overlay.guide) { overlay.guide = guide; overlay.wake(); }
  keepFocus();
  if (state.lost) { renderLost(); live.pump(); if (!state.source && performance.now() >= state.lost.at) refreshInfo(); }
  renderCaption();
  renderCaptionNumbers();
  renderTrackNumbers();
  renderStatus(focused());
}, NUMBERS_MS);

addEventListener('resize', () => { changed('stage tracks top'); overlay.resize(); });
video.addEventListener('resize', () => { if (state.source && !state.nine) showPicture(); });
document.addEventListener('visibilitychange', goLive);
navigator.mediaDevices?.addEventListener?.('devicechange', () => {
  camera.listCameras();
  if (state.ask === 'nocamera') startCamera();
});
/* the tools sit just above the sheet, whatever its height (through the CSSOM, which the policy allows) */
new ResizeObserver(() => {
  root.style.setProperty('--sheet-h', $('#sheet').getBoundingClientRect().height + 'px');
  overlay.resize(); // the picture may lie elsewhere now
}).observe($('#sheet'));

/* ---------- start ---------- */

/** What the server says of itself; asked again until it answers. */
async function refreshInfo() {
  try {
    state.info = await api.info();
    if (!state.source && state.lost) state.lost = null;
    applySettings();
    changed('info stage status');
    state.top = await api.topPrices(50, state.info.prices?.currency || '').catch(() => []);
    if (!state.top.length) state.top = (await api.search('', 8).catch(() => [])).filter((t) => t.price);
    state.topKnown = true;
    changed('top stage');
  } catch (error) {
    const { status } = /** @type {any} */ (error);
    if (status === 401 || status === 403) { if (!state.source) { state.ask = 'token'; changed('stage'); } return; }
    if (status === 404) return; // an upstream's page without it: everything else works
    if (!state.source) {
      const times = (state.lost?.times || 0) + 1;
      state.lost = { at: performance.now() + Math.min(4000, 250 * 2 ** (times - 1)), times, why: String(error) };
      changed('status top');
    }
  }
}

applySettings();
watchSettings({ restart: () => { if (state.source === 'camera') startCamera(); }, torch: (lit) => camera.setTorch(lit) });
touches();
if (!camera.secure() && !onThisComputer()) state.ask = 'insecure';
changed('stage tracks deck top status info');
refreshInfo();
if ('serviceWorker' in navigator && isSecureContext) navigator.serviceWorker.register('/canvas/sw.js', { scope: '/canvas/' }).catch(() => { /* only the offline shell is missing */ });

/** For scripts that drive or measure the page. */
Object.assign(window, { identify: { state, deck, overlay, purse } });
