// The shell without a network: the page and its parts are kept when they are fetched, and taken from
// there when the server does not answer. Reference pictures too, so that the deck shows its own.
const SHELL = 'identify-shell-1', PICTURES = 'identify-pictures-1', MAX_PICTURES = 600;

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(SHELL), page = await fetch('/canvas/live', { cache: 'no-cache' });
    if (!page.ok) throw new Error('no page');
    const text = await page.clone().text();
    await cache.put('/canvas/live', page);
    const parts = [...text.matchAll(/(?:href|src)="(\/canvas\/[^"#]+)"/g)].map((m) => m[1]);
    await cache.addAll([...new Set(parts)]);
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith('identify-') && name !== SHELL && name !== PICTURES) await caches.delete(name);
    await self.clients.claim();
  })());
});

async function shell(request) {
  const cache = await caches.open(SHELL), path = new URL(request.url).pathname;
  const key = /^\/canvas\/?(live\/?)?$/.test(path) ? '/canvas/live' : path;
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(key, response.clone());
    return response.status < 500 ? response : (await cache.match(key)) || response;
  } catch (error) {
    const kept = await cache.match(key);
    if (kept) return kept;
    throw error;
  }
}

async function reference(request) {
  const cache = await caches.open(PICTURES);
  try {
    const response = await fetch(request);
    if (response.status === 200) {
      await cache.put(request.url, response.clone());
      const keys = await cache.keys();
      for (const old of keys.slice(0, Math.max(0, keys.length - MAX_PICTURES))) await cache.delete(old);
    }
    return response;
  } catch (error) {
    const kept = await cache.match(request.url);
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener('fetch', (event) => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin || request.headers.has('range')) return;
  if (url.pathname.startsWith('/canvas')) event.respondWith(shell(request));
  else if (url.pathname.startsWith('/refs/')) event.respondWith(reference(request));
});
