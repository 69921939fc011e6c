import { afterEach, describe, expect, it } from 'vitest';
import { FinderConfig } from '../api/schema.ts';
import type { FrameInfo } from '../core/frame.ts';
import { silentLogger } from '../core/log.ts';
import { Scope } from '../core/scope.ts';
import type { Micros } from '../core/time.ts';
import { startClock } from '../native/system-clock.ts';
import { FrameHub } from './frame-hub.ts';
import { MediaPool } from './media-pool.ts';
import { Processing, type Results } from './processing.ts';

const WIDTH = 64;
const HEIGHT = 48;
const MINT = [62, 222, 160];

let scope: Scope;
afterEach(() => scope.close());

/** A processor in a real worker behind a real ring. */
function bench(config: object, ringBytes = 64 * 2 ** 20) {
  scope = new Scope();
  const clock = startClock();
  const hub = new FrameHub(ringBytes);
  const pool = new MediaPool(silentLogger, 1);
  scope.defer(() => pool.close());
  const results: Results[] = [];
  let wake = () => {};
  const processing = new Processing(config as FinderConfig, {
    hub,
    pool,
    clock,
    log: silentLogger,
    processors: 1,
    replay: true,
    nextId: () => 1,
    onResults: (found) => {
      results.push(found);
      wake();
    },
  });
  scope.defer(() => processing.close());
  let id = 0;
  const publish = (patch: boolean): FrameInfo | null => {
    const ring = hub.ringFor('rgb24', WIDTH, HEIGHT);
    const slot = ring.claim();
    if (slot < 0) return null;
    const pixels = ring.pixels(slot).fill(30);
    if (patch) for (let y = 8; y < 24; y++) for (let x = 8; x < 24; x++) pixels.set(MINT, (y * WIDTH + x) * 3);
    const now = clock.now();
    const info: FrameInfo = {
      id: ++id,
      timestamp: now as Micros,
      format: 'rgb24',
      width: WIDTH,
      height: HEIGHT,
      significantBits: 8,
      received: now as Micros,
    };
    ring.publish(slot, info);
    return info;
  };
  const until = async (done: () => boolean) => {
    const end = performance.now() + 15_000;
    while (!done()) {
      if (performance.now() > end) throw new Error(`waited in vain: ${JSON.stringify(processing.stats())}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 10);
      });
    }
  };
  /** One frame, and what became of it. */
  const feed = async (patch: boolean) => {
    const info = publish(patch)!;
    await until(() => processing.stats().inFlight === 0 && processing.stats().offered > 0);
    return info;
  };
  return { processing, results, publish, feed, until, hub };
}

const parse = (config: unknown) => FinderConfig.parse(config);
const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0);
const balanced = (stats: ReturnType<Processing['stats']>) =>
  expect(stats.processed + total(stats.dropped) + stats.failed + stats.inFlight).toBe(stats.offered);

describe('a processor of a stream', () => {
  it('gives markers that begin and end at frames, signed with its id, and ends what is open when it stops', async () => {
    const { processing, results, feed } = bench(parse({ use: 'color-patch' }));
    processing.want(true);
    await feed(false);
    const first = await feed(true);
    const last = await feed(true);
    await feed(false);
    const second = await feed(true);
    await processing.close();
    const markers = results.flatMap((found) => found.markers);
    expect(markers).toMatchObject([
      { id: `patch-${first.id}`, frame: first.id, open: true, data: { processor: 'color-patch' } },
      { id: `patch-${first.id}`, frame: first.id, endFrame: last.id, open: false },
      { id: `patch-${second.id}`, frame: second.id, open: true },
      { id: `patch-${second.id}`, frame: second.id, endFrame: second.id, open: false },
    ]);
    const stats = processing.stats();
    expect(stats).toMatchObject({ running: false, offered: 5, processed: 5, failed: 0, inFlight: 0, markers: 2, error: null });
    balanced(stats);
  });

  it('with an id of its own keeps its metrics and markers apart', async () => {
    const { processing, results, feed } = bench(parse({ id: 'left', use: 'motion', params: { threshold: 0.05 } }));
    processing.want(true);
    await feed(false);
    const moved = await feed(true);
    expect(results.map((found) => found.metrics)).toEqual([{ 'left:motion': null }, { 'left:motion': expect.closeTo(1 / 12, 2) }]);
    expect(results[1]!.frame.id).toBe(moved.id);
    expect(results[1]!.markers).toMatchObject([{ id: `left:motion-${moved.id}`, data: { processor: 'left' } }]);
  });

  it('that is slower than the frames loses the oldest, holds nobody up, and every frame has a fate', async () => {
    const { processing, publish, until } = bench(parse({ use: 'brightness' }));
    processing.want(true);
    // The worker has not started yet: all but the last few are lost for it, and the writer always found a slot.
    for (let i = 0; i < 200; i++) expect(publish(false)).not.toBeNull();
    await until(() => processing.stats().inFlight === 0);
    const stats = processing.stats();
    expect(stats.offered).toBe(200);
    expect(stats.dropped.newest).toBeGreaterThan(100);
    expect(stats.processed).toBeGreaterThan(0);
    balanced(stats);
  });

  it('that fails is counted and told, and begins anew', async () => {
    const broken = { use: 'color-patch', params: { ...parse({ use: 'color-patch' }).params, color: null } };
    const { processing, publish, until } = bench(broken);
    processing.want(true);
    for (let i = 0; i < 3; i++) {
      publish(true);
      await until(() => processing.stats().failed > i);
    }
    await until(() => processing.stats().restarts === 1);
    publish(true);
    await until(() => processing.stats().failed > 3);
    const stats = processing.stats();
    expect(stats.error).toMatch(/null/);
    expect(stats.processed).toBe(0);
    balanced(stats);
  });

  it('does not look at a frame twice when it runs again', async () => {
    const { processing, feed, until } = bench(parse({ use: 'focus' }));
    processing.want(true);
    await feed(false);
    await processing.close();
    processing.want(true);
    await until(() => processing.stats().offered === 2 && processing.stats().inFlight === 0);
    expect(processing.stats()).toMatchObject({ processed: 1, dropped: { seen: 1, newest: 0 } });
  });
});
