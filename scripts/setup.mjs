// Makes a fresh clone ready: installs when node_modules is missing or older than the lockfile and, with --build, builds the
// web page when its sources are newer than the last build. No dependencies and old syntax only: it runs on the machine's
// own Node, whatever its version; the program itself runs on the pinned Node that the install brings.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const installed = join(modules, '.sluice-installed');
const built = join(root, 'dist', 'web', '.built');

function time(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function newest(path) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  let latest = stat.mtimeMs;
  for (const name of readdirSync(path)) latest = Math.max(latest, newest(join(path, name)));
  return latest;
}

function run(title, command, args) {
  const started = Date.now();
  console.error(`${title} ...`);
  const done = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (done.status !== 0) {
    console.error(`${title} failed. Run "${[command].concat(args).join(' ')}" by hand to see more.`);
    process.exit(done.status || 1);
  }
  console.error(`${title} done in ${Math.round((Date.now() - started) / 1000)} s`);
}

const lock = Math.max(time(join(root, 'package-lock.json')), time(join(root, 'package.json')));
if (!existsSync(modules) || (time(installed) < lock && time(join(modules, '.package-lock.json')) < lock)) {
  run('Installing packages (once, about a minute)', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(installed, new Date().toISOString());
}

if (process.argv.includes('--build')) {
  const sources = Math.max(
    ...['web', 'src/player', 'src/api', 'src/core', 'src/formats', 'vite.config.ts'].map((p) => newest(join(root, p))),
    lock,
  );
  if (time(built) < sources) {
    // A killed build must not pass for a finished one, so the marker goes first and comes back last.
    rmSync(built, { force: true });
    run('Building the page', 'npx', ['--no-install', 'vite', 'build', '--logLevel', 'warn']);
    mkdirSync(join(root, 'dist', 'web'), { recursive: true });
    writeFileSync(built, new Date().toISOString());
  }
}
