// WebRTC in a real Chromium: the death of the WebRTC process, and of a page. LIVES=1 prints figures.
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import type { SluicePlayer } from '../src/player/element.ts';
import { readShown, waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { testServer } from './server.ts';
import { whepClient } from './whep-client.ts';

const cam = { source: { type: 'pattern', width: 640, height: 360, fps: 25 } } as const;

/** Process ids of the WebRTC processes below this test. */
async function webRtcProcesses(): Promise<number[]> {
  const { execFileSync } = await import('node:child_process');
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  return rows
    .map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row))
    .flatMap((match) => (match && Number(match[2]) === process.pid && /webrtc\/process-main/.test(match[3]!) ? [Number(match[1])] : []));
}

/** A viewer that does what players do: it opens anew when no picture has come for a while. */
function insistentViewer(address: string): AsyncDisposable & { readonly pictures: number } {
  let pictures = 0;
  let closed = false;
  const run = (async () => {
    while (!closed) {
      const client = await whepClient(address).catch(() => null);
      let last = performance.now();
      let seen = 0;
      while (!closed && client && performance.now() - last < 1500) {
        if (client.pictures > seen) last = performance.now();
        pictures += client.pictures - seen;
        seen = client.pictures;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await client?.[Symbol.asyncDispose]();
    }
  })();
  return {
    get pictures() {
      return pictures;
    },
    [Symbol.asyncDispose]: () => {
      closed = true;
      return run;
    },
  };
}

it('after kill -9 of the WebRTC process under ten viewers all have pictures again, and other outputs never noticed', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=webrtc`);
  await waitForPicture(page);
  await using others = new AsyncDisposableStack();
  const viewers = Array.from({ length: 9 }, () => others.use(insistentViewer(`${server.url}live/cam/whep`)));
  for (const viewer of viewers) await expect.poll(() => viewer.pictures, { timeout: 40_000 }).toBeGreaterThan(5);
  const jpeg = new WebSocket(`${server.url.replace('http', 'ws')}live/cam/ws?codec=jpeg`);
  const came: number[] = [];
  jpeg.on('message', (_data, binary) => binary && came.push(performance.now()));
  await expect.poll(() => came.length, { timeout: 20_000 }).toBeGreaterThan(5);
  const [pid] = await webRtcProcesses();
  expect(pid).toBeGreaterThan(0);
  const before = (await readShown(page)).named!.id;
  process.kill(pid!, 'SIGKILL');
  const killed = performance.now();
  // What was on its way comes within the first tenth of a second.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const counts = viewers.map((viewer) => viewer.pictures);
  const took: number[] = [];
  await Promise.all([
    ...viewers.map(async (viewer, i) => {
      await expect.poll(() => viewer.pictures, { timeout: 120_000, interval: 20 }).toBeGreaterThan(counts[i]!);
      took.push(Math.round(performance.now() - killed));
    }),
    (async () => {
      const live = async () => {
        const { named, code } = await readShown(page);
        return named && code && code.frame - named.id < 3 && named.id > before + 25 * 1.2 ? named.id : 0;
      };
      await expect.poll(live, { timeout: 120_000, interval: 50 }).toBeGreaterThan(0);
      took.unshift(Math.round(performance.now() - killed));
    })(),
  ]);
  const [next] = await webRtcProcesses();
  expect(next).not.toBe(pid);
  expect(await page.evaluate(() => (document.querySelector('sluice-player') as unknown as SluicePlayer).activeTransport)).toBe('webrtc');
  // The same socket went on all the while.
  const gaps = came.filter((at) => at > killed - 1000).map((at, i, all) => at - (all[i - 1] ?? at));
  expect(jpeg.readyState).toBe(jpeg.OPEN);
  expect(gaps.length).toBeGreaterThan(20);
  if (process.env.LIVES) console.log('back after (the page first)', took, 'longest gap of JPEG', Math.round(Math.max(...gaps)), 'ms');
  jpeg.terminate();
  await page.close();
}, 300_000);

it('a paused picture has its own name, however late a busy page reads it; a page that goes away is gone at the server at once', async () => {
  await using server = await testServer({ streams: { cam: { ...cam, dvr: { mode: 'off' } } } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.addInitScript(() => {
    const create = RTCPeerConnection.prototype.createDataChannel;
    RTCPeerConnection.prototype.createDataChannel = function (...args) {
      const channel = create.apply(this, args);
      let handler: RTCDataChannel['onmessage'] = null;
      channel.addEventListener('message', (event) => {
        setTimeout(() => handler?.call(channel, event), (globalThis as unknown as { late?: number }).late ?? 0);
      });
      Object.defineProperty(channel, 'onmessage', { set: (next) => (handler = next) });
      return channel;
    };
  });
  await page.goto(`${server.url}embed/cam?transport=webrtc`);
  await waitForPicture(page);
  await page.evaluate(async () => {
    const state = globalThis as unknown as { late?: number };
    state.late = 500;
    await new Promise((resolve) => setTimeout(resolve, 250));
    (document.querySelector('sluice-player') as unknown as SluicePlayer).pause();
  });
  const names = async () => {
    const { code, named } = await readShown(page);
    return code !== null && code.frame === named?.id;
  };
  await expect.poll(names, { timeout: 20_000 }).toBe(true);
  await page.evaluate(() => {
    Object.assign(globalThis, { late: 0 });
    (document.querySelector('sluice-player') as unknown as SluicePlayer).play();
  });
  await expect.poll(names, { timeout: 20_000 }).toBe(true);
  const viewers = async () =>
    ((await server.json('api/streams/cam/stats')) as { outputs: Record<string, { viewers: number }> }).outputs.webrtc?.viewers;
  await expect.poll(viewers, { timeout: 10_000 }).toBe(1);
  await page.close({ runBeforeUnload: false });
  await expect.poll(viewers, { timeout: 10_000 }).toBe(0);
});
