// What the tests of the page share: the browser with a fake camera, small checks, a list of tests.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { SOURCE } from './fake.mjs';

export const BUILD = process.env.IDENTIFY_BUILD_DIR || path.join(SOURCE, 'build/dev');
export const WEB = path.join(BUILD, 'web');
const require = createRequire(path.join(WEB, 'package.json'));
export const { chromium } = require('playwright-core');
export const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
export { assert };

export const CHROMIUM = process.env.CHROMIUM || ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((f) => fs.existsSync(f));
export const FRAMES = path.join(SOURCE, 'data/example-frames');

/** of the test that is running: the contexts that it has open, for a failed one leaves them behind @type {AsyncLocalStorage<Set<any>>} */
const opened = new AsyncLocalStorage();
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'identify-web-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));

/** A file of the fake camera: JPEG frames one after another, each held for so many of 30 a second. @param {[string | Buffer, number][]} shots */
export function camera(shots, name = 'camera') {
  const file = path.join(scratch, name + '.mjpeg');
  fs.writeFileSync(file, Buffer.concat(shots.flatMap(([shot, n]) => Array(n).fill(typeof shot === 'string' ? fs.readFileSync(path.join(FRAMES, shot)) : shot))));
  return file;
}
export const scratchFile = (name) => path.join(scratch, name);

/** @param {{camera?: string, fakeUi?: boolean, args?: string[], device?: boolean}} [options] */
export async function browser(options = {}) {
  assert.ok(CHROMIUM, 'chromium is missing: tools/deps.sh test');
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--mute-audio', ...(options.args || [])];
  if (options.device !== false) args.push('--use-fake-device-for-media-stream');
  if (options.fakeUi !== false) args.push('--use-fake-ui-for-media-stream');
  if (options.camera) args.push(`--use-file-for-fake-video-capture=${options.camera}`);
  return chromium.launch({ executablePath: CHROMIUM, args, env: { ...process.env, HOME: scratch } });
}

/** A machine that does much else is slow; a test that hangs still ends. */
const PATIENCE = 180000;

export const SIZES = { 360: [360, 800], 768: [768, 1024], 1440: [1440, 900], 2560: [2560, 1440] };

/** A page of its own, with what went wrong in it. @param {any} b @param {string} url @param {any} [options] */
export async function open(b, url, options = {}) {
  const { size = [1440, 900], theme = 'dark', before, path: at = '/canvas/live', wait, ...rest } = options;
  const context = await b.newContext({ viewport: { width: size[0], height: size[1] }, colorScheme: theme, serviceWorkers: 'block', acceptDownloads: true, hasTouch: size[0] < 600, ...rest });
  const contexts = opened.getStore();
  contexts?.add(context);
  context.on('close', () => contexts?.delete(context));
  const page = await context.newPage();
  page.wrong = [];
  page.on('pageerror', (e) => page.wrong.push('error: ' + e.message));
  page.on('console', (m) => { if (m.type() === 'error' && !/Failed to load resource|net::ERR/.test(m.text())) page.wrong.push('console: ' + m.text()); });
  page.setDefaultTimeout(PATIENCE);
  if (before) await page.addInitScript(before.fn || before, before.arg);
  await page.goto(url + at, { waitUntil: 'domcontentloaded' });
  if (wait !== false) await page.waitForFunction(() => window.identify);
  return page;
}

/** Waits until a function gives something true, and gives that back. */
export async function until(what, fn, ms = PATIENCE) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await fn();
    if (value) return value;
    if (Date.now() > end) assert.fail(`waited ${ms} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

export const text = async (page, selector) => (await page.locator(selector).first().innerText()).replace(/\s+/g, ' ').trim();
export const press = (page, act) => page.locator(`[data-act="${act}"]:visible`).first().click();
export const startCamera = async (page) => { await page.getByText('Use Webcam').first().click(); await page.waitForSelector('#stage[data-picture]'); };
/** What no answer renews stays in view twenty times as long: a machine that does much else is late with its answers. @param {any} page */
export const keepInView = (page) => page.evaluate(() => {
  const { tracker } = window.identify.state, { expire } = tracker;
  tracker.expire = (now, limit) => expire.call(tracker, now, 20 * limit);
});
export const noErrors = (page) => assert.deepEqual(page.wrong, []);

/** What is drawn at this moment, as fractions of the picture. */
export const drawn = (page) => page.evaluate(() => new Promise((resolve) => {
  const { overlay } = window.identify;
  overlay.canvas.addEventListener('drawn', (e) => {
    const r = overlay.rect;
    resolve(e.detail.map((d) => ({ key: d.key, kind: d.kind, text: d.text, price: d.price, fade: d.fade, n: d.n, focus: d.focus, quad: overlay.eased.get(d.key).map(([x, y]) => [(x - r.x) / r.w, (y - r.y) / r.h]) })));
  }, { once: true });
  overlay.wake();
}));

/** How many pixels of the stage have a colour, as the screen shows it. @param {any} page @param {number[]} colour */
export async function pixelsOf(page, colour) {
  const shot = await page.locator('#stage').screenshot();
  return page.evaluate(async ([data, want]) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))])), canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height }), ctx = canvas.getContext('2d');
    ctx.drawImage(bitmap, 0, 0);
    const { data: rgba } = ctx.getImageData(0, 0, bitmap.width, bitmap.height);
    let n = 0;
    for (let i = 0; i < rgba.length; i += 4) if (want.every((v, c) => Math.abs(v - rgba[i + c]) < 8)) n++;
    return n;
  }, [shot.toString('base64'), colour]);
}

/** How far, in pixels, the canvas believes the picture to be from where it is. */
export const misplaced = (page) => page.evaluate(() => {
  const { overlay } = window.identify, v = document.querySelector('#video'), r = v.getBoundingClientRect(), c = overlay.canvas.getBoundingClientRect();
  const k = Math.min(r.width / v.videoWidth, r.height / v.videoHeight), w = v.videoWidth * k, h = v.videoHeight * k;
  const top = /( 0%| 0px)$/.test(getComputedStyle(v).objectPosition) ? 0 : (r.height - h) / 2;
  return Math.max(Math.abs(r.left - c.left + (r.width - w) / 2 - overlay.rect.x), Math.abs(r.top - c.top + top - overlay.rect.y), Math.abs(w - overlay.rect.w), Math.abs(h - overlay.rect.h));
});

/** Overlap of two quadrilaterals as intersection over union, counted on a grid. */
export function iou(a, b, n = 400) {
  const inside = (q, x, y) => { let s = 0; for (let i = 0; i < 4; i++) { const [ax, ay] = q[i], [bx, by] = q[(i + 1) % 4]; s += Math.sign((bx - ax) * (y - ay) - (by - ay) * (x - ax)); } return Math.abs(s) === 4; };
  let both = 0, any = 0;
  for (let j = 0; j < n; j++) for (let i = 0; i < n; i++) {
    const p = inside(a, (i + 0.5) / n, (j + 0.5) / n), q = inside(b, (i + 0.5) / n, (j + 0.5) / n);
    if (p && q) both++;
    if (p || q) any++;
  }
  return any ? both / any : 0;
}

/**
 * Runs the tests that the arguments name (all without), as many side by side as there are lanes: a page waits for its
 * next picture most of the time. Each test is given its lane, a server of its own as a rule.
 * @template T @param {Record<string, (lane: T) => Promise<void>>} tests @param {T[]} [lanes]
 */
export async function run(tests, lanes = [/** @type {any} */ (undefined)]) {
  const only = process.argv.slice(2), waiting = Object.entries(tests).filter(([name]) => !only.length || only.some((o) => name.includes(o)));
  let failed = 0;
  const one = async (name, fn, lane) => {
    const started = Date.now(), contexts = new Set();
    try {
      await opened.run(contexts, () => fn(lane));
      console.log(`ok   ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed++;
      for (const context of contexts) await context.close().catch(() => {});
      console.log(`FAIL ${name}\n${error.stack}`);
      if (/browser has been closed/.test(error.message)) process.exit(1); // nothing after it can run
    }
  };
  await Promise.all(lanes.map(async (lane) => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await one(next[0], next[1], lane);
  }));
  process.exitCode = failed ? 1 : 0;
}
