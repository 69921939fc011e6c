// Two pages at one stream by WebRTC, one of them behind a relay whose rate is cut to a quarter for a while: what both of them saw.
//
//   node test/narrow-way.ts [--rate 2500000] [--cut 30] [--after 60] [--kind testbars] [--size 1280x720]
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { waitForPicture } from './barcode-probe.ts';
import { launchChromium, type TestChromium } from './chromium.ts';
import { testServer } from './server.ts';
import { relayWebRtc } from './shaped-relay.ts';

interface NarrowOptions {
  /** bit/s of the way before and after the cut. */
  readonly rate: number;
  /** Seconds before the cut, during it, and at most after it until the viewer is back. */
  readonly before: number;
  readonly cut: number;
  readonly after: number;
}

interface Seen {
  /** From the cut on, seconds: the first picture of a lower rung, and after its end that of the best again; `null` = never. */
  readonly downAfter: number | null;
  readonly upAfter: number | null;
  /** Longest time without a new picture, ms: around the change (5 s), during the rest of the cut, and after it. */
  readonly longestMs: { readonly change: number; readonly cut: number; readonly after: number };
  /** Pictures per second before the cut, in its last part, and after it. */
  readonly fps: { readonly before: number; readonly cut: number; readonly after: number };
  /** How often the rung changed. */
  readonly changes: number;
}

interface Shot {
  /** ms since the Unix epoch. */
  readonly at: number;
  readonly width: number;
}

/** Records when each picture came; its size tells the lowest rung. */
async function record(page: Page): Promise<void> {
  await page.evaluate(() => {
    const shots: { at: number; width: number }[] = [];
    Object.assign(globalThis, { shots });
    const video = document.querySelector('sluice-player')!.shadowRoot!.querySelector('video')!;
    const take: VideoFrameRequestCallback = (_now, { width }) => {
      shots.push({ at: performance.timeOrigin + performance.now(), width });
      video.requestVideoFrameCallback(take);
    };
    video.requestVideoFrameCallback(take);
  });
}

const shots = (page: Page): Promise<Shot[]> => page.evaluate(() => (globalThis as unknown as { shots: Shot[] }).shots);

/** @param url of the page with one player, `embed/NAME?transport=webrtc` */
async function watchNarrowWay(chromium: TestChromium, url: string, options: NarrowOptions): Promise<{ narrow: Seen; free: Seen }> {
  const [narrow, free] = [await chromium.page(), await chromium.page()];
  const way = await relayWebRtc(narrow, options.rate);
  for (const page of [narrow, free]) {
    await page.goto(url);
    await waitForPicture(page);
    await record(page);
  }
  const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const started = Date.now();
  const full = (await shots(free)).at(-1)?.width ?? 0;
  await wait(options.before);
  way.relay.rate = options.rate / 4;
  const cut = Date.now();
  await wait(options.cut);
  way.relay.rate = options.rate;
  const lifted = Date.now();
  const best = Math.max(full, ...(await shots(free)).map(({ width }) => width));
  while (Date.now() - lifted < options.after * 1000 && (await shots(narrow)).at(-1)!.width < best) await wait(0.5);
  // What comes back must stay.
  await wait(Math.min(5, options.after));
  const ended = Date.now();
  const read = async (page: Page) => see(await shots(page), best, { started, cut, lifted, ended });
  const result = { narrow: await read(narrow), free: await read(free) };
  await way.relay[Symbol.asyncDispose]();
  await narrow.close();
  await free.close();
  return result;
}

function see(all: readonly Shot[], best: number, at: { started: number; cut: number; lifted: number; ended: number }): Seen {
  const between = (from: number, to: number) => all.filter((shot) => shot.at >= from && shot.at < to);
  const longest = (from: number, to: number) => {
    const times = [from, ...between(from, to).map((shot) => shot.at), to];
    return Math.round(Math.max(...times.slice(1).map((time, i) => time - times[i]!)));
  };
  const fps = (from: number, to: number) => Math.round((between(from, to).length / ((to - from) / 1000)) * 10) / 10;
  const since = (shot: Shot | undefined, from: number) => (shot ? Math.round((shot.at - from) / 100) / 10 : null);
  const changed = Math.min(at.cut + 5000, at.lifted);
  return {
    downAfter: since(
      between(at.cut, at.lifted).find(({ width }) => width < best),
      at.cut,
    ),
    upAfter: since(
      between(at.lifted, at.ended).find(({ width }) => width >= best),
      at.lifted,
    ),
    longestMs: { change: longest(at.cut, changed), cut: longest(changed, at.lifted), after: longest(at.lifted, at.ended) },
    fps: { before: fps(at.started, at.cut), cut: fps((at.cut + at.lifted) / 2, at.lifted), after: fps(at.lifted, at.ended) },
    changes: all.filter((shot, i) => i > 0 && shot.width !== all[i - 1]!.width).length,
  };
}

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2500000' },
    before: { type: 'string', default: '10' },
    cut: { type: 'string', default: '30' },
    after: { type: 'string', default: '60' },
    kind: { type: 'string', default: 'testbars' },
    size: { type: 'string', default: '1280x720' },
  },
});
const [width = 1280, height = 720] = values.size.split('x').map(Number);
const source = { type: 'pattern', kind: values.kind as 'testbars', width, height, fps: 30, barcode: true } as const;
await using server = await testServer({ streams: { cam: { source } } });
await using chromium = await launchChromium();
const { rate, before, cut, after } = values;
const seen = await watchNarrowWay(chromium, `${server.url}embed/cam?transport=webrtc`, {
  rate: Number(rate),
  before: Number(before),
  cut: Number(cut),
  after: Number(after),
});
process.stdout.write(`${JSON.stringify(seen, null, 2)}\n`);
