// Figures of the live page in Chromium against the real server on this machine: identified frames a
// second with a card held still and with cards that change, work on the page's main thread, first
// paint, bytes, growth of the heap. One JSON object on standard output.
//
// usage: node bench/bench_page.mjs BUILD [SECONDS]    (make test has been run there once)
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const [build = 'build/bench', seconds = '10'] = process.argv.slice(2);
Object.assign(process.env, { IDENTIFY_SOURCE_DIR: SOURCE, IDENTIFY_BUILD_DIR: path.resolve(build) });
const { browser, camera, open, startCamera } = await import('../tests/web/lib.mjs');
const { frameOf } = await import('../tests/web/frames.mjs');

const { REFS, Server, exampleIndex } = await import('../tests/web/server.mjs');

const server = await Server.start(['--index', exampleIndex(), '--refs', REFS, '--log-format', 'none']);
const QUAD = [[0.3, 0.16], [0.56, 0.12], [0.6, 0.82], [0.33, 0.88]];
const cards = ['LOCH-JP009_lantern_goldfish_ur', 'LOCH-JP012_high_eagle', 'LOCH-JP011_harvest_owl_scr', 'LOCH-JP018_moor_rhinoceros_ur'];
const shots = cards.map((name) => frameOf([[name, QUAD]], [1280, 720]));

/** @param {[Buffer, number][]} film @param {string} name */
async function measure(film, name) {
  const b = await browser({ camera: camera(film, name) });
  const page = await open(b, server.url);
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  const bytes = await page.evaluate(() => performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource')).filter((e) => e.name.includes('/canvas/')).reduce((n, e) => n + e.encodedBodySize, 0));
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  const metrics = async () => Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]));
  await startCamera(page);
  await page.waitForFunction(() => window.identify.state.tracker.tracks.length > 0);
  await page.waitForTimeout(2000);
  const look = () => page.evaluate(() => { const { state, overlay } = window.identify, v = document.querySelector('#video').getVideoPlaybackQuality(); return { answers: state.answers, drawn: overlay.spent.frames, shown: v.totalVideoFrames - v.droppedVideoFrames, at: performance.now() }; });
  await page.evaluate(() => window.gc?.());
  const [m0, l0] = [await metrics(), await look()];
  await page.waitForTimeout(Number(seconds) * 1000);
  const [m1, l1] = [await metrics(), await look()];
  await b.close();
  const s = (l1.at - l0.at) / 1000;
  return {
    identified_per_second: +((l1.answers - l0.answers) / s).toFixed(1), display_per_second: +((l1.shown - l0.shown) / s).toFixed(1),
    main_thread_ms_per_frame: +((m1.TaskDuration - m0.TaskDuration) * 1000 / Math.max(1, l1.shown - l0.shown)).toFixed(2),
    heap_growth_kb: Math.round((m1.JSHeapUsedSize - m0.JSHeapUsedSize) / 1024), first_paint_ms: Math.round(paint), bytes,
  };
}

try {
  const held = await measure([[shots[0], 2]], 'held'), changing = await measure(shots.map((s) => [s, 20]), 'changing');
  console.log(JSON.stringify({ bench: 'page', seconds: Number(seconds), held, changing }));
} finally {
  await server.stop();
}
