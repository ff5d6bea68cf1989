// Sends pictures to the server: one in flight, the newest next.
import { sendPicture } from './worker.js';
import { readAnswer } from './answer.js';

const TIMEOUT_MS = 20000;

/** Why there is no answer. kind: 'lost' nobody answers, 'busy' try later, 'token' who are you, 'refused' the rest. */
export class SendError extends Error {
  /** @param {string} kind @param {string} text @param {number} wait milliseconds */
  constructor(kind, text, wait) {
    super(text);
    this.kind = kind;
    this.wait = wait;
  }
}

/** @param {number} status @param {any} body @param {number} retryAfter */
function failure(status, body, retryAfter) {
  const text = String(typeof body?.error === 'string' ? body.error : typeof body?.detail === 'string' ? body.detail : `HTTP ${status}`).slice(0, 200);
  if (status === 0 || status === 502 || status === 504) return new SendError('lost', text, 0);
  if (status === 503 || status === 429) return new SendError('busy', text, Math.min(retryAfter || 1, 10) * 1000);
  if (status === 401 || status === 403) return new SendError('token', text, 0);
  return new SendError('refused', text, 1000);
}

export class Sender {
  constructor() {
    this.busy = false;
    this.count = 0;
  }

  /**
   * @param {any} source a frame of the camera, which is closed here, or a picture @param {number} sourceWidth @param {number} sourceHeight
   * @param {{url: string, fields: Record<string, string>, size: number, source: number, query: string}} how
   * @returns {Promise<Answer>}
   */
  async send(source, sourceWidth, sourceHeight, how) {
    const scale = Math.min(1, how.size / Math.max(sourceWidth, sourceHeight));
    const width = Math.max(1, Math.round(sourceWidth * scale)), height = Math.max(1, Math.round(sourceHeight * scale));
    const shown = performance.now(), n = ++this.count;
    this.busy = true;
    try {
      const raw = typeof VideoFrame === 'function' && source instanceof VideoFrame; // goes to the worker as it is
      const bitmap = raw ? source : await createImageBitmap(source, { resizeWidth: width, resizeHeight: height, resizeQuality: 'medium' });
      const result = await sendPicture(bitmap, width, height, how.url, how.fields, TIMEOUT_MS);
      if (result.status < 200 || result.status > 299) throw failure(result.status, result.body, result.retryAfter);
      const frame = { n, source: how.source, shown, width, height, blob: result.blob, cells: result.cells };
      return { frame, ms: performance.now() - shown, ...readAnswer(result.body, frame, how.query) };
    } catch (error) {
      throw error instanceof SendError ? error : new SendError('refused', String(/** @type {any} */ (error)?.message || error), 1000);
    } finally {
      this.busy = false;
    }
  }
}
