// Figures of the live page in Chromium against the real server on this machine: identified frames a
// second with a card held still and with cards that change, work on the page's main thread (wall and
// processor time), first paint beside that of a page of one line, bytes, the heap after a collection
// at the beginning and the end. One JSON object on standard output.
//
// usage: node bench/bench_page.mjs BUILD [SECONDS]    (make test has been run there once)
//        node bench/bench_page.mjs BUILD --minutes N  cards that change, the heap twice a minute
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const [build = 'build/bench', ...rest] = process.argv.slice(2), minutes = rest[0] === '--minutes' ? Number(rest[1]) : 0, seconds = minutes ? 30 : Number(rest[0] || 10);
Object.assign(process.env, { IDENTIFY_SOURCE_DIR: SOURCE, IDENTIFY_BUILD_DIR: path.resolve(build) });
const { browser, camera, open, startCamera } = await import('../tests/web/lib.mjs');
const { frameOf } = await import('../tests/web/frames.mjs');

const { REFS, Server, exampleIndex } = await import('../tests/web/server.mjs');

const server = await Server.start(['--index', exampleIndex(), '--refs', REFS, '--log-format', 'none']);
const QUAD = [[0.3, 0.16], [0.56, 0.12], [0.6, 0.82], [0.33, 0.88]];
const cards = ['LOCH-JP009_lantern_goldfish_ur', 'LOCH-JP012_high_eagle', 'LOCH-JP011_harvest_owl_scr', 'LOCH-JP018_moor_rhinoceros_ur'];
const shots = cards.map((name) => frameOf([[name, QUAD]], [1280, 720]));

const PAINTS = 5;
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];

/** Milliseconds to the first contentful paint: the median of some loads, each with an empty cache. */
async function firstPaint(b, at) {
  const times = [];
  for (let i = 0; i < PAINTS; i++) {
    const page = await open(b, server.url, { path: at, wait: false });
    times.push(Math.round(await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime).then((t) => t.jsonValue())));
    await page.context().close();
  }
  return median(times);
}

/** @param {[Buffer, number][]} film @param {string} name @param {number} turns of so many seconds */
async function measure(film, name, turns = 1) {
  const b = await browser({ camera: camera(film, name) });
  const paint = await firstPaint(b, '/canvas/live'), line = await firstPaint(b, '/');
  const page = await open(b, server.url);
  await page.waitForTimeout(500);
  const bytes = await page.evaluate(() => performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource')).filter((e) => e.name.includes('/canvas/')).reduce((n, e) => n + e.encodedBodySize, 0));
  const [wall, cpu] = [await page.context().newCDPSession(page), await page.context().newCDPSession(page)];
  await wall.send('Performance.enable', { timeDomain: 'timeTicks' });
  await cpu.send('Performance.enable', { timeDomain: 'threadTicks' });
  const metrics = async (cdp) => Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]));
  const heap = async () => { await cpu.send('HeapProfiler.collectGarbage'); return Math.round((await metrics(wall)).JSHeapUsedSize / 1024); };
  await startCamera(page);
  await page.waitForFunction(() => window.identify.state.tracker.tracks.length > 0);
  await page.waitForTimeout(2000);
  const look = () => page.evaluate(() => { const { state, overlay } = window.identify, v = document.querySelector('#video').getVideoPlaybackQuality(); return { answers: state.answers, drawn: overlay.paintings, shown: v.totalVideoFrames - v.droppedVideoFrames, at: performance.now() }; });
  const heaps = [await heap()], [m0, c0, l0] = [await metrics(wall), await metrics(cpu), await look()];
  for (let i = 0; i < turns; i++) {
    await page.waitForTimeout(seconds * 1000);
    if (i < turns - 1) heaps.push(await heap());
  }
  const [m1, c1, l1] = [await metrics(wall), await metrics(cpu), await look()], s = (l1.at - l0.at) / 1000, frames = Math.max(1, l1.shown - l0.shown);
  heaps.push(await heap());
  const nodes = (await metrics(wall)).Nodes;
  await b.close();
  return {
    identified_per_second: +((l1.answers - l0.answers) / s).toFixed(1), display_per_second: +((l1.shown - l0.shown) / s).toFixed(1), painted_per_second: +((l1.drawn - l0.drawn) / s).toFixed(1),
    main_thread_ms_per_frame: +((m1.TaskDuration - m0.TaskDuration) * 1000 / frames).toFixed(2), main_thread_cpu_ms_per_frame: +((c1.TaskDuration - c0.TaskDuration) * 1000 / frames).toFixed(2), heap_kb: heaps, dom_nodes: nodes,
    first_paint_ms: paint, first_paint_of_a_line_ms: line, bytes,
  };
}

try {
  const film = shots.map((s) => [s, 20]), held = minutes ? undefined : await measure([[shots[0], 2]], 'held'), changing = await measure(film, 'changing', 2 * minutes || 1);
  console.log(JSON.stringify({ bench: 'page', seconds: seconds * (2 * minutes || 1), held, changing }));
} finally {
  await server.stop();
}
