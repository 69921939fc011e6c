// Everything that `npm test` promises, in order of cost: format and lint, both type programs, then the tests.
// Arguments after `--` go to Vitest: `npm test -- hls` runs the tests whose path contains "hls".
import { spawnSync } from 'node:child_process';

const steps = [
  ['Format and lint', ['biome', 'ci', '.', '--error-on-warnings']],
  ['Types (Node)', ['tsc', '-p', 'tsconfig.json']],
  ['Types (browser)', ['tsc', '-p', 'tsconfig.browser.json']],
  ['Types (browser tests)', ['tsc', '-p', 'tsconfig.test.json']],
  ['Tests', ['vitest', 'run', ...process.argv.slice(2)]],
];

for (const [title, [command, ...args]] of steps) {
  const started = Date.now();
  console.log(`\n== ${title}`);
  const done = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (done.status !== 0) {
    console.error(`== ${title} failed`);
    process.exit(done.status ?? 1);
  }
  console.log(`== ${title} passed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
