// Single keys: they rest while something is typed, in dialogs, and when turned off.
import { $ } from './dom.js';
import { settings, state } from './state.js';

const KEYS = /** @type {Record<string, string>} */ ({ ' ': 'freeze', a: 'add', A: 'addinview', c: 'picker', z: 'undo', b: 'mode', '/': 'search', m: 'mirror', t: 'torch', f: 'full', ',': 'settings', '?': 'keys' });

/** @param {(act: string, n?: number) => void} act */
export function listenKeys(act) {
  document.addEventListener('keydown', (e) => {
    const target = /** @type {Element} */ (e.target);
    if (e.ctrlKey || e.metaKey || e.altKey || !settings.keys || $('dialog[open]') || target.matches?.('input, select, textarea')) return;
    if (e.key === ' ' && target.matches?.('button, a, [role]')) return; // Space presses what has the focus
    if (/^[1-8]$/.test(e.key)) {
      const track = state.tracker.tracks.find((t) => t.n === Number(e.key));
      if (track) { e.preventDefault(); act('focus', track.id); }
      return;
    }
    const name = Object.hasOwn(KEYS, e.key) ? KEYS[e.key] : '';
    if (!name || e.repeat) return;
    e.preventDefault();
    act(name);
  });
}
