// The panel "Live view" of the stream page in a real Chromium: start and stop, a long exposure, wrong params, a detector that is unplugged.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from '../../test/chromium.ts';
import { TestPublisher } from '../../test/publisher.ts';
import { type TestServer, testServer } from '../../test/server.ts';

const source = { type: 'pattern', kind: 'microscope', width: 64, height: 48, fps: 5 } as const;
const SOON = { timeout: 20_000 };

let chromium: Awaited<ReturnType<typeof launchChromium>>;
let server: TestServer;

beforeAll(async () => {
  [chromium, server] = await Promise.all([
    launchChromium(),
    testServer({ streams: { scope: { source, dvr: { mode: 'off' } }, slow: { source, exposure: 3000, dvr: { mode: 'off' } } } }),
  ]);
});
afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  await server?.close();
});

async function open(stream: string): Promise<Page> {
  const page = await chromium.page();
  await page.goto(new URL(`?stream=${stream}`, server.url).href);
  await page.waitForSelector('.live-view-start', SOON);
  return page;
}

const active = () => server.liveViews.active().map(({ stream, protocol }) => `${stream} ${protocol}`);

test('starts, stops and changes what viewers get; a wrong value is told at its field', async () => {
  const page = await open('scope');
  expect(await page.textContent('.live-view')).toContain('Not started');
  await page.click('.live-view-start button');
  await page.waitForSelector('.live-view-row.is-live', SOON);
  expect(active()).toEqual(['scope lossless']);

  await page.click('.live-view-params summary');
  await page.fill('#view-lossless-subsample', '99');
  await page.click('.live-view-params button[type=submit]');
  expect(await page.textContent('#view-lossless-subsample-error', SOON)).toBe('subsample: 99 received; expected an integer from 1 to 32');
  await page.fill('#view-lossless-subsample', '2');
  await page.click('.live-view-params button[type=submit]');
  await expect.poll(() => page.textContent('#view-lossless-subsample-help'), SOON).toContain('set for this detector');
  expect(server.liveViews.params('lossless', 'scope').values.subsample).toBe(2);
  // Emptied, it is given back.
  await page.fill('#view-lossless-subsample', '');
  await page.click('.live-view-params button[type=submit]');
  await expect.poll(() => page.inputValue('#view-lossless-subsample'), SOON).toBe('1');

  await page.click('[aria-label="Stop Lossless"]');
  await expect.poll(active, SOON).toEqual([]);
  await expect.poll(() => page.textContent('.live-view'), SOON).toContain('Not started');
  await page.close();
});

test('a long exposure offers a snapshot, and can be overridden', async () => {
  const page = await open('slow');
  expect(await page.textContent('.live-view-notice')).toContain('Long exposure: 3 s.');
  expect(await page.locator('.live-view-start button').count()).toBe(0);
  const [download] = await Promise.all([page.waitForEvent('download', SOON), page.click('.live-view-notice a')]);
  expect(download.suggestedFilename()).toMatch(/^slow_.*\.tiff$/);
  await download.cancel();
  await page.click('text=Start all the same');
  await expect.poll(active, SOON).toEqual(['slow lossless']);
  server.liveViews.stop({});
  await page.close();
});

test('a detector that is unplugged is told with its reason, and so is its return', async () => {
  const first = await TestPublisher.open(server.url, 'camera');
  first.send(Date.now() * 1000);
  await first.answered();
  first.say({ type: 'acquisition', on: true });
  const page = await open('camera');
  await page.waitForSelector('.live-view-row.is-live', SOON);
  await first.close();
  expect(await page.textContent('.live-view-row.is-failed', SOON)).toContain(
    'Its program has gone. It goes on by itself when pictures come again.',
  );
  const second = await TestPublisher.open(server.url, 'camera');
  second.send(Date.now() * 1000);
  await page.waitForSelector('.live-view-row.is-live', SOON);
  await second.close();
  await page.close();
});
