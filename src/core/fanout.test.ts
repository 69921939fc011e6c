import { describe, expect, it } from 'vitest';
import { Fanout } from './fanout.ts';

interface Entry {
  n: number;
  key: boolean;
}

describe('Fanout', () => {
  it('gives every reader every entry; a slow one loses its own and nobody else does', () => {
    const fanout = new Fanout<Entry>();
    const fast = fanout.subscribe('fast', 2, 'newest');
    const lost: number[] = [];
    const slow = fanout.subscribe('slow', 1, 'newest', (entry) => lost.push(entry.n));
    const seen: number[] = [];
    for (let n = 0; n < 5; n++) {
      fanout.publish({ n, key: true });
      seen.push(fast.queue.poll()!.n);
    }
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect(lost).toEqual([0, 1, 2, 3]);
    expect(fanout.stats.map(({ name, offered, taken, dropped, depth }) => ({ name, offered, taken, dropped, depth }))).toEqual([
      { name: 'fast', offered: 5, taken: 5, dropped: 0, depth: 0 },
      { name: 'slow', offered: 5, taken: 0, dropped: 4, depth: 1 },
    ]);
    slow.close();
  });

  it('tells each change of the number of readers once', async () => {
    const counts: number[] = [];
    const fanout = new Fanout<Entry>((readers) => counts.push(readers));
    const first = fanout.subscribe('a', 1, 'newest');
    {
      using second = fanout.subscribe('b', 1, 'newest');
      expect(fanout.size).toBe(2);
      void second;
    }
    first.close();
    first.close();
    expect(counts).toEqual([1, 2, 1, 0]);
    expect(await first.queue.take()).toBe(null);
  });

  it('ends every reader on close, and whoever comes later at once', async () => {
    const counts: number[] = [];
    const fanout = new Fanout<Entry>((readers) => counts.push(readers));
    const early = fanout.subscribe('early', 1, 'newest');
    const waiting = early.queue.take();
    fanout.close();
    expect(await waiting).toBe(null);
    const late = fanout.subscribe('late', 1, 'newest');
    expect(await late.queue.take()).toBe(null);
    fanout.publish({ n: 1, key: true });
    early.close();
    late.close();
    expect(fanout.size).toBe(0);
    expect(counts.at(-1)).toBe(0);
    expect(Math.max(...counts)).toBe(1);
  });

  it('survives a reader that leaves while an entry is handed out', () => {
    const fanout = new Fanout<Entry>();
    const leaving = fanout.subscribe('leaving', 1, 'newest', () => leaving.close());
    const other = fanout.subscribe('other', 5, 'newest');
    for (let n = 0; n < 3; n++) fanout.publish({ n, key: true });
    expect(other.queue.stats.offered).toBe(3);
    expect(fanout.size).toBe(1);
  });
});
