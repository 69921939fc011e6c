import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { InlineConfig } from '../../api/schema.ts';
import type { FrameInfo } from '../../core/frame.ts';
import { silentLogger } from '../../core/log.ts';
import { Scope } from '../../core/scope.ts';
import type { Micros } from '../../core/time.ts';
import { startClock } from '../../native/system-clock.ts';
import { defineProcessor, WITHHOLD } from '../../processors/define.ts';
import { DefinitionSession } from '../../processors/definition-session.ts';
import type { OpenSession } from '../../processors/session.ts';
import type { StreamNote } from '../capture-watch.ts';
import { FrameHub } from '../frame-hub.ts';
import type { Results } from '../processing.ts';
import { Chain } from './chain.ts';
import type { StageGuide } from './guide.ts';

const FAULTY = fileURLToPath(new URL('../../../test/programs/faulty.ts', import.meta.url));
const THROWS = 1;
const HANGS = 2;
const EXITS = 3;
const FILLS_HEAP = 4;
const FILLS_ARRAYS = 5;
const WITHHOLDS = 6;
const PASSES = 7;
const NEVER = 8;

let scope: Scope;
afterEach(() => scope.close());

type Config = Parameters<typeof InlineConfig.parse>[0];

/** A chain between two real rings. `objects`: handlers of this program, by the name that configurations use. */
function bench(configs: Config[], objects: Record<string, Parameters<typeof defineProcessor>[0]> = {}, guide?: StageGuide) {
  scope = new Scope();
  const clock = startClock();
  const from = new FrameHub(64 * 2 ** 20);
  const to = new FrameHub(64 * 2 ** 20);
  const shown: { id: number; level: number; info: FrameInfo; metadata: unknown }[] = [];
  const notes: StreamNote[] = [];
  const results: Results[] = [];
  let ownId = 1000;
  const chain = new Chain(
    configs.map((config) => InlineConfig.parse({ loading: 'pass', ...(config as object) })),
    {
      name: 'test',
      // A busy machine takes its time.
      patienceMs: 60_000,
      clock,
      log: silentLogger,
      from,
      to,
      resolve: ({ use }) => {
        const object = objects[use];
        if (!object) return { spec: { kind: 'file', use }, open: null };
        const open: OpenSession = (spec, host) => new DefinitionSession(object, spec, host);
        return { spec: { kind: 'object', use }, open, ...(guide && { guide }) };
      },
      takeId: () => ownId++,
      nextId: () => 1,
      nextOwnId: () => 1,
      onShown: (info, _, metadata) => {
        const level = to.newest()!.data[0]!;
        shown.push({ id: info.id, level, info, metadata });
      },
      onSound: () => {},
      onResults: (found) => results.push(found),
      note: (note) => notes.push(note),
    },
  );
  scope.defer(() => chain.close());
  let id = 0;
  const push = (level: number, width = 8, height = 8): number => {
    const ring = from.ringFor('gray', width, height);
    const slot = ring.claim();
    if (slot < 0) throw new Error('no slot');
    ring
      .pixels(slot)
      .subarray(0, width * height)
      .fill(level);
    const now = clock.now() as Micros;
    const info: FrameInfo = { id: ++id, timestamp: now, format: 'gray', width, height, significantBits: 8, received: now };
    ring.publish(slot, info);
    from.count();
    if (!wanted) chain.want(true);
    wanted = true;
    chain.offer(info, false, null);
    return id;
  };
  let wanted = false;
  const until = async (done: () => unknown) => {
    const end = performance.now() + 20_000;
    while (!done()) {
      if (performance.now() > end) throw new Error(`waited in vain: ${JSON.stringify({ stats: chain.stats(), shown, notes })}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const stats = () => chain.stats()[0]!;
  /** Every frame has one fate, in every stage. */
  const balanced = () => {
    for (const { offered, processed, passed, withheld, dropped, failed, faults, inFlight } of chain.stats()) {
      expect(processed + passed + withheld + total(dropped) + failed + inFlight).toBe(offered);
      expect(total(faults)).toBe(failed);
    }
  };
  /** Slots that somebody holds, less those of the newest frames. */
  const held = () => [from, to].map((hub) => occupied(hub));
  return { chain, push, until, stats, shown, notes, results, balanced, held, from, to };
}

const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0);

function occupied(hub: FrameHub): number {
  const ring = hub.ring;
  if (!ring) return 0;
  const taken: number[] = [];
  for (let slot = ring.claim(); slot >= 0; slot = ring.claim()) taken.push(slot);
  for (const slot of taken) ring.release(slot);
  return ring.memory.slots - taken.length;
}

describe('a processor in the way', () => {
  it('changes, passes and withholds pictures; each keeps its id and time', async () => {
    const { push, until, stats, shown, balanced, held } = bench([{ use: FAULTY, flow: 'every' }]);
    const made = push(100);
    const passed = push(PASSES);
    push(WITHHOLDS);
    const last = push(50);
    await until(() => shown.length === 3);
    expect(shown.map(({ id, level }) => [id, level])).toEqual([
      [made, 101],
      [passed, PASSES],
      [last, 51],
    ]);
    for (const { info } of shown) expect(info.received).toBe(info.timestamp);
    expect(stats()).toMatchObject({ offered: 4, processed: 2, passed: 1, withheld: 1, failed: 0, inFlight: 0, state: 'running' });
    expect(stats().runs!.count).toBe(4);
    balanced();
    // Nothing but the newest frame of each ring is held.
    expect(held()).toEqual([1, 1]);
  });

  it('follows pictures that grow, and makes room for larger ones of its own', async () => {
    const grown = defineProcessor({
      video: (frame) => ({
        pixels: new Uint8Array(frame.width * 2 * frame.height * 2).fill(frame.pixels[0]! + 1),
        width: frame.width * 2,
        height: frame.height * 2,
      }),
    });
    const { push, until, shown, balanced } = bench(
      [
        { use: 'grown', flow: 'every' },
        { use: FAULTY, flow: 'every' },
      ],
      { grown },
    );
    push(20);
    push(30, 32, 32);
    push(40);
    await until(() => shown.length === 3);
    expect(shown.map(({ level, info }) => [level, info.width, info.height])).toEqual([
      [22, 16, 16],
      [32, 64, 64],
      [42, 16, 16],
    ]);
    balanced();
  });

  it('gives several pictures per frame with ids of their own', async () => {
    const twice = defineProcessor({ ids: 'own', video: (frame) => [frame.pixels.map((v) => v + 1), frame.pixels.map((v) => v + 2)] });
    const { push, until, shown, results } = bench([{ use: 'twice', flow: 'every' }], { twice });
    const first = push(20);
    const second = push(30);
    await until(() => shown.length === 4);
    expect(shown.map(({ id, level, metadata }) => [id, level, metadata])).toEqual([
      [1000, 21, { from: first }],
      [1001, 22, { from: first }],
      [1002, 31, { from: second }],
      [1003, 32, { from: second }],
    ]);
    for (const [i, { info }] of shown.entries()) if (i) expect(info.timestamp).toBeGreaterThan(shown[i - 1]!.info.timestamp);
    expect(results).toEqual([]);
  });
});

describe('flow', () => {
  it('latest: the newest waits alone', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow = defineProcessor({
      video: async (frame) => {
        if (frame.pixels[0] === 10) await gate;
        return frame.pixels.map((value) => value + 1);
      },
    });
    const { push, until, shown, stats, balanced } = bench([{ use: 'slow' }], { slow });
    push(10);
    await until(() => stats().inFlight === 1 && stats().queue.depth === 0 && stats().state === 'running');
    for (let level = 20; level < 30; level++) push(level);
    open();
    await until(() => shown.length === 2);
    expect(shown.map(({ level }) => level)).toEqual([11, 30]);
    expect(stats()).toMatchObject({ offered: 11, processed: 2, dropped: { latest: 9 }, inFlight: 0 });
    balanced();
  });

  it('every: in order through a bounded queue, of which the oldest goes', async () => {
    const gate = Promise.withResolvers<void>();
    const slow = defineProcessor({
      video: async (frame) => {
        await gate.promise;
        return frame.pixels.map((value) => value + 1);
      },
    });
    const { push, until, shown, stats, balanced } = bench([{ use: 'slow', flow: 'every', queue: 4 }], { slow });
    push(10);
    await until(() => stats().state === 'running' && stats().queue.depth === 0);
    for (let level = 20; level < 30; level++) push(level);
    gate.resolve();
    await until(() => stats().inFlight === 0);
    expect(shown.map(({ level }) => level)).toEqual([11, 27, 28, 29, 30]);
    expect(stats().dropped).toEqual({ 'queue-full': 6 });
    balanced();
  });

  it('parallel: several at once, out in order', async () => {
    let most = 0;
    let now = 0;
    const jumble = defineProcessor({
      concurrent: true,
      video: async (frame) => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setTimeout(resolve, (frame.pixels[0]! % 3) * 25 + 5));
        now--;
        return frame.pixels.map((value) => value + 1);
      },
    });
    const { push, until, shown, stats, balanced } = bench([{ use: 'jumble', flow: { parallel: 3 }, queue: 20 }], { jumble });
    for (let level = 20; level < 32; level++) push(level);
    await until(() => shown.length === 12);
    expect(shown.map(({ level }) => level)).toEqual([...Array(12).keys()].map((n) => n + 21));
    expect(most).toBe(3);
    expect(stats()).toMatchObject({ processed: 12, dropped: {} });
    balanced();
  });

  it('fps: the others are left out', async () => {
    const { push, until, shown, stats, balanced } = bench([{ use: FAULTY, flow: 'every', fps: 1 }]);
    for (let level = 20; level < 25; level++) push(level);
    await until(() => shown.length === 1);
    expect(stats()).toMatchObject({ offered: 5, processed: 1, dropped: { thinned: 4 } });
    balanced();
  });
});

describe('faults', () => {
  it('a throw is counted and told; the picture passes, or is withheld if that is the policy', async () => {
    const { push, until, shown, stats, notes, balanced } = bench([{ use: FAULTY, flow: 'every' }]);
    push(THROWS);
    push(20);
    await until(() => shown.length === 2);
    expect(shown.map(({ level }) => level)).toEqual([THROWS, 21]);
    expect(stats()).toMatchObject({ failed: 1, faults: { error: 1 }, processed: 1, restarts: 0, error: 'no more film', state: 'running' });
    expect(notes.map(({ kind, label }) => [kind, label])).toEqual([['processor', 'faulty failed on a frame: no more film']]);
    balanced();
    const strict = bench([{ use: FAULTY, flow: 'every', onError: 'withhold' }]);
    strict.push(THROWS);
    strict.push(20);
    await strict.until(() => strict.shown.length === 1);
    expect(strict.shown[0]!.level).toBe(21);
    strict.balanced();
  });

  it.each([
    ['hangs in a loop', HANGS, 'timeout', /took longer than 0.3 s/],
    ['never answers', NEVER, 'timeout', /took longer than 0.3 s/],
    ['ends its thread', EXITS, 'crash', /ended by itself \(exit code 7\)/],
    ['fills its heap', FILLS_HEAP, 'crash', /more than its 48 MB of memory/],
    ['fills typed arrays', FILLS_ARRAYS, 'crash', /more than its 48 MB of memory/],
  ] as const)('one that %s is replaced at once, and its frame passes', { timeout: 30_000 }, async (_, deed, fault, words) => {
    const deadline = fault === 'timeout' ? '300ms' : '10s';
    const { push, until, shown, stats, notes, balanced, held } = bench([{ use: FAULTY, flow: 'every', deadline, memory: 48 }]);
    push(20);
    await until(() => shown.length === 1);
    const bad = push(deed);
    await until(() => shown.length === 2);
    expect(shown[1]).toMatchObject({ id: bad, level: deed });
    await until(() => stats().state === 'running' && stats().restarts === 1);
    push(30);
    await until(() => shown.length === 3);
    expect(shown[2]!.level).toBe(31);
    expect(stats()).toMatchObject({ processed: 2, failed: 1, faults: { [fault]: 1 }, inFlight: 0 });
    expect(stats().error).toMatch(words);
    expect(notes[0]!.label).toMatch(words);
    expect(notes[0]!.label).toMatch(/started again$/);
    balanced();
    // What the lost thread held is free.
    await until(() => held().join() === '1,1');
  });

  it('one that cannot be loaded says why, and the picture passes meanwhile', async () => {
    const { push, until, shown, stats, balanced } = bench([{ use: '/nowhere/at-all.ts' }]);
    push(20);
    await until(() => shown.length === 1);
    expect(shown[0]!.level).toBe(20);
    expect(stats()).toMatchObject({ state: 'failed', passed: 1, error: 'there is no file /nowhere/at-all.ts' });
    balanced();
  });
});

describe('a guide', () => {
  const guided = (guide: Partial<StageGuide>) => {
    const all: StageGuide = {
      limit: 8,
      room: true,
      holds: false,
      words: { message: 'Loading...', share: null },
      takes: () => true,
      shown: (made) => (made ? 'answer' : 'nothing'),
    };
    // Getters of the test stay getters.
    Object.defineProperties(all, Object.getOwnPropertyDescriptors(guide));
    const video = (frame: { pixels: Uint8Array }) => (frame.pixels[0] === WITHHOLDS ? WITHHOLD : null);
    return bench([{ use: 'own', flow: 'every' }], { own: defineProcessor({ video: video as never }) }, all);
  };

  it('says which frames a processor gets, and what is shown of those that it withholds', async () => {
    let calls = 0;
    const { push, until, shown, stats, balanced } = guided({
      takes: ({ id }) => id !== 2,
      shown: (made) => (made ? 'answer' : (['nothing', 'original', 'loading'] as const)[calls++]!),
    });
    for (const level of [9, 9, WITHHOLDS, WITHHOLDS, WITHHOLDS, 9]) push(level, 320, 240);
    await until(() => shown.at(-1)?.id === 6);
    expect(shown.map(({ id }) => id)).toEqual([1, 4, 5, 6]);
    expect(shown.map(({ level }) => level)).toEqual([9, WITHHOLDS, WITHHOLDS, 9]);
    expect(stats()).toMatchObject({ withheld: 3, dropped: { thinned: 1 } });
    balanced();
  });

  it('holds the processor while loading is shown by hand, and pictures while nothing behind has room', async () => {
    let [room, holds] = [false, true];
    const { chain, push, until, shown, stats, balanced, to } = guided({
      get room() {
        return room;
      },
      get holds() {
        return holds;
      },
      limit: 3,
    });
    for (let i = 0; i < 5; i++) push(9, 320, 240);
    await until(() => stats().dropped['queue-full'] === 2);
    expect([shown.length, chain.busy]).toEqual([0, true]);
    room = true;
    await until(() => shown.length === 3);
    // Drawn over: no picture is one grey any more.
    expect(new Set(to.newest()!.data).size).toBeGreaterThan(1);
    holds = false;
    push(9, 320, 240);
    await until(() => shown.length === 4);
    expect(new Set(to.newest()!.data)).toEqual(new Set([9]));
    await chain.drained(1000);
    expect(chain.busy).toBe(false);
    expect(stats()).toMatchObject({ passed: 4 });
    balanced();
  });
});
