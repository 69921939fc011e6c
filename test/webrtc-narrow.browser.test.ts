// WebRTC over bad ways in a real Chromium: a narrow one gets less, a lossy one gets its packets again, and nobody else notices.
import { expect, it } from 'vitest';
import type { StreamStats } from '../src/api/schema.ts';
import { waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { testServer } from './server.ts';
import { relayWebRtc } from './shaped-relay.ts';

const source = { type: 'pattern', kind: 'testbars', width: 640, height: 360, fps: 25, barcode: true } as const;
/** What the encoder is given for this size. */
const BITRATE = 620_000;

it('a viewer whose way is cut to a quarter gets a smaller picture, the other one keeps the best', async () => {
  await using server = await testServer({ streams: { cam: { source } } });
  await using chromium = await launchChromium();
  const [narrow, free] = [await chromium.page(), await chromium.page()];
  const way = await relayWebRtc(narrow, BITRATE * 2);
  for (const page of [narrow, free]) {
    await page.goto(`${server.url}embed/cam?transport=webrtc`);
    await waitForPicture(page);
  }
  const width = (page: typeof free) =>
    page.evaluate(() => document.querySelector('sluice-player')!.shadowRoot!.querySelector('video')!.videoWidth);
  expect([await width(narrow), await width(free)]).toEqual([640, 640]);
  expect(way.relay.counts.packets).toBeGreaterThan(10);
  way.relay.rate = BITRATE / 4;
  await expect.poll(() => width(narrow), { timeout: 40_000 }).toBe(320);
  // And it goes on.
  const shown = () =>
    narrow.evaluate(
      () => (document.querySelector('sluice-player') as unknown as { shownFrame: { id: number } | null }).shownFrame?.id ?? 0,
    );
  await expect.poll(shown, { timeout: 20_000 }).toBeGreaterThan(0);
  const id = await shown();
  await expect.poll(shown, { timeout: 20_000 }).toBeGreaterThan(id + 25);
  expect(await width(free)).toBe(640);
  // One encoder for each of the two, and those that were passed on the way have ended.
  const read = async () =>
    (await server.json<StreamStats>('api/streams/cam/stats')).renditions.filter(
      ({ key, readers }) => key.startsWith('h264') && readers > 0,
    );
  await expect.poll(async () => (await read()).length, { timeout: 20_000 }).toBe(2);
  await way.relay[Symbol.asyncDispose]();
});

it('packets that a way loses come again as RTX, and pictures wait for them only there', async () => {
  await using server = await testServer({ streams: { cam: { source } } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.addInitScript(() => {
    const peers: RTCPeerConnection[] = [];
    Object.assign(globalThis, { peers });
    const Original = RTCPeerConnection;
    globalThis.RTCPeerConnection = class extends Original {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        peers.push(this);
      }
    };
  });
  const way = await relayWebRtc(page, 20_000_000, { delayMs: 15 });
  await page.goto(`${server.url}embed/cam?transport=webrtc`);
  await waitForPicture(page);
  interface Inbound {
    framesDecoded: number;
    retransmittedPacketsReceived: number;
    jitterBufferMinimumDelay: number;
    jitterBufferEmittedCount: number;
  }
  const inbound = () =>
    page.evaluate(async () => {
      const report = await (globalThis as unknown as { peers: RTCPeerConnection[] }).peers.at(-1)!.getStats();
      return [...report.values()].find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video') as Inbound;
    });
  way.relay.loss = 0.05;
  await expect.poll(async () => (await inbound()).retransmittedPacketsReceived, { timeout: 40_000 }).toBeGreaterThan(10);
  const before = (await inbound()).framesDecoded;
  await expect.poll(async () => (await inbound()).framesDecoded, { timeout: 40_000 }).toBeGreaterThan(before + 50);
  await way.relay[Symbol.asyncDispose]();
});
