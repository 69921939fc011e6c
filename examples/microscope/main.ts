// Two detectors of a microscope side by side:  npx node examples/microscope/main.ts [--port 8000] [--side 1024] [--fps 30]
// The detectors are a process of their own: cameras.py where there is a Python with numpy, else cameras.ts. See README.md.
// (`npm start` once installs and builds. In a project of your own the import is from 'sluice'.)
import { spawn, spawnSync } from 'node:child_process';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from '../../src/index.ts';
import { readOptions } from '../options.ts';
import { PAGE } from './page.ts';

const { values } = readOptions({
  options: {
    port: { type: 'string', default: '8000' },
    side: { type: 'string', default: '1024' },
    fps: { type: 'string', default: '30' },
    /** python or node; default: python where numpy is there. */
    cameras: { type: 'string' },
    'data-dir': { type: 'string' },
  },
});
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const python = ['python3', 'python', '/usr/bin/python3'].find(
  (name) => values.cameras !== 'node' && spawnSync(name, ['-c', 'import numpy'], { stdio: 'ignore' }).status === 0,
);
if (values.cameras === 'python' && !python) {
  console.error('--cameras python: there is no Python with numpy here; leave it out, or install numpy');
  process.exit(2);
}

const detector = (title: string, map: 'green' | 'magenta') => ({
  title,
  source: { type: 'push' as const },
  pixelSize: 0.65,
  // Of the video; without loss the page chooses.
  view: { window: 'auto' as const, map },
});
const server = await createServer({
  port: Number(values.port),
  ...(values['data-dir'] && { dataDir: values['data-dir'] }),
  // The left one is not encoded as video for nobody: nothing of it is kept.
  streams: { left: { ...detector('Detector 1', 'green'), dvr: { mode: 'off' } }, right: detector('Detector 2', 'magenta') },
}).catch((error: Error) => {
  console.error(error.message);
  process.exit(2);
});
console.log(`Open ${server.page('microscope', PAGE)}`);

const [command, args] = python
  ? [python, ['-u', here('cameras.py'), server.url, values.side, values.fps]]
  : [process.execPath, [here('cameras.ts'), server.url, '--side', values.side, '--fps', values.fps]];
const cameras = spawn(command, args, {
  env: { ...process.env, PYTHONPATH: [here('../../clients/python'), process.env.PYTHONPATH].filter(Boolean).join(delimiter) },
  stdio: ['ignore', 'inherit', 'inherit'],
});
await new Promise<void>((resolve) => {
  process.once('SIGINT', () => resolve());
  process.once('SIGTERM', () => resolve());
  cameras.once('exit', (code) => {
    if (code) console.error(`the detectors ended with code ${code}`);
    resolve();
  });
});
// They say that acquisition is over, and must find the server there.
const gone = new Promise((resolve) => cameras.once('exit', resolve));
cameras.kill();
if (cameras.exitCode === null && cameras.signalCode === null) await gone;
await server.close();
