// A lab camera for many viewers:  npx node examples/cctv/main.ts [--input camera | clip.mp4 | rtsp://…] …
// Prints a link and its QR code; the page behind it is a wall of players. Nothing is captured while nobody watches. See README.md.
// (`npm start` once installs and builds. In a project of your own the import is from 'sluice'.)
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createServer, SluiceError } from '../../src/index.ts';
import { readOptions } from '../options.ts';
import { qrCode, qrSvg, qrText } from './qr.ts';
import { wallPage } from './wall.ts';

const { values } = readOptions({
  options: {
    /** camera, camera:0, camera:NAME, a file, or an address; several for several cameras. */
    input: { type: 'string', multiple: true, default: ['camera'] },
    host: { type: 'string', default: '0.0.0.0' },
    port: { type: 'string', default: '8000' },
    /** Pictures per second at most. */
    fps: { type: 'string', default: '34' },
    /** WIDTHxHEIGHT: asked of a camera, others are scaled to it. */
    size: { type: 'string' },
    /** Players of each camera on the wall. */
    viewers: { type: 'string', default: '1' },
    /** Everybody who reaches this machine may watch, without a token. */
    open: { type: 'boolean', default: false },
    /** Pages of other origins that may watch, such as http://localhost:5173. */
    origin: { type: 'string', multiple: true, default: [] },
    'data-dir': { type: 'string', default: '.sluice-cctv' },
  },
});

const dataDir = resolve(values['data-dir']);
const cameras = await Promise.all(values.input.map(describe));
const tokens = await keptTokens(dataDir);
const server = await createServer({
  host: values.host,
  port: Number(values.port),
  dataDir,
  ...tokens,
  anonymous: values.open ? 'view' : 'none',
  origins: values.origin,
  streams: Object.fromEntries(cameras.map(({ name, title, url }) => [name, { title, source: source(url) }])),
  compat: { reroCctv: { stream: cameras[0]!.name } },
}).catch((error: unknown) => fail(error instanceof SluiceError ? error.message : String(error)));

const at = new URL(server.url);
at.hostname = values.host === '0.0.0.0' ? (ownAddress() ?? '127.0.0.1') : values.host;
const link = `${at}pages/wall${values.open ? '' : `?token=${tokens.viewToken}`}`;
const code = qrCode(link);
const tiles = cameras.flatMap((camera) =>
  Array.from({ length: Number(values.viewers) || 1 }, () => ({ stream: camera.name, title: camera.title })),
);
server.page('wall', wallPage(tiles, link, qrSvg(code, 'QR code of the link to this page')));
console.log(`Watch   ${link}`);
console.log(`Change  ${at}?token=${tokens.token}   (settings, recordings; keep this one)`);
// A log file is no place for a picture.
if (process.stdout.isTTY) console.log(qrText(code));

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.close());

function source(url: string) {
  return { type: 'ffmpeg' as const, url, maxFps: Number(values.fps), ...(values.size && { size: values.size }) };
}

/** Stream name, title and address of an input. Files must be there; a camera may come later. */
async function describe(input: string, index: number) {
  const name = index ? `camera-${index + 1}` : 'camera';
  if (/^camera(:|$)/.test(input)) return { name, title: input.replace(/^camera:?/, '') || 'Camera', url: input };
  if (/^[a-z][a-z0-9+.-]+:/i.test(input)) return { name, title: new URL(input).hostname || 'Camera', url: input };
  const url = resolve(input);
  const file = await stat(url).catch(() => null);
  if (!file?.isFile()) fail(`--input: there is no file ${url}`);
  return { name, title: basename(input), url };
}

/** Links and QR codes on the wall outlive a restart, so the tokens do. */
async function keptTokens(folder: string): Promise<{ token: string; viewToken: string }> {
  const file = join(folder, 'tokens.json');
  const known = await readFile(file, 'utf8').catch(() => null);
  if (known) return JSON.parse(known);
  const tokens = { token: randomBytes(18).toString('base64url'), viewToken: randomBytes(9).toString('base64url') };
  await mkdir(folder, { recursive: true });
  await writeFile(file, JSON.stringify(tokens), { mode: 0o600 });
  return tokens;
}

function ownAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find((entry) => !entry.internal && entry.family === 'IPv4')?.address;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
