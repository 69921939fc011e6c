// WHIP: a page publishes a canvas, the server decodes it into frames with rising ids and times, and others watch it.
import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import type { StreamInfo, StreamStats } from '../src/api/schema.ts';
import { launchChromium } from './chromium.ts';
import { type TestServer, testServer } from './server.ts';

/** Publishes a canvas of one colour that a small square moves over, with VP8 also a tone. */
async function publish(page: Page, server: TestServer, codec: 'h264' | 'vp8', colour: string): Promise<void> {
  await page.goto(`${server.url}embed/none`);
  // Not in evaluate(): the test runner rewrites dynamic imports.
  await page.addScriptTag({
    type: 'module',
    content: `import { publishWhip } from '${server.url}player.js'; globalThis.publishWhip = publishWhip;`,
  });
  await page.waitForFunction(() => 'publishWhip' in globalThis);
  await page.evaluate(
    async ({ base, codec, colour }) => {
      const canvas = document.createElement('canvas');
      canvas.width = 640;
      canvas.height = 360;
      const context = canvas.getContext('2d')!;
      const state = { colour, n: 0 };
      Object.assign(globalThis, { state });
      setInterval(() => {
        context.fillStyle = state.colour;
        context.fillRect(0, 0, 640, 360);
        context.fillStyle = '#888';
        context.fillRect((state.n++ * 7) % 600, 300, 40, 40);
      }, 33);
      const { publishWhip } = globalThis as unknown as typeof import('../src/player/element.ts');
      if (codec === 'vp8') {
        const all = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
        RTCRtpReceiver.getCapabilities = (kind) => {
          const found = all(kind);
          return found && { ...found, codecs: found.codecs.filter(({ mimeType }) => !/h264/i.test(mimeType)) };
        };
      }
      // A camera that is taken away while the server still answers, and a wish that was taken back, publish nothing.
      const gone = canvas.captureStream(1);
      const refused = publishWhip(`${base}live/gone/whip`, gone);
      gone.getVideoTracks()[0]!.dispatchEvent(new Event('ended'));
      const reason = await refused.then(({ ended }) => Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 2000))]), String);
      if (reason !== 'Error: the camera or screen is no longer shared') throw new Error(`ended while it began: ${reason}`);
      const never = publishWhip(`${base}live/gone/whip`, gone, { signal: AbortSignal.abort() });
      if ((await never.then(() => '', String)).startsWith('AbortError') === false) throw new Error('taken back and published all the same');
      const media = canvas.captureStream(30);
      if (codec === 'vp8') {
        const sound = new AudioContext();
        const out = sound.createMediaStreamDestination();
        const tone = new OscillatorNode(sound, { frequency: 500 });
        tone.connect(out);
        tone.start();
        for (const track of out.stream.getAudioTracks()) media.addTrack(track);
      }
      await publishWhip(`${base}live/cam/whip`, media);
    },
    { base: server.url, codec, colour },
  );
}

const info = (server: TestServer) => server.json<StreamInfo>('api/streams/cam');

async function middle(server: TestServer): Promise<number[]> {
  const { data, width, height } = PNG.sync.read(Buffer.from(await (await server.fetch('live/cam/snapshot.png')).arrayBuffer()));
  const at = (Math.floor(height / 4) * width + Math.floor(width / 2)) * 4;
  return [...data.subarray(at, at + 3)];
}

for (const codec of ['h264', 'vp8'] as const) {
  it(`${codec}: a canvas is published, changes are seen, and its end is noticed`, async () => {
    await using server = await testServer({});
    await using chromium = await launchChromium();
    const page = await chromium.page();
    await publish(page, server, codec, '#c00000');
    await expect.poll(async () => (await info(server)).state, { timeout: 20_000 }).toBe('live');
    // Senders begin small and grow.
    await expect.poll(async () => (await info(server)).width, { timeout: 40_000 }).toBe(640);
    const [red, green] = await middle(server);
    expect(red).toBeGreaterThan(150);
    expect(green).toBeLessThan(60);
    await page.evaluate(() => Object.assign((globalThis as unknown as { state: object }).state, { colour: '#00a000' }));
    await expect.poll(async () => (await middle(server))[1], { timeout: 20_000 }).toBeGreaterThan(120);
    const before = (await info(server)).lastFrame!;
    await expect.poll(async () => (await info(server)).lastFrame!.id, { timeout: 20_000 }).toBeGreaterThan(before.id + 20);
    const after = (await info(server)).lastFrame!;
    // The capture times follow the sender's clock: close to now.
    expect(Math.abs(after.timestamp / 1000 - Date.now())).toBeLessThan(3000);
    const read = () => server.json<StreamStats>('api/streams/cam/stats');
    // Sound begins when its decoder has been loaded, which may be after the first pictures.
    if (codec === 'vp8') await expect.poll(async () => (await read()).audio?.samples ?? 0, { timeout: 20_000 }).toBeGreaterThan(24_000);
    const stats = await read();
    expect(stats.ledger.refused['not-rising'] ?? 0).toBe(0);
    if (codec === 'vp8') {
      expect(stats.audio).toMatchObject({ rate: 48_000, refused: {} });
      expect(stats.audio!.samples).toBeGreaterThan(24_000);
    } else expect(stats.audio).toBeUndefined();
    await page.close();
    const last = (await info(server)).lastFrame!.id;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect((await info(server)).lastFrame!.id).toBeLessThan(last + 15);
    const audio = await server.fetch('live/cam/whip', {
      method: 'POST',
      body: 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n',
      headers: { 'content-type': 'application/sdp' },
    });
    expect(audio.status).toBe(406);
  });
}
