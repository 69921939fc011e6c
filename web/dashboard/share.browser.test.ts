// A person shares a camera: what they see at each step, and what they are told when it does not go. `SHOTS=folder` keeps pictures of it.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StreamInfo } from '../../src/api/schema.ts';
import { launchChromium, type TestChromium } from '../../test/chromium.ts';
import { type TestServer, testServer } from '../../test/server.ts';

const FAKE = ['--use-fake-device-for-media-stream', '--host-resolver-rules=MAP lab.test 127.0.0.1'];
/** The machine may be busy with other tests. */
const SOON = { timeout: 20_000 };

let chromium: TestChromium;
let server: TestServer;

beforeAll(async () => {
  [chromium, server] = await Promise.all([
    launchChromium([...FAKE, '--use-fake-ui-for-media-stream']),
    testServer({ allowHosts: ['lab.test'], anonymous: 'all' }),
  ]);
});

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  await server?.close();
});

async function open(path: string, width = 1280, dark = false, from = chromium): Promise<Page> {
  const page = await from.page({ viewport: { width, height: 800 }, colorScheme: dark ? 'dark' : 'light' });
  await page.goto(new URL(path, server.url).href);
  return page;
}

async function shot(page: Page, name: string): Promise<void> {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/share-${name}.png`, fullPage: true });
}

const info = (name: string) => server.json<StreamInfo>(`api/streams/${name}`);
const phase = (page: Page) => page.locator('.share-phase');

test('by keyboard: start, see what arrives, stop; the stream waits for the next', async () => {
  const page = await open('share/door');
  expect(new URL(page.url()).search).toBe('?share=door');
  const start = page.getByRole('button', { name: 'Start sharing' });
  await start.waitFor(SOON);
  await shot(page, 'off');
  await start.focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => phase(page).textContent(), SOON).toBe('Shared');
  await expect.poll(() => page.locator('[data-fact=server]').textContent(), SOON).toMatch(/^1280×720, frame \d/);
  await expect.poll(() => page.locator('[data-fact=sent]').textContent(), SOON).toMatch(/1280×720, .* fps, .*bit\/s, H264/);
  await expect.poll(() => page.locator('[data-fact=rtt]').textContent(), SOON).toMatch(/\d ms/);
  await shot(page, 'live');
  expect(await info('door')).toMatchObject({ state: 'live', width: 1280, height: 720 });
  // Another size, while it is shared.
  await page.getByLabel('Size').selectOption('640x360');
  await expect.poll(async () => (await info('door')).width, SOON).toBe(640);
  await page.getByRole('button', { name: 'Stop sharing' }).press('Enter');
  await expect.poll(() => phase(page).textContent(), SOON).toBe('Only you see this');
  await shot(page, 'preview');
  await page.getByRole('button', { name: 'Turn camera off' }).click();
  await expect.poll(() => phase(page).textContent(), SOON).toBe('Not shared');
  // A page that is closed while it shares ends its session at once.
  await start.click();
  await expect.poll(() => phase(page).textContent(), SOON).toBe('Shared');
  await page.close({ runBeforeUnload: true });
  const other = async () => (await server.fetch('live/door/whip?exclusive=1', { method: 'POST', body: '', headers: SDP })).status;
  await expect.poll(other, SOON).not.toBe(409);
});

const SDP = { 'content-type': 'application/sdp' };

test('on a telephone: one column, nothing wider than the screen', async () => {
  const page = await open('share/phone', 400, true);
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect.poll(() => phase(page).textContent(), SOON).toBe('Only you see this');
  await shot(page, 'phone');
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(400);
  await page.getByRole('button', { name: 'Start sharing' }).click();
  await expect.poll(() => page.locator('[data-fact=server]').textContent(), SOON).toMatch(/frame \d/);
  await shot(page, 'phone-live');
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(400);
  await page.close();
});

test('somebody else publishes: asked before it is taken over, and the other is told', async () => {
  const first = await open('share/desk');
  await first.getByRole('button', { name: 'Start sharing' }).click();
  await expect.poll(() => phase(first).textContent(), SOON).toBe('Shared');
  const second = await open('share/desk');
  await second.getByRole('button', { name: 'Start sharing' }).click();
  const alert = second.getByRole('alert');
  await expect.poll(() => alert.textContent(), SOON).toContain('A WebRTC publisher at 127.0.0.1 publishes into desk. Only one can');
  await shot(second, 'busy');
  await second.getByRole('button', { name: 'Take over' }).click();
  await expect.poll(() => phase(second).textContent(), SOON).toBe('Shared');
  await expect.poll(() => first.getByRole('alert').textContent(), SOON).toMatch(/took this stream over\. Nothing is sent any more/);
  await shot(first, 'replaced');
  // A stream that is no target of pushes.
  const third = await open('share/desk');
  await fetch(new URL('api/streams/bars', server.url), {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source: { type: 'pattern', width: 64, height: 64, fps: 5 } }),
  });
  await third.getByLabel('Name of the stream').fill('bars');
  await third.getByRole('button', { name: 'Start sharing' }).click();
  await expect.poll(() => third.getByRole('alert').textContent(), SOON).toContain('Choose another name.');
  await shot(third, 'conflict');
  for (const page of [first, second, third]) await page.close();
});

test('no permission, no camera, no secure page: what is wrong and what helps', async () => {
  await using strict = await launchChromium([...FAKE, '--deny-permission-prompts']);
  const page = await open('share/door', 1280, false, strict);
  await page.getByRole('button', { name: 'Start sharing' }).click();
  await expect.poll(() => page.getByRole('alert').textContent(), SOON).toContain('Allow it for this page');
  await shot(page, 'refused');
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
  });
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect.poll(() => page.getByRole('alert').textContent(), SOON).toContain('has no camera');
  await page.close();

  const plain = await strict.page({ viewport: { width: 1280, height: 800 } });
  await plain.goto(new URL('share/door', server.url).href.replace('127.0.0.1', 'lab.test'));
  await expect.poll(() => plain.getByRole('alert').textContent(), SOON).toContain('only to secure pages');
  expect(await plain.locator('[data-snippet=tls-config] code').textContent()).toBe("tlsCert: 'cert.pem', tlsKey: 'key.pem',");
  expect(await plain.locator('[data-snippet=tls-certificate] code').textContent()).toContain('subjectAltName=DNS:lab.test');
  expect(await plain.getByRole('link', { name: /^https:\/\/lab\.test/ }).count()).toBe(1);
  await shot(plain, 'insecure');
  await plain.setViewportSize({ width: 400, height: 800 });
  expect(await plain.evaluate(() => document.documentElement.scrollWidth)).toBe(400);
  await shot(plain, 'insecure-phone');
});

test('the ways to it: from the wall, and from a stream without pictures', async () => {
  await fetch(new URL('api/streams/empty', server.url), {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source: { type: 'push' } }),
  });
  const page = await open('');
  await page.getByRole('button', { name: 'Add a stream' }).first().click();
  await page.locator('dialog[open]').waitFor(SOON);
  await shot(page, 'add');
  await page.getByRole('link', { name: /This device/ }).click();
  await page.getByRole('heading', { name: 'Share a camera or screen' }).waitFor(SOON);
  expect(await page.getByLabel('Name of the stream').inputValue()).toBe('camera');
  await page.goto(new URL('?stream=empty', server.url).href);
  await page.getByRole('link', { name: 'Share a camera or screen' }).click(SOON);
  await expect.poll(() => page.getByLabel('Name of the stream').inputValue(), SOON).toBe('empty');
  await page.goto(new URL('share', server.url).href);
  await page.getByRole('heading', { name: 'Share a camera or screen' }).waitFor(SOON);
  await page.close();
});
