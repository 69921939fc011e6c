// From the pattern to the pixels: what the page says it shows is what it shows, on every transport.
import { expect, test } from 'vitest';
import { readFrames, readShown, waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { keptFrames } from './kept-frames.ts';
import { testServer } from './server.ts';

const cam = { source: { type: 'pattern' as const, width: 640, height: 360, vary: [16, 61] as [number, number], drop: 0.1 } };

/** `SAMPLES=500` for figures. */
const SAMPLES = Number(process.env.SAMPLES ?? 25);

for (const transport of ['hls', 'webrtc', 'h264', 'h264&decoder=webcodecs', 'jpeg', 'mjpeg'] as const) {
  test(`${transport}: shownFrame is the frame in the picture`, { timeout: 90_000 + SAMPLES * 400 }, async () => {
    await using server = await testServer({ streams: { cam } });
    await using chromium = await launchChromium();
    const page = await chromium.page();
    await page.goto(`${server.url}embed/cam?transport=${transport}`);
    await waitForPicture(page);
    const samples = await readFrames(page, SAMPLES);
    const differences = samples.map(({ code, named }) => (code ? code.frame - named.id : Number.NaN));
    const again = samples.filter((sample) => sample.again > 0).length;
    if (process.env.SAMPLES)
      process.stdout.write(`${transport}: ${differences.filter((n) => n === 0).length} of ${SAMPLES} equal; ${again} changed while read\n`);
    expect(differences).toEqual(differences.map(() => 0));
    for (const { code, named } of samples) expect(Math.abs(code!.timeMs * 1000 - named.timestamp)).toBeLessThanOrEqual(100);
    // As a rule a picture stands still while it is read.
    expect(again).toBeLessThan(SAMPLES / 2);
    expect(chromium.errors).toEqual([]);
  });
}

test('seekFrame goes to exactly that frame, on a source of irregular rate', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=hls`);
  await waitForPicture(page);
  const seen: number[] = [];
  for (let i = 0; i < 30; i++) {
    await page.waitForTimeout(150);
    const { code, named } = await readShown(page);
    if (code && named && code.frame === named.id) seen.push(named.id);
  }
  expect(seen.length).toBeGreaterThan(10);
  for (let i = 0; i < 8; i++) {
    const id = seen[Math.floor((i * seen.length) / 8)]!;
    await page.evaluate(
      (wanted) => (document.querySelector('sluice-player') as unknown as { seekFrame(id: number): Promise<void> }).seekFrame(wanted),
      id,
    );
    await page.waitForTimeout(100);
    const shown = await readShown(page);
    expect({ code: shown.code?.frame, named: shown.named?.id }).toEqual({ code: id, named: id });
  }
  expect(chromium.errors).toEqual([]);
});

test('seekFrame goes to frames of the very segment that playback began inside of', async () => {
  await using server = await testServer({ streams: { cam: { source: { type: 'pattern', width: 320, height: 192, fps: 15 } } } });
  await using chromium = await launchChromium();
  const first = await chromium.page();
  await first.goto(`${server.url}embed/cam?transport=hls`);
  await waitForPicture(first);
  await first.waitForTimeout(2500);
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=hls`);
  await waitForPicture(page);
  const began = (await readShown(page)).named!.id;
  const kept = await keptFrames(server, 'cam');
  for (const back of [8, 15, 22, 29]) {
    const wanted = kept.findLast(({ id }) => id <= began - back)!.id;
    await page.evaluate(
      (id) => (document.querySelector('sluice-player') as unknown as { seekFrame(id: number): Promise<void> }).seekFrame(id),
      wanted,
    );
    await page.waitForTimeout(100);
    expect((await readShown(page)).code?.frame).toBe(wanted);
  }
});
