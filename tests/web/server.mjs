// The real program: `dlf-identify serve` on the example collection, with prices made up for it.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { SOURCE } from './fake.mjs';
import { BUILD, WEB } from './lib.mjs';

export const PROGRAM = process.env.DLF_IDENTIFY || path.join(BUILD, 'dlf-identify'), REFS = path.join(SOURCE, 'data/example');

/** The index of the example collection. @returns {string} its file */
export function exampleIndex() {
  fs.mkdirSync(WEB, { recursive: true });
  const index = path.join(WEB, 'example.npz');
  execFileSync(PROGRAM, ['index', '--refs', REFS, '--out', index, '--quiet'], { stdio: ['ignore', 'ignore', 'inherit'] });
  return index;
}

/** @param {string} file @param {Record<string, number>} yen the median of each set code */
export function writePrices(file, yen) {
  const prices = Object.fromEntries(Object.entries(yen).map(([code, median]) => [code, { median, min: median - 100, max: median + 400, count: 3, name_jp: '', rarities: {} }]));
  fs.writeFileSync(file, JSON.stringify({ scraped_at: '2026-11-26T10:00:00', site: 'yuyu-tei', currency: 'JPY', prices }));
}

/** `dlf-identify serve` on a free port, or on one that is known. */
export class Server {
  /** those that run @type {Set<Server>} */
  static all = new Set();

  /** Of a test that failed, too: one left would keep the test program from ending. */
  static async stopAll() {
    await Promise.all([...Server.all].map((s) => s.stop()));
  }

  static async start(args, port = 0) {
    const s = new Server();
    const env = { ...process.env, CARD_PRICES_FX_USD_PER_JPY: '0.00641' };
    s.process = spawn(PROGRAM, ['serve', '--port', String(port), '--json', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
    s.said = '';
    Server.all.add(s);
    s.process.once('exit', () => Server.all.delete(s));
    s.process.stderr.on('data', (d) => { s.said += d; });
    const [line] = await Promise.race([new Promise((resolve) => readline.createInterface(s.process.stdout).once('line', (l) => resolve([l]))),
      new Promise((resolve, reject) => s.process.once('exit', (code) => reject(new Error(`serve left with ${code}: ${s.said}`))))]);
    s.port = JSON.parse(line).port;
    s.url = `http://localhost:${s.port}`;
    return s;
  }

  async stop(signal = 'SIGTERM') {
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill(signal);
    return gone;
  }
}
