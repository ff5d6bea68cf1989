// The worker: pictures in, answers out, so that neither encoding nor parsing holds up the page.
import { encode, post } from './frame-post.js';

self.onmessage = async (/** @type {MessageEvent} */ event) => {
  const { id, bitmap, width, height, url, fields, timeout } = event.data;
  try {
    const blob = await encode(bitmap, width, height);
    bitmap.close();
    const encoded = performance.timeOrigin + performance.now();
    const result = await post(url, blob, fields, timeout);
    self.postMessage({ id, blob, encoded, ...result });
  } catch (error) {
    self.postMessage({ id, status: -1, body: { error: String(error) }, retryAfter: 0, blob: null });
  }
};
