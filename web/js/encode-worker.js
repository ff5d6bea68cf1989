// The worker: pictures in, answers out, so that neither encoding, parsing nor straightening holds up the page.
import { encode, post } from './frame-post.js';
import { rectify } from './rectify.js';
import { Scene } from './scene.js';

const scene = new Scene();

/** @param {any} task */
async function send({ bitmap, width, height, url, fields, timeout }) {
  const [blob, cells] = await Promise.all([encode(bitmap, width, height), scene.cells(bitmap)]).finally(() => bitmap.close());
  return { blob, cells, ...await post(url, blob, fields, timeout) };
}

self.onmessage = async (/** @type {MessageEvent} */ { data }) => {
  try {
    self.postMessage({ id: data.id, ...data.cut ? { blob: await rectify(data.cut, data.quad, data.longest) } : await send(data) });
  } catch (error) {
    self.postMessage({ id: data.id, failed: String(/** @type {any} */ (error)?.message || error) });
  }
};
