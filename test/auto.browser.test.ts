// How the player chooses its way by itself: with UDP blocked, without a secure context, when the way in use fails, when the server is killed,
// and when the viewer leaves the live edge and comes back.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readShown, waitForPicture } from './barcode-probe.ts';
import { kill, serve } from './child-server.ts';
import { launchChromium } from './chromium.ts';
import { inPage, until } from './in-page.ts';
import { testServer } from './server.ts';
import { webRtcProcesses } from './webrtc-processes.ts';

const cam = { source: { type: 'pattern', width: 640, height: 360, fps: 25 } } as const;

test('WebRTC is left when it fails, with the reason, and is used again when it works', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam`);
  await until(
    page,
    'WebRTC',
    (player) => player.activeTransport,
    (name) => name === 'webrtc',
  );
  await waitForPicture(page);
  await inPage(page, (player) => {
    const changes: string[] = [];
    player.addEventListener('transportchange', ({ detail }) => changes.push(`${detail.transport}: ${detail.reason}`));
    Object.assign(globalThis, { changes });
  });
  await page.route('**/whep*', (route) => route.abort());
  process.kill(webRtcProcesses()[0]!, 'SIGKILL');
  await until(page, 'another way', (player) => player.activeTransport !== 'webrtc' && player.live, Boolean);
  await until(
    page,
    'the reason',
    (player) => player.transportReason,
    (text) => /^.+, because WebRTC does not work: .+\.$/.test(text),
  );
  const tried = await inPage(page, (player) => player.attempts.map(({ transport, state }) => `${transport} ${state}`));
  expect(tried).toContain('webrtc failed');

  await page.unroute('**/whep*');
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await until(page, 'WebRTC again', (player) => player.activeTransport === 'webrtc' && player.live, Boolean);
  await waitForPicture(page);
  const changes = (await page.evaluate('changes')) as string[];
  expect(changes.at(-1)).toBe('webrtc: WebRTC works again.');
  expect(await inPage(page, (player) => player.shadowRoot!.querySelectorAll('video, canvas, img').length)).toBe(1);
  await page.close();
});

test('with UDP blocked, and without a secure context, another way shows a picture and the reason is said', async () => {
  await using server = await testServer({ streams: { cam }, allowHosts: ['lab.test'], anonymous: 'view' });
  await using chromium = await launchChromium([
    // With and without a window Chromium takes it under different names.
    '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
    '--webrtc-ip-handling-policy=disable_non_proxied_udp',
    '--host-resolver-rules=MAP lab.test 127.0.0.1',
  ]);
  const page = await chromium.page();
  await page.goto(`http://lab.test:${new URL(server.url).port}/embed/cam`);
  expect(await page.evaluate(() => [isSecureContext, 'VideoDecoder' in globalThis])).toEqual([false, false]);
  await waitForPicture(page);
  const reason = await until(
    page,
    'the reason',
    (player) => player.transportReason,
    (text) => /WebRTC does not work/.test(text),
  );
  expect(reason).toMatch(/WebRTC does not work: (this browser may not send UDP packets|no UDP packets get through)/);
  expect(await inPage(page, (player) => player.activeTransport)).not.toBe('webrtc');
  await page.keyboard.press('s');
  await until(
    page,
    'the reason in the statistics',
    (player) => player.shadowRoot!.querySelector('.stats')!.textContent,
    (text) => /because WebRTC does not work: /.test(text),
  );
  await page.close();
});

test('a server that is killed and started again: the same page shows the picture, and meanwhile says what is the matter', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-auto-'));
  const first = await serve(dataDir, { port: 0, streams: { cam } });
  const port = Number(new URL(first.url).port);
  let second: Awaited<ReturnType<typeof serve>> | undefined;
  try {
    await using chromium = await launchChromium();
    const page = await chromium.page();
    await page.goto(`${first.url}embed/cam`);
    await waitForPicture(page);
    const before = (await readShown(page)).named!.id;
    await kill(first.child);
    const said = await until(
      page,
      'the trouble',
      (player) => [player.state, player.shadowRoot!.querySelector('[role=status]')!.textContent, player.live] as const,
      ([state]) => state === 'error',
    );
    expect(said).toEqual(['error', `The server 127.0.0.1:${port} cannot be reached. Trying again…`, false]);
    expect(await inPage(page, (player) => player.shadowRoot!.querySelector('[part~=live-button]')!.textContent)).not.toBe('Live');
    second = await serve(dataDir, { port, streams: { cam } });
    await until(
      page,
      'the picture',
      (player) => (player.live ? (player.shownFrame?.id ?? 0) : 0),
      (id) => id > before,
    );
    await waitForPicture(page);
    await page.close();
  } finally {
    for (const each of [first, second]) if (each && each.child.exitCode === null && each.child.signalCode === null) await kill(each.child);
    await rm(dataDir, { recursive: true, force: true });
  }
});

test.runIf(process.env.RESTARTS).for(['auto', 'webrtc', 'h264', 'hls', 'jpeg', 'mjpeg'])(
  '%s: time from the restart of a killed server to the picture in the same page',
  { timeout: 600_000 },
  async (transport) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'sluice-restarts-'));
    let running = await serve(dataDir, { port: 0, streams: { cam } });
    const { url } = running;
    try {
      await using chromium = await launchChromium();
      const page = await chromium.page();
      await page.goto(`${url}embed/cam?transport=${transport}`);
      const took: number[] = [];
      for (let round = 0; round < Number(process.env.RESTARTS); round++) {
        await waitForPicture(page);
        await page.waitForTimeout(2000);
        await kill(running.child);
        await until(
          page,
          'the trouble',
          (player) => player.state,
          (state) => state === 'error',
        );
        running = await serve(dataDir, { port: Number(new URL(url).port), streams: { cam } });
        // Captured since then: what is in a buffer is older.
        const listening = Date.now();
        while (((await readShown(page)).code?.timeMs ?? 0) < listening) await page.waitForTimeout(20);
        took.push(Date.now() - listening);
      }
      process.stdout.write(`${transport}: picture back after ${took.join(', ')} ms\n`);
      expect(Math.max(...took)).toBeLessThan(60_000);
    } finally {
      await kill(running.child);
      await rm(dataDir, { recursive: true, force: true });
    }
  },
);

test('leaving the live edge goes to HLS at exactly the same frame, a long pause too; returning goes back', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam`);
  await waitForPicture(page);
  const realTime = (name: string | null) => name !== null && name !== 'hls';
  const isLive = () => until(page, 'live in real time', (player) => (player.live ? player.activeTransport : null), realTime);
  await isLive();
  await page.waitForTimeout(1000);

  await page.keyboard.press('Space');
  // What stands on the screen: its name may come a moment later, and is looked up in what is kept 0.6 s after the key.
  const paused = await until(
    page,
    'the name of the picture that stands',
    (player) => (player.paused ? player.shownFrame : null),
    (frame) => frame !== null,
  );
  expect((await readShown(page)).code?.frame).toBe(paused!.id);
  await until(
    page,
    'HLS at the frame',
    (player) =>
      player.activeTransport === 'hls' && player.shadowRoot!.querySelector('video')?.seeking === false ? (player.shownFrame?.id ?? 0) : 0,
    (id) => id > 0,
  );
  await page.waitForTimeout(3000);
  const shown = await readShown(page);
  expect(shown.code?.frame).toBe(shown.named!.id);
  // The encoder of what is kept may have left out just this frame, on a busy machine: then it is the one before.
  expect(paused!.id - shown.named!.id).toBeGreaterThanOrEqual(0);
  expect(paused!.id - shown.named!.id).toBeLessThanOrEqual(2);
  await inPage(page, (player) => {
    const ids: number[] = [];
    player.addEventListener('frame', ({ detail }) => ids.push(detail.id));
    Object.assign(globalThis, { ids });
  });
  await page.keyboard.press('Space');
  await until(
    page,
    'playing on from there',
    (player) => player.shownFrame?.id ?? 0,
    (id) => id > paused!.id,
  );
  const next = ((await page.evaluate('ids')) as number[]).find((id) => id > paused!.id)!;
  expect(next).toBeLessThan(paused!.id + 50);
  expect(await inPage(page, (player) => [player.activeTransport, player.live, player.paused])).toEqual(['hls', false, false]);

  await page.keyboard.press('l');
  await isLive();
  const wanted = paused!.id;
  const { id, timestamp } = (await until(
    page,
    'a name',
    (player) => player.shownFrame,
    (frame) => frame !== null,
  ))!;
  await page.evaluate(
    ([wantedId, wantedTime]) => {
      const player = document.querySelector('sluice-player')!;
      return player.seekFrame(wantedId).catch(() => player.seekTime(wantedTime));
    },
    [id - 10, timestamp - 400_000] as const,
  );
  const sought = await readShown(page);
  expect(sought.code?.frame).toBe(sought.named!.id);
  expect(sought.named!.id).toBeGreaterThan(wanted);
  await page.keyboard.press('l');
  await isLive();
  await waitForPicture(page);
  // A request that ends with the way that it belonged to may be a line on the console.
  expect(chromium.errors.filter((text) => !text.startsWith('Failed to load resource'))).toEqual([]);
  await page.close();
});

test('where nothing is kept the player says so, and a pause ends at the newest picture', async () => {
  await using server = await testServer({ streams: { cam: { ...cam, dvr: { mode: 'off' } } } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=jpeg`);
  await waitForPicture(page);
  const toast = (player: { shadowRoot: ShadowRoot | null }) => player.shadowRoot!.querySelector('.toast')!.textContent;
  await page.keyboard.press(',');
  await until(
    page,
    'the words',
    toast,
    (text) => text === 'Nothing of this stream is kept (its DVR is off), so there is no way back in time.',
  );
  await page.keyboard.press('Space');
  await until(page, 'live', (player) => player.live, Boolean);
  await page.close();
});
