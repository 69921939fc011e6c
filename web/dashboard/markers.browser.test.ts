// The table of markers in a real Chromium against a real server with an irregular source: every click lands on exactly its frame, live and
// back in time, as the barcode in the picture proves; what is added, changed and deleted here is so on the server, and in a new page.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StreamConfigInput } from '../../src/api/schema.ts';
import type { Marker, MarkerPage } from '../../src/api/timeline.ts';
import { pauseKept, waitForPicture } from '../../test/barcode-probe.ts';
import { launchChromium } from '../../test/chromium.ts';
import { clickMarker, countSeeks, framesSeen, markerRow, SOON } from '../../test/marker-clicks.ts';
import { type TestServer, testServer } from '../../test/server.ts';

const CAM: StreamConfigInput = {
  source: { type: 'pattern', width: 320, height: 192, fps: 30, vary: [16, 61], drop: 0.1 },
  dvr: { mode: 'always' },
};

let chromium: Awaited<ReturnType<typeof launchChromium>>;
let server: TestServer;

beforeAll(async () => {
  [chromium, server] = await Promise.all([
    launchChromium(),
    testServer({ streams: { cam: CAM, other: CAM, quiet: { source: { type: 'pattern', width: 320, height: 192, fps: 5 } } } }),
  ]);
});

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  await server?.close();
});

const json = (method: string, body: unknown) => ({ method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const markersOf = async (stream: string) => (await server.json<MarkerPage>(`api/streams/${stream}/markers`)).items;

async function mark(stream: string, markers: object[]): Promise<Marker[]> {
  const answer = await server.fetch(`api/streams/${stream}/markers`, json('POST', markers));
  expect(answer.status, await answer.clone().text()).toBe(200);
  return (await answer.json()) as Marker[];
}

async function open(query: string, options: Parameters<typeof chromium.page>[0] = {}): Promise<Page> {
  const page = await chromium.page(options);
  chromium.errors.length = 0;
  await page.goto(server.url + query);
  await waitForPicture(page);
  await countSeeks(page);
  return page;
}

test('20 markers set by frame id: each click shows exactly that frame; again in a new page', async () => {
  const page = await open('?stream=cam');
  const seen = await framesSeen(page, 100);
  const wanted = Array.from({ length: 20 }, (_, n) => seen[n * 5]!);
  const markers = await mark(
    'cam',
    wanted.map((frame, n) => ({ label: `event ${n}`, frame })),
  );
  await expect.poll(() => page.locator('[data-panel=markers] tr.moment').count(), SOON).toBeGreaterThan(5);
  expect(await markerRow(page, markers.at(-1)!.id).getAttribute('class')).toContain('is-fresh');
  // Not in their order: each is a seek of its own.
  const shuffled = markers.map((_, n) => markers[(n * 7) % markers.length]!);
  for (const { id, frame } of shuffled) {
    expect(await clickMarker(page, id), `marker at ${frame}`).toEqual({ shown: frame, drawn: frame, problem: null });
    await expect.poll(() => markerRow(page, id).getAttribute('aria-current'), SOON).toBe('true');
  }
  expect(chromium.errors).toEqual([]);
  await page.close();

  // Far behind the live edge of a page that has loaded nothing of it yet.
  const later = await open('?stream=cam');
  for (const { id, frame } of shuffled.slice(0, 8)) {
    expect(await clickMarker(later, id), `marker at ${frame}, new page`).toEqual({ shown: frame, drawn: frame, problem: null });
  }
  await later.close();
});

test('a marker is added at the shown frame, changed, deleted, taken back; a new page shows the same', async () => {
  const page = await open('?stream=other');
  const frame = (await pauseKept(page)).named.id;
  await page.click('[data-panel=markers] button:has-text("Add")');
  await page.fill('#new-marker-label', 'by hand');
  await page.fill('#new-marker-kind', 'not allowed');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.textContent('#new-marker-kind-error'), SOON).toContain('1 to 64 characters');
  await page.fill('#new-marker-kind', 'note');
  await page.keyboard.press('Enter');
  await expect
    .poll(async () => (await markersOf('other')).map(({ label, kind, frame: at }) => [label, kind, at]), SOON)
    .toEqual([['by hand', 'note', frame]]);
  const { id, timestamp } = (await markersOf('other'))[0]!;

  await markerRow(page, id).focus();
  await page.keyboard.press('e');
  await page.fill('#change-marker-label', 'changed');
  await page.selectOption('#change-marker-end', 'span');
  await page.fill('#change-marker-seconds', '1.5');
  await page.keyboard.press('Enter');
  await expect.poll(() => markerRow(page, id).textContent(), SOON).toContain('changed');
  expect((await markersOf('other'))[0]).toMatchObject({ label: 'changed', kind: 'note', end: timestamp + 1_500_000, open: false });
  expect(await markerRow(page, id).locator('.cell-length').textContent()).toBe('1.5 s');

  // The form is closed: the keys go on with the row it was of.
  await expect.poll(() => page.evaluate('document.activeElement?.dataset.key'), SOON).toBe(id);
  await page.keyboard.press('Delete');
  await expect.poll(() => markerRow(page, id).count(), SOON).toBe(0);
  await page.click('.toast-removal button');
  await expect.poll(() => markerRow(page, id).count(), SOON).toBe(1);
  expect(await markersOf('other')).toHaveLength(1);

  const [other] = await mark('other', [{ label: 'to be deleted', kind: 'alarm' }]);
  await expect.poll(() => markerRow(page, other!.id).count(), SOON).toBe(1);
  await markerRow(page, other!.id).hover();
  await markerRow(page, other!.id).locator('button[aria-label^=Delete]').click();
  await expect.poll(() => markerRow(page, other!.id).count(), SOON).toBe(0);
  // The page goes away before the time for undoing is over.
  await page.goto('about:blank');
  await expect.poll(async () => (await markersOf('other')).map((marker) => marker.id), SOON).toEqual([id]);
  await page.close();

  const again = await open('?stream=other');
  await expect.poll(() => again.locator('[data-panel=markers] tr.moment').count(), SOON).toBe(1);
  expect(await markerRow(again, id).textContent()).toContain('changed');
  // Somebody else deletes it.
  await server.fetch(`api/streams/other/markers/${id}`, { method: 'DELETE' });
  await expect.poll(() => again.textContent('[data-panel=markers] .moments-note'), SOON).toContain('This stream has none yet');
  expect(await again.textContent('[data-snippet=markers-curl] code')).toContain(`${server.url}api/streams/other/markers`);
  expect(chromium.errors).toEqual([]);
  await again.close();
});

test('thousands of markers: a few rows in the document, all of them reachable and filtered', async () => {
  const count = 3000;
  const start = Date.now() * 1000 - 60_000_000;
  const many = Array.from({ length: count }, (_, n) => {
    return { id: `m${n}`, label: `number ${n}`, kind: n % 100 ? 'event' : 'alarm', timestamp: start + n * 10_000 };
  });
  await mark('quiet', many);
  const page = await open('?stream=quiet');
  const rows = page.locator('[data-panel=markers] tr.moment');
  await expect.poll(() => markerRow(page, `m${count - 1}`).count(), SOON).toBe(1);
  expect(await rows.count()).toBeLessThan(40);
  await markerRow(page, `m${count - 1}`).focus();
  // Each End goes to the end of what is loaded, and has the next page loaded.
  await expect
    .poll(async () => {
      await page.keyboard.press('End');
      return await markerRow(page, 'm0').count();
    }, SOON)
    .toBe(1);
  expect(await rows.count()).toBeLessThan(40);
  await page.keyboard.press('Home');
  await expect.poll(() => markerRow(page, `m${count - 1}`).count(), SOON).toBe(1);

  await page.fill('input[aria-label="Filter the markers"]', 'number 1234');
  await expect.poll(() => page.textContent('[data-panel=markers] .moments-count'), SOON).toBe('1 of 3,000 markers');
  expect(await rows.getAttribute('data-key')).toBe('m1234');
  await page.fill('input[aria-label="Filter the markers"]', '');
  await page.click('.kind-filter button:has-text("alarm")');
  await expect.poll(() => page.textContent('[data-panel=markers] .moments-count'), SOON).toBe('30 of 3,000 markers');
  await page.fill('input[aria-label="Filter the markers"]', 'no such words');
  await page.click('text=Clear the filter');
  await expect.poll(() => page.textContent('[data-panel=markers] .moments-count'), SOON).toBe('3,000 markers');

  // A frame that was never kept is said to be so, in words.
  await mark('quiet', [{ id: 'lost', label: 'long ago', timestamp: start - 86_400_000_000, frame: 1_000_000 }]);
  await page.fill('input[aria-label="Filter the markers"]', 'long ago');
  expect((await clickMarker(page, 'lost')).problem).toMatch(/Frame 1000000 is not kept on the server\./);
  // The picture goes on as if nothing had been clicked.
  expect(await page.evaluate("document.querySelector('sluice-player').paused")).toBe(false);
  await page.close();
});

test('whoever may only watch sees the markers, and is offered nothing that would be refused', async () => {
  await using guarded = await testServer({
    streams: { cam: CAM },
    host: '127.0.0.1',
    token: 'all-of-it-1234567',
    viewToken: 'just-look-1234567',
  });
  const headers = { authorization: 'Bearer all-of-it-1234567', 'content-type': 'application/json' };
  const page = await chromium.page();
  await page.goto(`${guarded.url}?token=just-look-1234567&stream=cam`);
  await page.goto(`${guarded.url}?stream=cam`);
  await waitForPicture(page);
  await guarded.fetch('api/streams/cam/markers', { method: 'POST', headers, body: JSON.stringify({ id: 'a', label: 'seen' }) });
  await expect.poll(() => markerRow(page, 'a').count(), SOON).toBe(1);
  expect(await page.locator('[data-panel=markers] button:has-text("Add")').count()).toBe(0);
  expect(await markerRow(page, 'a').locator('button').count()).toBe(1);
  await markerRow(page, 'a').focus();
  for (const key of ['Delete', 'e']) await page.keyboard.press(key);
  expect(await page.locator('.toasts .toast').count()).toBe(0);
  expect(await page.locator('[data-panel=markers] .marker-form').count()).toBe(0);
  await page.close();
});

test('a server that refuses is said to, and asked again on a click', async () => {
  const page = await chromium.page();
  let refuse = true;
  await page.route('**/api/streams/cam/markers**', (route) => (refuse ? route.fulfill({ status: 503 }) : route.continue()));
  await page.goto(`${server.url}?stream=cam`);
  await expect.poll(() => page.textContent('[data-panel=markers] .moments-note'), SOON).toContain('The markers cannot be loaded.');
  refuse = false;
  await page.click('[data-panel=markers] button:has-text("Try again")');
  await expect.poll(() => page.locator('[data-panel=markers] tr.moment').count(), SOON).toBeGreaterThan(0);
  await page.close();
});
