// Everything that `npm test` promises, in order of cost: format and lint, the type programs, then the tests.
// Arguments after `--` go to Vitest: `npm test -- hls` runs the tests whose path contains "hls".
import { spawn } from 'node:child_process';

const given = process.argv.slice(2);
const vitest = (...args) => ['vitest', 'run', ...args];

/** Each step is a row of commands that run side by side. */
const steps = [
  ['Format and lint', ['biome', 'ci', '.', '--error-on-warnings']],
  [
    'Types (Node, browser, browser tests)',
    ['tsc', '-p', 'tsconfig.json'],
    ['tsc', '-p', 'tsconfig.browser.json'],
    ['tsc', '-p', 'tsconfig.test.json'],
  ],
  given.length
    ? ['Tests', vitest(...given)]
    : // Tests with a browser compute, the others wait more: together they keep the machine busy and leave each other room.
      [
        'Tests, without and with a browser',
        vitest('--project', 'node', '--maxWorkers', '2'),
        vitest('--project', 'browser', '--maxWorkers', '2'),
      ],
];

for (const [title, ...commands] of steps) {
  const started = Date.now();
  console.log(`\n== ${title}`);
  const code = await sideBySide(commands);
  if (code !== 0) {
    console.error(`== ${title} failed`);
    process.exit(code);
  }
  console.log(`== ${title} passed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** Runs commands at the same time. What the first says is shown at once, what the others say when those before them have ended. */
async function sideBySide(commands) {
  const runs = commands.map(run);
  let worst = 0;
  for (const { show, ended } of runs) {
    show();
    worst = Math.max(worst, await ended);
  }
  return worst;
}

function run([command, ...args], index) {
  const shell = process.platform === 'win32';
  // The first one has the terminal for itself.
  const child = spawn(command, args, { stdio: index === 0 ? 'inherit' : ['ignore', 'pipe', 'pipe'], shell, env: colored() });
  const held = [];
  let shown = false;
  const say = (bytes) => (shown ? process.stdout.write(bytes) : held.push(bytes));
  child.stdout?.on('data', say);
  child.stderr?.on('data', say);
  return {
    show: () => {
      shown = true;
      for (const bytes of held.splice(0)) process.stdout.write(bytes);
    },
    ended: new Promise((resolve) => {
      child.on('error', (error) => {
        say(`${command}: ${error.message}\n`);
        resolve(1);
      });
      child.on('close', (code) => resolve(code ?? 1));
    }),
  };
}

/** Output that goes through a pipe keeps the colours of the terminal. */
function colored() {
  return process.stdout.isTTY && process.env.NO_COLOR === undefined ? { ...process.env, FORCE_COLOR: '1' } : process.env;
}
