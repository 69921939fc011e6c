import { describe, expect, it } from 'vitest';
import { makePacket, makeTrack, START_US } from '../../../test/packets.ts';
import { type Micros, type Ticks, toMicros, toTicks } from '../../core/time.ts';
import { PART_TICKS, sequenceOf } from '../../pipeline/grid.ts';
import { gapsOf } from './gaps.ts';
import { type SegmentData, Segmenter } from './segmenter.ts';
import type { WindowSegment } from './window-segment.ts';

/** Builds a window as the encoder and the recorder do: the last picture is repeated for at most 10 s. Times in seconds from the start. */
class Window {
  readonly #segments: SegmentData[] = [];
  readonly #segmenter = new Segmenter(
    { onSegment: (segment) => void this.#segments.push(segment), onPart: () => {}, onClosed: () => {} },
    0,
    -1,
  );
  #track = makeTrack();
  #id = 0;
  #pts = 0;
  #last = 0;

  frames(times: readonly number[], shift = 0): this {
    for (const time of times) {
      const pts = toTicks((START_US + Math.round(time * 1e6)) as Micros) as number;
      if (this.#id)
        while (pts - this.#pts > PART_TICKS && this.#pts - this.#last < 900_000) this.#packet(this.#pts + PART_TICKS, true, shift);
      this.#id++;
      this.#last = pts;
      this.#packet(pts, false, shift);
    }
    return this;
  }

  #packet(pts: number, repeat: boolean, shift: number): void {
    const key = sequenceOf(pts) !== sequenceOf(this.#pts) || pts - this.#pts > PART_TICKS;
    const timestamp = toMicros((repeat ? this.#last : pts) as Ticks) - shift * 1e6;
    this.#segmenter.push(makePacket(this.#track, this.#id, timestamp, { key, repeat, pts }));
    this.#pts = pts;
  }

  /** The recording breaks off; the encoder begins anew. */
  pause(): this {
    this.#segmenter.finish();
    this.#track = makeTrack(this.#track.version + 1);
    this.#last = Number.NEGATIVE_INFINITY;
    return this;
  }

  gaps(options: { keptFrom?: number; now?: number; without?: (segment: WindowSegment) => boolean } = {}) {
    const { keptFrom = 0, now, without = () => false } = options;
    this.#segmenter.finish();
    const ticks = (seconds: number) => toTicks((START_US + seconds * 1e6) as Micros);
    const segments = this.#segments.map((data) => ({ ...data, init: '0123abcd', open: false })).filter((segment) => !without(segment));
    return gapsOf(segments, keptFrom && ticks(keptFrom), now === undefined ? null : ticks(now)).map(({ start, end, reason }) => ({
      start: (toMicros(start as Ticks) - START_US) / 1e6,
      end: (toMicros(end as Ticks) - START_US) / 1e6,
      reason,
    }));
  }
}

const every = (seconds: number, from: number, to: number) =>
  Array.from({ length: Math.round((to - from) / seconds) + 1 }, (_, i) => from + i * seconds);

describe('gapsOf', () => {
  it('finds every span of a second without a new frame, although repeats fill it', () => {
    const window = new Window().frames([...every(0.04, 0, 4), ...every(0.04, 9, 12), ...every(0.04, 13.5, 20), ...every(0.04, 20.9, 22)]);
    expect(window.gaps()).toEqual([
      { start: 4, end: 9, reason: 'no frames came' },
      { start: 12, end: 13.5, reason: 'no frames came' },
    ]);
  });

  it('is one gap from the last frame to the next where the source was lost', () => {
    expect(new Window().frames([...every(0.1, 0, 4), ...every(0.1, 30, 34)]).gaps()).toEqual([
      { start: 4, end: 30, reason: 'no frames came' },
    ]);
  });

  it('takes a slow source for slow, not for broken', () => {
    expect(new Window().frames(every(1.5, 0, 60)).gaps()).toEqual([]);
    expect(new Window().frames([...every(1.5, 0, 30), ...every(1.5, 38, 60)]).gaps()).toEqual([
      { start: 30, end: 38, reason: 'no frames came' },
    ]);
    expect(new Window().frames([...every(5, 0, 100), ...every(5, 115, 200)]).gaps()).toEqual([
      // It was lost for some seconds: the media has a hole.
      { start: 100, end: 115, reason: 'no frames came' },
    ]);
    expect(new Window().frames([...every(3, 0, 99), ...every(3, 108, 201)]).gaps()).toEqual([]);
  });

  it('tells a pause of the recording from a source without frames', () => {
    const gaps = new Window()
      .frames(every(0.05, 0, 5))
      .pause()
      .frames(every(0.05, 12, 15))
      .gaps();
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toMatchObject({ end: 12, reason: 'nothing was recorded' });
    expect(gaps[0]!.start).toBeGreaterThan(5);
    expect(gaps[0]!.start).toBeLessThan(5.3);
  });

  it('names a clock that was set', () => {
    const gaps = new Window()
      .frames(every(0.05, 0, 5))
      .pause()
      .frames(every(0.05, 6, 9), 3600)
      .gaps();
    expect(gaps).toMatchObject([{ end: 6, reason: 'the clock was set' }]);
  });

  it('names what was removed', () => {
    const window = new Window().frames(every(0.05, 0, 20));
    const gaps = window.gaps({ keptFrom: 12, without: ({ sequence }) => [2, 3].includes(sequence - START_US / 2e6) });
    expect(gaps).toEqual([{ start: 4, end: 8, reason: 'no longer kept' }]);
  });

  it('lasts until now while no frame comes', () => {
    const window = new Window().frames(every(0.05, 0, 5));
    expect(window.gaps({ now: 5.9 })).toEqual([]);
    expect(window.gaps({ now: 42 })).toEqual([{ start: 5, end: 42, reason: 'no frames came' }]);
  });
});
