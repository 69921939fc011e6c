// A browser without H.264 gets VP8: encoded once for all such viewers, and for nobody else.
import { expect, it } from 'vitest';
import type { StreamStats } from '../src/api/schema.ts';
import { readShown, waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { testServer } from './server.ts';
import { whepClient } from './whep-client.ts';

const cam = { linger: '300ms', dvr: { mode: 'off' }, source: { type: 'pattern', width: 640, height: 360, fps: 25 } } as const;

it('a browser without H.264 sees the right pictures, and the encoder goes with the last such viewer', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.addInitScript(() => {
    const add = RTCPeerConnection.prototype.addTransceiver;
    RTCPeerConnection.prototype.addTransceiver = function (...args) {
      const transceiver = add.apply(this, args);
      if (args[0] === 'audio') return transceiver;
      const codecs = RTCRtpReceiver.getCapabilities('video')!.codecs;
      transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => !/h264/i.test(mimeType)));
      return transceiver;
    };
  });
  const running = async () => {
    const { renditions } = await server.json<StreamStats>('api/streams/cam/stats');
    return renditions.filter((one) => one.running).map(({ codec, readers }) => [codec, readers]);
  };
  await page.goto(`${server.url}embed/cam?transport=webrtc`);
  await waitForPicture(page);
  expect(await running()).toEqual([['vp8', 1]]);
  {
    await using second = await whepClient(`${server.url}live/cam/whep`, { codec: 'VP8' });
    expect(second.answer).toMatch(/VP8\/90000/);
    await expect.poll(() => second.pictures, { timeout: 20_000 }).toBeGreaterThan(10);
    expect(await running()).toEqual([['vp8', 1]]);
  }
  const names = await page.evaluateHandle(() => {
    const told: Record<number, number> = {};
    document.querySelector('sluice-player')!.addEventListener('frame', (event) => {
      const { id, timestamp } = (event as CustomEvent<{ id: number; timestamp: number }>).detail;
      told[id] = timestamp;
    });
    return told;
  });
  const codes: { frame: number; timeMs: number }[] = [];
  for (let seen = 0; seen < 15; ) {
    const { code, named } = await readShown(page);
    expect(code, 'barcode of VP8').not.toBeNull();
    // A picture can be there before its name.
    if (!named) continue;
    seen++;
    // And a little newer than its name, as the two are read one after the other.
    expect(Math.abs(code!.frame - named.id)).toBeLessThan(10);
    codes.push(code!);
    await page.waitForTimeout(60);
  }
  // The time in each picture is that of its own name, which comes a moment after it. A busy page is told of few pictures.
  const told = async () => {
    const times = await names.jsonValue();
    return codes.flatMap(({ frame, timeMs }) => (times[frame] === undefined ? [] : [Math.abs(timeMs - times[frame] / 1000)]));
  };
  await expect.poll(async () => (await told()).length, { timeout: 20_000 }).toBeGreaterThan(4);
  expect(Math.max(...(await told()))).toBeLessThanOrEqual(1);
  await page.close();
  await expect.poll(running, { timeout: 20_000 }).toEqual([]);
});
