// Encodes a picture as JPEG and posts it; runs in the worker where there is one, else on the page.
import { parseJson } from './answer.js';

const QUALITY = 0.8;

/** @param {CanvasImageSource} bitmap @param {number} width @param {number} height @returns {Promise<Blob>} */
export async function encode(bitmap, width, height) {
  if (typeof OffscreenCanvas === 'function') {
    const canvas = new OffscreenCanvas(width, height), ctx = canvas.getContext('2d', { alpha: false });
    if (ctx) {
      ctx.imageSmoothingQuality = 'medium';
      ctx.drawImage(bitmap, 0, 0, width, height);
      return canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY });
    }
  }
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { alpha: false })).drawImage(bitmap, 0, 0, width, height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture could not be encoded.'))), 'image/jpeg', QUALITY));
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
