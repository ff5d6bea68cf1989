// Encodes a picture as JPEG and posts it; runs in the worker where there is one, else on the page.
import { parseJson } from './answer.js';

const QUALITY = 0.8;

/** A canvas that pixels are read from, and its drawing context. @param {number} width @param {number} height @returns {any} */
export function sheet(width, height) {
  const made = typeof OffscreenCanvas === 'function' ? new OffscreenCanvas(width, height) : Object.assign(document.createElement('canvas'), { width, height });
  return made.getContext('2d', { alpha: false, willReadFrequently: true });
}

/** @param {any} made a canvas @param {number} [quality] @returns {Promise<Blob>} */
export function jpeg(made, quality = QUALITY) {
  if (made.convertToBlob) return made.convertToBlob({ type: 'image/jpeg', quality });
  return new Promise((resolve, reject) => made.toBlob((/** @type {Blob | null} */ blob) => (blob ? resolve(blob) : reject(new Error('The picture could not be encoded.'))), 'image/jpeg', quality));
}

/** Canvases that are used for frame after frame: what is written, and what is read. @type {Record<string, any>} */
const kept = {};

/** @param {string} name @param {number} width @param {number} height @returns {any} the drawing context */
function canvas(name, width, height) {
  const ctx = kept[name] ||= sheet(width, height);
  if (ctx.canvas.width !== width) ctx.canvas.width = width;
  if (ctx.canvas.height !== height) ctx.canvas.height = height;
  return ctx;
}

/** A camera's frame as RGB: a fifth of the work that drawing it takes, where there is no graphics processor. @param {any} frame @returns {Promise<any>} a canvas; null where the browser does not convert */
async function rgb(frame) {
  if (typeof VideoFrame !== 'function' || !(frame instanceof VideoFrame) || !frame.visibleRect) return null;
  const { width, height } = frame.visibleRect, how = /** @type {any} */ ({ format: 'RGBX', colorSpace: 'srgb' });
  try {
    if (frame.allocationSize(how) !== width * height * 4) return null; // one that knows no format gives the planes
    if (kept.image?.width !== width || kept.image.height !== height) kept.image = new ImageData(width, height);
    await frame.copyTo(kept.image.data, how);
    const ctx = canvas('whole', width, height);
    ctx.putImageData(kept.image, 0, 0);
    return ctx.canvas;
  } catch {
    return null; // it is drawn, then
  }
}

/** One picture at a time. @param {any} picture @param {number} width @param {number} height @returns {Promise<Blob>} */
export async function encode(picture, width, height) {
  const whole = await rgb(picture), ctx = canvas('sent', width, height);
  ctx.imageSmoothingQuality = whole ? 'low' : 'medium'; // as a frame is drawn, byte for byte
  ctx.drawImage(whole || picture, 0, 0, width, height);
  return jpeg(ctx.canvas);
}

/**
 * @param {string} url @param {Blob} blob @param {Record<string, string>} fields @param {number} timeout milliseconds
 * @returns {Promise<{status: number, body: any, retryAfter: number}>} status 0: no answer; body.error says why
 */
export async function post(url, blob, fields, timeout) {
  const form = new FormData();
  form.append('image', blob, 'frame.jpg');
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const stop = new AbortController(), timer = setTimeout(() => stop.abort(), timeout);
  try {
    const response = await fetch(url, { method: 'POST', body: form, signal: stop.signal, cache: 'no-store' });
    const text = await response.text();
    let body;
    try {
      body = parseJson(text);
    } catch {
      body = { error: response.ok ? 'The answer is not JSON.' : `HTTP ${response.status}` };
    }
    return { status: response.ok && body?.error ? 500 : response.status, body, retryAfter: Number(response.headers.get('Retry-After')) || 0 };
  } catch (error) {
    return { status: 0, body: { error: stop.signal.aborted ? 'No answer in time.' : String(error) }, retryAfter: 0 };
  } finally {
    clearTimeout(timer);
  }
}
