// What is said: one polite live region (at most a message in two seconds, several are joined), short
// messages with Undo, sounds and buzzes, names read aloud.
import { $, button, h } from './dom.js';
import { settings } from './state.js';

const QUIET_MS = 2000, TOAST_MS = 8000;

/** @type {string[]} */
let waiting = [];
let last = 0, timer = 0;

function speak() {
  timer = 0;
  if (!waiting.length) return;
  const text = waiting.join(' ');
  waiting = [];
  last = performance.now();
  const region = $('#announce');
  region.textContent = '';
  requestAnimationFrame(() => { region.textContent = text; });
  if (settings.speak && 'speechSynthesis' in window) speechSynthesis.speak(new SpeechSynthesisUtterance(text));
}

/** @param {string} text */
export function say(text) {
  waiting.push(text);
  if (!timer) timer = window.setTimeout(speak, Math.max(0, last + QUIET_MS - performance.now()));
}

let gone = 0;

/** A message on the page, with Undo where it can be undone. @param {string} text @param {string} [undo] the act of its button */
export function toast(text, undo = '') {
  clearTimeout(gone);
  const el = h('div', { class: 'toast' }, h('span', { dir: 'auto' }, text), undo && button(undo, 'i-undo', 'Undo', 'btn'));
  $('#toasts').replaceChildren(el);
  gone = window.setTimeout(() => el.remove(), TOAST_MS);
  say(text);
}

export const hush = () => { clearTimeout(gone); $('#toasts').replaceChildren(); };

/* ---------- sound and touch ---------- */

const NOTES = /** @type {Record<string, number[][]>} */ ({ // hertz, start, length in seconds
  known: [[660, 0, 0.05]], add: [[784, 0, 0.07], [1175, 0.08, 0.12]], wrong: [[220, 0, 0.14]],
});
const BUZZ = /** @type {Record<string, number[]>} */ ({ known: [12], add: [16, 40, 22], wrong: [60] });

/** @type {AudioContext | null} */
let audio = null;

/** @param {'known' | 'add' | 'wrong'} kind */
export function feedback(kind) {
  if (settings.haptic && navigator.userActivation?.hasBeenActive) navigator.vibrate?.(BUZZ[kind]);
  if (!settings.sound) return;
  audio ||= new AudioContext();
  for (const [hz, at, length] of NOTES[kind]) {
    const tone = audio.createOscillator(), gain = audio.createGain(), t = audio.currentTime + at;
    tone.frequency.value = hz;
    gain.gain.setValueAtTime(0, t);
    gain.gain.linearRampToValueAtTime(0.08, t + 0.008);
    gain.gain.exponentialRampToValueAtTime(0.0001, t + length);
    tone.connect(gain).connect(audio.destination);
    tone.start(t);
    tone.stop(t + length);
  }
}
