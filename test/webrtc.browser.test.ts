// WebRTC in a real Chromium: identities, and the death of the WebRTC process.
import { expect, it } from 'vitest';
import type { SluicePlayer } from '../src/player/element.ts';
import { readShown, waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { testServer } from './server.ts';
import { webRtcProcesses } from './webrtc-processes.ts';

const cam = { source: { type: 'pattern', width: 640, height: 360, fps: 25 } } as const;

it('after kill -9 of the WebRTC process the picture is back, and other outputs never noticed', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=webrtc`);
  await waitForPicture(page);
  const other = await chromium.page();
  await other.goto(`${server.url}embed/cam?transport=jpeg`);
  await waitForPicture(other);
  const [pid] = webRtcProcesses();
  expect(pid).toBeGreaterThan(0);
  const before = (await readShown(page)).named!.id;
  process.kill(pid!, 'SIGKILL');
  const killed = performance.now();
  await expect
    .poll(
      async () => {
        const { named, code } = await readShown(page);
        return named && code && code.frame - named.id < 3 && named.id > before + 25 * 1.6 ? named.id : 0;
      },
      { timeout: 30_000, interval: 50 },
    )
    .toBeGreaterThan(0);
  expect(performance.now() - killed).toBeLessThan(20_000);
  expect(await page.evaluate(() => (document.querySelector('sluice-player') as unknown as SluicePlayer).activeTransport)).toBe('webrtc');
  const [next] = webRtcProcesses();
  expect(next).not.toBe(pid);
  const shown = await readShown(other);
  expect(shown.named!.id).toBeGreaterThan(before);
  await page.close();
  await other.close();
});

it('a page that goes away is gone at the server at once', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=webrtc`);
  await waitForPicture(page);
  const viewers = async () =>
    ((await server.json('api/streams/cam/stats')) as { outputs: Record<string, { viewers: number }> }).outputs.webrtc?.viewers;
  expect(await viewers()).toBe(1);
  await page.close({ runBeforeUnload: false });
  await expect.poll(viewers, { timeout: 10_000 }).toBe(0);
});
