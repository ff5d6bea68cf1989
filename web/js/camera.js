// Cameras, videos and photos: opens them, remembers the lens, says in one word what went wrong.
import { $ } from './dom.js';
import { settings, saveSettings, state, changed } from './state.js';

const video = /** @type {HTMLVideoElement} */ ($('#video'));
const photo = /** @type {HTMLImageElement} */ ($('#photo'));

/** @type {MediaStream | null} */
let stream = null;
/** an address made for a file, to be given back */
let made = '';

/** @returns {any} what the lens can do, {} when it does not say */
export const abilities = () => stream?.getVideoTracks()[0]?.getCapabilities?.() || {};

/** Whether this page may ask for a camera at all. */
export const secure = () => isSecureContext && !!navigator.mediaDevices?.getUserMedia;

export function stop() {
  for (const track of stream?.getTracks() || []) track.stop();
  stream = null;
  video.srcObject = null;
  video.removeAttribute('src');
  if (made) URL.revokeObjectURL(made);
  made = '';
  state.torch = null;
}

/** @param {string} id @returns {MediaTrackConstraints} */
function wish(id) {
  const [width, height] = (settings.resolution.match(/\d+/g) || ['1280', '720']).map(Number);
  const size = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 } };
  return id ? { ...size, deviceId: { exact: id } } : { ...size, facingMode: { ideal: settings.facing } };
}

/** Device ids change when a site's data is cleared; the name of the lens finds it again. */
async function rememberedId() {
  if (!settings.camera) return '';
  const list = (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.kind === 'videoinput');
  const found = list.find((d) => d.deviceId === settings.camera) || (settings.cameraLabel && list.find((d) => d.label === settings.cameraLabel));
  return found ? found.deviceId : '';
}

/** @param {any} error @returns {'denied' | 'nocamera' | 'busycamera'} */
function reason(error) {
  if (error?.name === 'NotAllowedError' || error?.name === 'SecurityError') return 'denied';
  if (error?.name === 'NotFoundError' || error?.name === 'OverconstrainedError') return 'nocamera';
  return 'busycamera';
}

/**
 * Opens the camera and shows it. @param {(why: 'ended') => void} gone called when it is unplugged
 * @returns {Promise<null | 'denied' | 'nocamera' | 'busycamera' | 'insecure' | 'late'>} null: it runs
 */
export async function openCamera(gone) {
  if (!secure()) return 'insecure';
  const epoch = state.epoch;
  /** @type {MediaStream} */
  let opened;
  try {
    const id = await rememberedId();
    try {
      opened = await navigator.mediaDevices.getUserMedia({ video: wish(id), audio: false });
    } catch (error) {
      if (!id || reason(error) !== 'nocamera') throw error;
      opened = await navigator.mediaDevices.getUserMedia({ video: wish(''), audio: false });
    }
  } catch (error) {
    return reason(error);
  }
  if (epoch !== state.epoch) { // cancelled, or something else was opened meanwhile
    for (const track of opened.getTracks()) track.stop();
    return 'late';
  }
  stop();
  stream = opened;
  const track = stream.getVideoTracks()[0], now = track.getSettings();
  track.addEventListener('ended', () => { if (stream === opened) gone('ended'); });
  if (now.deviceId) Object.assign(settings, { camera: now.deviceId, cameraLabel: track.label });
  saveSettings();
  state.torch = 'torch' in abilities() ? false : null;
  video.srcObject = stream;
  await video.play().catch(() => {});
  await listCameras();
  return null;
}

export async function listCameras() {
  if (!navigator.mediaDevices?.enumerateDevices) return;
  const list = (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.kind === 'videoinput' && d.deviceId);
  state.cameras = list.map((d, i) => ({ id: d.deviceId, label: d.label || `Camera ${i + 1}` }));
  changed('stage');
}

/** The next lens; without names of lenses, the other side of the phone. */
export function chooseNext() {
  const { cameras } = state, i = cameras.findIndex((c) => c.id === settings.camera);
  if (cameras.length > 1) choose(cameras[(i + 1) % cameras.length].id);
  else { settings.facing = settings.facing === 'user' ? 'environment' : 'user'; choose(''); }
}

/** @param {string} id */
export function choose(id) {
  settings.camera = id;
  settings.cameraLabel = state.cameras.find((c) => c.id === id)?.label || '';
  saveSettings();
}

/** @param {boolean} lit */
export async function setTorch(lit) {
  const track = stream?.getVideoTracks()[0];
  if (!track || state.torch == null) return;
  await track.applyConstraints(/** @type {any} */ ({ advanced: [{ torch: lit }] })).then(() => { state.torch = lit; }, () => { state.torch = null; });
  changed('stage');
}

/** @returns {number | undefined} */
export const zoomNow = () => /** @type {any} */ (stream?.getVideoTracks()[0]?.getSettings())?.zoom;

/** @param {number} zoom */
export const setZoom = (zoom) => stream?.getVideoTracks()[0]?.applyConstraints(/** @type {any} */ ({ advanced: [{ zoom }] })).catch(() => {});

/** Shows a video file; false when this browser cannot play it. @param {Blob} file @returns {Promise<boolean>} */
export async function openVideo(file) {
  stop();
  made = URL.createObjectURL(file);
  video.loop = true;
  video.src = made;
  return new Promise((resolve) => {
    video.onloadeddata = () => { video.play().then(() => resolve(true), () => resolve(video.videoWidth > 0)); };
    video.onerror = () => resolve(false);
  });
}

/** Shows a photo; its bitmap (turned upright) or null when it is no picture. @param {Blob} file @returns {Promise<ImageBitmap | null>} */
export async function openPhoto(file) {
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
    stop();
    made = URL.createObjectURL(file);
    photo.src = made;
    await photo.decode();
    return bitmap;
  } catch {
    return null;
  }
}

/** The video's frame as a photo that stays: shown instead of the running picture. @returns {Promise<ImageBitmap>} */
export async function takeStill() {
  const bitmap = await createImageBitmap(video);
  const canvas = document.createElement('canvas');
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d')).drawImage(bitmap, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.92));
  if (made) URL.revokeObjectURL(made);
  made = URL.createObjectURL(/** @type {Blob} */ (blob));
  photo.src = made;
  await photo.decode().catch(() => {});
  return bitmap;
}
