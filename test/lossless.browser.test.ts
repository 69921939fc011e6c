// Lossless pictures in the page: the values that somebody reads are those that a program pushed, at any magnification; levels, colours and
// zoom by pointer and keyboard.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { decodePicture } from '../src/native/picture.ts';
import type { PlayerStats } from '../src/player/element.ts';
import { readFrames, waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { TestPublisher } from './publisher.ts';
import { testServer } from './server.ts';

const [WIDTH, HEIGHT] = [320, 200];
const POSITIONS = Number(process.env.SLUICE_TEST_POSITIONS ?? 60);
/** Frames of which name and barcode are compared, and the side of their pictures: more by hand. */
const FRAMES = Number(process.env.SLUICE_TEST_FRAMES ?? 10);
const SIDE = Number(process.env.SLUICE_TEST_SIDE ?? 512);
const SHOTS = process.env.SLUICE_TEST_SHOTS;
const SOON = { timeout: 20_000 };

/** Every value says where it is. */
const samples = Uint16Array.from({ length: WIDTH * HEIGHT }, (_, i) => (i * 7) % 4096);

async function shoot(page: Page, name: string): Promise<void> {
  if (!SHOTS) return;
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

const readOut = (page: Page) => page.locator('sluice-player .levels .value').textContent();
/** Gray level of the picture's pixel on the canvas. */
const shownAt = (page: Page, x: number, y: number) =>
  page.evaluate(
    ([px, py]) => {
      const canvas = document.querySelector('sluice-player')!.shadowRoot!.querySelector('canvas.picture') as HTMLCanvasElement;
      return [...canvas.getContext('2d')!.getImageData(px!, py!, 1, 1).data].slice(0, 3);
    },
    [x, y],
  );

/** By the key, as soon as there are levels. */
async function openLevels(page: Page): Promise<void> {
  await page.mouse.move(100, 100);
  await page.locator('sluice-player').getByRole('button', { name: 'Levels (W)' }).waitFor();
  await page.locator('sluice-player').focus();
  await page.keyboard.press('w');
  await expect.poll(() => page.locator('sluice-player .levels').isVisible(), SOON).toBe(true);
}

test('values under the pointer are those that were pushed; levels, colours and zoom', async () => {
  await using server = await testServer({ streams: { cam: { source: { type: 'push' }, pixelSize: 0.65 } } });
  const publisher = await TestPublisher.open(server.url, 'cam');
  const push = async () => {
    publisher.send(Date.now() * 1000, { format: 'gray16le', width: WIDTH, height: HEIGHT, pixels: new Uint8Array(samples.buffer) });
    await publisher.answered();
  };
  await push();
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.setViewportSize({ width: 1000, height: 625 });
  await page.goto(`${server.url}embed/cam?transport=lossless&controls=1`);
  await expect
    .poll(() => page.evaluate(() => (document.querySelector('sluice-player') as unknown as { shownFrame: unknown }).shownFrame), SOON)
    .not.toBeNull();
  const player = page.locator('sluice-player');
  await openLevels(page);
  await shoot(page, 'lossless-levels');

  const box = (await player.boundingBox())!;
  const clicked = () => page.evaluate(() => (globalThis as unknown as { clicked: unknown }).clicked);
  await page.evaluate(() => {
    document.querySelector('sluice-player')!.addEventListener('pixelclick', (event) => {
      Object.assign(globalThis, { clicked: (event as CustomEvent).detail });
    });
  });
  let state = 5;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  let probes = 0;
  const probe = async () => {
    // Else the player says that nothing new comes, over the picture.
    if (++probes % 40 === 0) await push();
    // Left of the panel and above the controls.
    await page.mouse.move(box.x + random() * (box.width - 320), box.y + random() * (box.height - 110));
    const [, x, y, value] = /^x (\d+), y (\d+): (\d+)$/.exec((await readOut(page)) ?? '') ?? [];
    expect(Number(value), `${x}, ${y}`).toBe(samples[Number(y) * WIDTH + Number(x)]);
    return [Number(x), Number(y)] as const;
  };
  const seen = new Set<string>();
  for (let i = 0; i < POSITIONS / 2; i++) seen.add(String(await probe()));
  expect(seen.size).toBeGreaterThan(POSITIONS / 4);
  // Magnified by the wheel round the pointer: the pixel under it stays.
  await page.mouse.move(box.x + 301.5, box.y + 251.5);
  const before = await readOut(page);
  for (let i = 0; i < 5; i++) await page.mouse.wheel(0, -300);
  await expect
    .poll(() =>
      page.evaluate(() => document.querySelector('sluice-player')!.shadowRoot!.querySelector<HTMLElement>('.stage')!.style.transform),
    )
    .toContain('scale(');
  expect(await readOut(page)).toBe(before);
  for (let i = 0; i < POSITIONS / 2; i++) await probe();
  await shoot(page, 'lossless-magnified');
  await page.mouse.click(box.x + 200, box.y + 200);
  const [, x, y] = /^x (\d+), y (\d+)/.exec((await readOut(page))!)!;
  expect(await clicked()).toMatchObject({ x: Number(x), y: Number(y), values: [samples[Number(y) * WIDTH + Number(x)]] });
  await player.focus();
  await page.keyboard.press('0');

  // The saved file has every value as it was pushed.
  const download = page.waitForEvent('download');
  await page.keyboard.press('p');
  const saved = await decodePicture(await readFile(await (await download).path()), 'image/png');
  expect([saved.format, saved.width, saved.height]).toEqual(['gray16le', WIDTH, HEIGHT]);
  expect(Buffer.compare(saved.data.subarray(0, samples.byteLength), new Uint8Array(samples.buffer))).toBe(0);

  // Numbers in the panel.
  const field = (label: string) => page.locator('sluice-player .levels').getByLabel(label, { exact: true });
  const write = async (label: string, value: string) => {
    await field(label).fill(value);
    await field(label).press('Tab');
  };
  await write('Black', '0');
  await write('White', '2550');
  // 700 of 2550 = 70 of 255.
  expect(samples[100]).toBe(700);
  await expect.poll(() => shownAt(page, 100, 0), SOON).toEqual([70, 70, 70]);
  expect(await field('Auto').isChecked()).toBe(false);
  await field('Colours').selectOption('green');
  await expect.poll(() => shownAt(page, 100, 0), SOON).toEqual([0, 70, 0]);
  await write('White', '-5');
  expect(await field('White').inputValue()).toBe('2550');
  // Shift and drag: the window changes, the picture stays where it is.
  await page.mouse.move(box.x + 200, box.y + 200);
  await page.keyboard.down('Shift');
  await page.mouse.down();
  await page.mouse.move(box.x + 280, box.y + 200, { steps: 4 });
  await page.mouse.up();
  await page.keyboard.up('Shift');
  expect(Number(await field('White').inputValue())).toBeGreaterThan(2600);
  // Kept for the next visit, and there before the first picture.
  await page.reload();
  await push();
  await expect.poll(() => page.locator('sluice-player .levels').isVisible(), SOON).toBe(true);
  expect(await field('Colours').inputValue()).toBe('green');
  expect(chromium.errors).toEqual([]);
  await publisher.close();
});

test('a live 16-bit camera: the barcode is that of the named frame; narrow, light, and with the levels open', async () => {
  const fps = FRAMES > 10 ? 30 : 15;
  await using server = await testServer({
    streams: { cam: { source: { type: 'pattern', kind: 'microscope', width: SIDE, height: SIDE, fps, barcode: true }, pixelSize: 0.65 } },
  });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.setViewportSize({ width: 400, height: 640 });
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto(`${server.url}embed/cam?transport=lossless&controls=1`);
  await waitForPicture(page);
  const frames = await readFrames(page, FRAMES);
  expect(frames).toHaveLength(FRAMES);
  for (const { code, named } of frames) expect(code?.frame).toBe(named.id);
  const stats = await page.evaluate(() => (document.querySelector('sluice-player') as unknown as { stats: PlayerStats }).stats);
  if (FRAMES > 10) {
    const { p50, p95 } = stats.latency!;
    console.info(`${FRAMES} frames: names as barcodes; latency p50 ${p50} ms, p95 ${p95} ms, ${stats.fps} fps, ${stats.decoder}`);
  }
  await openLevels(page);
  await page.waitForTimeout(600);
  await shoot(page, 'lossless-narrow-light');
  expect(chromium.errors).toEqual([]);
});

test('graphics hardware and tables draw the same pixels of every format; hardware that goes away is replaced', async () => {
  await using server = await testServer({ streams: { cam: { source: { type: 'push' } } } });
  const publisher = await TestPublisher.open(server.url, 'cam');
  const [width, height] = [61, 35];
  const bytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 89 + (i >> 3)) & (i % 2 ? 15 : 255));
  const floats = Float32Array.from({ length: width * height }, (_, i) => (i % 7 ? (i % 1500) - 100 : Number.NaN));
  const pictures = {
    gray16le: bytes(width * height * 2),
    grayf32le: new Uint8Array(floats.buffer),
    rgb48le: bytes(width * height * 6),
    bayer_rggb16le: bytes(width * height * 2),
    bgr24: bytes(width * height * 3),
    nv12: bytes(width * height + 31 * 18 * 2),
  } as const;
  const push = async (format: keyof typeof pictures) => {
    publisher.send(Date.now() * 1000, { format, width, height, pixels: pictures[format] });
    await publisher.answered();
  };
  await push('gray16le');
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.addInitScript(() => {
    const look = { window: { low: 40, high: 900.5 }, gamma: 1.7, map: 'viridis', saturated: false };
    localStorage.setItem('sluice-look:cam', JSON.stringify(look));
  });
  // The look that was kept holds from the first picture on, before there are levels.
  const { promise: drawn, resolve: release } = Promise.withResolvers<void>();
  await page.route('**/deep-view*', async (route) => {
    await drawn;
    await route.continue();
  });
  await page.goto(`${server.url}embed/cam?transport=lossless&decoder=canvas&controls=0`);
  await page.evaluate(() => {
    const first = document.querySelector('sluice-player')!;
    const second = document.createElement('sluice-player');
    for (const { name, value } of first.attributes) second.setAttribute(name, value);
    second.setAttribute('decoder', 'webgl');
    document.body.append(second);
  });
  // Gone before its levels were there: nothing of them comes to it.
  const third = await page.evaluateHandle(async () => {
    const player = document.querySelector('sluice-player')!.cloneNode() as HTMLElement & { shownFrame: object | null };
    document.body.append(player);
    while (!player.shownFrame) await new Promise((resolve) => setTimeout(resolve, 20));
    player.remove();
    return player;
  });
  /** Both pictures of a frame: who has drawn them, how far their bytes are apart, and how many values the first one has. */
  const compare = (id: number) =>
    page.evaluate(async (wanted) => {
      const players = [...document.querySelectorAll('sluice-player')] as (HTMLElement & {
        shownFrame: { id: number } | null;
        stats: { decoder: string } | null;
      })[];
      while (!players.every((player) => player.shownFrame?.id === wanted)) await new Promise((resolve) => setTimeout(resolve, 20));
      const [first, second] = players.map((player) => {
        const picture = player.shadowRoot!.querySelector('canvas.picture') as HTMLCanvasElement;
        const canvas = new OffscreenCanvas(picture.width, picture.height);
        const context = canvas.getContext('2d')!;
        context.drawImage(picture, 0, 0);
        return context.getImageData(0, 0, canvas.width, canvas.height).data;
      });
      const apart = [...first!].map((value, i) => Math.abs(value - second![i]!));
      return {
        by: players.map(({ stats }) => stats?.decoder.replaceAll(/[\d.]+ ms|[ ,]/g, '')),
        unequal: apart.filter((each) => each > 0).length / apart.length,
        values: new Set(first).size,
      };
    }, id);
  for (const format of Object.keys(pictures) as (keyof typeof pictures)[]) {
    await push(format);
    const { by, unequal, values } = await compare(publisher.acked.at(-1)!.id);
    expect(by).toEqual(['workercanvas', 'workerWebGL']);
    // Floats are computed in fewer digits by the hardware.
    expect(unequal, format).toBeLessThanOrEqual(format === 'grayf32le' ? 0.01 : 0);
    expect(values, format).toBeGreaterThan(20);
  }
  release();
  await expect.poll(() => page.locator('sluice-player .levels').count(), SOON).toBe(2);
  expect(await third.evaluate((player) => player.shadowRoot!.querySelectorAll('.picture-layer').length)).toBe(0);
  await page.evaluate(() => {
    const canvas = document.querySelectorAll('sluice-player')[1]!.shadowRoot!.querySelector('canvas.picture') as HTMLCanvasElement;
    canvas.getContext('webgl2')!.getExtension('WEBGL_lose_context')!.loseContext();
  });
  // The last picture is there again before a new one comes.
  const last = publisher.acked.at(-1)!.id;
  await expect.poll(() => compare(last), SOON).toMatchObject({ by: ['workercanvas', 'workercanvas'], unequal: 0 });
  await push('gray16le');
  expect(await compare(publisher.acked.at(-1)!.id)).toMatchObject({ by: ['workercanvas', 'workercanvas'], unequal: 0 });
  expect(chromium.errors).toEqual([]);
  await publisher.close();
});

test('a decoder that cannot be loaded: the page says so, and goes on when it can be', async () => {
  await using server = await testServer({
    streams: { cam: { source: { type: 'pattern', kind: 'microscope', width: 128, height: 128, fps: 30, barcode: true } } },
  });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  let broken = true;
  await page.route('**/lossless-worker*', (route) => (broken ? route.abort() : route.continue()));
  await page.goto(`${server.url}embed/cam?transport=lossless&controls=0`);
  const said = () => page.locator('sluice-player .message').textContent();
  await expect.poll(said, SOON).toContain('the decoder could not be started');
  await shoot(page, 'lossless-no-decoder');
  broken = false;
  await waitForPicture(page, 60_000);
});

test('measuring: saved files, presets with params, line and region, recorded clicks', async () => {
  await using server = await testServer();
  const json = (method: string, body: object) => ({ method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  // Not of the configuration: its params may be changed.
  const source = { type: 'pattern', kind: 'microscope', width: 256, height: 160, fps: 10 };
  expect((await server.fetch('api/streams/cam', json('PUT', { source, pixelSize: 0.5 }))).ok).toBe(true);
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.setViewportSize({ width: 900, height: 720 });
  await page.goto(`${server.url}embed/cam?transport=lossless&controls=1`);
  const player = page.locator('sluice-player');
  await openLevels(page);
  const levels = player.locator('.levels');
  expect(await player.locator('.badge').textContent()).toBe('Lossless, 12 bit');
  const toast = () => player.locator('.toast').textContent();

  await page.keyboard.press('x');
  await page.keyboard.press('r');
  await expect
    .poll(() => levels.locator('.probe-text').allTextContents(), SOON)
    .toEqual([
      expect.stringMatching(/^[\d.]+ to [\d.]+ over 77 px = 38.5 µm$/),
      expect.stringMatching(/^mean [\d.]+ ± [\d.]+, min \d+, max \d+ · x 77, y 64, 51 × 32$/),
    ]);
  // The keys move a corner, by 10 with Shift; the statistics are those of the new region.
  await player.getByRole('button', { name: 'Bottom right of the region' }).focus();
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('ArrowUp');
  await expect.poll(() => levels.locator('.probe-text').last().textContent(), SOON).toContain('x 77, y 64, 61 × 31');
  await levels.getByLabel('Send to the charts').check();
  const metrics = async () => {
    const { series } = await server.json<{ series: { name: string; value: number[] }[] }>('api/streams/cam/metrics');
    return Object.fromEntries(series.map(({ name, value }) => [name, value.length]));
  };
  await expect
    .poll(metrics, SOON)
    .toEqual(Object.fromEntries(['mean', 'std', 'min', 'max'].map((name) => [`region.${name}`, expect.any(Number)])));
  await shoot(page, 'lossless-measuring');
  await levels.getByLabel('Send to the charts').uncheck();

  // Paused, so that it is known which frame is saved and clicked: it stays lossless, though what is kept is video.
  await player.focus();
  await page.keyboard.press('Space');
  await page.waitForTimeout(1500);
  expect(await player.locator('.badge').textContent()).toBe('Lossless, 12 bit');
  await page.evaluate(() => document.querySelector('sluice-player')!.setAttribute('record-clicks', ''));
  const shown = () =>
    page.evaluate(() => (document.querySelector('sluice-player') as unknown as { shownFrame: { id: number } }).shownFrame.id);
  const saved = page.waitForEvent('download');
  await page.keyboard.press('p');
  const download = await saved;
  expect(download.suggestedFilename()).toMatch(/^cam_\d{8}T\d{6}\.\d{3}Z_f\d+\.png$/);
  const { format, width, height, data } = await decodePicture(await readFile(await download.path()), 'image/png');
  expect([format, width, height]).toEqual(['gray16le', 256, 160]);
  const id = Number(/_f(\d+)/.exec(download.suggestedFilename())![1]);
  expect(await shown()).toBe(id);
  expect(new Set(new Uint16Array(data.buffer, data.byteOffset, width * height)).size).toBeGreaterThan(100);
  const tiff = page.waitForEvent('download');
  await levels.getByRole('button', { name: 'TIFF' }).click();
  expect((await tiff).suggestedFilename()).toMatch(/^cam_.*_f\d+\.tiff$/);

  const box = (await player.boundingBox())!;
  await page.mouse.click(box.x + 100, box.y + 330);
  const records = async () =>
    (await server.json<{ items: { frame: number; record: { pixelclick?: object } }[] }>('api/streams/cam/data')).items;
  await expect
    .poll(records, SOON)
    .toMatchObject([{ record: { pixelclick: { x: expect.any(Number), y: expect.any(Number), value: expect.any(Number) } } }]);
  expect((await records())[0]!.frame).toBe(id);
  await player.focus();
  await page.keyboard.press('l');

  // A preset has the view and the params, whatever was changed since.
  const field = (label: string) => levels.getByLabel(label, { exact: true });
  await field('Colours').selectOption('fire');
  await levels.getByText('Presets').click();
  await field('Name of the preset').fill('Warm');
  await levels.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(toast, SOON).toBe('Preset “Warm” saved.');
  // Where a busy page has begun its picture anew meanwhile, the levels are new too, with the presets closed.
  const exporting = levels.getByRole('button', { name: 'Export' });
  const open = async () => {
    if (!(await exporting.isVisible())) await levels.getByText('Presets').click({ timeout: 2000 });
    return await exporting.isVisible();
  };
  await expect.poll(() => open().catch(() => false), SOON).toBe(true);
  const exported = page.waitForEvent('download');
  await exporting.click();
  const file = await (await exported).path();
  await levels.getByRole('button', { name: 'Delete' }).click();
  await expect.poll(() => field('Saved presets').isDisabled(), SOON).toBe(true);
  await field('Colours').selectOption('gray');
  expect((await server.fetch('api/streams/cam/params', json('PATCH', { fps: 20 }))).status).toBe(200);
  const [broken, whole] = [(await readFile(file, 'utf8')).replace('"gamma": 1', '"gamma": 0'), await readFile(file)];
  const name = 'presets.json';
  await field('File of presets').setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(broken) });
  await expect.poll(toast, SOON).toContain('presets[0].look.gamma: 0 received; expected a number from 0.1 to 10');
  await field('File of presets').setInputFiles({ name, mimeType: 'application/json', buffer: whole });
  await expect.poll(toast, SOON).toBe('1 preset imported from presets.json.');
  await levels.getByRole('button', { name: 'Apply' }).click();
  await expect.poll(toast, SOON).toBe('Preset “Warm” is in use.');
  expect(await field('Colours').inputValue()).toBe('fire');
  expect(await server.json('api/streams/cam/params')).toMatchObject({ values: { fps: 10 } });
  await shoot(page, 'lossless-presets');

  // The stream goes away and comes back: the page says so, and shows the same place in the same way.
  await player.focus();
  await page.keyboard.press('+');
  const place = () => player.locator('.stage').getAttribute('style');
  const before = await place();
  expect(before).toContain('scale(');
  await server.fetch('api/streams/cam', { method: 'DELETE' });
  await expect.poll(() => player.locator('.message').textContent(), SOON).toContain('cam');
  await shoot(page, 'lossless-gone');
  expect((await server.fetch('api/streams/cam', json('PUT', { source, pixelSize: 0.5 }))).ok).toBe(true);
  await expect.poll(() => player.locator('.message').isVisible(), SOON).toBe(false);
  await expect.poll(() => levels.isVisible(), SOON).toBe(true);
  expect(await place()).toBe(before);
  expect(await field('Colours').inputValue()).toBe('fire');
  await expect.poll(() => levels.locator('.probe-text').last().textContent(), SOON).toContain('x 77, y 64, 61 × 31');
  await expect.poll(() => player.locator('.probe:not([display=none]) .probe-handle').count(), SOON).toBe(4);
  expect(await player.locator('.badge').textContent()).toBe('Lossless, 12 bit');
  expect(chromium.errors.filter((error) => !error.includes('404'))).toEqual([]);
});
