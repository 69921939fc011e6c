// The panel "Params" of the stream page in a real Chromium: controls from the schema, wrong values at their field, what others change, presets.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from '../../test/chromium.ts';
import { type TestServer, testServer } from '../../test/server.ts';

const SOON = { timeout: 20_000 };
let chromium: Awaited<ReturnType<typeof launchChromium>>;
let server: TestServer;

beforeAll(async () => {
  [chromium, server] = await Promise.all([launchChromium(), testServer()]);
});
afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  await server?.close();
});

const json = (method: string, body: unknown) => ({ method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const values = async () => (await server.json<{ values: Record<string, unknown> }>('api/streams/cam/params')).values;

test('params: by keyboard, wrong ones at their field, those of others, presets', async () => {
  const config = {
    source: { type: 'pattern', width: 64, height: 48, fps: 5 },
    processors: [{ use: 'color-patch' }, { use: 'histogram' }],
    dvr: { mode: 'off' },
  };
  expect((await server.fetch('api/streams/cam', json('PUT', config))).status).toBe(201);
  const page = await chromium.page();
  await page.goto(new URL('?stream=cam', server.url).href);
  const panel = page.getByRole('region', { name: 'Params' }).or(page.locator('[data-panel=params]')).first();
  const tolerance = panel.getByLabel('Tolerance', { exact: true });
  await tolerance.waitFor(SOON);
  // A slider is a slider for the keyboard too, and its changes hold while it moves.
  await tolerance.focus();
  for (let press = 0; press < 5; press++) await page.keyboard.press('ArrowRight');
  await expect.poll(async () => (await values()).tolerance, SOON).toBe(29);
  await panel.getByLabel('Boxes', { exact: true }).press('Space');
  await expect.poll(async () => (await values()).boxes, SOON).toBe(true);
  await panel.getByLabel('Color', { exact: true }).fill('#ff8000');
  await expect.poll(async () => (await values()).color, SOON).toEqual([255, 128, 0]);

  // Wrong for itself: told here. Wrong together with another: told by the server.
  const bins = panel.getByLabel('Bins', { exact: true });
  await bins.fill('1');
  await bins.press('Tab');
  expect(await bins.getAttribute('aria-invalid')).toBe('true');
  expect(await panel.locator('[data-param=bins] .field-error').textContent()).toBe('1 received; expected a whole number from 2 to 1024.');
  await panel.getByLabel('Low', { exact: true }).fill('50');
  await panel.getByLabel('Low', { exact: true }).press('Tab');
  await expect.poll(async () => (await values()).low, SOON).toBe(50);
  await panel.getByLabel('High', { exact: true }).fill('20');
  await panel.getByLabel('High', { exact: true }).press('Tab');
  await expect.poll(() => panel.locator('[data-param=high] .field-error').textContent(), SOON).toContain('must be above low');
  expect(await values()).toMatchObject({ bins: 256, low: 50 });
  expect(await values()).not.toHaveProperty('high');

  // Somebody else.
  await server.fetch('api/streams/cam/params', json('PATCH', { minFill: 0.25 }));
  await panel.locator('[data-param=minFill].is-theirs').waitFor(SOON);
  expect(await panel.getByLabel('Min fill', { exact: true }).inputValue()).toBe('0.25');

  await panel.getByText('Presets').click();
  await panel.getByLabel('Save as').fill('evening');
  await panel.getByLabel('Save as').press('Enter');
  await panel.getByRole('button', { name: 'evening', exact: true }).waitFor(SOON);
  await page.keyboard.press('Escape');
  await panel.getByRole('button', { name: 'Tolerance: back to 24' }).click();
  await expect.poll(async () => (await values()).tolerance, SOON).toBe(24);
  await panel.getByText('Presets').click();
  await panel.getByRole('button', { name: 'evening', exact: true }).click();
  await expect.poll(() => tolerance.inputValue(), SOON).toBe('29');
  expect(await values()).toMatchObject({ tolerance: 29, minFill: 0.25, boxes: true });
  await page.close();
});

test('params: an answer that is older than the news does not undo them, nor does a server that was started anew count on', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  let own = await testServer({ dataDir });
  stack.defer(() => own.close());
  const config = { source: { type: 'pattern', width: 64, height: 48, fps: 5 }, processors: [{ use: 'color-patch' }], dvr: { mode: 'off' } };
  expect((await own.fetch('api/streams/cam', json('PUT', config))).status).toBe(201);
  const change = async (minFill: number) =>
    expect((await own.fetch('api/streams/cam/params', json('PATCH', { minFill }))).status).toBe(200);
  const page = await chromium.page();
  // Both questions of the page, the one at once and the one when events flow, are answered by the server before the change, and arrive after it.
  let holding = true;
  const held: (() => Promise<void>)[] = [];
  await page.route('**/api/streams/cam/params', async (route) => {
    if (!holding) return await route.continue();
    const response = await route.fetch();
    held.push(() => route.fulfill({ response }));
  });
  const told = new Promise<void>((resolve) => {
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => void (/"type":"params"/.test(String(payload)) && resolve())),
    );
  });
  await page.goto(new URL('?stream=cam', own.url).href);
  await expect.poll(() => held.length, SOON).toBeGreaterThanOrEqual(2);
  await change(0.25);
  await told;
  holding = false;
  for (const release of held) await release();
  const minFill = page.getByLabel('Min fill', { exact: true });
  await expect.poll(() => minFill.inputValue(), SOON).toBe('0.25');
  await change(0.75);
  await expect.poll(() => minFill.inputValue(), SOON).toBe('0.75');

  const { port } = new URL(own.url);
  const anew = page.waitForResponse((response) => /streams\/cam\/params$/.test(response.url()) && response.ok(), SOON);
  await own.close();
  own = await testServer({ dataDir, port: Number(port) });
  await anew;
  await change(0.4);
  await expect.poll(() => minFill.inputValue(), SOON).toBe('0.4');
  await page.close();
});
