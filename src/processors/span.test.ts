import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FrameInfo } from '../core/frame.ts';
import type { Micros } from '../core/time.ts';
import type { FoundMarker } from './processor.ts';
import { SpanFinder, type SpanOptions } from './span.ts';

const frame = (id: number, timestamp = id * 33_000): FrameInfo => ({
  id,
  timestamp: timestamp as Micros,
  format: 'gray',
  width: 16,
  height: 16,
  significantBits: 8,
  received: timestamp as Micros,
});

const options = (given: Partial<SpanOptions> = {}): SpanOptions => ({
  kind: 'patch',
  label: 'patch',
  confirm: 1,
  release: 1,
  split: 2_000_000,
  ...given,
});

function run(shows: readonly boolean[], given: Partial<SpanOptions> = {}): FoundMarker[] {
  const finder = new SpanFinder(options(given));
  const found = new Map<string, FoundMarker>();
  shows.forEach((show, i) => {
    for (const marker of finder.next(frame(i + 1), show)) found.set(marker.id, marker);
  });
  for (const marker of finder.finish()) found.set(marker.id, marker);
  return [...found.values()];
}

describe('spans', () => {
  it('begin open and end with the last frame that shows it, under the same id', () => {
    const finder = new SpanFinder(options());
    expect(finder.next(frame(5), false)).toEqual([]);
    expect(finder.next(frame(6), true, { x: 1 })).toEqual([
      { id: 'patch-6', kind: 'patch', label: 'patch', frame: 6, timestamp: 198_000, open: true, data: { x: 1 } },
    ]);
    expect(finder.next(frame(7), true, { x: 2 })).toEqual([]);
    expect(finder.next(frame(8), false)).toEqual([
      {
        id: 'patch-6',
        kind: 'patch',
        label: 'patch',
        frame: 6,
        timestamp: 198_000,
        endFrame: 7,
        end: 231_000,
        open: false,
        data: { x: 1 },
      },
    ]);
    expect(finder.finish()).toEqual([]);
  });

  it('are the runs of frames that show it, whatever the frames', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (shows) => {
        const runs: [number, number][] = [];
        shows.forEach((show, i) => {
          const last = runs.at(-1);
          if (show && last?.[1] === i) last[1] = i + 1;
          else if (show) runs.push([i + 1, i + 1]);
        });
        expect(run(shows).map((marker) => [marker.frame, marker.endFrame])).toEqual(runs);
      }),
    );
  });

  it('wait for confirmation and for release, and are exact nevertheless', () => {
    const shows = [...'..xx.xxx.x..x...'].map((letter) => letter === 'x');
    expect(run(shows, { confirm: 3, release: 3 }).map((marker) => [marker.frame, marker.endFrame])).toEqual([[6, 13]]);
  });

  it('are two where nobody saw what was in between', () => {
    const finder = new SpanFinder(options());
    finder.next(frame(1, 0), true);
    expect(finder.next(frame(2, 2_000_001), true).map((marker) => [marker.id, marker.open])).toEqual([
      ['patch-1', false],
      ['patch-2', true],
    ]);
    expect(finder.next(frame(3, 4_000_001), true)).toEqual([]);
  });
});
