// The arrangement of the panels in a real Chromium: moved, resized and hidden by pointer and keyboard, kept per stream, and carried by a
// link that opens at exactly the frame of which it was made.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StreamConfigInput } from '../../src/api/schema.ts';
import { pauseKept, readShown, waitForPicture } from '../../test/barcode-probe.ts';
import { launchChromium } from '../../test/chromium.ts';
import { type TestServer, testServer } from '../../test/server.ts';

const CAM: StreamConfigInput = { source: { type: 'pattern', width: 320, height: 192, fps: 30, vary: [16, 61], drop: 0.1 } };
/** The machine may be busy with other tests. */
const SOON = { timeout: 30_000 };

let chromium: Awaited<ReturnType<typeof launchChromium>>;
let server: TestServer;

beforeAll(async () => {
  [chromium, server] = await Promise.all([launchChromium(), testServer({ streams: { cam: CAM, other: CAM } })]);
});

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  await server?.close();
});

/** Panels of each place, from top to bottom. */
const places = (page: Page) =>
  page.evaluate<Record<string, string[]>>(`Object.fromEntries([...document.querySelectorAll('.dock')].map((dock) => [
    dock.dataset.place, [...dock.querySelectorAll('.docked')].map((panel) => panel.dataset.panel)]))`);

const heightOf = (page: Page, id: string) =>
  page.evaluate<number>(`document.querySelector('[data-panel=${id}] .docked-body').offsetHeight`);

async function open(address: string): Promise<Page> {
  const page = await chromium.page();
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(server.url).origin });
  await page.goto(new URL(address, server.url).href);
  await waitForPicture(page);
  return page;
}

async function drag(page: Page, selector: string, to: { x: number; y: number }): Promise<void> {
  const box = (await page.locator(selector).boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + Math.min(box.height / 2, 20));
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.mouse.up();
}

test('panels are moved and resized by keys and by pointer; it is so again after a reload, for this stream only', async () => {
  const page = await open('?stream=cam');
  const first = await places(page);
  expect(first.right).toContain('markers');

  await page.focus('[data-panel=markers] .grip');
  await page.keyboard.press('ArrowLeft');
  await expect.poll(async () => (await places(page)).under, SOON).toContain('markers');
  // The grip keeps the focus where its panel went.
  await expect.poll(() => page.evaluate("document.activeElement.closest('.docked')?.dataset.panel"), SOON).toBe('markers');
  await page.keyboard.press('ArrowLeft');
  await expect.poll(async () => (await places(page)).left, SOON).toEqual(['markers']);

  const tall = await heightOf(page, 'markers');
  await page.focus('[data-panel=markers] .splitter');
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => heightOf(page, 'markers'), SOON).toBe(tall + 40);
  const handle = (await page.locator('[data-panel=markers] .splitter').boundingBox())!;
  await drag(page, '[data-panel=markers] .splitter', { x: handle.x + handle.width / 2, y: handle.y + handle.height / 2 - 100 });
  await expect.poll(() => heightOf(page, 'markers'), SOON).toBeLessThan(tall);
  const small = await heightOf(page, 'markers');

  const width = () => page.evaluate<number>("document.querySelector('.dock-left').offsetWidth");
  const narrow = await width();
  await page.focus('.dock-left > .splitter');
  await page.keyboard.press('ArrowRight');
  await expect.poll(width, SOON).toBeGreaterThan(narrow);

  // Dragged by its grip onto the picture: under it.
  const picture = (await page.locator('section.stage').boundingBox())!;
  await drag(page, '[data-panel=statistics] .grip', { x: picture.x + 100, y: picture.y + 100 });
  await expect.poll(async () => (await places(page)).under, SOON).toContain('statistics');

  const arranged = await places(page);
  await page.reload();
  await waitForPicture(page);
  expect(await places(page)).toEqual(arranged);
  expect(await heightOf(page, 'markers')).toBe(small);
  await page.goto(`${server.url}?stream=other`);
  await waitForPicture(page);
  expect(await places(page)).toEqual(first);
  // What cannot be read is as if it were not there.
  await page.evaluate('localStorage.setItem(\'sluice.layout.cam\', \'{"version":1,"panels":7}\')');
  await page.goto(`${server.url}?stream=cam`);
  await waitForPicture(page);
  expect(await places(page)).toEqual(first);
  expect(chromium.errors).toEqual([]);
  await page.close();
});

test('panels are hidden and shown by the menu; the usual arrangement is a click away', async () => {
  const page = await open('?stream=cam');
  const first = await places(page);
  await page.click('[data-panel=statistics] button[aria-label="Hide Statistics"]');
  await expect.poll(() => page.locator('[data-panel=statistics]').count(), SOON).toBe(0);
  await page.click('summary:has-text("Panels")');
  await page.check('.menu-check:has-text("Data") input');
  await page.waitForSelector('[data-panel=data] [data-snippet=data-curl]', SOON);
  await page.click('.menu button:has-text("Reset layout")');
  await expect.poll(() => places(page), SOON).toEqual(first);
  await page.keyboard.press('Escape');
  expect(await page.locator('details.menu[open]').count()).toBe(0);
  expect(await page.evaluate('document.activeElement.tagName')).toBe('SUMMARY');
  // A record leads to its frame, too.
  await page.click('summary:has-text("Panels")');
  await page.check('.menu-check:has-text("Data") input');
  const frame = (await readShown(page)).named!.id;
  const answer = await server.fetch('api/streams/cam/data', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ frame, score: 0.5 }),
  });
  expect(answer.status).toBe(200);
  await page.click('[data-panel=data] .cell-record:has-text("score: 0.5")', SOON);
  await expect.poll(async () => (await readShown(page)).code?.frame, SOON).toBe(frame);
  await page.close();
});

test('a copied link opens paused at exactly the shown frame, with the panels as they were', async () => {
  const page = await open('?stream=cam');
  await page.focus('[data-panel=markers] .grip');
  await page.keyboard.press('ArrowLeft');
  await page.click('button[aria-label="Hide Statistics"]');
  const { code } = await pauseKept(page);
  const arranged = await places(page);
  await page.click('button:has-text("Copy link")');
  await page.waitForSelector('button:has-text("Copied")');
  const link = await page.evaluate<string>('navigator.clipboard.readText()');
  expect(new URL(link).searchParams.get('frame')).toBe(String(code.frame));
  await page.close();

  // Another browser, some time later.
  const other = await chromium.page();
  await other.goto(link);
  await expect.poll(async () => (await readShown(other)).code?.frame, SOON).toBe(code.frame);
  expect(await other.evaluate("document.querySelector('sluice-player').paused")).toBe(true);
  expect(await places(other)).toEqual(arranged);
  // It stays there, and a link is not kept as one's own arrangement.
  await other.waitForTimeout(1000);
  expect((await readShown(other)).code?.frame).toBe(code.frame);
  expect(await other.evaluate("localStorage.getItem('sluice.layout.cam')")).toBeNull();
  await other.focus('[data-panel=markers] .grip');
  await other.keyboard.press('ArrowRight');
  await expect.poll(() => other.url(), SOON).not.toContain('layout=');
  expect(await other.evaluate("localStorage.getItem('sluice.layout.cam')")).toContain('"markers"');
  await other.close();
});
