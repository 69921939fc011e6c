import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedQueue } from './queue.ts';

interface Entry {
  n: number;
  key: boolean;
}

const entries = (count: number, keyEvery = 1): Entry[] => Array.from({ length: count }, (_, n) => ({ n, key: n % keyEvery === 0 }));
const sums = (queue: BoundedQueue<Entry>) => {
  const { offered, taken, dropped, depth } = queue.stats;
  return offered === taken + dropped + depth;
};

describe('BoundedQueue', () => {
  it('gives entries in order and counts them', async () => {
    const queue = new BoundedQueue<Entry>('q', 3, 'newest');
    for (const entry of entries(3)) queue.push(entry);
    expect([(await queue.take())?.n, queue.poll()?.n, (await queue.take())?.n, queue.poll()]).toEqual([0, 1, 2, undefined]);
    expect(queue.stats).toEqual({ name: 'q', policy: 'newest', limit: 3, depth: 0, offered: 3, taken: 3, dropped: 0 });
  });

  it('newest: loses the oldest and tells which', () => {
    const lost: number[] = [];
    const queue = new BoundedQueue<Entry>('q', 2, 'newest', (entry) => lost.push(entry.n));
    for (const entry of entries(5)) queue.push(entry);
    expect(lost).toEqual([0, 1, 2]);
    expect([queue.poll()?.n, queue.poll()?.n]).toEqual([3, 4]);
  });

  it('keyframe: goes on with the next entry that can stand alone, and with no other', () => {
    const lost: number[] = [];
    const queue = new BoundedQueue<Entry>('q', 3, 'keyframe', (entry) => lost.push(entry.n));
    for (const entry of entries(8, 5)) queue.push(entry);
    // 3 does not fit: 0 to 2 go, 3 and 4 cannot be decoded without them, 5 is a key frame.
    expect(lost).toEqual([0, 1, 2, 3, 4]);
    expect([queue.poll()?.n, queue.poll()?.n, queue.poll()?.n]).toEqual([5, 6, 7]);
  });

  it('keyframe: a key frame that does not fit is itself the way on', () => {
    const queue = new BoundedQueue<Entry>('q', 2, 'keyframe');
    for (const entry of entries(3, 2)) queue.push(entry);
    expect(queue.poll()?.n).toBe(2);
    expect(queue.stats.dropped).toBe(2);
  });

  it('keyframe: still waits for a key frame when a reader has come meanwhile', async () => {
    const queue = new BoundedQueue<Entry>('q', 1, 'keyframe');
    for (const entry of entries(2, 5)) queue.push(entry);
    const next = queue.take();
    queue.push({ n: 7, key: false });
    queue.push({ n: 8, key: true });
    expect((await next)?.n).toBe(8);
    expect(sums(queue)).toBe(true);
  });

  it('wakes a waiting reader, on close with null, on abort with null and without losing the next entry', async () => {
    const queue = new BoundedQueue<Entry>('q', 1, 'newest');
    const first = queue.take();
    queue.push({ n: 1, key: true });
    expect((await first)?.n).toBe(1);
    const abort = new AbortController();
    const aborted = queue.take(abort.signal);
    abort.abort();
    expect(await aborted).toBe(null);
    queue.push({ n: 2, key: true });
    expect((await queue.take())?.n).toBe(2);
    const last = queue.take();
    queue.close();
    expect(await last).toBe(null);
    expect(await queue.take()).toBe(null);
    expect(sums(queue)).toBe(true);
  });

  it('an abort after the entry was handed over takes nothing back', async () => {
    const queue = new BoundedQueue<Entry>('q', 1, 'newest');
    const abort = new AbortController();
    const taken = queue.take(abort.signal);
    queue.push({ n: 1, key: true });
    const second = queue.take();
    abort.abort();
    queue.push({ n: 2, key: true });
    expect([(await taken)?.n, (await second)?.n]).toEqual([1, 2]);
  });

  it('counts what it holds as dropped when it is closed, and takes nothing after', () => {
    const lost: number[] = [];
    const queue = new BoundedQueue<Entry>('q', 4, 'keyframe', (entry) => lost.push(entry.n));
    for (const entry of entries(3)) queue.push(entry);
    queue.close();
    queue.push({ n: 9, key: true });
    expect(lost).toEqual([0, 1, 2]);
    expect(queue.stats).toMatchObject({ offered: 3, dropped: 3, depth: 0 });
  });

  it('has one reader at a time and at least one place', async () => {
    const queue = new BoundedQueue<Entry>('q', 1, 'newest');
    void queue.take();
    await expect(queue.take()).rejects.toThrow('queue q has one reader already');
    queue.close();
    for (const limit of [0, -1, 1.5, Number.NaN]) expect(() => new BoundedQueue('bad', limit, 'newest')).toThrow(/limit of queue bad/);
  });

  it('always: offered = taken + dropped + depth, never more than the limit, order kept, no inter-coded entry without its key frame', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant('push' as const), key: fc.boolean() }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('poll' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('newest' as const, 'keyframe' as const),
        fc.integer({ min: 1, max: 5 }),
        fc.array(step, { maxLength: 80 }),
        async (policy, limit, steps) => {
          let dropped = 0;
          const queue = new BoundedQueue<Entry>('q', limit, policy, () => dropped++);
          const got: Entry[] = [];
          const waiting: Promise<void>[] = [];
          let n = 0;
          let pending = false;
          for (const action of steps) {
            // The first entry is a key frame, as encoders begin.
            if (action.do === 'push') queue.push({ n, key: n++ === 0 || action.key });
            else if (action.do === 'poll' && !pending) {
              const entry = queue.poll();
              if (entry) got.push(entry);
            } else if (action.do === 'take' && !pending) {
              pending = true;
              waiting.push(
                queue.take().then((entry) => {
                  pending = false;
                  if (entry) got.push(entry);
                }),
              );
            }
            await Promise.resolve();
            await Promise.resolve();
            expect(sums(queue)).toBe(true);
            expect(queue.stats.depth).toBeLessThanOrEqual(limit);
            expect(queue.stats.dropped).toBe(dropped);
          }
          queue.close();
          await Promise.all(waiting);
          expect(queue.stats).toMatchObject({ offered: n, taken: got.length, dropped: n - got.length, depth: 0 });
          for (let i = 1; i < got.length; i++) {
            expect(got[i]!.n).toBeGreaterThan(got[i - 1]!.n);
            if (policy === 'keyframe' && !got[i]!.key) expect(got[i]!.n).toBe(got[i - 1]!.n + 1);
          }
        },
      ),
    );
  });
});
