// What the player does when people pause, step back, ask for what is not there, or when a way to the picture is closed.
import { expect, test } from 'vitest';
import type { SluicePlayer } from '../src/player/element.ts';
import { readShown, waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { inPage, until } from './in-page.ts';
import { keptFrames } from './kept-frames.ts';
import { testServer } from './server.ts';

const cam = { source: { type: 'pattern', width: 640, height: 360, fps: 25 } } as const;

test('JPEG: a pause freezes, a step back goes to the frame before in HLS, L returns', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=jpeg`);
  await waitForPicture(page);
  await page.waitForTimeout(1500);

  await page.keyboard.press('Space');
  const frozen = (await readShown(page)).named!.id;
  await page.waitForTimeout(400);
  const still = await readShown(page);
  expect([still.named?.id, still.code?.frame]).toEqual([frozen, frozen]);

  await inPage(page, (player) => player.step(-1));
  const before = await readShown(page);
  expect(before.named!.id).toBeLessThan(frozen);
  expect(before.code?.frame).toBe(before.named!.id);
  expect(await inPage(page, (player) => [player.activeTransport, player.paused, player.live])).toEqual(['hls', true, false]);

  await page.keyboard.press('.');
  await until(
    page,
    'one frame forward',
    (player) => player.shownFrame?.id ?? 0,
    (id) => id > before.named!.id,
  );
  await page.keyboard.press('l');
  await until(
    page,
    'live in JPEG again',
    (player) => (player.activeTransport === 'jpeg' && player.live ? (player.shownFrame?.id ?? 0) : 0),
    (id) => id > frozen,
  );
  expect(await inPage(page, (player) => player.shadowRoot!.querySelectorAll('video, canvas, img').length)).toBe(1);
  expect(chromium.errors).toEqual([]);
});

test('an unknown stream is said in plain words, and shown as soon as it exists', async () => {
  await using server = await testServer({ streams: {} });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/later`);
  const read = (player: SluicePlayer) => [player.state, player.shadowRoot!.querySelector('.message p')!.textContent];
  const [, text] = await until(page, 'error state', read, ([state]) => state === 'error');
  expect(text).toBe(`There is no stream “later” on ${new URL(server.url).host}. It is shown as soon as there is one.`);
  await server.json('api/streams/later', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(cam),
  });
  await waitForPicture(page);
  expect(await inPage(page, (player) => player.state)).toBe('playing');
});

test('seeks that cannot be done reject with the reason; a newer seek replaces an older one', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=hls`);
  await waitForPicture(page);
  const outcome = await inPage(page, async (player) => {
    const asWords = (promise: Promise<void>) =>
      promise.then(
        () => 'done',
        (error: Error & { code?: string }) => `${error.code ?? error.name}: ${error.message}`,
      );
    // Ids that were really in the video: a busy machine leaves out some.
    const seen: { id: number; timestamp: number }[] = [];
    player.addEventListener('frame', (event) => seen.push(event.detail));
    while (seen.length < 40) await new Promise((resolve) => setTimeout(resolve, 50));
    const [older, newer] = [seen[10]!, seen[20]!];
    const replaced = asWords(player.seekFrame(older.id));
    const newest = await asWords(player.seekFrame(newer.id));
    const shown = player.shownFrame!.id;
    const unknown = await asWords(player.seekFrame(newer.id + 100_000));
    const bad = await asWords(player.seekFrame(1.5));
    // A time between two frames means the frame that was the newest then.
    await player.seekTime(older.timestamp + 1000);
    const between = player.shownFrame!.id === older.id;
    return { wanted: newer.id, replaced: await replaced, newest, shown, unknown, bad, between };
  });
  expect(outcome.replaced).toMatch(/^20: |^AbortError: /);
  expect(outcome.newest).toBe('done');
  expect(outcome.shown).toBe(outcome.wanted);
  expect(outcome.unknown).toMatch(/^unknown-frame: Frame \d+ is not kept on the server\. Kept is what was captured from .+Z to .+Z\.$/);
  expect(outcome.bad).toBe('bad-value: frame: 1.5 received; expected an integer from 1');
  expect(outcome.between).toBe(true);
});

test('opens at the frame of a link, and clicks name the pixel and the frame', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam`);
  await waitForPicture(page);
  // One that was really in the video: a busy machine leaves out some.
  await expect.poll(async () => (await keptFrames(server, 'cam')).length, { timeout: 30_000 }).toBeGreaterThan(20);
  const wanted = (await keptFrames(server, 'cam')).at(-10)!.id;
  await page.goto(`${server.url}embed/cam?frame=${wanted}`);
  await until(
    page,
    'the linked frame',
    (player) => (player.paused ? player.shownFrame?.id : 0),
    (id) => id === wanted,
  );
  expect((await readShown(page)).code?.frame).toBe(wanted);

  await inPage(page, (player) => {
    player.addEventListener('pixelclick', (event) => Object.assign(globalThis, { clicked: event.detail }));
  });
  // 1280 x 800 shows 640 x 360 at twice its size, with 40 pixels above and below.
  await page.mouse.click(641, 241);
  expect(await page.evaluate('clicked')).toMatchObject({ x: 320, y: 100, frame: { id: wanted } });
});
