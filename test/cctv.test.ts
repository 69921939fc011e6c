// examples/cctv, run as a person runs it; its QR codes read by a foreign reader, its unit judged by systemd.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type QrCode, qrCode, qrText } from '../examples/cctv/qr.ts';
import { hasTool } from './tools.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-cctv-'));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A picture of the code, 4 pixels a module, as PGM. */
function picture(code: QrCode): Buffer {
  const [scale, quiet] = [4, 4];
  const side = (code.length + 2 * quiet) * scale;
  const pixels = Buffer.alloc(side * side, 255);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (code[Math.floor(y / scale) - quiet]?.[Math.floor(x / scale) - quiet]) pixels[y * side + x] = 0;
    }
  }
  return Buffer.concat([Buffer.from(`P5\n${side} ${side}\n255\n`), pixels]);
}

/** At both ends of each version's length. */
const LENGTHS = [1, 14, 15, 26, 27, 42, 43, 62, 63, 84, 85, 106, 107, 122, 123, 152, 153, 180, 181, 213];
const LINK = 'http://192.168.178.32:8000/pages/wall?token=';

it.skipIf(!hasTool('zbarimg', ['--version']))('QR codes of every version are read by zbar', { timeout: 120_000 }, async () => {
  const dir = await folder();
  const files = LENGTHS.map((length) => join(dir, `${String(length).padStart(3, '0')}.pgm`));
  const texts = LENGTHS.map((length) => LINK.padEnd(length, 'aZ0_-9').slice(0, length));
  await Promise.all(files.map((file, i) => writeFile(file, picture(qrCode(texts[i]!)))));
  const { stdout } = spawnSync('zbarimg', ['-q', '--raw', ...files], { encoding: 'utf8' });
  expect(stdout.trim().split('\n')).toEqual(texts);
});

it('a text that is too long is refused', () => {
  expect(() => qrCode('x'.repeat(214))).toThrow('a QR code of 214 bytes; at most 213 fit');
});

it('in a terminal it is the same code, two modules in a character', () => {
  const code = qrCode(LINK);
  const lines = qrText(code)
    .replace(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '')
    .split('\n');
  const rows = lines.flatMap((line) => ['▀█', '▄█'].map((dark) => [...line].map((char) => dark.includes(char))));
  expect(rows.slice(4, 4 + code.length).map((row) => row.slice(4, -4))).toEqual(code);
});

async function start(...args: string[]): Promise<{ child: ChildProcess; link: string; admin: string }> {
  const child = spawn(process.execPath, ['examples/cctv/main.ts', '--host', '127.0.0.1', '--port', '0', ...args], { cwd: root });
  cleanups.push(async () => {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  });
  let output = '';
  const [, link, admin] = await new Promise<RegExpExecArray>((resolve, reject) => {
    const read = (data: Buffer) => {
      output += data;
      const match = /Watch\s+(\S+)\s+Change\s+(\S+)/.exec(output);
      if (match) resolve(match);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', () => reject(new Error(output)));
  });
  return { child, link: link!, admin: admin! };
}

it('examples/cctv: a clip in, a wall out; the link lets watch and no more, and stays; ReRo-CCTV finds its route', {
  timeout: 120_000,
}, async () => {
  const dataDir = await folder();
  const args = ['--data-dir', dataDir, '--input', 'test/media/irregular.mp4', '--viewers', '4'];
  const { child, link, admin } = await start(...args);
  const page = await fetch(link);
  const html = await page.text();
  expect(page.status).toBe(200);
  expect(html.match(/<sluice-player src="\.\.\/live\/camera"/g)).toHaveLength(4);
  expect((await fetch(link.replace(/\?.*/, ''))).status).toBe(401);
  const token = new URL(link).search;
  expect((await fetch(new URL(`/api/streams/camera${token}`, link))).status).toBe(200);
  expect((await fetch(new URL(`/api/streams/camera/stop${token}`, link), { method: 'POST' })).status).toBe(403);
  const config = (await (await fetch(new URL(`/api/streams/camera${new URL(admin).search}`, admin))).json()) as {
    config: { source: { maxFps: number } };
  };
  expect(config.config.source.maxFps).toBe(34);
  const socket = new WebSocket(new URL(`/websocket/95${token}`, link).href.replace('http', 'ws'));
  const [data] = (await once(socket, 'message')) as [Buffer];
  expect([...data.subarray(0, 2), ...data.subarray(-2)]).toEqual([0xff, 0xd8, 0xff, 0xd9]);
  socket.terminate();
  child.kill('SIGTERM');
  expect((await once(child, 'exit'))[0]).toBe(0);
  const again = await start(...args);
  expect(new URL(again.link).search).toBe(token);
});

it('examples/cctv: an input that is not there is named', async () => {
  await expect(start('--data-dir', await folder(), '--input', 'nowhere.mp4')).rejects.toThrow(/--input: there is no file .*nowhere\.mp4/);
});

it.skipIf(!hasTool('systemd-analyze', ['--version']))('its unit is one that systemd takes', async () => {
  const unit = join(await folder(), 'sluice-cctv.service');
  const text = await readFile(join(root, 'examples/cctv/sluice-cctv.service'), 'utf8');
  // There is no /opt/sluice here.
  await writeFile(unit, text.replace('/opt/sluice/node_modules/.bin/node', process.execPath).replaceAll('/opt/sluice/', root));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
  expect(`${stderr}${status}`).toBe('0');
});
