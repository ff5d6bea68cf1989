// A thing cut out of its frame and straightened, as a reference picture of it would look.
import { jpeg, sheet } from './frame-post.js';

/**
 * The map from the unit square to a quad (Heckbert, "Fundamentals of Texture Mapping", 1989, 2.2.3).
 * @param {Point[]} q @returns {(u: number, v: number) => Point}
 */
export function squareToQuad([a, b, c, d]) {
  const dx1 = b[0] - c[0], dx2 = d[0] - c[0], sx = a[0] - b[0] + c[0] - d[0];
  const dy1 = b[1] - c[1], dy2 = d[1] - c[1], sy = a[1] - b[1] + c[1] - d[1];
  const det = dx1 * dy2 - dx2 * dy1 || 1e-9;
  const g = (sx * dy2 - dx2 * sy) / det, h = (dx1 * sy - sx * dy1) / det;
  const m = [b[0] - a[0] + g * b[0], d[0] - a[0] + h * d[0], a[0], b[1] - a[1] + g * b[1], d[1] - a[1] + h * d[1], a[1]];
  return (u, v) => {
    const w = g * u + h * v + 1;
    return [(m[0] * u + m[1] * v + m[2]) / w, (m[3] * u + m[4] * v + m[5]) / w];
  };
}

const FOCAL = 0.9; // of a webcam or phone, in widths of its picture

/**
 * Width by height of a flat thing whose corners are seen: what lies askew is foreshortened (Zhang and He, "Whiteboard
 * scanning and image enhancement", 2007, 3.2). @param {Point[]} p in pixels @param {number} width @param {number} height of the picture
 */
export function shapeOf(p, width, height) {
  const [a, b, d, c] = p.map(([x, y]) => [x - width / 2, y - height / 2, 1]), f = FOCAL * Math.max(width, height);
  const across = (/** @type {number[]} */ u, /** @type {number[]} */ v) => [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
  const dot = (/** @type {number[]} */ u, /** @type {number[]} */ v) => u[0] * v[0] + u[1] * v[1] + u[2] * v[2], ad = across(a, d);
  const side = (/** @type {number[]} */ u, /** @type {number[]} */ v) => { // from a to u, opposite v
    const k = dot(ad, v) / dot(across(u, d), v);
    return Math.hypot((k * u[0] - a[0]) / f, (k * u[1] - a[1]) / f, k - 1);
  };
  const shape = side(b, c) / side(c, b);
  return shape > 0.1 && shape < 10 ? shape : 1;
}

/** Where a pixel comes from: bilinear, black outside. @param {ImageData} src @param {number} x @param {number} y @param {Uint8ClampedArray} out @param {number} at */
function sample(src, x, y, out, at) {
  const x0 = Math.floor(x), y0 = Math.floor(y), fx = x - x0, fy = y - y0;
  for (let c = 0; c < 3; c++) {
    let sum = 0;
    for (let j = 0; j < 2; j++) for (let i = 0; i < 2; i++) {
      const xx = Math.max(0, Math.min(src.width - 1, x0 + i)), yy = Math.max(0, Math.min(src.height - 1, y0 + j));
      sum += src.data[(yy * src.width + xx) * 4 + c] * (i ? fx : 1 - fx) * (j ? fy : 1 - fy);
    }
    out[at + c] = sum;
  }
  out[at + 3] = 255;
}

/**
 * @param {Blob} blob the frame as it was sent @param {Quad} quad @param {number} [longest] of the result
 * @returns {Promise<Blob>} a JPEG
 */
export async function rectify(blob, quad, longest = 700) {
  const bitmap = await createImageBitmap(blob);
  const ctx = sheet(bitmap.width, bitmap.height);
  ctx.drawImage(bitmap, 0, 0);
  const src = ctx.getImageData(0, 0, bitmap.width, bitmap.height);
  bitmap.close();
  const p = quad.map(([x, y]) => /** @type {Point} */ ([x * src.width, y * src.height]));
  const sides = p.map(([x, y], i) => Math.hypot(x - p[(i + 1) % 4][0], y - p[(i + 1) % 4][1])), shape = shapeOf(p, src.width, src.height);
  const long = Math.min(longest, 2 * Math.max(...sides)), w = Math.max(16, Math.round(long * Math.min(1, shape))), h = Math.max(16, Math.round(long / Math.max(1, shape)));
  const out = ctx.createImageData(w, h), map = squareToQuad(p);
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
    const [sx, sy] = map((x + 0.5) / w, (y + 0.5) / h);
    sample(src, sx - 0.5, sy - 0.5, out.data, (y * w + x) * 4);
  }
  const made = sheet(w, h);
  made.putImageData(out, 0, 0);
  return jpeg(made.canvas, 0.92);
}
