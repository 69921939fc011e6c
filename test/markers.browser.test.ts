// Markers, values, boxes and clips in the player: whatever somebody clicks or presses, the picture is the very frame, by its barcode.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { StreamConfigInput, Timeline } from '../src/api/schema.ts';
import type { Marker, MarkerPage } from '../src/api/timeline.ts';
import type { SluicePlayer } from '../src/player/element.ts';
import { readShown, waitForPicture } from './barcode-probe.ts';
import { launchChromium, type TestChromium } from './chromium.ts';
import { type TestServer, testServer } from './server.ts';

const SOON = { timeout: 30_000 };
const VIEW = 'view-token-view-token-view-token';
const cam: StreamConfigInput = {
  source: { type: 'pattern', width: 640, height: 360, vary: [16, 61], drop: 0.1 },
  dvr: { mode: 'always' },
  metrics: { mean: { unit: 'counts', label: 'Mean' } },
};
const streams = { cam };

let server: TestServer;
let chromium: TestChromium;

beforeAll(async () => {
  server = await testServer({ streams });
  chromium = await launchChromium();
});

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

/** Each test has the bar for itself. */
beforeEach(async () => {
  const { items } = await server.json<MarkerPage>('api/streams/cam/markers');
  await Promise.all(items.map(({ id }) => server.fetch(`api/streams/cam/markers/${encodeURIComponent(id)}`, { method: 'DELETE' })));
});

/** Runs in the page with the player. */
function inPage<T>(page: Page, work: (player: SluicePlayer) => T | Promise<T>): Promise<T> {
  return page.evaluate(`(${work.toString()})(document.querySelector('sluice-player'))`) as Promise<T>;
}

function postTo<T>(to: TestServer, what: string, body: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  return to.json<T>(`api/streams/cam/${what}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

const post = <T>(what: string, body: unknown): Promise<T> => postTo<T>(server, what, body);

async function open(size = { width: 900, height: 520 }): Promise<Page> {
  const page = await chromium.page({ viewport: size });
  await page.goto(`${server.url}embed/cam`);
  await waitForPicture(page);
  return page;
}

/** Ids of frames that are really in the kept video, evenly taken: a busy machine leaves out some. */
async function keptFrames(count: number, of: TestServer = server): Promise<number[]> {
  for (;;) {
    const { frames } = await of.json<Timeline>('live/cam/timeline.json');
    const repeats = new Set(frames.repeat);
    let id = 0;
    const ids = frames.id.map((step) => (id += step)).filter((_, i) => !repeats.has(i));
    // The first and the newest ones are about to leave, or not to be had everywhere yet.
    const inner = ids.slice(10, -20);
    if (inner.length > count * 12) return Array.from({ length: count }, (_, i) => inner[Math.floor(((i + 0.5) * inner.length) / count)]!);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function shows(page: Page, frame: number): Promise<void> {
  // With what the player says of itself: a failure shows why.
  const said = () =>
    inPage(page, (player) => [
      player.shownFrame?.id,
      player.state,
      player.message,
      player.shadowRoot!.querySelector('.toast')!.textContent,
    ]);
  await expect.poll(said, SOON).toEqual([frame, 'paused', '', expect.any(String)]);
  await expect.poll(async () => (await readShown(page)).code?.frame, SOON).toBe(frame);
}

/** Points at the tick of a frame. The bar keeps still under the pointer, so the second look finds it where it stays. */
async function pointAt(page: Page, frame: number): Promise<{ x: number; y: number }> {
  const tick = page.locator(`sluice-player .tick[data-frame="${frame}"]`);
  await tick.waitFor({ state: 'attached', timeout: 30_000 });
  for (let look = 0; ; look++) {
    const box = (await tick.boundingBox())!;
    const place = { x: box.x + 1, y: box.y + 6 };
    await page.mouse.move(place.x, place.y);
    if (look === 1) return place;
  }
}

const tip = (page: Page) => page.textContent('sluice-player .tip');
const region = (page: Page) => page.textContent('sluice-player [role=status]');

test('a click on a tick shows exactly its frame; [ and ] go from marker to marker and say them', async () => {
  const frames = await keptFrames(6);
  const page = await open();
  await post<Marker[]>(
    'markers',
    frames.map((frame, i) => ({ id: `tick-${i}`, label: `cell ${i}`, kind: i % 2 ? 'cell' : 'spike', frame })),
  );
  await expect.poll(() => page.locator('sluice-player .tick').count(), SOON).toBe(6);
  await page.keyboard.press('Space');
  for (const i of [3, 0, 5]) {
    const place = await pointAt(page, frames[i]!);
    expect(await tip(page)).toMatch(
      new RegExp(`^cell ${i}${i % 2 ? 'cell' : 'spike'}, \\d\\d:\\d\\d:\\d\\d\\.\\d{3}, frame ${frames[i]}$`),
    );
    await page.mouse.click(place.x, place.y);
    await shows(page, frames[i]!);
  }
  await page.keyboard.press('[');
  await shows(page, frames[4]!);
  expect(await region(page)).toMatch(new RegExp(`^cell 4 \\(spike\\), .* frame ${frames[4]}$`));
  expect(await tip(page)).toContain('cell 4');
  await expect.poll(() => page.getAttribute('sluice-player [aria-label=Time]', 'aria-valuetext'), SOON).toContain('marker cell 4');
  await page.keyboard.press(']');
  await shows(page, frames[5]!);
  await page.keyboard.press(']');
  await expect.poll(() => region(page)).toBe('There is no marker after this frame.');
  // With the keyboard alone the words are those of the position.
  await page.mouse.move(300, 100);
  await page.getByRole('slider', { name: 'Time' }).focus();
  await expect.poll(() => tip(page), { timeout: 10_000 }).toContain(`frame ${frames[5]}`);
  await expect.poll(() => page.locator('sluice-player .tip').isVisible()).toBe(true);
  expect(await inPage(page, (player) => player.shadowRoot!.querySelectorAll('video, canvas, img').length)).toBe(1);
  expect(await inPage(page, (player) => player.markers.length)).toBe(6);
  expect(chromium.errors).toEqual([]);
  await page.close();
});

test('the event comes when the picture reaches a marker: once, and again after going back', async () => {
  const [before, frame] = (await keptFrames(8)).slice(3, 5) as [number, number];
  const page = await open();
  await inPage(page, (player) => {
    const reached: unknown[] = [];
    Object.assign(globalThis, { reached });
    player.addEventListener('marker', ({ detail }) => {
      if (detail.id === 'passed') reached.push([detail.frame, (player.shownFrame?.id ?? 0) >= detail.frame!]);
    });
  });
  await post('markers', { id: 'passed', label: 'passed', frame });
  await expect.poll(() => page.locator('sluice-player .tick[data-marker=passed]').count(), SOON).toBe(1);
  // In live pictures one that was made a moment late counts as reached.
  await page.evaluate('reached.length = 0');
  for (let pass = 1; pass <= 2; pass++) {
    await page.evaluate(`document.querySelector('sluice-player').seekFrame(${before})`);
    await page.evaluate(`document.querySelector('sluice-player').play()`);
    await expect.poll(() => page.evaluate(`document.querySelector('sluice-player').shownFrame?.id > ${frame + 5}`), SOON).toBe(true);
    expect(await page.evaluate('reached')).toEqual(Array(pass).fill([frame, true]));
  }
  await page.close();
});

test('M sets a marker at the frame of the key press; Escape sets none; a refusal is told in words', async () => {
  const [frame] = (await keptFrames(3)).slice(1) as [number];
  const page = await open();
  await page.evaluate(`document.querySelector('sluice-player').seekFrame(${frame})`);
  await page.keyboard.press('m');
  const form = page.getByRole('dialog', { name: `Marker at frame ${frame}` });
  await form.getByLabel('Label').fill('seen by hand');
  await form.getByLabel('Kind').fill('by hand');
  await page.keyboard.press('Enter');
  await expect
    .poll(() => form.getByRole('alert').textContent())
    .toBe('kind: “by hand” received; expected 1 to 64 characters of A-Z a-z 0-9 . _ : / -');
  // Keys of the player are letters here.
  await form.getByLabel('Kind').fill('');
  await form.getByLabel('Kind').pressSequentially('lives');
  await page.keyboard.press('Enter');
  await expect.poll(() => form.isVisible()).toBe(false);
  const found = async () => (await server.json<MarkerPage>('api/streams/cam/markers?kind=lives')).items;
  expect(await found()).toMatchObject([{ label: 'seen by hand', kind: 'lives', frame, end: null }]);
  await expect.poll(() => page.locator(`sluice-player .tick[data-frame="${frame}"]`).count(), SOON).toBe(1);
  await page.keyboard.press('m');
  await page.keyboard.type('no');
  await page.keyboard.press('Escape');
  await expect.poll(() => form.isVisible()).toBe(false);
  expect(await found()).toHaveLength(1);

  await page.keyboard.press('e');
  await page.keyboard.type('stimulus');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('sluice-player .span[data-note=open]').count(), SOON).toBe(1);
  await page.keyboard.press('.');
  await expect.poll(() => inPage(page, (player) => player.shownFrame!.id), SOON).toBeGreaterThan(frame);
  const end = await inPage(page, (player) => player.shownFrame!.id);
  await page.keyboard.press('e');
  await expect.poll(() => page.locator('sluice-player .span[data-note=""]').count(), SOON).toBe(1);
  const spans = (await server.json<MarkerPage>('api/streams/cam/markers')).items.filter(({ endFrame }) => endFrame !== null);
  expect(spans).toMatchObject([{ label: 'stimulus', frame, endFrame: end, open: false }]);
  await page.close();
});

test('values and boxes are those of the very frame, and boxes lie in its pixels', async () => {
  const frames = await keptFrames(4);
  for (const frame of frames) {
    await post('metrics', { frame, values: { mean: frame + 0.5 } });
    await post('data', { frame, boxes: [{ x: 320, y: 180, w: 160, h: 90, label: `cell ${frame}`, score: 0.934 }] });
  }
  const page = await open({ width: 400, height: 300 });
  await page.keyboard.press('v');
  for (const frame of [frames[2]!, frames[0]!]) {
    await page.evaluate(`document.querySelector('sluice-player').seekFrame(${frame})`);
    await expect.poll(() => page.textContent('sluice-player .values'), SOON).toContain(`Mean${frame + 0.5} counts`);
    await expect.poll(() => page.textContent('sluice-player .boxes'), SOON).toBe(`cell ${frame} 0.93`);
  }
  // 400 x 300 shows 640 x 360 at 400 x 225, with 37.5 pixels above it.
  const box = (await page.locator('sluice-player .boxes rect').boundingBox())!;
  const centre = [box.x + box.width / 2, box.y + box.height / 2];
  expect(Math.abs(centre[0]! - 250)).toBeLessThan(1);
  expect(Math.abs(centre[1]! - 178.1)).toBeLessThan(1);
  // With a line of 2 pixels round it.
  expect(Math.abs(box.width - 102)).toBeLessThan(1);
  expect(Math.abs(box.height - 58.3)).toBeLessThan(1);
  await page.keyboard.press('b');
  await expect.poll(() => page.locator('sluice-player .boxes rect').count()).toBe(0);
  await page.reload();
  await waitForPicture(page);
  expect(await page.locator('sluice-player .values').isVisible()).toBe(true);
  await page.keyboard.press('b');
  await page.keyboard.press('v');
  await page.close();
});

test('a clip is chosen by keys and by its ends, to the frame', async () => {
  const frames = await keptFrames(4);
  const page = await open();
  const seek = (frame: number) => page.evaluate(`document.querySelector('sluice-player').seekFrame(${frame})`);
  await seek(frames[1]!);
  await page.keyboard.press('i');
  await expect.poll(() => page.textContent('sluice-player .clip-text'), SOON).toContain(`frames ${frames[1]} to ${frames[1]}`);
  await seek(frames[2]!);
  await page.keyboard.press('o');
  const text = () => page.textContent('sluice-player .clip-text');
  await expect.poll(text, SOON).toMatch(new RegExp(`^\\d+\\.\\d s: frames ${frames[1]} to ${frames[2]}$`));
  const begins = page.getByRole('slider', { name: 'Clip begins' });
  await begins.focus();
  expect(await begins.getAttribute('aria-valuetext')).toMatch(new RegExp(`, frame ${frames[1]}$`));
  await page.keyboard.press('ArrowRight');
  await expect.poll(text, SOON).not.toContain(`frames ${frames[1]} to`);
  const first = Number(/frames (\d+) to/.exec((await text())!)![1]);
  expect(first).toBeGreaterThan(frames[1]!);
  expect(first).toBeLessThan(frames[1]! + 10);
  await shows(page, first);

  const ends = page.getByRole('slider', { name: 'Clip ends' });
  await ends.hover();
  // From now on it stays under the pointer.
  const box = (await ends.boundingBox())!;
  await page.mouse.move(box.x + 5, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + 40, box.y + 10, { steps: 4 });
  await page.mouse.up();
  await expect.poll(text, SOON).not.toContain(`to ${frames[2]}`);
  const out = Number(/ to (\d+)$/.exec((await text())!)![1]);
  expect(out).toBeGreaterThan(frames[2]!);
  await shows(page, out);
  const links = await page.locator('sluice-player .clip-links a').evaluateAll((all) => all.map((a) => (a as HTMLAnchorElement).href));
  expect(links.length).toBeGreaterThan(0);
  for (const link of links) expect((await fetch(link)).status, link).toBe(200);
  await page.keyboard.press('Escape');
  expect(await page.locator('sluice-player .clip').isVisible()).toBe(false);
  expect(chromium.errors).toEqual([]);
  await page.close();
});

test('no word over the bar is cut in a narrow window, however long', async () => {
  const frames = await keptFrames(5);
  const page = await open({ width: 400, height: 300 });
  const label = 'a label that is much longer than any window of a telephone is wide, with more behind it';
  await post('markers', [
    { id: 'tick-0', label, frame: frames[0] },
    { id: 'tick-5', label, frame: frames[4] },
  ]);
  await page.keyboard.press('Space');
  for (const frame of [frames[0]!, frames[4]!]) {
    await pointAt(page, frame);
    await expect.poll(() => tip(page)).toContain(label);
    const words = (await page.locator('sluice-player .tip').boundingBox())!;
    expect(words.x).toBeGreaterThanOrEqual(0);
    expect(words.x + words.width).toBeLessThanOrEqual(400);
    expect(words.y).toBeGreaterThanOrEqual(0);
  }
  await page.close();
});

test('thousands of markers are few ticks; where nothing was recorded the bar is hatched', async () => {
  await server.fetch('api/streams/cam/stop', { method: 'POST' });
  await new Promise((resolve) => setTimeout(resolve, 2500));
  await server.fetch('api/streams/cam/start', { method: 'POST' });
  const page = await open();
  const [frame] = (await keptFrames(2)) as [number];
  const { timestamp } = await post<Marker>('markers', { id: 'origin', label: 'origin', frame });
  await post(
    'markers',
    Array.from({ length: 5000 }, (_, n) => ({ label: `m${n}`, timestamp: timestamp + n * 500 })),
  );
  await expect.poll(() => inPage(page, (player) => player.markers.length), SOON).toBeGreaterThan(5000);
  await page.keyboard.press('Space');
  expect(await page.locator('sluice-player .tick').count()).toBeLessThan(500);
  await page.locator('sluice-player .gap').first().waitFor({ state: 'attached', timeout: 30_000 });
  const box = (await page.locator('sluice-player .gap').first().boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + 3);
  await expect.poll(() => tip(page), SOON).toMatch(/gap of \d+\.\d s: nothing was recorded$/);
  await page.close();
});

test('an open page goes on after a restart of the server: old markers, those it has missed, and their frames', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-markers-'));
  try {
    const first = await testServer({ streams, dataDir });
    const page = await chromium.page({ viewport: { width: 900, height: 520 } });
    await page.goto(`${first.url}embed/cam`);
    await waitForPicture(page);
    // While live pictures play the bar goes to sleep, and draws nothing.
    await page.keyboard.press('Space');
    const [old, missed] = (await keptFrames(2, first)) as [number, number];
    await postTo(first, 'markers', { id: 'old', label: 'old', frame: old });
    await page.locator(`sluice-player .tick[data-frame="${old}"]`).waitFor({ state: 'attached', timeout: 30_000 });
    const port = Number(new URL(first.url).port);
    await first.close();
    await using second = await testServer({ streams, dataDir, port });
    // Before the page is back: it learns of this one by asking.
    await postTo(second, 'markers', { id: 'missed', label: 'missed', frame: missed });
    for (const frame of [missed, old]) {
      const place = await pointAt(page, frame);
      await page.mouse.click(place.x, place.y);
      await shows(page, frame);
    }
    await page.close();
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('who may only watch is offered no form, and told why', async () => {
  await using guarded = await testServer({ streams, token: 'all-token-all-token-all-token-all', viewToken: VIEW, anonymous: 'none' });
  const page = await chromium.page({ viewport: { width: 900, height: 520 } });
  // One way: a change of ways is told in the same place.
  await page.goto(`${guarded.url}embed/cam?transport=hls&token=${VIEW}`);
  await waitForPicture(page);
  await expect.poll(() => page.locator('sluice-player [part~=mark-button]').isVisible(), SOON).toBe(false);
  await page.keyboard.press('m');
  await expect.poll(() => region(page)).toMatch(/^Your access to this stream is for watching only/);
  await page.close();
});

test('the dashboard and its player share one socket for events', async () => {
  const page = await chromium.page();
  const sockets: string[] = [];
  page.on('websocket', (socket) => sockets.push(new URL(socket.url()).pathname));
  await page.goto(`${server.url}?stream=cam`);
  await waitForPicture(page);
  await page.waitForTimeout(1000);
  expect(sockets.filter((path) => path.endsWith('/api/events'))).toHaveLength(1);
  await page.close();
});
