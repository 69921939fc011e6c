// What a viewer or publisher holds is free soon after it has gone, however it went: its page was closed, its browser was killed, or the network
// was cut.
// LIVES=1 tries all transports, and closed pages too, which tell of their end, and prints how long each took.
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { StreamStats } from '../src/api/schema.ts';
import { waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { type TestServer, testServer } from './server.ts';
import { silentRelay } from './silent-relay.ts';
import { whepClient } from './whep-client.ts';

const base = { linger: '100ms', dvr: { mode: 'off' } } as const;
const streams = {
  cam: { ...base, source: { type: 'pattern', width: 320, height: 180, fps: 15 } },
} as const;
const ALL = [
  { transport: 'webrtc', stream: 'cam', output: 'webrtc' },
  { transport: 'jpeg', stream: 'cam', output: 'ws-jpeg' },
  { transport: 'hls', stream: 'cam', output: 'hls' },
  { transport: 'mjpeg', stream: 'cam', output: 'mjpeg' },
  { transport: 'h264', stream: 'cam', output: 'ws-h264' },
] as const;
const VIEWERS = process.env.LIVES ? ALL : ALL.slice(0, 4);

const viewersOf = async (server: TestServer, stream: string, output: string) =>
  (await server.json<StreamStats>(`api/streams/${stream}/stats`)).outputs[output]?.viewers ?? 0;

/** Opens a page for each way of watching, and one that publishes by WHIP; waits until all run. Gives the publisher's session. */
async function openAll(browser: Awaited<ReturnType<typeof launchChromium>>, server: TestServer, address: string, udp?: [number, number]) {
  const pages: Page[] = [];
  const page = async () => {
    const opened = await browser.page();
    pages.push(opened);
    if (udp) {
      await opened.addInitScript(([from, to]) => {
        const apply = RTCPeerConnection.prototype.setRemoteDescription;
        RTCPeerConnection.prototype.setRemoteDescription = function (description) {
          const sdp = description.sdp?.replaceAll(` 127.0.0.1 ${from} typ`, ` 127.0.0.1 ${to} typ`);
          return Reflect.apply(apply, this, [{ type: description.type, sdp: sdp ?? '' }]);
        };
      }, udp);
    }
    return opened;
  };
  for (const { transport, stream } of VIEWERS)
    await (await page()).goto(`${address}embed/${stream}?transport=${transport}&decoder=webcodecs`);
  for (const opened of pages) await waitForPicture(opened, 150_000);
  const publisher = await page();
  const posted = publisher.waitForResponse((response) => response.status() === 201);
  await publisher.goto(`${address}embed/none`);
  await publisher.addScriptTag({
    type: 'module',
    content: `import { publishWhip } from '${address}player.js';
      const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
      const context = canvas.getContext('2d');
      let n = 0;
      setInterval(() => { context.fillStyle = '#' + (n++ % 1000 + 1000).toString(16); context.fillRect(0, 0, 320, 180); }, 60);
      await publishWhip('${address}live/door/whip', canvas.captureStream(15));`,
  });
  const location = await (await posted).headerValue('location');
  await expect.poll(async () => (await server.json<{ state: string }>('api/streams/door')).state, { timeout: 120_000 }).toBe('live');
  // On a busy machine one of them may be coming back just now.
  for (const { stream, output } of VIEWERS) {
    await expect.poll(() => viewersOf(server, stream, output), { timeout: 120_000, message: output }).toBeGreaterThan(0);
  }
  return { pages, session: `live/door/${location}` };
}

/** Waits until the server holds nothing of them any more; ms of each. */
async function untilAllGone(server: TestServer, session: string, how: string): Promise<void> {
  const started = performance.now();
  const took: Record<string, number> = {};
  const free = async (name: string, gone: () => Promise<boolean>) => {
    await expect.poll(gone, { timeout: 120_000, interval: 50, message: `${how}: ${name}` }).toBe(true);
    took[name] = Math.round(performance.now() - started);
  };
  await Promise.all([
    ...VIEWERS.map(({ stream, output }) => free(output, async () => (await viewersOf(server, stream, output)) === 0)),
    free('whip', async () => (await server.fetch(session)).status === 404),
  ]);
  await free('renditions', async () => {
    const { renditions } = await server.json<StreamStats>('api/streams/cam/stats');
    return renditions.every(({ running }) => !running);
  });
  if (process.env.LIVES) console.log(how, took);
}

/** UDP port of the server, as a viewer is told it. */
async function udpPort(server: TestServer): Promise<number> {
  await using viewer = await whepClient(`${server.url}live/cam/whep`);
  await fetch(viewer.location, { method: 'DELETE' });
  return Number(/ 127\.0\.0\.1 (\d+) typ host/.exec(viewer.answer)![1]);
}

/** Whether nobody has this UDP port. */
const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => socket.close(() => resolve(true)));
  });

/** Chromium processes that this test has started. */
function browsers(): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  return rows.flatMap((row) => {
    const [, pid, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row) ?? [];
    return Number(parent) === process.pid && /--headless/.test(args!) ? [Number(pid)] : [];
  });
}

it.runIf(process.env.LIVES)(
  'pages that are closed',
  async () => {
    await using server = await testServer({ streams });
    await using chromium = await launchChromium();
    const { pages, session } = await openAll(chromium, server, server.url);
    const closed = Promise.all(pages.map((page) => page.close()));
    await untilAllGone(server, session, 'closed');
    await closed;
  },
  400_000,
);

it('a browser that is killed', async () => {
  await using server = await testServer({ streams });
  const port = await udpPort(server);
  const before = browsers();
  const chromium = await launchChromium();
  const [pid] = browsers().filter((one) => !before.includes(one));
  const { session } = await openAll(chromium, server, server.url);
  expect(await isFree(port)).toBe(false);
  // The browser and all of its processes, which are a group of their own.
  process.kill(-pid!, 'SIGKILL');
  await untilAllGone(server, session, 'killed');
  await expect.poll(() => isFree(port), { timeout: 20_000 }).toBe(true);
  // A browser that was killed tidies nothing up.
  const left = (await readdir(tmpdir())).filter((name) => /^(org\.chromium|\.org\.chromium|playwright)/.test(name));
  await Promise.all(left.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })));
}, 400_000);

it('a network that is cut', async () => {
  await using server = await testServer({ streams });
  const port = await udpPort(server);
  await using relay = await silentRelay(Number(new URL(server.url).port));
  await using chromium = await launchChromium();
  const { session } = await openAll(chromium, server, `http://127.0.0.1:${relay.port}/`, [port, await relay.udp(port)]);
  relay.cut();
  await untilAllGone(server, session, 'cut');
}, 400_000);
