// Boxes and quadrilaterals: the upright box, overlap, reading order.

/** @param {Quad} q @returns {[number, number, number, number]} left, top, right, bottom */
export function boxOf(q) {
  const xs = q.map((p) => p[0]), ys = q.map((p) => p[1]);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** Overlap of the upright boxes, 0..1. @param {Quad} a @param {Quad} b */
export function overlap(a, b) {
  const [ax1, ay1, ax2, ay2] = boxOf(a), [bx1, by1, bx2, by2] = boxOf(b);
  const w = Math.min(ax2, bx2) - Math.max(ax1, bx1), h = Math.min(ay2, by2) - Math.max(ay1, by1);
  if (w <= 0 || h <= 0) return 0;
  return w * h / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - w * h);
}

/**
 * Reading order: rows from top to bottom, each from left to right. A row is what lies within half a
 * thing's height of its first one.
 * @template {{quad: Quad}} T
 * @param {T[]} things @returns {T[]}
 */
export function readingOrder(things) {
  const at = things.map((t) => { const [x1, y1, x2, y2] = boxOf(t.quad); return { t, x: (x1 + x2) / 2, y: (y1 + y2) / 2, h: y2 - y1 }; });
  const heights = at.map((a) => a.h).sort((a, b) => a - b), half = (heights[heights.length >> 1] || 0) / 2;
  at.sort((a, b) => a.y - b.y);
  /** @type {(typeof at)[]} */
  const rows = [];
  for (const a of at) {
    const row = rows[rows.length - 1];
    if (row && a.y - row[0].y <= half) row.push(a); else rows.push([a]);
  }
  return rows.flatMap((row) => row.sort((a, b) => a.x - b.x).map((a) => a.t));
}
