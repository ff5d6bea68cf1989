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
  const side = (/** @type {number} */ i) => Math.hypot(p[i][0] - p[(i + 1) % 4][0], p[i][1] - p[(i + 1) % 4][1]);
  const wide = Math.max(side(0), side(2)), high = Math.max(side(1), side(3));
  const k = Math.min(longest / Math.max(wide, high), 2), w = Math.max(16, Math.round(wide * k)), h = Math.max(16, Math.round(high * k));
  const out = ctx.createImageData(w, h), map = squareToQuad(p);
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
    const [sx, sy] = map((x + 0.5) / w, (y + 0.5) / h);
    sample(src, sx - 0.5, sy - 0.5, out.data, (y * w + x) * 4);
  }
  const made = sheet(w, h);
  made.putImageData(out, 0, 0);
  return jpeg(made.canvas, 0.92);
}
