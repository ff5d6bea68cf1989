// Installs what the tests of the page need into the build folder (once, by the lock file), then runs
// one of them. Fails, and says why, where npm or chromium is missing.
//
// usage: node run.mjs TEST.mjs [ARGUMENT...]
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const build = process.env.IDENTIFY_BUILD_DIR || path.join(here, '../../build/dev'), web = path.join(build, 'web');
const lock = fs.readFileSync(path.join(here, 'package-lock.json'), 'utf8'), mark = path.join(web, 'installed.json');

if (!fs.existsSync(mark) || fs.readFileSync(mark, 'utf8') !== lock) {
  fs.mkdirSync(web, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) fs.copyFileSync(path.join(here, file), path.join(web, file));
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', web], { stdio: ['ignore', 'inherit', 'inherit'] });
  fs.writeFileSync(mark, lock);
}
const [test] = process.argv.splice(2, 1);
if (test !== 'install.mjs') await import(pathToFileURL(path.join(here, test)));
