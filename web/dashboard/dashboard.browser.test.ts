// The dashboard in a real Chromium against a real server: what a person does, and what they then see.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Recording } from '../../src/api/recordings.ts';
import { launchChromium } from '../../test/chromium.ts';
import { keptFrames } from '../../test/kept-frames.ts';
import { type TestServer, testServer } from '../../test/server.ts';

const PREFIX = '/user/x/proxy/8000/';
const SMALL = { type: 'pattern', width: 320, height: 192, fps: 15 } as const;

let chromium: Awaited<ReturnType<typeof launchChromium>>;
let server: TestServer;

/** The machine may be busy with other tests. */
const SOON = { timeout: 10_000 };

beforeAll(async () => {
  [chromium, server] = await Promise.all([
    launchChromium(),
    testServer({ basePath: PREFIX, streams: { bars: { title: 'Bars', source: { ...SMALL, kind: 'testbars' } } } }),
  ]);
  await put('board', { title: 'Board', source: SMALL });
});

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  await server?.close();
});

/** Address below the server's own, with its prefix. */
const at = (path: string) => new URL(path, server.url).href;

async function put(name: string, config: object): Promise<void> {
  const answer = await fetch(at(`api/streams/${name}`), {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(config),
  });
  expect(answer.status, await answer.text()).toBeLessThan(300);
}

async function push(name: string): Promise<void> {
  const answer = await fetch(at(`api/streams/${name}/frames?format=gray&width=64&height=48`), {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(64 * 48).fill(100),
  });
  expect(answer.status).toBe(202);
}

/** Opens a page of the dashboard. */
async function open(path: string, width = 1280): Promise<Page> {
  const page = await chromium.page({ viewport: { width, height: 800 } });
  chromium.errors.length = 0;
  await page.goto(at(path));
  return page;
}

const frameOf = async (page: Page, stream: string) => Number(await page.getAttribute(`[data-stream="${stream}"] canvas`, 'data-frame'));
const shownFrame = (page: Page) => page.evaluate<number>("document.querySelector('sluice-player')?.shownFrame?.id ?? 0");

test('the wall moves over one WebSocket, and nothing else', async () => {
  const sockets: string[] = [];
  const requests: string[] = [];
  const page = await chromium.page();
  page.on('websocket', (socket) => sockets.push(new URL(socket.url()).pathname));
  page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  await page.goto(at(''));
  for (const stream of ['bars', 'board']) {
    await expect.poll(() => frameOf(page, stream), { timeout: 20_000 }).toBeGreaterThan(0);
    const first = await frameOf(page, stream);
    await expect.poll(() => frameOf(page, stream), SOON).toBeGreaterThan(first + 3);
  }
  expect(sockets).toEqual([`${PREFIX}api/events`]);
  expect(requests.filter((path) => /mjpeg|\/live\/|api\/events/.test(path))).toEqual([]);
  expect(requests.filter((path) => !path.startsWith(PREFIX))).toEqual([]);
  expect(await page.locator('[data-stream=board] .state').textContent()).toBe('Live');
  await page.close();
});

test('only the cards in view are asked for, and none of a page that is left', async () => {
  const names = Array.from({ length: 9 }, (_, n) => `many-${n}`);
  for (const name of names) await put(name, { source: SMALL });
  const wanted: string[][] = [];
  const page = await chromium.page({ viewport: { width: 400, height: 500 } });
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      const message = JSON.parse(String(payload)) as { type: string; streams: string[] };
      if (message.type === 'thumbnails') wanted.push(message.streams);
    }),
  );
  await page.goto(at(''));
  await expect.poll(() => wanted.length, SOON).toBeGreaterThan(0);
  expect(wanted.at(-1)!.length).toBeLessThan(5);
  await page.locator('[data-stream=many-8]').scrollIntoViewIfNeeded();
  await expect.poll(() => wanted.at(-1), SOON).toContain('many-8');
  expect(wanted.at(-1)).not.toContain('bars');
  await page.click('[data-stream=many-8] a');
  await expect.poll(() => wanted.at(-1), SOON).toEqual([]);
  await page.close();
  for (const name of names) await fetch(at(`api/streams/${name}`), { method: 'DELETE' });
});

test('keys: / goes to the filter, Escape clears it', async () => {
  for (let n = 0; n < 8; n++) await put(`push-${n}`, { source: { type: 'push' } });
  const page = await open('');
  await page.waitForSelector('[data-stream=push-7]');
  await page.keyboard.press('/');
  await page.keyboard.type('push-3');
  await expect.poll(() => page.locator('.card').count(), SOON).toBe(1);
  await page.keyboard.press('Escape');
  await expect.poll(() => page.locator('.card').count(), SOON).toBe(10);
  expect(chromium.errors).toEqual([]);
  await page.close();
  for (let n = 0; n < 8; n++) await fetch(at(`api/streams/push-${n}`), { method: 'DELETE' });
});

test('adds a stream, shows it, and keeps it playing over the tabs', async () => {
  const page = await open('');
  await page.click('text=Add a stream');
  await page.fill('input[name=width]', '320');
  await page.fill('input[name=height]', '192');
  await page.fill('#add-name', 'added');
  await page.fill('#add-stream-title', '<b>Added</b>');
  await page.click('dialog button[type=submit]');
  await page.waitForSelector('h1:has-text("<b>Added</b>")');
  expect(page.url()).toBe(at('?stream=added'));
  await expect.poll(() => shownFrame(page), { timeout: 30_000 }).toBeGreaterThan(10);
  await expect.poll(() => page.textContent('.figures'), SOON).toContain('Picture320×192');
  const before = await shownFrame(page);
  await page.click('.tab:has-text("Embed")');
  expect(await page.textContent('[data-snippet=element] code')).toContain(`src="${at('live/added')}"`);
  await expect.poll(() => shownFrame(page), SOON).toBeGreaterThan(before + 10);
  expect(chromium.errors).toEqual([]);
  await page.close();
});

test('a link to a frame opens at exactly that frame', async () => {
  const page = await open('?stream=board');
  // What is watched live may have frames that a busy machine leaves out of what it keeps.
  await expect.poll(async () => (await keptFrames(server, 'board')).length, { timeout: 30_000 }).toBeGreaterThan(20);
  const frame = (await keptFrames(server, 'board')).at(-10)!.id;
  await expect.poll(() => shownFrame(page), SOON).toBeGreaterThan(frame + 15);
  await page.goto(at(`?stream=board&frame=${frame}`));
  await expect.poll(() => shownFrame(page), { timeout: 30_000 }).toBe(frame);
  expect(await page.textContent('.toasts')).toBe('');
  await page.close();
});

test("the server's refusals are shown at their field", async () => {
  const page = await open('');
  await page.click('text=Add a stream');
  await page.fill('#add-name', 'refused');
  await page.click('summary');
  await page.fill('input[name=gap]', '{"every": "often", "length": "1s"}');
  await page.click('dialog button[type=submit]');
  await expect.poll(() => page.locator('.field-key-gap .field-error').textContent(), SOON).toContain('often');
  expect(await page.evaluate("document.activeElement?.getAttribute('name')")).toBe('gap');
  await page.fill('#add-name', 'board');
  await page.click('dialog button[type=submit]');
  await expect.poll(() => page.locator('#add-name-error').textContent(), SOON).toContain('already');
  await page.keyboard.press('Escape');
  await expect.poll(() => page.locator('dialog').count(), SOON).toBe(0);
  expect((await fetch(at('api/streams/refused'))).status).toBe(404);
  await page.close();
});

test('removing asks, can be undone, and is sent when the page goes away', async () => {
  await put('doomed', { source: { type: 'push' } });
  await push('doomed');
  const page = await open('?stream=doomed');
  const deletions: string[] = [];
  page.on('request', (request) => {
    // A viewer of WebRTC takes leave by DELETE too.
    if (request.method() === 'DELETE' && request.url().includes('/api/')) deletions.push(request.url());
  });
  const remove = async () => {
    await page.click('.stream-actions button:has-text("Remove")');
    await page.click('dialog button:has-text("Remove")');
    await page.waitForSelector('.toast-removal');
  };
  await remove();
  expect(page.url()).toBe(at(''));
  await expect.poll(() => page.locator('[data-stream=doomed]').count(), SOON).toBe(0);
  await page.click('.toast button');
  await page.waitForSelector('h1:has-text("doomed")');
  expect(deletions).toEqual([]);
  await remove();
  expect((await fetch(at('api/streams/doomed'))).status).toBe(200);
  await page.goto('about:blank');
  await expect.poll(async () => (await fetch(at('api/streams/doomed'))).status, SOON).toBe(404);
  await page.close();
});

test('streams of the configuration cannot be removed here, and the page says so', async () => {
  const page = await open('?stream=bars');
  await page.waitForSelector('text=Defined in the configuration file');
  expect(await page.locator('.stream-actions button:has-text("Remove")').count()).toBe(0);
  await page.close();
});

test('an empty push stream shows what to paste, then the picture', async () => {
  await put('fresh', { source: { type: 'push' } });
  const page = await open('?stream=fresh');
  await page.waitForSelector('h2:has-text("Waiting for the first picture")');
  expect(await page.textContent('[data-snippet=curl] code')).toContain(at('api/streams/fresh/frames'));
  await push('fresh');
  await page.waitForSelector('sluice-player', SOON);
  await page.close();
});

test('an unknown stream is said to be unknown, and appears when it comes', async () => {
  const page = await open('?stream=later');
  await page.waitForSelector('h1:has-text("There is no stream “later”")');
  await push('later');
  await page.waitForSelector('sluice-player', SOON);
  await page.close();
});

test('the trickle channels of a stream: how each stands while it goes on, and no panel where there are none', async () => {
  const publish = [{ url: `${server.url}trickle/sent-bars` }, { url: 'http://127.0.0.1:9/nowhere' }];
  await put('sent', { source: SMALL, publish });
  const page = await open('?stream=sent', 400);
  const fact = (channel: string, name: string) => page.textContent(`[data-channel$="${channel}"] [data-fact=${name}]`);
  await expect.poll(async () => Number(await fact('sent-bars', 'seq')), SOON).toBeGreaterThan(0);
  expect(await fact('sent-bars', 'age')).toMatch(/^\d+\.\d s$/);
  expect(await page.textContent('[data-channel$="sent-bars"] .trickle-state')).toBe('Live');
  await expect.poll(() => page.textContent('[data-channel$="nowhere"] .trickle-error'), SOON).toContain('Nothing answers at this address');
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
  await put('sent', { source: SMALL });
  await expect.poll(() => page.locator('[data-panel=trickle]').count(), SOON).toBe(0);
  await page.close();
  await fetch(at('api/streams/sent'), { method: 'DELETE' });
});

test('nothing is wider than a narrow window', async () => {
  for (const path of ['', '?stream=board', '?stream=board&tab=push', '?stream=board&tab=embed', '?stream=none']) {
    const page = await open(path, 400);
    await page.waitForSelector('main h1');
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), path).toBeLessThanOrEqual(0);
    await page.close();
  }
});

test('says since when the server is away, and goes on when it is back', async () => {
  const own = await testServer({ streams: { cam: { source: SMALL } } });
  const { port } = own;
  const page = await chromium.page();
  await page.goto(own.url);
  await page.waitForSelector('.link-state.is-open');
  await page.waitForSelector('[data-stream=cam]');
  await own.close();
  await page.waitForSelector('.banner:has-text("The server has been away since")', { timeout: 15_000 });
  await using _back = await testServer({ port, streams: { cam: { title: 'Back', source: SMALL } } });
  await page.waitForSelector('.link-state.is-open', { timeout: 30_000 });
  await page.waitForSelector('[data-stream=cam] a:has-text("Back")');
  expect(await page.locator('.banner').count()).toBe(0);
  await page.close();
});

test('records what is watched: how it goes, the way to its first frame, its file, and away with it', async () => {
  const page = await open('?stream=board');
  await expect.poll(() => shownFrame(page), { timeout: 30_000 }).toBeGreaterThan(0);
  await page.locator('summary[aria-label=Record]').focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Start recording' }).click();
  const figures = page.getByRole('region', { name: 'Recording', exact: true });
  await expect.poll(() => figures.textContent(), { timeout: 30_000 }).toMatch(/^Recording0:0\d+[\d.]+ [kM]BStop recording$/);
  await page.getByRole('button', { name: 'Stop recording' }).click();
  await page.locator('summary[aria-label=Record]').click({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Show recordings' }).click();
  await page.keyboard.press('Escape');
  const row = page.locator('.recording');
  expect(await row.textContent()).toMatch(/OME-TIFF · \d+ frames, \d:\d\d · [\d.]+ [kM]B/);
  const [recording] = ((await (await fetch(at('api/streams/board/recordings'))).json()) as { items: Recording[] }).items;
  expect(new URL((await row.getByRole('link').getAttribute('href'))!, page.url()).href).toBe(
    at(`api/streams/board/recordings/${recording!.id}/file`),
  );
  await row.getByTitle('Show where it begins').click();
  await expect.poll(() => shownFrame(page), { timeout: 30_000 }).toBe(recording!.start!.frame);
  await row.getByRole('button', { name: /^Delete/ }).click();
  await row.getByRole('button', { name: 'Delete file' }).click();
  await expect.poll(() => page.locator('.recordings-panel').textContent(), SOON).toContain('No recordings yet');
  expect(chromium.errors).toEqual([]);
  await page.close();
});
