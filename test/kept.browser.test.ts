// Seeks in a real browser over everything that breaks media: an encoder restart, a gap of 5 s, and spans kept beyond the live window. The
// barcode in the picture is the judge.
import type { Page } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import type { Timeline } from '../src/api/schema.ts';
import type { SluicePlayer } from '../src/player/element.ts';
import { readShown, waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { framesOf, type KeptFrame } from './kept-frames.ts';
import { type TestServer, testServer } from './server.ts';

const irregular = { type: 'pattern', width: 640, height: 360, vary: [16, 61] as [number, number], drop: 0.1 } as const;

/** Frames that are kept, without repeats, and the gaps between them. */
async function kept(server: TestServer): Promise<{ rows: KeptFrame[]; gaps: Timeline['gaps']; segments: Timeline['segments'] }> {
  const timeline = await server.json<Timeline>('live/cam/timeline.json');
  const { gaps, segments } = timeline;
  return { rows: framesOf(timeline), gaps, segments };
}

async function seekAll(page: Page, rows: readonly KeptFrame[], byTime = false): Promise<void> {
  for (const row of rows) {
    await page.evaluate(
      ({ wanted, time }) => {
        const player = document.querySelector('sluice-player') as SluicePlayer;
        return time ? player.seekTime(wanted.timestamp) : player.seekFrame(wanted.id);
      },
      { wanted: row, time: byTime },
    );
    await page.waitForTimeout(100);
    const { code, named } = await readShown(page);
    expect({ code: code?.frame, named: named?.id, timestamp: named?.timestamp }).toEqual({
      code: row.id,
      named: row.id,
      timestamp: row.timestamp,
    });
  }
}

const put = (server: TestServer, config: object) =>
  server.fetch('api/streams/cam', { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(config) });

test('over an encoder restart with another size and over a gap of 5 s every seek is exact, in old and new pages', async () => {
  await using server = await testServer({});
  const config = { source: { ...irregular, gap: { every: '12s', length: '5s' } } };
  await put(server, config);
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=hls`);
  await waitForPicture(page);
  const wait = { timeout: 60_000, interval: 300 };
  const broken = (reason: string) => async () => {
    const { rows, gaps } = await kept(server);
    const gap = gaps.find((each) => each.reason === reason && each.end - each.start > (reason === 'no frames came' ? 4_000_000 : 0));
    return gap !== undefined && rows.filter(({ timestamp }) => timestamp > gap.end).length > 20;
  };
  // Behind the gap of the source: an encoder that began anew inside of it would leave none of its own.
  await vi.waitUntil(broken('no frames came'), wait);
  await put(server, { ...config, encode: { size: '384x216' } });
  await vi.waitUntil(broken('nothing was recorded'), wait);

  const { rows, gaps, segments } = await kept(server);
  expect(segments.some(({ discontinuity }) => discontinuity)).toBe(true);
  const wanted: KeptFrame[] = [];
  for (const gap of gaps.slice(0, 3)) {
    wanted.push(...rows.filter(({ timestamp }) => timestamp >= gap.end).slice(0, 3));
    wanted.push(...rows.filter(({ timestamp }) => timestamp <= gap.start).slice(-3));
  }
  expect(wanted.length).toBeGreaterThanOrEqual(12);
  await seekAll(page, wanted);
  const late = await chromium.page();
  await late.goto(`${server.url}embed/cam?transport=hls`);
  await waitForPicture(late);
  await seekAll(late, wanted.toReversed());
  expect(chromium.errors).toEqual([]);
}, 180_000);

test('what a marker keeps beyond the live window is sought exactly, and the way back to live is open', async () => {
  await using server = await testServer({
    streams: { cam: { source: irregular, dvr: { window: '6s', keep: { kinds: ['event'], before: '2s', after: '1s' } } } },
  });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=hls`);
  await waitForPicture(page);
  await vi.waitUntil(async () => (await kept(server)).segments.length >= 2, { timeout: 30_000, interval: 200 });
  const { rows } = await kept(server);
  const marked = rows.at(-5)!;
  await server.fetch('api/streams/cam/markers', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ label: 'there', frame: marked.id }),
  });
  const gone = async () => {
    const { gaps } = await kept(server);
    return gaps.some(({ reason, end }) => reason === 'no longer kept' && end - marked.timestamp > 4_000_000);
  };
  await vi.waitUntil(gone, { timeout: 60_000, interval: 300 });
  const old = (await kept(server)).rows.filter(({ timestamp }) => Math.abs(timestamp - marked.timestamp) < 900_000);
  expect(old.length).toBeGreaterThan(10);
  await seekAll(page, [marked, old[0]!, old.at(-1)!]);
  await seekAll(page, [old[1]!], true);

  const recent = (await kept(server)).rows.at(-30)!;
  await seekAll(page, [recent, marked]);
  await page.keyboard.press('l');
  await expect
    .poll(
      async () => {
        const shown = await readShown(page);
        return shown.code !== null && shown.named !== null && shown.named.id > recent.id + 30;
      },
      { timeout: 30_000 },
    )
    .toBe(true);
  expect(chromium.errors).toEqual([]);
}, 180_000);
