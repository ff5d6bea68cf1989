// Work that the page's own thread is spared: a worker that encodes and sends frames and straightens
// pictures. Where none can be had the page does it itself.
import { encode, post } from './frame-post.js';
import { rectify } from './rectify.js';
import { Scene } from './scene.js';

let count = 0;
/** what waits for the worker: its answer, or the work itself @type {Map<number, {done: (data: any) => void, fail: (error: Error) => void}>} */
const waiting = new Map();
/** @type {Worker | null} */
let worker = null;

if (typeof Worker === 'function' && typeof OffscreenCanvas === 'function') {
  worker = new Worker('/canvas/js/encode-worker.js', { type: 'module' });
  worker.onmessage = ({ data }) => {
    const job = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.failed) job?.fail(new Error(data.failed)); else job?.done(data);
  };
  worker.onerror = () => { // cannot be loaded
    worker = null;
    for (const { fail } of waiting.values()) fail(new Error('worker'));
    waiting.clear();
  };
}

/** @param {any} task @param {Transferable[]} [lent] @returns {Promise<any>} */
const given = (task, lent = []) => new Promise((done, fail) => {
  const id = ++count;
  waiting.set(id, { done, fail });
  /** @type {Worker} */ (worker).postMessage({ id, ...task }, lent);
});

const scene = new Scene();

/**
 * Sends a picture, which is closed.
 * @param {any} bitmap @param {number} width @param {number} height @param {string} url @param {Record<string, string>} fields @param {number} timeout
 * @returns {Promise<{status: number, body: any, retryAfter: number, blob: Blob, cells: Uint8Array | null}>}
 */
export async function sendPicture(bitmap, width, height, url, fields, timeout) {
  if (worker) return given({ bitmap, width, height, url, fields, timeout }, [bitmap]);
  const [blob, cells] = await Promise.all([encode(bitmap, width, height), scene.cells(bitmap)]);
  bitmap.close();
  return { blob, cells, ...await post(url, blob, fields, timeout) };
}

/** A thing out of its frame, as a JPEG. @param {Blob} blob @param {Quad} quad @param {number} [longest] @returns {Promise<Blob>} */
export async function straighten(blob, quad, longest = 700) {
  return worker ? (await given({ cut: blob, quad, longest })).blob : rectify(blob, quad, longest);
}
