// Starts the page when its first picture is on the screen: that needs the HTML and the style sheet
// alone, and thirty modules would stand in the way of both.

const PATIENCE_MS = 1000; // where the browser does not say when it has painted
let started = false;

function start() {
  if (started) return;
  started = true;
  const modules = /** @type {HTMLTemplateElement} */ (document.querySelector('#modules'));
  document.head.append(modules.content); // fetched side by side
  import('./app.js');
}

try { // the theme that was chosen, before anything is seen
  const { theme } = JSON.parse(localStorage.getItem('dlf-live-settings-v1') || '{}');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch { /* as the system has it */ }

if (document.hidden || typeof PerformanceObserver !== 'function') start();
else {
  new PerformanceObserver(start).observe({ type: 'paint', buffered: true });
  setTimeout(start, PATIENCE_MS);
}
