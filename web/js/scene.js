// Whether a place of the picture still shows what it showed in an older frame. An outline belongs to
// the frame that it was found in: when the picture under it has become another one (a cut, a card
// pulled away), it is hidden until an answer for the new picture is there. A frame's brightness is read
// from its own first plane where the browser gives that, which converts no pixels; else from a canvas.
import { boxOf } from './geometry.js';

const W = 32, H = 18, DOTS = 6; // cells, and how many points a side are looked at in each
const OTHER = 34; // mean difference of brightness, of 255, from which it is another picture

/** The frame that a video shows, for the caller to close; null where the browser has none or holds it turned. @param {HTMLVideoElement} video @returns {VideoFrame | null} */
export function grab(video) {
  if (typeof VideoFrame !== 'function') return null;
  try {
    const frame = new VideoFrame(video), r = frame.visibleRect;
    if (r && r.width === video.videoWidth && r.height === video.videoHeight && !/** @type {any} */ (frame).rotation) return frame;
    frame.close();
  } catch { /* nothing is shown yet */ }
  return null;
}

/** @param {Uint8Array} plane @param {number} offset @param {number} stride @param {number} width @param {number} height */
function means(plane, offset, stride, width, height) {
  const out = new Uint8Array(W * H), x = new Int32Array(W * DOTS), n = DOTS * DOTS;
  for (let i = 0; i < x.length; i++) x[i] = (i + 0.5) / x.length * width;
  for (let j = 0; j < H; j++) for (let i = 0; i < W; i++) {
    let sum = 0;
    for (let v = 0; v < DOTS; v++) {
      const row = offset + stride * Math.floor((j * DOTS + v + 0.5) / (H * DOTS) * height);
      for (let u = 0; u < DOTS; u++) sum += plane[row + x[i * DOTS + u]];
    }
    out[j * W + i] = sum / n;
  }
  return out;
}

/** @returns {any} */
function canvas() {
  return typeof OffscreenCanvas === 'function' ? new OffscreenCanvas(W, H) : Object.assign(document.createElement('canvas'), { width: W, height: H });
}

export class Scene {
  /** @type {Uint8Array | undefined} */
  bytes;
  /** @type {any} */
  ctx;

  /** Brightness of 32 x 18 cells. @param {any} source a frame, a video, a bitmap @returns {Promise<Uint8Array | null>} */
  async cells(source) {
    if (typeof VideoFrame === 'function' && source instanceof VideoFrame && /^(I4|NV12)/.test(source.format || '')) {
      try {
        const size = source.allocationSize();
        if (!this.bytes || this.bytes.length !== size) this.bytes = new Uint8Array(size);
        const bytes = this.bytes, { width, height } = /** @type {DOMRectReadOnly} */ (source.visibleRect);
        const [luma] = await source.copyTo(bytes);
        return means(bytes, luma.offset, luma.stride, width, height);
      } catch { /* through the canvas, then */ }
    }
    this.ctx ||= canvas().getContext('2d', { willReadFrequently: true });
    if (!this.ctx) return null;
    this.ctx.drawImage(source, 0, 0, W, H);
    const { data } = this.ctx.getImageData(0, 0, W, H), out = new Uint8Array(W * H);
    for (let i = 0; i < out.length; i++) out[i] = (data[i * 4] * 77 + data[i * 4 + 1] * 150 + data[i * 4 + 2] * 29) >> 8;
    return out;
  }

  /** @param {Quad} quad @param {Uint8Array | null} then @param {Uint8Array | null} now */
  static same(quad, then, now) {
    if (!then || !now) return true;
    const [x1, y1, x2, y2] = boxOf(quad);
    const left = Math.max(0, Math.floor(x1 * W)), right = Math.min(W, Math.ceil(x2 * W));
    const top = Math.max(0, Math.floor(y1 * H)), bottom = Math.min(H, Math.ceil(y2 * H));
    let sum = 0, n = 0;
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++, n++) sum += Math.abs(then[y * W + x] - now[y * W + x]);
    return n === 0 || sum / n < OTHER;
  }
}
