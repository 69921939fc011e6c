// The figures over the picture against what is measured from outside: the barcode's clock, the server's own counts, the number of pages.
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { decodeCells } from '../src/formats/barcode.ts';
import type { PlayerStats, SluicePlayer } from '../src/player/element.ts';
import { waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { readExposition, seriesValue } from './exposition.ts';
import { testServer } from './server.ts';

const cam = { source: { type: 'pattern', width: 320, height: 180, fps: 12 } } as const;

const statsOf = (page: Page) =>
  page.evaluate(() => (document.querySelector('sluice-player') as unknown as SluicePlayer).stats) as Promise<PlayerStats>;

/** Latencies in ms of the same frames, of as many as asked for at least and of 3 s: as the player tells them, and from the number in the picture and when the browser means to show it (a
 *  `<video>`), or drew it (a `<canvas>`). Both clocks are this machine's. */
async function latencies(page: Page, atLeast: number): Promise<{ told: number; measured: number }[]> {
  const read = await page.evaluate(async (wanted) => {
    const player = document.querySelector('sluice-player') as unknown as SluicePlayer;
    const canvas = new OffscreenCanvas(256, 8);
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    const told: Record<number, number> = {};
    const seen: { luma: number[]; at: number }[] = [];
    const picture = player.shadowRoot!.querySelector<HTMLVideoElement | HTMLCanvasElement>('video, canvas')!;
    const see = (at: number) => {
      const width = picture instanceof HTMLVideoElement ? picture.videoWidth : picture.width;
      context.drawImage(picture, 0, 0, width, width / 32, 0, 0, 256, 8);
      const { data } = context.getImageData(0, 0, 256, 8);
      const luma = Array.from({ length: 128 }, (_, cell) => {
        const x = (cell % 64) * 4 + 1;
        const y = Math.floor(cell / 64) * 4 + 1;
        return (data[(y * 256 + x) * 4 + 1]! + data[((y + 1) * 256 + x + 1) * 4 + 1]!) / 2;
      });
      seen.push({ luma, at: performance.timeOrigin + at });
    };
    const onFrame = ({ detail }: { detail: { id: number; latencyMs: number | null } }) => {
      if (detail.latencyMs !== null) told[detail.id] = detail.latencyMs;
      if (picture instanceof HTMLCanvasElement) see(performance.now());
    };
    player.addEventListener('frame', onFrame);
    const onPicture = (_now: number, { expectedDisplayTime }: VideoFrameCallbackMetadata) => {
      see(expectedDisplayTime);
      (picture as HTMLVideoElement).requestVideoFrameCallback(onPicture);
    };
    if (picture instanceof HTMLVideoElement) picture.requestVideoFrameCallback(onPicture);
    // A busy machine shows few of them.
    const until = performance.now() + 3000;
    while (performance.now() < until || Math.min(seen.length, Object.keys(told).length) < wanted * 2)
      await new Promise((resolve) => setTimeout(resolve, 100));
    player.removeEventListener('frame', onFrame as unknown as EventListener);
    return { told, seen };
  }, atLeast);
  return read.seen.flatMap(({ luma, at }) => {
    const code = decodeCells(luma);
    const told = code && read.told[code.frame];
    return code && told !== null && told !== undefined ? [{ told, measured: at - code.timeMs }] : [];
  });
}

it('latency, bit rate and viewers are those that are measured from outside; the server counts what the player tells', async () => {
  const quiet = { source: { type: 'pattern', width: 160, height: 90, fps: 5 } } as const;
  await using server = await testServer({ streams: { cam, quiet } });
  await using chromium = await launchChromium();
  const silent = await chromium.page();
  await silent.goto(`${server.url}embed/quiet?transport=jpeg&report=off`);
  await waitForPicture(silent);
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=webrtc&hud=1`);
  await waitForPicture(page);
  const other = await chromium.page();
  await other.goto(`${server.url}embed/cam?transport=jpeg`);
  await waitForPicture(other);

  await expect.poll(async () => [(await statsOf(page)).viewers, (await statsOf(other)).viewers], { timeout: 20_000 }).toEqual([2, 2]);

  for (const each of [page, other]) {
    const before = await statsOf(each);
    const found = await latencies(each, 6);
    expect(found.length).toBeGreaterThan(5);
    // Apart by what the player's idea of the server's clock may be off, which it says itself: a few ms, however busy the machine.
    // A better answer of the server may have come meanwhile: what was told before it was as doubtful as then.
    const { latency, clockDoubtMs } = await statsOf(each);
    const doubt = Math.max(before.clockDoubtMs!, clockDoubtMs!);
    const apart = found.map(({ told, measured }) => Math.abs(told - measured)).sort((a, b) => a - b);
    expect(apart[apart.length >> 1]).toBeLessThan(doubt + 5);
    expect(latency!.p95).toBeGreaterThanOrEqual(Math.min(...found.map(({ told }) => told)));
    expect(latency!.p95).toBeGreaterThanOrEqual(latency!.p50);
  }

  // What came is what the server has sent, up to the few pictures that are on their way.
  const came = async () => {
    const { outputs } = await server.json<{ outputs: Record<string, { bytes: number }> }>('api/streams/cam/stats');
    return (await statsOf(other)).bytes / outputs['ws-jpeg']!.bytes;
  };
  await expect.poll(() => came().then((share) => share > 0.8 && share < 1.25), { timeout: 20_000 }).toBe(true);
  await expect.poll(async () => (await statsOf(other)).bitrate, { timeout: 20_000 }).toBeGreaterThan(0);
  const { bitrate, fps, quality } = await statsOf(other);
  expect(bitrate! / fps! / 8).toBeGreaterThan(500);
  expect(quality?.jpeg).toBeGreaterThan(0);
  await expect.poll(async () => (await statsOf(page)).network, { timeout: 20_000 }).toMatchObject({ path: 'UDP' });
  await expect.poll(async () => (await statsOf(page)).quality?.rung, { timeout: 20_000 }).toMatchObject({ of: 3 });

  const line = () => page.evaluate(() => document.querySelector('sluice-player')!.shadowRoot!.querySelector('.hud')!.textContent);
  await expect
    .poll(line, { timeout: 20_000 })
    .toMatch(/[●▲■] \S+ m?s p50[●▲■] \S+ m?s p95\S+ fps.*bit\/s\d+×\d+ rung \d\/3WebRTC2 viewers/);

  const reported = async (output: string, stream = 'cam') => {
    const families = readExposition(await (await server.fetch('metrics')).text());
    const of = (name: string) => seriesValue(families, name, { stream, output }) ?? 0;
    return Math.min(of('sluice_viewer_fps_count'), of('sluice_glass_to_glass_seconds_count'), of('sluice_viewer_bits_per_second_count'));
  };
  await expect.poll(() => reported('webrtc'), { timeout: 30_000 }).toBeGreaterThan(0);
  await expect.poll(() => reported('ws-jpeg'), { timeout: 30_000 }).toBeGreaterThan(0);

  // It was there before the others, and wants to tell nothing.
  expect((await statsOf(silent)).shown).toBeGreaterThan(0);
  expect(await reported('ws-jpeg', 'quiet')).toBe(0);

  await other.close();
  await expect.poll(async () => (await statsOf(page)).viewers, { timeout: 20_000 }).toBe(1);
  expect(chromium.errors).toEqual([]);
});

it('H switches the line on and off for every player of this viewer', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=mjpeg`);
  await waitForPicture(page);
  const line = page.locator('sluice-player .hud');
  expect(await line.isVisible()).toBe(false);
  await page.locator('sluice-player').press('h');
  await expect.poll(() => line.isVisible(), { timeout: 20_000 }).toBe(true);
  expect(await page.locator('sluice-player [role=status]').textContent()).toContain('p50');
  await page.reload();
  await waitForPicture(page);
  await expect.poll(() => line.isVisible(), { timeout: 20_000 }).toBe(true);
  // What MJPEG does not know is a dash and no guess.
  await page.locator('sluice-player').press('s');
  const stats = page.locator('sluice-player .stats');
  await expect.poll(() => stats.textContent(), { timeout: 20_000 }).toMatch(/Loss–Resends–Buffernone/);
  await page.locator('sluice-player').press('h');
  await expect.poll(() => line.isVisible(), { timeout: 20_000 }).toBe(false);
});
