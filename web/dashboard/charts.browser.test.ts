// The panels Charts and Vega-Lite of the dashboard in a real Chromium, under the page's own Content-Security-Policy.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { launchChromium } from '../../test/chromium.ts';
import { type TestServer, testServer } from '../../test/server.ts';

const SOON = { timeout: 30_000 };

let chromium: Awaited<ReturnType<typeof launchChromium>>;
let server: TestServer;
let page: Page;
let timer: ReturnType<typeof setInterval>;

beforeAll(async () => {
  const source = { type: 'pattern', width: 320, height: 192, fps: 10 } as const;
  [chromium, server] = await Promise.all([
    launchChromium(),
    testServer({
      basePath: '/lab/',
      streams: {
        cam: { source, metrics: { bright: { unit: '%', label: 'Brightness' }, motion: { unit: '%' } } },
        bare: { source },
      },
    }),
  ]);
  let n = 0;
  timer = setInterval(() => {
    n++;
    const values = { bright: 50 + (n % 10), motion: n % 7, spikes: n % 3, spectrum: [1, n % 5, 3] };
    void server.fetch('api/streams/cam/metrics', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ timestamp: Date.now() * 1000, values }),
    });
  }, 100);
});

afterAll(async () => {
  clearInterval(timer);
  await chromium?.[Symbol.asyncDispose]();
  await server?.close();
});

beforeEach(async () => {
  page = await chromium.page({ viewport: { width: 1280, height: 1200 } });
  chromium.errors.length = 0;
  return async () => {
    expect(chromium.errors).toEqual([]);
    await page.close();
  };
});

const open = (stream: string) => page.goto(new URL(`?stream=${stream}`, server.url).href);
const charts = () => page.locator('sluice-chart').evaluateAll((all) => all.map((chart) => chart.getAttribute('metrics')));

/** Pixels of a canvas that are not empty. */
function painted(selector: string): Promise<number> {
  return page
    .locator(selector)
    .first()
    .evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, at) => at % 4 === 3 && value > 0).length;
    });
}

test('all metrics have a chart: those of a unit together, vectors by themselves', async () => {
  await open('cam');
  await expect.poll(async () => (await charts()).sort(), SOON).toEqual(['bright,motion', 'spectrum', 'spikes']);
  const chart = page.locator('sluice-chart[metrics="bright,motion"]');
  await expect.poll(() => chart.locator('.legend').textContent(), SOON).toMatch(/Brightness5\d%motion\d%/);
  await expect.poll(() => chart.evaluate((element) => element.shadowRoot!.querySelectorAll('canvas').length), SOON).toBeGreaterThan(0);
});

test('charts are combined, split, hidden and ordered, and stay so over a reload', async () => {
  await open('cam');
  await expect.poll(async () => (await charts()).length, SOON).toBe(3);
  await page.click('summary[aria-label="Arrange the charts"]');
  const before = await charts();
  const number = before.indexOf('bright,motion') + 1;
  await page.selectOption('#place-spikes', { label: `Chart ${number}` });
  await expect.poll(async () => (await charts()).sort(), SOON).toEqual(['bright,motion,spikes', 'spectrum']);
  await page.selectOption('#place-motion', 'new');
  await page.selectOption('#place-spectrum', 'hidden');
  await expect.poll(charts, SOON).toEqual(['bright,spikes', 'motion']);
  await page.click('[aria-label="Chart 2 up"]');
  await expect.poll(charts, SOON).toEqual(['motion', 'bright,spikes']);
  await page.locator('.charts-tools select').first().selectOption('10s');
  await page.reload();
  await expect.poll(charts, SOON).toEqual(['motion', 'bright,spikes']);
  expect(await page.locator('sluice-chart').first().getAttribute('window')).toBe('10s');
  await page.click('summary[aria-label="Arrange the charts"]');
  await page.click('text=Usual arrangement');
  await expect.poll(async () => (await charts()).length, SOON).toBe(3);
});

test('without metrics it says how to send some', async () => {
  await open('bare');
  await page.waitForSelector('text=No metrics have come yet.');
  await page.click('text=How to send some');
  expect(await page.locator('.charts-panel .snippet code').first().textContent()).toContain(
    new URL('api/streams/bare/metrics', server.url).href,
  );
});

test('a Vega-Lite spec is drawn live without eval; a wrong one is told in plain words', async () => {
  await open('cam');
  await page.click('summary[aria-label=Panels]');
  await page.locator('.menu-check', { hasText: 'Vega-Lite' }).click();
  await page.keyboard.press('Escape');
  await page.locator('.vega-panel').scrollIntoViewIfNeeded();
  // The example.
  await expect.poll(() => painted('.vega-view canvas'), SOON).toBeGreaterThan(500);

  // By key: what is above still grows, and a click would miss.
  await page.locator('.vega-panel summary').press('Enter');
  await page.waitForSelector('.vega-panel textarea', SOON);
  const show = async (spec: unknown) => {
    await page.fill('.vega-panel textarea', typeof spec === 'string' ? spec : JSON.stringify(spec));
    await page.click('.vega-panel button:has-text("Show")');
  };
  const problem = () => page.textContent('.vega-problem', { timeout: 1000 }).catch(() => null);
  await show('{');
  await expect.poll(problem, SOON).toMatch(/This is not JSON/);
  await show({ data: { name: 'metrics' } });
  await expect.poll(problem, SOON).toMatch(/needs one of mark/);
  await show({ data: { name: 'metrics' }, layer: [{ mark: { type: 'lin' } }] });
  await expect.poll(problem, SOON).toMatch(/mark: "lin" received; expected one of arc, area/);
  await show({ data: { url: 'http://127.0.0.1:9/data.json' }, mark: 'point', encoding: {} });
  await expect.poll(problem, SOON).toMatch(/is not loaded|does not use the data set/);

  // Expressions work although the page allows no eval.
  const spec = {
    data: { name: 'metrics' },
    transform: [{ filter: "datum.name == 'bright'" }, { calculate: 'datum.value * 2', as: 'twice' }],
    mark: 'bar',
    encoding: { x: { field: 'time', type: 'temporal' }, y: { field: 'twice', type: 'quantitative' } },
  };
  await show(spec);
  await expect.poll(() => painted('.vega-view canvas'), SOON).toBeGreaterThan(500);
  expect(await problem()).toBeNull();
  await page.reload();
  await page.locator('.vega-panel').scrollIntoViewIfNeeded();
  await expect.poll(() => painted('.vega-view canvas'), SOON).toBeGreaterThan(500);
  expect(JSON.parse(await page.inputValue('.vega-panel textarea'))).toEqual(spec);
});
