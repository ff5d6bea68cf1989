// Small helpers for the document: make elements, find them, keep a keyed list up to date.

/** @param {string} selector @param {ParentNode} [within] @returns {any} */
export const $ = (selector, within = document) => within.querySelector(selector);

export const root = document.documentElement;

const phoneQuery = matchMedia('(max-width: 47.49rem), (max-height: 30rem) and (max-width: 74.99rem)');
export const isPhone = () => phoneQuery.matches;
export const isTall = () => isPhone() && innerHeight > innerWidth;
const calmQuery = matchMedia('(prefers-reduced-motion: reduce)');
export const isCalm = () => calmQuery.matches;
export const isTouch = () => matchMedia('(pointer: coarse)').matches;

/**
 * An element with attributes and children. A string child becomes text, never HTML.
 * @param {string} tag
 * @param {Record<string, any> | null} [props]
 * @param {...any} kids
 * @returns {any}
 */
export function h(tag, props, ...kids) {
  const el = /** @type {any} */ (document.createElement(tag));
  for (const [name, value] of Object.entries(props || {})) {
    if (value == null || value === false) continue;
    if (name === 'class') el.className = value;
    else if (name in el && typeof value !== 'string') el[name] = value;
    else el.setAttribute(name, value === true ? '' : value);
  }
  for (const kid of kids.flat()) if (kid != null && kid !== false && kid !== '') el.append(kid);
  return el;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An icon of the sprite in index.html. @param {string} id @param {string} [cls] */
export function use(id, cls) {
  const svg = document.createElementNS(SVG, 'svg'), ref = document.createElementNS(SVG, 'use');
  if (cls) svg.setAttribute('class', cls);
  svg.setAttribute('aria-hidden', 'true');
  ref.setAttribute('href', '#' + id);
  svg.append(ref);
  return svg;
}

/**
 * A button that app.js acts upon by its data-act.
 * @param {string} act @param {string | null} icon @param {any} text
 * @param {string} [cls] @param {Record<string, any>} [more]
 */
export const button = (act, icon, text, cls = 'btn btn-line', more = {}) =>
  h('button', { type: 'button', class: cls, 'data-act': act, ...more }, icon && use(icon), text);

/**
 * A picture that loads late and shows nothing when it cannot be had.
 * @param {string} src @param {string} alt @param {Record<string, any>} [more]
 */
export function picture(src, alt, more = {}) {
  const img = h('img', { alt, loading: 'lazy', decoding: 'async', width: 100, height: 140, ...more });
  setPicture(img, src);
  return img;
}

/** @param {HTMLImageElement} img @param {string} src */
export function setPicture(img, src) {
  const now = src || '/canvas/blank.svg';
  if (img.getAttribute('src') !== now) {
    img.onerror = () => { img.onerror = null; img.src = '/canvas/blank.svg'; };
    img.src = now;
  }
}

/** Sets text only when it differs, so that nothing is laid out for nothing. @param {Element} el @param {string} text */
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/** @param {Element} el @param {string} name @param {string | boolean | null} value */
export function setAttr(el, name, value) {
  if (value == null || value === false) { if (el.hasAttribute(name)) el.removeAttribute(name); return; }
  const text = value === true ? '' : value;
  if (el.getAttribute(name) !== text) el.setAttribute(name, text);
}

/**
 * Makes the children of `list` match `items`: rows are kept by key, made when new, patched always.
 * @template T
 * @param {HTMLElement} list @param {T[]} items @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} make @param {(row: any, item: T, i: number) => void} patch
 */
export function keyed(list, items, keyOf, make, patch) {
  /** @type {Map<string, HTMLElement>} */
  const old = new Map();
  for (const el of list.children) old.set(/** @type {HTMLElement} */ (el).dataset.key || '', /** @type {HTMLElement} */ (el));
  let at = list.firstElementChild;
  items.forEach((item, i) => {
    const key = keyOf(item);
    let row = old.get(key);
    if (row) old.delete(key);
    else { row = make(item); row.dataset.key = key; }
    patch(row, item, i);
    if (row === at) at = at.nextElementSibling;
    else list.insertBefore(row, at);
  });
  for (const row of old.values()) row.remove();
}

let settling = false;

function settle() {
  settling = false;
  const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.pbody, .caption, .dbody')]);
  const over = all.map((el) => el.scrollHeight > el.clientHeight + 1); // all are read, then all are written
  all.forEach((el, i) => setAttr(el, 'tabindex', over[i] ? '0' : el.classList.contains('caption') ? '-1' : null));
}

/** Scrolling panels can be reached by keyboard only while they overflow: looked at once a frame, when that has been laid out. */
export function settleScrollers() {
  if (settling) return;
  settling = true;
  if (document.hidden) setTimeout(settle); else requestAnimationFrame(() => setTimeout(settle));
}
