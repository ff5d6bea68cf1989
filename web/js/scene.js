// Whether a place of the picture still shows what it showed in an older frame. An outline belongs to
// the frame that it was found in: when the picture under it has become another one (a cut, a card
// pulled away), it is hidden until an answer for the new picture is there.
import { boxOf } from './geometry.js';

const W = 32, H = 18;
const OTHER = 34; // mean difference of brightness, of 255, from which it is another picture

export class Scene {
  constructor() {
    this.canvas = document.createElement('canvas');
    this.canvas.width = W;
    this.canvas.height = H;
    this.ctx = this.canvas.getContext('2d', { willReadFrequently: true });
  }

  /** Brightness of 32 x 18 cells. @param {CanvasImageSource} source @returns {Uint8Array | null} */
  cells(source) {
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
