// <sluice-chart> in a real Chromium, beside a player, against a real server whose metrics are bound to frames: every number that the page
// shows can be checked against the picture.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Timeline } from '../src/api/schema.ts';
import type {} from '../src/player/chart/element.ts';
import { readShown, waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { type TestServer, testServer } from './server.ts';

const SOON = { timeout: 30_000 };
const PLACES = 16;

let chromium: Awaited<ReturnType<typeof launchChromium>>;
let server: TestServer;
let socket: WebSocket;
let page: Page;

beforeAll(async () => {
  [chromium, server] = await Promise.all([
    launchChromium(),
    testServer({
      streams: {
        cam: {
          source: { type: 'pattern', width: 640, height: 192, fps: 15, barcode: true },
          dvr: { mode: 'always' },
          metrics: { id: { label: 'Number', unit: 'frames' }, level: { min: 0, max: 10, unit: 'V' } },
        },
      },
    }),
  ]);
  socket = new WebSocket(new URL('api/events', server.url.replace('http', 'ws')));
  socket.onopen = () => socket.send(JSON.stringify({ type: 'subscribe', types: ['frame'] }));
  socket.onmessage = ({ data }) => {
    const event = JSON.parse(String(data)) as { type: string; id: number; timestamp: number };
    if (event.type === 'frame') void post(event.id, event.timestamp);
  };
});

afterAll(async () => {
  socket?.close();
  await chromium?.[Symbol.asyncDispose]();
  await server?.close();
});

beforeEach(async () => {
  page = await chromium.page({ viewport: { width: 900, height: 900 } });
  chromium.errors.length = 0;
  return async () => {
    expect(chromium.errors).toEqual([]);
    await page.close();
  };
});

/** Frames whose metrics are on the server, with their times (µs): a busy machine leaves out the events of some, or posts them late. */
const posted = new Map<number, number>();

/** The metrics of a frame: its own number, a level that is missing in every other 30 frames, and a vector with one bright place. */
async function post(id: number, timestamp: number): Promise<void> {
  const vector = Array.from({ length: PLACES }, (_, place) => (place === 4 ? 100 : 0));
  const body = { frame: id, values: { id, level: id % 60 < 30 ? 5 : null, vector } };
  const { ok } = await server.fetch('api/streams/cam/metrics', {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  if (ok) posted.set(id, timestamp);
}

/** Whether the metrics of a frame came, or come within some seconds. */
async function hasMetrics(id: number): Promise<boolean> {
  return await vi.waitUntil(() => posted.has(id), { timeout: 3000 }).catch(() => false);
}

/** Of the 100 columns of a view those between two samples that are no more than three frames apart: a curve goes through them. */
function curveColumns({ start, end }: { start: number; end: number }): number[] {
  const times = [...posted.values()].sort((a, b) => a - b);
  return Array.from({ length: 100 }, (_, n) => n).filter((n) => {
    const time = start + ((n + 0.5) / 100) * (end - start);
    const after = times.findIndex((each) => each >= time);
    return after > 0 && times[after]! - times[after - 1]! <= 200_001;
  });
}

/** Those of them that the first chart, which shows this view, has left empty. */
async function missing(span: { start: number; end: number }): Promise<number[]> {
  const { columns } = await inside();
  return curveColumns(span).filter((n) => !columns[n]);
}

async function newest(): Promise<{ id: number; timestamp: number }> {
  return (await server.json<{ lastFrame: { id: number; timestamp: number } }>('api/streams/cam')).lastFrame;
}

/** A page of the server with these elements; CAM stands for the address of the stream. */
async function open(elements: string): Promise<void> {
  // The page of one player lets other scripts in.
  await page.goto(new URL('embed/cam', server.url).href);
  await page.addScriptTag({ url: new URL('chart.js', server.url).href, type: 'module' });
  const html = elements.replaceAll('CAM', new URL('live/cam', server.url).href);
  await page.evaluate((text) => {
    document.body.innerHTML = `<div style="width: 640px">${text}</div>`;
    document.body.style.cssText = 'height: auto; background: white; overflow: auto';
  }, html);
}

const PLAYER = '<sluice-player src="CAM" transport="hls" autoplay style="width: 320px; height: 180px"></sluice-player>';

interface State {
  readonly values: Record<string, number | null>;
  readonly span: { start: number; end: number };
  readonly shown: { id: number; timestamp: number } | null;
}

/** What the first chart (or another) and the player say at the same moment. */
function state(at = 0): Promise<State> {
  return page.evaluate((index) => {
    const chart = document.querySelectorAll('sluice-chart')[index]!;
    return {
      values: chart.values,
      span: chart.span ?? { start: 0, end: 0 },
      shown: document.querySelector('sluice-player')?.shownFrame ?? null,
    };
  }, at);
}

/** Waits until a chart has so many seconds of metrics. */
async function filled(seconds: number): Promise<void> {
  const first = (await state()).values.id ?? 0;
  await expect.poll(async () => ((await state()).values.id ?? 0) - first, SOON).toBeGreaterThan(seconds * 15);
}

/** The inside of a chart as the browser has drawn it: for each of 100 columns whether it has coloured pixels, and some colours. */
function inside(at = 0): Promise<{ columns: boolean[]; colour: (readonly number[])[] }> {
  return page.evaluate((index) => {
    const root = document.querySelectorAll('sluice-chart')[index]!.shadowRoot!;
    const canvas = root.querySelector<HTMLCanvasElement>('.u-wrap > canvas')!;
    const over = root.querySelector<HTMLElement>('.u-over')!;
    const { data, width } = canvas.getContext('2d')!.getImageData(over.offsetLeft, over.offsetTop, over.offsetWidth, over.offsetHeight);
    const height = data.length / 4 / width;
    const pixel = (x: number, y: number) => [...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 4)];
    const coloured = (x: number) =>
      Array.from({ length: height }, (_, y) => pixel(x, y)).some(
        ([r = 0, g = 0, b = 0, a = 0]) => a > 100 && Math.max(r, g, b) - Math.min(r, g, b) > 60,
      );
    return {
      columns: Array.from({ length: 100 }, (_, n) => coloured(Math.floor(((n + 0.5) / 100) * width))),
      // From the bottom to the top, in the middle of the chart.
      colour: Array.from({ length: 16 }, (_, n) => pixel(Math.floor(width / 2), Math.floor(height - ((n + 0.5) / 16) * height))),
    };
  }, at);
}

/** Where the middle row of a chart has a strong colour, as shares of its width. */
function markerPixels(): Promise<number[]> {
  return page.evaluate(() => {
    const root = document.querySelector('sluice-chart')!.shadowRoot!;
    const canvas = root.querySelector<HTMLCanvasElement>('.u-wrap > canvas')!;
    const over = root.querySelector<HTMLElement>('.u-over')!;
    const { data } = canvas.getContext('2d')!.getImageData(over.offsetLeft, over.offsetTop + 3, over.offsetWidth, 1);
    return [...data.keys()].filter((at) => at % 4 === 3 && data[at]! > 110 && data[at]! < 200).map((at) => at / 4 / over.offsetWidth);
  });
}

/** The inside of a chart on the page. */
async function box(at = 0) {
  return (await page.locator('sluice-chart').nth(at).locator('.u-over').boundingBox())!;
}

/** The newest frame that there is a picture of, up to a frame or a time: a busy encoder leaves out some. */
async function newestKept(isUpTo: (frame: { id: number; timestamp: number }) => boolean): Promise<number> {
  const { frames } = await server.json<Timeline>(`live/cam/timeline.json`);
  let [id, timestamp, newest] = [0, 0, 0];
  for (const at of frames.id.keys()) {
    id += frames.id[at]!;
    timestamp += frames.timestamp[at]!;
    if (isUpTo({ id, timestamp })) newest = id;
  }
  return newest;
}
/** The number under the pointer (-1: there is none) once the chart stands still: a pause or a seek may still move it. */
async function settled(): Promise<number> {
  let before = -1;
  let same = 0;
  await expect
    .poll(
      async () => {
        const id = (await state()).values.id ?? -1;
        same = id === before ? same + 1 : 0;
        before = id;
        return same;
      },
      { ...SOON, interval: 150 },
    )
    .toBeGreaterThan(3);
  return before;
}
async function pause(): Promise<void> {
  await page.evaluate(() => document.querySelector('sluice-player')!.pause());
  let before = -1;
  await expect
    .poll(async () => {
      const { shown } = await state();
      const same = shown?.id === before;
      before = shown?.id ?? -1;
      return same;
    }, SOON)
    .toBe(true);
}

test('charts say the number of the very frame that is shown, live and paused; a click goes to exactly the frame under the pointer', async () => {
  await open(`${PLAYER}<sluice-chart src="CAM" metrics="id" window="20s"></sluice-chart>`);
  await waitForPicture(page);
  await filled(6);
  const { values, shown } = await state();
  // The picture can be faster than its number.
  expect(Math.abs(values.id! - shown!.id)).toBeLessThanOrEqual(15);
  await pause();
  const paused = (await state()).shown!.id;
  if (await hasMetrics(paused)) await expect.poll(async () => (await state()).values.id, SOON).toBe(paused);

  await page.evaluate(() => {
    document
      .querySelector('sluice-chart')!
      .addEventListener('seek', (event) =>
        Object.assign(globalThis, { sought: (event as CustomEvent<{ timestamp: number }>).detail.timestamp }),
      );
  });
  let exact = 0;
  for (const share of [0.9, 0.75, 0.8, 0.6, 0.7, 0.65, 0.5, 0.55]) {
    const { x, y, width, height } = await box();
    await page.mouse.move(x + width * share, y + height / 2);
    await settled();
    await page.mouse.click(x + width * share, y + height / 2);
    const sought = await page.evaluate<number>('sought');
    const wanted = await newestKept(({ timestamp }) => timestamp <= sought);
    expect(wanted).toBeGreaterThan(0);
    await expect.poll(async () => (await readShown(page)).code?.frame, SOON).toBe(wanted);
    if (!(await hasMetrics(wanted))) continue;
    const pointed = await settled();
    if (pointed === -1) continue;
    expect(await newestKept(({ id }) => id <= pointed)).toBe(wanted);
    await page.mouse.move(0, 0);
    await expect.poll(async () => (await state()).values.id, SOON).toBe(wanted);
    await expect.poll(() => page.locator('sluice-chart .value').textContent(), SOON).toBe(String(wanted));
    if (++exact === 3) break;
  }
  expect(exact).toBe(3);
});

test('paused it stands still, with the player too; live it goes on', async () => {
  await open(`${PLAYER}<sluice-chart src="CAM" metrics="id" window="10s"></sluice-chart>`);
  await waitForPicture(page);
  const moved = async () => {
    const before = (await state()).span.end;
    await filled(1).catch(() => {});
    return (await state()).span.end > before;
  };
  await filled(1);
  expect(await moved()).toBe(true);
  await pause();
  const { span } = await state();
  const { id: then } = await newest();
  await expect.poll(async () => (await newest()).id, SOON).toBeGreaterThan(then + 30);
  expect((await state()).span).toEqual(span);
  await page.evaluate(() => document.querySelector('sluice-player')!.liveEdge());
  await expect.poll(async () => (await state()).span.end, SOON).toBeGreaterThan(span.end);
  await page.evaluate(() => document.querySelector('sluice-chart')!.setAttribute('paused', ''));
  const still = (await state()).span;
  await filled(1);
  expect((await state()).span).toEqual(still);
});

test('dragging zooms all charts of the player, a double click and Esc show all again', async () => {
  const chart = '<sluice-chart src="CAM" metrics="id" window="20s"></sluice-chart>';
  await open(`${PLAYER}${chart}${chart}`);
  await waitForPicture(page);
  await filled(4);
  await pause();
  const whole = (await state()).span;
  const { x, y, width, height } = await box();
  const drag = async () => {
    await page.mouse.move(x + width * 0.6, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.8, y + height / 2, { steps: 4 });
    await page.mouse.up();
  };
  await drag();
  const length = ({ span }: State) => span.end - span.start;
  for (const at of [0, 1]) await expect.poll(async () => length(await state(at)) / (whole.end - whole.start), SOON).toBeCloseTo(0.2, 1);
  expect((await state(1)).span).toEqual((await state(0)).span);
  const frame = (await state()).shown!.id;
  await page.mouse.dblclick(x + width / 2, y + height / 2);
  for (const at of [0, 1]) await expect.poll(async () => length(await state(at)), SOON).toBeCloseTo(whole.end - whole.start, -3);
  expect(frame).toBeGreaterThan(0);
  await drag();
  await expect.poll(async () => length(await state()), SOON).toBeLessThan((whole.end - whole.start) / 2);
  await page.locator('sluice-chart .plot').first().focus();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await expect.poll(async () => length(await state()), SOON).toBeCloseTo(whole.end - whole.start, -3);
});

test('keys step from sample to sample, and Enter goes to the frame', async () => {
  await open(`${PLAYER}<sluice-chart src="CAM" metrics="id" window="20s"></sluice-chart>`);
  await waitForPicture(page);
  await filled(3);
  await pause();
  await expect.poll(async () => (await state()).values.id === (await state()).shown!.id, SOON).toBe(true);
  const { id } = (await state()).values;
  await page.locator('sluice-chart .plot').focus();
  for (let n = 0; n < 3; n++) await page.keyboard.press('ArrowLeft');
  const wanted = (await state()).values.id!;
  expect(wanted).toBeLessThan(id!);
  expect(id! - wanted).toBeLessThan(12);
  await page.keyboard.press('Enter');
  await expect.poll(async () => (await readShown(page)).code?.frame, SOON).toBe(wanted);
});

test('markers of the stream are lines behind the curves', async () => {
  await open(`${PLAYER}<sluice-chart src="CAM" metrics="nothing" window="20s"></sluice-chart>`);
  await waitForPicture(page);
  const { timestamp } = (await state()).shown!;
  const headers = { 'content-type': 'application/json' };
  // A metric without values: the marker is all that there is to see.
  const empty = { timestamp, values: { nothing: null } };
  await server.fetch('api/streams/cam/metrics', { method: 'POST', headers, body: JSON.stringify(empty) });
  await pause();
  await expect.poll(async () => Object.keys((await state()).values), SOON).toEqual(['nothing']);
  expect((await inside()).columns.some(Boolean)).toBe(false);
  const span = { start: timestamp - 5e6, end: timestamp + 5e6 };
  await page.evaluate((wanted) => document.querySelector('sluice-chart')!.zoom(wanted), span);
  await expect.poll(async () => (await state()).span, SOON).toEqual(span);
  const marker = { label: 'here', timestamp: timestamp - 1e6, end: timestamp + 1e6, kind: 'event' };
  await server.fetch('api/streams/cam/markers', { method: 'POST', headers, body: JSON.stringify(marker) });
  // It appears although nothing moves: its start is a line, four tenths into the view.
  await expect.poll(async () => (await markerPixels()).length, SOON).toBeGreaterThan(0);
  for (const x of await markerPixels()) expect(x).toBeCloseTo(0.4, 1);
});

test('gaps stay gaps, and an axis keeps the ends of the configuration', async () => {
  await open('<sluice-chart src="CAM" metrics="level" window="12s"></sluice-chart>');
  await expect.poll(async () => Object.keys((await state()).values), SOON).toEqual(['level']);
  // Half of the time has a value: drawn are stretches, with as many columns between them.
  await expect.poll(async () => (await inside()).columns.slice(0, 90).filter(Boolean).length, SOON).toBeGreaterThan(20);
  await expect.poll(async () => (await inside()).columns.slice(10, 90).join().includes('true,false'), SOON).toBe(true);
  const { columns } = await inside();
  expect(columns.filter((each) => !each).length).toBeGreaterThan(20);
});

test('a vector is a heat map: the bright place is bright, the others are dark', async () => {
  await open('<sluice-chart src="CAM" metrics="vector" window="4s"></sluice-chart>');
  await expect.poll(async () => (await inside()).colour.every(([, , , alpha]) => alpha === 255), SOON).toBe(true);
  const { colour } = await inside();
  const light = colour.map(([r = 0, g = 0, b = 0]) => r * 0.3 + g * 0.6 + b * 0.1);
  expect(light.indexOf(Math.max(...light))).toBe(4);
  expect(light.filter((value) => value > 100)).toHaveLength(1);
});

test('a hidden page draws nothing; when it is seen again the hole is filled', async () => {
  await open('<sluice-chart src="CAM" metrics="id" window="60s"></sluice-chart>');
  await filled(2);
  const draws = () => page.evaluate(() => (globalThis as unknown as { draws: number }).draws);
  await page.evaluate(() => {
    const counted = globalThis as unknown as { draws: number };
    counted.draws = 0;
    const clear = CanvasRenderingContext2D.prototype.clearRect;
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
      counted.draws++;
      clear.apply(this, box);
    };
  });
  await expect.poll(draws, SOON).toBeGreaterThan(3);
  const setHidden = (hidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await setHidden(true);
  const before = await draws();
  const from = await newest();
  await expect.poll(async () => (await newest()).id, SOON).toBeGreaterThan(from.id + 15 * 7);
  expect(await draws()).toBe(before);
  await setHidden(false);
  const span = { start: from.timestamp, end: (await newest()).timestamp };
  await page.evaluate((wanted) => document.querySelector('sluice-chart')!.zoom(wanted), span);
  await expect.poll(async () => (await missing(span)).length, SOON).toBeLessThan(5);
  // Where metrics came late or never, the chart has gaps of its own; they are not most of it.
  expect(curveColumns(span).length).toBeGreaterThan(50);
});

test('an events socket that takes its time to open leaves no hole', async () => {
  const from = await newest();
  const slow = Promise.withResolvers<void>();
  await page.routeWebSocket(/api\/events/, async (socket) => {
    await slow.promise;
    socket.connectToServer();
  });
  await open('<sluice-chart src="CAM" metrics="id" window="60s"></sluice-chart>');
  await expect.poll(async () => Object.keys((await state()).values), SOON).toEqual(['id']);
  const asked = await newest();
  // Longer than it waits before it asks for the past of a new metric.
  await expect.poll(async () => (await newest()).id, SOON).toBeGreaterThan(asked.id + 15 * 4);
  slow.resolve();
  await filled(1);
  const span = { start: from.timestamp, end: (await newest()).timestamp };
  await page.evaluate((wanted) => document.querySelector('sluice-chart')!.zoom(wanted), span);
  await expect.poll(async () => (await missing(span)).length, SOON).toBeLessThan(5);
  expect(curveColumns(span).length).toBeGreaterThan(50);
});

test('late samples find their place, in what runs live and in what was loaded of the past', async () => {
  const send = async (from: number, to: number) => {
    const samples = [];
    for (let time = from; time < to; time += 100_000) samples.push({ timestamp: time, values: { late: (time / 100_000) % 7 } });
    const headers = { 'content-type': 'application/json' };
    await server.fetch('api/streams/cam/metrics', { method: 'POST', body: JSON.stringify(samples), headers });
  };
  const now = Math.floor(Date.now() / 100) * 100_000;
  const old = now - 300_000_000;
  await send(now - 1_000_000, now);
  await open('<sluice-chart src="CAM" metrics="late" window="40s"></sluice-chart>');
  await expect.poll(async () => Object.keys((await state()).values), SOON).toEqual(['late']);
  const zoom = (start: number, end: number) => page.evaluate((span) => document.querySelector('sluice-chart')!.zoom(span), { start, end });
  /** Which of ten equal stretches of the view have a line in nearly all of their columns. */
  const stretches = async () => {
    const { columns } = await inside();
    return Array.from({ length: 10 }, (_, n) => columns.slice(n * 10 + 1, n * 10 + 9).every(Boolean));
  };
  // Live: ten seconds in view, four of them come late.
  await zoom(now - 15_000_000, now - 5_000_000);
  await send(now - 12_000_000, now - 8_000_000);
  const middle = [false, false, false, true, true, true, true, false, false, false];
  await expect.poll(stretches, SOON).toEqual(middle);
  // The past: nothing there when it was loaded.
  const loaded = page.waitForResponse((response) => response.url().includes('/metrics?'));
  await zoom(old, old + 10_000_000);
  await loaded;
  await expect.poll(stretches, SOON).toEqual(middle.map(() => false));
  await send(old + 3_000_000, old + 7_000_000);
  await expect.poll(stretches, SOON).toEqual(middle);
  await send(old, old + 3_000_000);
  await expect.poll(stretches, SOON).toEqual(middle.map((each, at) => each || at < 3));
});

test('says in plain words what is wrong', async () => {
  const message = (at: number) => page.locator('sluice-chart').nth(at).locator('.message:not([hidden])').first().textContent();
  await open(
    '<sluice-chart></sluice-chart><sluice-chart src="CAM" window="soon"></sluice-chart><sluice-chart src="CAM" metrics="nope"></sluice-chart>',
  );
  await expect.poll(() => message(0), SOON).toBe('No stream is chosen: the attribute src is missing.');
  await expect.poll(() => message(1), SOON).toBe('window: “soon” received; expected a length of time from 100ms to 24h, such as 60s.');
  await expect.poll(() => message(2), SOON).toBe('Nothing of “nope” has come yet.');
});
