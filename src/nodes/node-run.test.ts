import { describe, expect, it } from 'vitest';
import { ManualClock } from '../core/clock.ts';
import { silentLogger } from '../core/log.ts';
import { defineSource, frame, type NodeItem, type NodeSource } from './node.ts';
import { type NodeHost, NodeRun, type NodeState } from './node-run.ts';
import { RestartDecision, type RestartPolicy } from './restart.ts';

const START = 1_795_224_671_061_341;
const pixels = new Uint8Array(8);

/** A stream in memory, on a clock that jumps to the time that somebody waits for. */
class MemoryHost implements NodeHost {
  readonly clock = new ManualClock(START);
  readonly log = silentLogger;
  readonly frames: { id: number; timestamp: number }[] = [];
  readonly metrics: object[] = [];
  readonly markers: object[] = [];
  readonly data: object[] = [];
  readonly states: [NodeState, string | null][] = [];
  drop = (_timestamp: number) => false;
  #seen: (() => void)[] = [];

  push(_picture: unknown, { timestamp = 0 }: { timestamp?: number | undefined }) {
    const id = this.drop(timestamp) ? 0 : this.frames.length + 1;
    if (id) this.frames.push({ id, timestamp });
    this.#changed();
    return { id, timestamp };
  }
  addMetrics(samples: readonly object[]) {
    this.metrics.push(...samples);
    this.#changed();
  }
  async mark(markers: readonly { label: string }[]) {
    if (markers.some(({ label }) => label === 'bad')) throw new Error('the disk is full');
    this.markers.push(...markers);
  }
  async addData(records: readonly object[]) {
    this.data.push(...records);
  }
  onState(state: NodeState, reason: string | null) {
    this.states.push([state, reason]);
    this.#changed();
  }
  async until(time: number, signal: AbortSignal) {
    // The pages and sockets of a real program have their turn.
    await new Promise((resolve) => setImmediate(resolve));
    if (!signal.aborted) this.clock.advance(Math.max(0, time - this.clock.now()));
  }
  /** Waits until something holds. */
  async when(done: () => boolean) {
    while (!done()) await new Promise<void>((resolve) => this.#seen.push(resolve));
  }
  #changed() {
    for (const seen of this.#seen.splice(0)) seen();
  }
}

function node(
  source: NodeSource,
  host: NodeHost,
  more: { restart?: RestartPolicy; deadlineMs?: number; wanted?: boolean; fps?: number } = {},
) {
  const restart = new RestartDecision(more.restart ?? 'on-failure', { first: 500, longest: 10_000 }, () => 0.5);
  const options = {
    name: 'cells',
    stream: 'cells',
    source,
    params: undefined,
    fps: more.fps,
    shape: { width: 4, height: 2 },
    restart,
    deadlineMs: more.deadlineMs ?? 2000,
  };
  return new NodeRun(options, host, more.wanted ?? true);
}

const repeat = (item: () => NodeItem, count = Number.POSITIVE_INFINITY) =>
  async function* () {
    for (let n = 0; n < count; n++) yield item();
  };

describe('pacing', () => {
  it('exactly 30 frames per second although each takes 21 ms to make; times are those of the clock', async () => {
    const host = new MemoryHost();
    const work = () => {
      host.clock.advance(21_000);
      return pixels;
    };
    await node(defineSource({ fps: 30, run: repeat(work, 301) }), host).start();
    expect(host.frames).toHaveLength(301);
    expect(host.frames[0]!.timestamp).toBe(START);
    expect(host.frames[300]!.timestamp - START).toBe(10_000_000);
    const steps = host.frames.slice(1).map((entry, index) => entry.timestamp - host.frames[index]!.timestamp);
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(33_333);
    expect(Math.max(...steps)).toBeLessThanOrEqual(33_334);
  });

  it('a tick that takes too long leaves the ticks out that it missed', async () => {
    const host = new MemoryHost();
    let n = 0;
    const work = () => {
      if (n++ === 5) host.clock.advance(1_000_000);
      return pixels;
    };
    const run = node(defineSource({ fps: 10, run: repeat(work, 8) }), host);
    await run.start();
    expect(host.frames.map(({ timestamp }) => (timestamp - START) / 100_000)).toEqual([0, 1, 2, 3, 4, 5, 15, 16]);
    expect(run.stats.missed).toBe(9);
  });

  it('numbers yielded after a frame wait for no tick of their own; numbers alone do', async () => {
    const host = new MemoryHost();
    const both = defineSource({
      fps: 10,
      run: async function* () {
        for (let n = 0; n < 3; n++) {
          yield pixels;
          yield { metrics: { n } };
        }
      },
    });
    await node(both, host).start();
    expect(host.frames.map(({ timestamp }) => (timestamp - START) / 100_000)).toEqual([0, 1, 2]);
    const alone = new MemoryHost();
    await node(defineSource({ fps: 10, run: repeat(() => ({ metrics: { n: 1 } }), 4) }), alone).start();
    expect(alone.clock.now() - START).toBe(400_000);
  });

  it('without fps a frame is as old as its yield, and a node that never waits lets others work', async () => {
    const host = new MemoryHost();
    const late = () => {
      host.clock.advance(1000);
      return pixels;
    };
    const run = node(defineSource({ run: repeat(late) }), host);
    const ended = run.start();
    while (host.frames.length <= 10) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(await run.close()).toBe(true);
    await ended;
    expect(host.frames[0]!.timestamp).toBe(START + 1000);
  });
});

describe('what belongs to a frame', () => {
  it('is bound to the frame that it comes with or after, unless it says otherwise', async () => {
    const host = new MemoryHost();
    const source = defineSource({
      run: async function* () {
        yield { metrics: { before: 1 } };
        yield [{ metrics: { with: 1 } }, frame(pixels), { marker: { label: 'with' } }];
        yield [{ metrics: { after: 1 } }, { data: { n: 1 } }];
        yield {
          marker: [
            { label: 'other', frame: 7 },
            { label: 'time', timestamp: START + 5 },
          ],
          metrics: { own: 1 },
          timestamp: START + 9,
        };
        yield pixels;
        yield { metrics: { last: 1 } };
      },
    });
    await node(source, host).start();
    expect(host.metrics).toEqual([
      { values: { before: 1 } },
      { values: { with: 1 }, frame: 1 },
      { values: { after: 1 }, frame: 1 },
      { values: { own: 1 }, timestamp: START + 9 },
      { values: { last: 1 }, frame: 2 },
    ]);
    expect(host.markers).toEqual([
      { label: 'with', frame: 1 },
      { label: 'other', frame: 7 },
      { label: 'time', timestamp: START + 5 },
    ]);
    expect(host.data).toEqual([{ n: 1, frame: 1 }]);
  });

  it('keeps its time where the frame was dropped', async () => {
    const host = new MemoryHost();
    host.drop = () => true;
    await node(defineSource({ run: repeat(() => [pixels, { metrics: { a: 1 } }], 1) }), host).start();
    expect(host.metrics).toEqual([{ values: { a: 1 }, timestamp: START }]);
  });
});

describe('failures', () => {
  it('is started again with longer and longer waits, and says so with its name', async () => {
    const host = new MemoryHost();
    let starts = 0;
    const source = defineSource({
      run: async function* ({ run }) {
        starts = run;
        yield pixels;
        throw new Error('the laser is off');
      },
    });
    const run = node(source, host);
    const ended = run.start();
    await host.when(() => starts === 4);
    await run.close();
    await ended;
    const failures = host.states.filter(([state]) => state === 'failed').map(([, reason]) => reason);
    expect(failures.slice(0, 3)).toEqual([
      'node cells failed: the laser is off; it starts again in 500 ms',
      'node cells failed: the laser is off; it starts again in 1 s',
      'node cells failed: the laser is off; it starts again in 2 s',
    ]);
    expect(run.stats).toMatchObject({ state: 'stopped', starts });
  });

  it.each<[RestartPolicy, NodeState, string]>([
    ['never', 'failed', 'node cells failed: boom; it is not started again'],
    ['on-failure', 'ended', 'node cells has come to its end; it is not started again'],
  ])('restart: %s', async (restart, state, reason) => {
    const host = new MemoryHost();
    const source = defineSource({
      run: async function* () {
        yield pixels;
        if (restart === 'never') throw new Error('boom');
      },
    });
    const run = node(source, host, { restart });
    await run.start();
    expect(run.stats).toMatchObject({ state, reason, starts: 1 });
  });

  it('restart: always begins anew at the end', async () => {
    const host = new MemoryHost();
    const run = node(defineSource({ run: repeat(() => pixels, 2) }), host, { restart: 'always' });
    const ended = run.start();
    await host.when(() => host.frames.length >= 6);
    await run.close();
    await ended;
    expect(run.stats.starts).toBeGreaterThanOrEqual(3);
  });

  it('a wrong yield is a failure in words, and the node can clean up', async () => {
    const host = new MemoryHost();
    let cleaned = false;
    const source = defineSource({
      run: async function* () {
        try {
          yield 'picture' as never;
        } finally {
          cleaned = true;
        }
      },
    });
    const run = node(source, host, { restart: 'never' });
    await run.start();
    expect(run.stats.reason).toMatch(/node cells failed: string picture was yielded; expected pixels/);
    expect(cleaned).toBe(true);
  });

  it('a marker that the store refuses is a failure of the node', async () => {
    const host = new MemoryHost();
    const run = node(defineSource({ fps: 30, run: repeat(() => ({ marker: { label: 'bad' } })) }), host, { restart: 'never' });
    await run.start();
    expect(run.stats.reason).toBe('node cells failed: the disk is full; it is not started again');
  });

  it('plain generators work too, and one that throws at once', async () => {
    const host = new MemoryHost();
    await node(defineSource({ run: () => [pixels, pixels] }), host).start();
    expect(host.frames).toHaveLength(2);
    const broken = node(
      defineSource({
        run: () => {
          throw new Error('no camera');
        },
      }),
      host,
      { restart: 'never' },
    );
    await broken.start();
    expect(broken.stats.reason).toMatch(/no camera/);
  });
});

describe('stopping', () => {
  it('wakes a node that waits for its tick or its signal, and lets it clean up', async () => {
    const host = new MemoryHost();
    let cleaned = 0;
    const source = defineSource({
      run: async function* ({ signal }) {
        try {
          yield pixels;
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        } finally {
          cleaned++;
        }
      },
    });
    const run = node(source, host);
    const ended = run.start();
    await host.when(() => host.frames.length === 1);
    expect(await run.close()).toBe(true);
    await ended;
    expect(cleaned).toBe(1);
    expect(run.stats.state).toBe('stopped');
  });

  it('reports a node that ignores its signal, and what it yields later is nothing', async () => {
    const host = new MemoryHost();
    const late = Promise.withResolvers<void>();
    const deaf = Promise.withResolvers<void>();
    const source = defineSource({
      run: async function* () {
        yield pixels;
        deaf.resolve();
        await late.promise;
        yield pixels;
      },
    });
    const run = node(source, host, { deadlineMs: 20 });
    const ended = run.start();
    await deaf.promise;
    expect(await run.close()).toBe(false);
    await ended;
    expect(run.stats).toMatchObject({ state: 'stuck', reason: 'node cells did not stop within 20 ms after its signal was aborted' });
    late.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(host.frames).toHaveLength(1);
  });

  it('sleeps while nobody needs it and never runs twice at a time', async () => {
    const host = new MemoryHost();
    let running = 0;
    let most = 0;
    const source = defineSource({
      fps: 50,
      run: async function* () {
        most = Math.max(most, ++running);
        try {
          for (;;) yield pixels;
        } finally {
          await new Promise((resolve) => setTimeout(resolve, 5));
          running--;
        }
      },
    });
    const run = node(source, host, { wanted: false });
    const ended = run.start();
    expect(run.stats).toMatchObject({ state: 'asleep', starts: 0 });
    run.want(true);
    await host.when(() => host.frames.length >= 3);
    run.want(false);
    run.want(true);
    run.want(false);
    await host.when(() => run.stats.state === 'asleep');
    const before = host.frames.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(host.frames.length).toBe(before);
    run.want(true);
    await host.when(() => host.frames.length > before);
    await run.close();
    await ended;
    expect(most).toBe(1);
    expect(running).toBe(0);
  });
});

describe('callbacks', () => {
  it('emit what a generator yields; the clean-up runs at the end', async () => {
    const host = new MemoryHost();
    const done: string[] = [];
    const source = defineSource({
      open: ({ emit, end }) => {
        const timer = setTimeout(() => {
          emit([pixels, { metrics: { a: 1 } }]);
          end();
          emit(pixels);
        }, 1);
        return () => {
          clearTimeout(timer);
          done.push('closed');
        };
      },
    });
    const run = node(source, host);
    await run.start();
    expect(host.frames).toHaveLength(1);
    expect(host.metrics).toEqual([{ values: { a: 1 }, frame: 1 }]);
    expect(done).toEqual(['closed']);
    expect(run.stats.state).toBe('ended');
  });

  it('a bad emit ends the run as failed and throws nothing into the program of others', async () => {
    const host = new MemoryHost();
    const source = defineSource({
      open: ({ emit }) => {
        emit(5 as never);
        return undefined;
      },
    });
    const run = node(source, host, { restart: 'never' });
    await run.start();
    expect(run.stats.reason).toMatch(/node cells failed: number 5 was yielded/);
  });
});
