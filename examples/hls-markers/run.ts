// A seekable live stream with markers from a detector in another process:  node examples/hls-markers/run.ts
// Starts the server, a checkerboard at an uneven rate with mint squares at random, and detector.py (Python 3.9 with numpy). Then open the
// address: each square is a span on the time bar, exact to the frame, also hours back. PORT, PYTHON and LATE (seconds) may be set.
import { spawn, spawnSync } from 'node:child_process';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from '../../src/index.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const pythons = process.env.PYTHON ? [process.env.PYTHON] : ['python3', 'python', '/usr/bin/python3'];
const python = pythons.find((name) => spawnSync(name, ['-c', 'import numpy'], { stdio: 'ignore' }).status === 0);
if (!python) {
  console.error(`None of ${pythons.join(', ')} is a Python with numpy: install it (pip install numpy) or name one with PYTHON=…`);
  process.exit(2);
}

await using server = await createServer({
  port: Number(process.env.PORT ?? 8000),
  streams: {
    board: {
      title: 'Checkerboard',
      description: 'Mint squares at random; a separate program finds them.',
      source: { type: 'pattern', kind: 'checkerboard', width: 640, height: 360, vary: [16, 61], seed: Date.now() % 1_000_000 },
      dvr: { mode: 'always', window: '1h' },
    },
  },
});
console.log(`Open ${server.url}`);

const detector = spawn(python, [here('detector.py'), server.url, 'board', '--late', process.env.LATE ?? '0.2'], {
  env: { ...process.env, PYTHONPATH: [here('../../clients/python'), process.env.PYTHONPATH].filter(Boolean).join(delimiter) },
  stdio: ['ignore', 'inherit', 'inherit'],
});
await new Promise<void>((resolve) => {
  process.once('SIGINT', () => resolve());
  process.once('SIGTERM', () => resolve());
  detector.once('exit', (code) => {
    if (code) console.error(`detector.py ended with code ${code}`);
    resolve();
  });
});
detector.kill();
