// The worker of the overlay: a canvas and the shapes of tracks in, then what to paint.
import { setShapes } from './chips.js';
import { Painter } from './paint.js';

/** @type {Painter | null} */
let painter = null;

self.onmessage = (/** @type {MessageEvent} */ { data }) => {
  if (!data.canvas) { painter?.take(data); return; }
  painter = new Painter(data.canvas);
  setShapes(data.shapes);
};
