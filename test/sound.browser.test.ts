// Sound in a real Chromium: it starts muted and nothing is encoded; whoever switches it on hears it together with the pictures.
import { expect, it } from 'vitest';
import type { StreamStats } from '../src/api/schema.ts';
import type { SluicePlayer } from '../src/player/element.ts';
import { type Beat, probeState, readBeats, startProbe } from './av-probe.ts';
import { waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { testServer } from './server.ts';

const beat = { source: { type: 'pattern', width: 640, height: 360, fps: 25, audio: true }, linger: '100ms' } as const;

it('WebRTC: the hint, M, arrows; sound is encoded while somebody hears it, and beeps come with their flashes', {
  timeout: 240_000,
}, async () => {
  await using server = await testServer({ streams: { beat } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/beat?transport=webrtc`);
  await waitForPicture(page);
  const opus = async () => {
    const { audio } = await server.json<StreamStats>('api/streams/beat/stats');
    return audio?.renditions.find(({ codec }) => codec === 'opus');
  };
  const player = () =>
    page.evaluate(() => {
      const { muted, volume } = document.querySelector('sluice-player') as unknown as SluicePlayer;
      return { muted, volume };
    });
  expect(await player()).toEqual({ muted: true, volume: 1 });
  expect((await opus())?.packets ?? 0).toBe(0);
  await page.locator('.sound-hint button', { hasText: 'Sound on' }).click();
  expect(await player()).toEqual({ muted: false, volume: 1 });
  await expect.poll(async () => (await opus())?.readers, { timeout: 20_000 }).toBe(1);
  await startProbe(page);
  const beats: Beat[] = [];
  const hear = async () => beats.push(...(await readBeats(page)));
  await expect.poll(hear, { timeout: 60_000, message: await probeState(page) }).toBeGreaterThan(1);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  expect(await player()).toEqual({ muted: false, volume: 0.9 });
  await page.keyboard.press('m');
  expect(await player()).toEqual({ muted: true, volume: 0.9 });
  // Nobody hears: nothing is encoded.
  await expect.poll(async () => (await opus())?.running, { timeout: 20_000 }).toBe(false);
  expect(chromium.errors).toEqual([]);
});
