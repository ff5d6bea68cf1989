// The loop: the newest frame of the picture goes to the server, one at a time; answers become tracks.
import { $ } from './dom.js';
import { changed, settings, state } from './state.js';
import { Scene, grab } from './scene.js';
import { SendError, Sender } from './sender.js';
import { GONE_MS } from './tracker.js';

const IDLE_MS = 30000; // with nothing in view for this long, frames go out at half the rate
const WAIT_MS = [250, 500, 1000, 2000, 4000];
const PHOTO_SIZE = 1920;

const video = /** @type {HTMLVideoElement} */ ($('#video'));

/** @param {string} kind */
const session = (kind) => kind + '-' + Math.random().toString(36).slice(2, 12);

export class Live {
  /** @param {{overlay: import('./draw.js').Overlay, answered: (answer: Answer, born: Track[]) => void, token: () => void}} does */
  constructor(does) {
    this.does = does;
    this.sender = new Sender();
    this.scene = new Scene();
    this.session = session('live');
    this.fresh = false; // the picture on the screen has not been sent
    this.lastSeen = performance.now();
    this.pause = 0;
    /** @type {number[]} */
    this.times = [];
    this.watching = false;
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.watch(); });
  }

  /** Another source: what comes back for an older one is nobody's. */
  restart() {
    this.session = session('live');
    this.fresh = false;
    this.does.overlay.look(null);
    this.lastSeen = performance.now();
    this.times = [];
    state.rate = 0;
  }

  get running() {
    return (state.source === 'camera' || state.source === 'video') && !state.frozen && !document.hidden;
  }

  /** Follows the frames that the video shows. */
  watch() {
    if (this.watching || !this.running) return;
    this.watching = true;
    const next = () => {
      this.watching = false;
      if (!this.running) return;
      this.seen();
      this.watch();
    };
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  }

  /** A new frame is on the screen. */
  async seen() {
    const { epoch } = state, frame = grab(video);
    this.fresh = true;
    if (state.tracker.tracks.length) {
      const cells = await this.scene.cells(frame || video);
      if (epoch === state.epoch && this.running) this.does.overlay.look(cells);
    }
    if (epoch === state.epoch) this.pump(frame); else frame?.close();
  }

  /** Sends the newest frame where nothing is under way. @param {VideoFrame | null} [frame] that is on the screen, to be closed */
  pump(frame = null) {
    const now = performance.now();
    if (!this.running || state.mode === 'page' || this.sender.busy || !this.fresh || video.videoWidth === 0 || now < this.pause || (state.lost && now < state.lost.at)) {
      frame?.close();
      return;
    }
    this.fresh = false;
    if (!state.tracker.tracks.length && now - this.lastSeen > IDLE_MS) this.pause = now + 2 * state.ms;
    this.send(frame || grab(video) || video, video.videoWidth, video.videoHeight);
  }

  /** @param {any} source @param {number} width @param {number} height */
  async send(source, width, height) {
    const epoch = state.epoch;
    try {
      const answer = await this.ask(source, width, height, state.info.frameSize, { session: this.session, top_k: '5' });
      this.good(answer);
      if (epoch !== state.epoch || state.mode === 'page') return;
      const now = performance.now(), born = state.tracker.update(answer, now);
      if (state.tracker.tracks.some((t) => !t.missing)) this.lastSeen = now;
      this.does.answered(answer, born);
    } catch (error) {
      this.bad(/** @type {SendError} */ (error));
    }
    this.pump();
  }

  /** @param {any} source @param {number} width @param {number} height @param {number} size @param {Record<string, string>} fields */
  ask(source, width, height, size, fields) {
    const query = settings.query || 'card';
    return this.sender.send(source, width, height, {
      url: state.info.upstream ? '/api/falcon-frame' : '/api/falcon', fields: { query, ...fields }, size, source: state.epoch, query: state.info.upstream ? query : '',
    });
  }

  /**
   * One picture that stays: asked once, and again while there is no server.
   * @param {ImageBitmap} bitmap @param {Record<string, string>} fields @returns {Promise<Answer | null>} null: another source was opened, or it was refused
   */
  async photo(bitmap, fields) {
    const epoch = state.epoch;
    while (this.sender.busy) await new Promise((resolve) => setTimeout(resolve, 20));
    for (;;) {
      if (epoch !== state.epoch) return null;
      try {
        const answer = await this.ask(bitmap, bitmap.width, bitmap.height, Math.max(PHOTO_SIZE, state.info.frameSize), { top_k: '5', ...fields });
        this.good(answer);
        return epoch === state.epoch ? answer : null;
      } catch (error) {
        const e = /** @type {SendError} */ (error);
        this.bad(e);
        if (e.kind === 'refused' || e.kind === 'token') return null;
        while (epoch === state.epoch && (state.lost ? performance.now() < state.lost.at : performance.now() < this.pause)) await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** @param {Answer} answer */
  good(answer) {
    const now = performance.now();
    this.times = [...this.times.filter((t) => now - t < 3000), now];
    const first = this.times[0];
    state.rate = this.times.length > 1 ? (this.times.length - 1) * 1000 / (now - first) : 0;
    state.ms = answer.ms;
    state.average = state.answers ? state.average + (answer.ms - state.average) / Math.min(50, state.answers + 1) : answer.ms;
    state.answers++;
    state.lastFrame = answer.frame;
    state.closest = answer.closest;
    state.error = '';
    if (state.lost) { state.lost = null; changed('stage tracks info'); }
  }

  /** @param {SendError} error */
  bad(error) {
    const now = performance.now();
    state.error = error.kind === 'lost' ? `No answer from ${location.host}` : error.message;
    if (error.kind === 'lost') {
      const times = (state.lost?.times || 0) + 1;
      state.lost = { at: now + WAIT_MS[Math.min(times, WAIT_MS.length) - 1], times, why: error.message };
    } else {
      this.pause = now + error.wait;
      if (error.kind === 'busy') state.error = 'The server is busy';
      if (error.kind === 'token') this.does.token();
    }
    changed('stage tracks status');
  }

  /** How long a thing stays without being seen: two seconds, longer where one answer takes that long. */
  get patience() {
    return state.lost || !this.sender.busy ? GONE_MS : Math.max(GONE_MS, 2.5 * state.average);
  }
}
