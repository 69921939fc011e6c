// Everything over TLS: a secure page over HTTP/2, WebSockets beside it over HTTP/1.1, every way to the picture, and more pictures without
// end than HTTP/1.1 has connections.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitForPicture } from './barcode-probe.ts';
import { paintAndPublish } from './canvas-publisher.ts';
import { makeCertificate, openssl } from './certificate.ts';
import { launchChromium, type TestChromium } from './chromium.ts';
import { type TestServer, testServer } from './server.ts';

const TILES = 12;
let dir: string;
let server: TestServer;
let chromium: TestChromium;

beforeAll(async () => {
  if (!openssl) return;
  dir = await mkdtemp(join(tmpdir(), 'sluice-tls-'));
  server = await testServer({
    ...(await makeCertificate(dir)),
    streams: { cam: { source: { type: 'pattern', width: 320, height: 180, fps: 15 } } },
  });
  chromium = await launchChromium();
});

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  // With open HTTP/2 sessions, if a test left some.
  await server?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

const open = () => chromium.page({ ignoreHTTPSErrors: true });

it.runIf(openssl)('the dashboard is a secure page over HTTP/2 and gets its events', async () => {
  const page = await open();
  await page.goto(server.url);
  await page.locator('.link-state.is-open').waitFor({ timeout: 30_000 });
  await page.locator('.card[data-stream=cam] .has-picture').waitFor({ timeout: 30_000 });
  const found = await page.evaluate(() => ({
    secure: isSecureContext && 'mediaDevices' in navigator,
    protocols: [...new Set(performance.getEntriesByType('resource').map((entry) => (entry as PerformanceResourceTiming).nextHopProtocol))],
  }));
  expect(found).toEqual({ secure: true, protocols: ['h2'] });
  await page.close();
});

for (const transport of ['hls', 'h264', 'jpeg', 'mjpeg', 'webrtc']) {
  it.runIf(openssl)(`${transport} shows named pictures`, { timeout: 60_000 }, async () => {
    const page = await open();
    await page.goto(`${server.url}embed/cam?transport=${transport}`);
    await waitForPicture(page, 45_000);
    await page.close();
  });
}

it.runIf(openssl)(`${TILES} MJPEG pictures in one page, and requests still get through`, { timeout: 60_000 }, async () => {
  const page = await open();
  await page.goto(`${server.url}embed/none`);
  const widths = await page.evaluate(async (tiles) => {
    const images = Array.from({ length: tiles }, () => Object.assign(new Image(), { src: '../live/cam/mjpeg' }));
    document.body.append(...images);
    const deadline = performance.now() + 45_000;
    while (images.some(({ naturalWidth }) => !naturalWidth) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return images.map(({ naturalWidth }) => naturalWidth);
  }, TILES);
  expect(widths).toEqual(Array(TILES).fill(320));
  expect(await page.evaluate(async () => (await fetch('../api/streams/cam')).status)).toBe(200);
  await page.close();
});

it.runIf(openssl)('a page publishes by WHIP', { timeout: 60_000 }, async () => {
  const page = await open();
  await paintAndPublish(page, server.url, { width: 320, height: 180, stream: 'canvas' });
  const size = () => page.evaluate(async () => ((await (await fetch('../api/streams/canvas')).json()) as { width: number }).width);
  await expect.poll(size, { timeout: 40_000 }).toBe(320);
  await page.close();
});
