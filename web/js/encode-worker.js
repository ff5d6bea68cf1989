// The worker: pictures in, answers out, so that neither encoding nor parsing holds up the page.
import { encode, post } from './frame-post.js';
import { Scene } from './scene.js';

const scene = new Scene();

self.onmessage = async (/** @type {MessageEvent} */ event) => {
  const { id, bitmap, width, height, url, fields, timeout } = event.data;
  try {
    const [blob, cells] = await Promise.all([encode(bitmap, width, height), scene.cells(bitmap)]);
    bitmap.close();
    self.postMessage({ id, blob, cells, ...await post(url, blob, fields, timeout) });
  } catch (error) {
    bitmap.close();
    self.postMessage({ id, status: -1, body: { error: String(error) }, retryAfter: 0, blob: null });
  }
};
