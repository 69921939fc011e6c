// Two pictures side by side: zoom, cursor, levels and a pause are those of both, and pictures of one stream stand still at the same moment.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { launchChromium } from '../../test/chromium.ts';
import { testServer } from '../../test/server.ts';

const SOON = { timeout: 30_000 };
const SHOTS = process.env.SLUICE_TEST_SHOTS;

interface State {
  readonly transport: string | null;
  readonly badge: string | null;
  readonly transform: string;
  readonly timestamp: number | null;
  readonly paused: boolean;
}

const states = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('sluice-player')].map((element): State => {
      const player = element as HTMLElement & { activeTransport: string | null; paused: boolean; shownFrame: { timestamp: number } | null };
      const root = player.shadowRoot!;
      return {
        transport: player.activeTransport,
        badge: root.querySelector('.badge')!.textContent,
        transform: root.querySelector<HTMLElement>('.stage')!.style.transform,
        timestamp: player.shownFrame?.timestamp ?? null,
        paused: player.paused,
      };
    }),
  );

test('lossless beside video of the same frames: linked zoom, cursor, value and pause', async () => {
  await using server = await testServer({
    streams: { scope: { source: { type: 'pattern', kind: 'microscope', width: 320, height: 240, fps: 15, barcode: true } } },
  });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}?compare=scope.lossless~scope.jpeg`);
  await expect
    .poll(async () => (await states(page)).map(({ transport, badge }) => [transport, badge]), SOON)
    .toEqual([
      ['lossless', 'Lossless, 12 bit'],
      ['jpeg', 'Lossy, not for measurement'],
    ]);
  const players = page.locator('sluice-player');
  // Keys and wheel lead nowhere before what they move has been loaded, which a busy machine does after the first pictures.
  await expect.poll(() => page.locator('sluice-player .picture-layer').count(), SOON).toBe(2);
  await players
    .nth(0)
    .locator('.levels')
    .waitFor({ state: 'attached', ...SOON });
  const boxes = await players.evaluateAll((all) => all.map((each) => each.getBoundingClientRect().toJSON() as DOMRect));
  // Zoomed in the video: the measured picture follows, and tells the value there.
  await players.nth(0).focus();
  await page.mouse.move(boxes[0]!.x + 30, boxes[0]!.y + 60);
  await page.keyboard.press('w');
  await expect.poll(() => players.nth(0).locator('.levels').isVisible(), SOON).toBe(true);
  await page.mouse.move(boxes[1]!.x + 100, boxes[1]!.y + 80);
  for (let i = 0; i < 3; i++) await page.mouse.wheel(0, -300);
  const transforms = async () => [...new Set((await states(page)).map(({ transform }) => transform))];
  await expect.poll(transforms, SOON).toEqual([expect.stringContaining('scale(')]);
  await page.mouse.move(boxes[1]!.x + 110, boxes[1]!.y + 90);
  await expect.poll(() => players.nth(0).locator('.levels .value').textContent(), SOON).toMatch(/^x \d+, y \d+: \d+$/);
  await expect.poll(() => players.nth(0).locator('.linked-cursor').getAttribute('d'), SOON).not.toBe('');
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/compare-dark.png` });
  // One is paused: both stand at the same moment.
  await players.nth(1).focus();
  await page.keyboard.press('Space');
  await expect
    .poll(async () => {
      const [left, right] = await states(page);
      return left!.paused && right!.paused && left!.timestamp === right!.timestamp;
    }, SOON)
    .toBe(true);
  await expect.poll(() => page.locator('.compare output').textContent(), SOON).toBe('Both pictures were captured at the same moment.');
  await page.keyboard.press('l');
  await expect.poll(async () => (await states(page)).map(({ paused }) => paused), SOON).toEqual([false, false]);
  // Another way, kept in the address.
  await page.getByRole('region', { name: 'Right: scope' }).getByLabel('Way of the pictures').selectOption('lossless');
  await expect.poll(async () => (await states(page))[1]?.transport, SOON).toBe('lossless');
  expect(new URL(page.url()).searchParams.get('compare')).toBe('scope.lossless~scope.lossless');
  expect(chromium.errors).toEqual([]);
});
