// Markers set by frame id on an irregular source (16 to 61 ms, 10 % missing, a gap of 5 s, an encoder restart): each click in the page leads
// to exactly that frame, as its barcode proves; again after the server was killed, and after the stream has ended, in an open page and in a
// new one. MARKERS=100 clicks on a hundred.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { StreamConfigInput } from '../src/api/schema.ts';
import type { Marker } from '../src/api/timeline.ts';
import { waitForPicture } from './barcode-probe.ts';
import { kill, serve } from './child-server.ts';
import { launchChromium } from './chromium.ts';
import { clickMarker, countSeeks, framesSeen, markerRow, SOON } from './marker-clicks.ts';

const COUNT = Number(process.env.MARKERS ?? 6);
const CAM: StreamConfigInput = {
  source: { type: 'pattern', width: 320, height: 192, fps: 30, vary: [16, 61], drop: 0.1, gap: { every: '20s', length: '5s' } },
  dvr: { mode: 'always', window: '30m' },
};

test(`each of ${COUNT} markers leads to its frame: live, after a kill, after the end`, { timeout: 120_000 + COUNT * 20_000 }, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-moments-'));
  let { child, url } = await serve(dataDir, { port: 0 });
  await using chromium = await launchChromium();
  const send = async (method: string, path: string, body?: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(new URL(path, url), { method, ...(body !== undefined && { headers, body: JSON.stringify(body) }) });
    expect(answer.ok, `${method} ${path}: ${await answer.clone().text()}`).toBe(true);
    return answer;
  };
  const open = async () => {
    const page = await chromium.page();
    await page.goto(`${url}?stream=cam`);
    await waitForPicture(page);
    await countSeeks(page);
    return page;
  };
  try {
    await send('PUT', 'api/streams/cam', CAM);
    const page = await open();
    const frames = await framesSeen(page, 250);
    // Another size is another encoder: the video goes on behind a discontinuity.
    await send('PUT', 'api/streams/cam', { ...CAM, encode: { size: '640x384' } });
    // Long enough for a gap of 5 s to lie between.
    frames.push(...(await framesSeen(page, 350)));
    const wanted = Array.from({ length: COUNT }, (_, n) => frames[Math.floor((n * frames.length) / COUNT)]!);
    const answer = await send(
      'POST',
      'api/streams/cam/markers',
      wanted.map((frame, n) => ({ label: `number ${n}`, frame })),
    );
    const markers = (await answer.json()) as Marker[];
    const steps = markers.map((marker, n) => marker.timestamp - (markers[n - 1] ?? marker).timestamp);
    expect(Math.max(...steps), 'the gap lies between the markers').toBeGreaterThan(4_500_000);
    const main = await (await send('GET', 'live/cam/hls/index.m3u8')).text();
    const media = new URL(main.split('\n').find((line) => line && !line.startsWith('#'))!, new URL('live/cam/hls/', url));
    expect(await (await fetch(media)).text(), 'the encoder was started anew').toContain('#EXT-X-DISCONTINUITY\n');
    const every = async (where: Page, when: string) => {
      await expect.poll(() => markerRow(where, markers.at(-1)!.id).count(), SOON).toBe(1);
      const wrong: unknown[] = [];
      for (let n = 0; n < COUNT; n++) {
        // Not in their order: each is a way of its own.
        const { id, frame } = markers[(n * 7) % COUNT]!;
        const arrived = await clickMarker(where, id);
        if (arrived.shown !== frame || arrived.drawn !== frame || arrived.problem) wrong.push({ frame, ...arrived });
      }
      expect(wrong, when).toEqual([]);
    };
    await every(page, 'live page');

    const { port } = new URL(url);
    await kill(child);
    ({ child, url } = await serve(dataDir, { port: Number(port) }));
    await page.waitForSelector('.link-state.is-open', SOON);
    await every(page, 'after the kill, in the open page');
    const other = await open();
    await every(other, 'after the kill, in a new page');
    await other.close();

    await send('POST', 'api/streams/cam/stop');
    await page.waitForSelector('.state-stopped', SOON);
    await every(page, 'after the end, in the open page');
    const last = await chromium.page();
    await last.goto(`${url}?stream=cam`);
    await last.waitForSelector('sluice-player', SOON);
    await countSeeks(last);
    await every(last, 'after the end, in a new page');
  } finally {
    await kill(child);
    await rm(dataDir, { recursive: true, force: true });
  }
});
