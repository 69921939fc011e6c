// Plain hls.js on a page of its own: what it delivers of markers comes at the very frame; clips play from the frame that was asked for.
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import type { Timeline } from '../src/api/schema.ts';
import type { Marker } from '../src/api/timeline.ts';
import { decodeCells } from '../src/formats/barcode.ts';
import { launchChromium } from './chromium.ts';
import { punctual, timelineRows } from './clips.ts';
import { type TestServer, testServer } from './server.ts';

const HLS_JS = createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js');
const cam = {
  source: { type: 'pattern' as const, width: 640, height: 360, vary: [16, 61] as [number, number], drop: 0.1 },
  dvr: { mode: 'always' as const },
};

/** What the page collects. */
interface Collected {
  offset: number | null;
  events: { pts: number; offset: number | null; duration: number; text: string }[];
  ranges: { id: string; start: number; duration: number | null }[];
  cues: { id: string; key: string; type: string; start: number; end: number }[];
  currentTime: number;
  /** Where the buffer begins. */
  buffered: number;
  errors: string[];
}

/** An empty page of the server's origin that asks for nothing by itself. */
async function openEmpty(page: Page, server: TestServer, body: string): Promise<void> {
  const address = `${server.url}plain.html`;
  const html = `<!doctype html><link rel="icon" href="data:,">${body}`;
  await page.route(address, (route) => route.fulfill({ contentType: 'text/html', body: html }));
  await page.goto(address);
  await page.unroute(address);
}

/** A page of nobody: a video, and hls.js as people include it. */
async function openPlain(page: Page, server: TestServer): Promise<void> {
  await openEmpty(page, server, '<video muted autoplay playsinline style="width: 640px"></video>');
  await page.addScriptTag({ path: HLS_JS });
  await page.evaluate((src) => {
    interface PlainHls {
      on(event: string, handler: (event: string, data: never) => void): void;
      loadSource(src: string): void;
      attachMedia(video: HTMLVideoElement): void;
    }
    const { Hls } = window as unknown as { Hls: { new (): PlainHls; Events: Record<string, string> } };
    const seen = {
      offset: null as number | null,
      events: [] as Collected['events'],
      ranges: [] as Collected['ranges'],
      errors: [] as string[],
    };
    const hls = new Hls();
    hls.on(Hls.Events.INIT_PTS_FOUND!, (_event, data: { initPTS: number; timescale: number }) => {
      seen.offset = data.initPTS / data.timescale;
    });
    hls.on(Hls.Events.FRAG_PARSING_METADATA!, (_event, data: { samples: { pts: number; duration: number; data: Uint8Array }[] }) => {
      for (const sample of data.samples) {
        seen.events.push({ pts: sample.pts, offset: seen.offset, duration: sample.duration, text: new TextDecoder().decode(sample.data) });
      }
    });
    interface Range {
      readonly id: string;
      readonly startTime: number;
      readonly duration: number | null;
    }
    hls.on(Hls.Events.LEVEL_UPDATED!, (_event, { details }: { details: { dateRanges: Record<string, Range> } }) => {
      seen.ranges = Object.values(details.dateRanges).map(({ id, startTime, duration }) => ({ id, start: startTime, duration }));
    });
    hls.on(Hls.Events.ERROR!, (_event, data: { fatal: boolean; details: string }) => {
      if (data.fatal) seen.errors.push(data.details);
    });
    hls.loadSource(src);
    hls.attachMedia(document.querySelector('video')!);
    Object.assign(window, { seen });
  }, `${server.url}live/cam/hls/index.m3u8`);
}

/** A marker whose frame was learned later is listed anew as `ID~2`: the newest listing holds, under the marker's own id. */
function newestListing<Entry extends { id: string; key?: string }>(entries: readonly Entry[]): Entry[] {
  const byMarker = new Map<string, { entry: Entry; revision: number }>();
  for (const entry of entries) {
    const [, id = '', revision = '1'] = /^(.*?)(?:~(\d+))?$/.exec(entry.id)!;
    const name = `${id} ${entry.key ?? ''}`;
    if (Number(revision) < (byMarker.get(name)?.revision ?? 0)) continue;
    byMarker.set(name, { entry: { ...entry, id }, revision: Number(revision) });
  }
  return [...byMarker.values()].map(({ entry }) => entry);
}

async function collected(page: Page): Promise<Collected> {
  const found = await page.evaluate(() => {
    const { seen } = window as unknown as { seen: Omit<Collected, 'cues' | 'currentTime' | 'buffered'> };
    const video = document.querySelector('video')!;
    const cues = [...video.textTracks].flatMap((track) => [...(track.cues ?? [])]) as (TextTrackCue & {
      type: string;
      value: { key: string; data: unknown };
    })[];
    return {
      ...seen,
      currentTime: video.currentTime,
      buffered: video.buffered.length ? video.buffered.start(0) : 0,
      cues: cues.map((cue) => ({ id: cue.id, key: cue.value.key, type: cue.type, start: cue.startTime, end: Math.min(cue.endTime, 1e12) })),
    };
  });
  return { ...found, ranges: newestListing(found.ranges), cues: newestListing(found.cues) };
}

/** Pauses, goes to a time and reads the number in the picture that is then on the screen. */
async function frameAt(page: Page, time: number): Promise<number | null> {
  const luma = await page.evaluate(async (wanted) => {
    const video = document.querySelector('video')!;
    video.pause();
    await new Promise<void>((resolve) => {
      const done = (_now: number, picture: { mediaTime: number }) => {
        // A picture from before the seek may still come.
        if (Math.abs(picture.mediaTime - wanted) < 0.2 && !video.seeking) resolve();
        else video.requestVideoFrameCallback(done);
      };
      video.requestVideoFrameCallback(done);
      video.currentTime = wanted;
      // The picture may be the one that is on the screen already: then no callback comes.
      video.addEventListener('seeked', () => setTimeout(resolve, 500), { once: true });
    });
    const canvas = new OffscreenCanvas(256, 8);
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    context.drawImage(video, 0, 0, video.videoWidth, video.videoWidth / 32, 0, 0, 256, 8);
    const { data } = context.getImageData(0, 0, 256, 8);
    return Array.from({ length: 128 }, (_, i) => {
      const [x, y] = [(i % 64) * 4 + 1, Math.floor(i / 64) * 4 + 1];
      let sum = 0;
      for (const [dx, dy] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
      ] as const)
        sum += data[((y + dy) * 256 + x + dx) * 4 + 1]!;
      return sum / 4;
    });
  }, time);
  return decodeCells(luma)?.frame ?? null;
}

async function mark<T = Marker>(server: TestServer, body: unknown, path = '', method = 'POST'): Promise<T> {
  const init = { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await server.fetch(`api/streams/cam/markers${path}`, init);
  expect(response.status, await response.clone().text()).toBeLessThan(300);
  return (await response.json()) as T;
}

const rowsOf = async (server: TestServer) => timelineRows(await server.json<Timeline>('live/cam/timeline.json'));

test('emsg and DATERANGE in plain hls.js: markers set before, at and after encoding lie on their frame', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await openPlain(page, server);
  const playing = async () => {
    const { currentTime, offset } = await collected(page);
    return offset !== null && currentTime > 2;
  };
  await vi.waitUntil(playing, { timeout: 60_000, interval: 100 });

  // Chromium throws the cues of a young track away (hls.js issue 7691): markers are set until one has its cue.
  const rangeCues = (found: Collected) => found.cues.filter((cue) => cue.type === 'com.apple.quicktime.HLS');
  for (let i = 0; rangeCues(await collected(page)).length === 0; i++) {
    await mark(server, { id: `first${i}`, label: 'makes the track' });
    const listed = async () => (await collected(page)).ranges.some(({ id }) => id === `first${i}`);
    await vi.waitUntil(listed, { timeout: 30_000, interval: 50 });
    expect(i).toBeLessThan(20);
  }

  // Before: for times that are still to come. The last of them is a span whose end nobody knows.
  const ahead = server.clock.now() + 1_500_000;
  const before = await mark<Marker[]>(server, [
    ...Array.from({ length: 10 }, (_, i) => ({ id: `before${i}`, label: `before ${i}`, timestamp: ahead + i * 130_000 })),
    { id: 'open', label: 'open', kind: 'run', timestamp: ahead + 1_350_000, open: true },
  ]);
  // They were in the store before the first of these frames could be captured.
  expect(server.clock.now()).toBeLessThan(ahead);
  // At: for the newest frame. After: for a frame that was served and shown.
  const at = await mark(server, { id: 'at', label: 'at' });
  const { offset, buffered } = await collected(page);
  const old = punctual(await rowsOf(server)).find((row) => row.pts / 90_000 - offset! > buffered + 0.3)!;
  const after = await mark(server, { id: 'after', label: 'after', frame: old.id });
  await mark(server, { end: ahead + 2_000_000 }, '/open', 'PATCH');

  const ids = [...before, at, after].map(({ id }) => id);
  let seen = await collected(page);
  const idsOf = (found: Collected) => new Set(rangeCues(found).map((cue) => cue.id));
  const eventsOf = (found: Collected) =>
    found.events.map((event) => ({ ...event, marker: JSON.parse(event.text.slice(event.text.indexOf('{'))) as Marker }));
  const complete = async () => {
    seen = await collected(page);
    const named = new Set(eventsOf(seen).map(({ marker }) => marker.id));
    return (
      ids.every((id) => idsOf(seen).has(id) && seen.ranges.some((range) => range.id === id)) && before.every(({ id }) => named.has(id))
    );
  };
  await vi.waitUntil(complete, { timeout: 60_000, interval: 200 }).catch((error: unknown) => {
    throw new Error(
      JSON.stringify({ ids, ranges: [...idsOf(seen)], events: eventsOf(seen).map(({ marker }) => marker.id), errors: seen.errors }),
      { cause: error },
    );
  });
  expect(seen.errors).toEqual([]);

  // By the table of frames.
  const known = await rowsOf(server);
  const items = (await server.json<{ items: Marker[] }>('api/streams/cam/markers')).items;
  const rowOf = (id: string) => {
    const marker = items.find((each) => each.id === id)!;
    return known.find((row) => row.id === marker.frame && !row.repeat)!;
  };
  const timeOf = (pts: number) => pts / 90_000 - seen.offset!;
  const events = eventsOf(seen);
  for (const { pts, offset, duration, marker } of events) {
    // By the offset of its part: hls.js may find a better one later.
    expect(Math.abs(pts - (rowOf(marker.id).pts / 90_000 - offset!)), `${marker.id} as emsg`).toBeLessThan(1e-4);
    if (marker.open) expect(duration === null || duration === Number.POSITIVE_INFINITY).toBe(true);
  }
  expect(events.map(({ marker }) => marker.id)).not.toContain('after');
  const starts = new Map<string, number>();
  for (const { id, start } of [...rangeCues(seen), ...seen.ranges]) {
    const beyond = start - timeOf(rowOf(id).pts);
    expect(beyond, `${id} as DATERANGE`).toBeGreaterThanOrEqual(0);
    expect(beyond, `${id} as DATERANGE`).toBeLessThan(0.005);
    starts.set(id, start);
  }
  const ended = seen.cues.find((cue) => cue.id === 'open')!;
  expect(Math.abs(ended.end - timeOf((ahead + 2_000_000) * 0.09))).toBeLessThan(0.005);

  // By the picture: at the time of the cue, the frame of the marker.
  for (const id of ['before0', 'before4', 'before9', 'at', 'after']) {
    const near = known.filter((row) => Math.abs(row.id - rowOf(id).id) <= 2).map((row) => [row.id, timeOf(row.pts)]);
    const message = `${id} at ${starts.get(id)} among ${JSON.stringify(near)}`;
    // Again, where hls.js has moved the place by itself meanwhile.
    await expect.poll(() => frameAt(page, starts.get(id)!), { timeout: 15_000, message }).toBe(rowOf(id).id);
  }
  expect(chromium.errors).toEqual([]);
}, 180_000);

test('a clip in a plain <video> begins with the asked frame', async () => {
  await using server = await testServer({ streams: { cam } });
  const enough = async () => punctual(await rowsOf(server)).length > 100;
  await vi.waitUntil(enough, { timeout: 60_000, interval: 100 });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await openEmpty(page, server, '<video muted style="width: 640px"></video>');
  const rows = punctual(await rowsOf(server));
  for (let i = 0; i < 10; i++) {
    const [from, to] = [rows[7 + i * 7]!, rows[7 + i * 7 + 20]!];
    const duration = await page.evaluate(async (src) => {
      const video = document.querySelector('video')!;
      await new Promise<void>((resolve, reject) => {
        video.addEventListener('loadeddata', () => resolve(), { once: true });
        video.addEventListener('error', () => reject(new Error(video.error?.message)), { once: true });
        video.src = src;
      });
      return video.duration;
    }, `${server.url}live/cam/clip.mp4?startFrame=${from.id}&endFrame=${to.id}`);
    expect(await frameAt(page, 0)).toBe(from.id);
    const end = (await rowsOf(server)).find((row) => row.pts > to.pts)!;
    expect(Math.abs(duration - (end.pts - from.pts) / 90_000)).toBeLessThan(2e-3);
    expect(await frameAt(page, (to.pts - from.pts) / 90_000 + 0.001)).toBe(to.id);
  }
  expect(chromium.errors).toEqual([]);
}, 120_000);
