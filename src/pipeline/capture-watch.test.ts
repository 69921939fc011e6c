import { expect, it } from 'vitest';
import type { FrameInfo } from '../core/frame.ts';
import type { Micros } from '../core/time.ts';
import { CaptureWatch, lengthOf } from './capture-watch.ts';

const START = 1_763_640_000_000_000;

class Frames {
  readonly watch = new CaptureWatch();
  now = START;
  #id = 0;

  /** `count` frames at 30 fps whose clock is `behind` µs late; the notes of all. */
  run(count: number, { behind = 0, stepped = false, width = 64 } = {}) {
    const notes = [];
    for (let i = 0; i < count; i++) {
      this.now += 33_333;
      const timestamp = (this.now - behind - 500) as Micros;
      const info: FrameInfo = {
        id: ++this.#id,
        timestamp,
        received: this.now as Micros,
        format: 'gray',
        width,
        height: 48,
        significantBits: 8,
      };
      notes.push(...this.watch.frame(info, stepped && i === 0));
    }
    return notes;
  }
}

it('says when the capture clock was set back and forward, and by how much', () => {
  const frames = new Frames();
  expect(frames.run(60)).toEqual([]);
  const [back, ...none] = frames.run(60, { behind: 3_600_000_000, stepped: true });
  expect(none).toEqual([]);
  expect(back).toMatchObject({ kind: 'clock', label: 'capture clock set back by 60 min', id: `clock-back-${back!.timestamp}` });
  const forward = frames.run(60, { behind: 0 });
  expect(forward).toMatchObject([{ kind: 'clock', label: 'capture clock set forward by 60 min' }]);
});

it('takes pauses and frames that were held up for nothing special', () => {
  const frames = new Frames();
  frames.run(60);
  frames.now += 120_000_000;
  expect(frames.run(60)).toEqual([]);
  expect(frames.run(20, { behind: 4_000_000 })).toEqual([]);
  expect(frames.run(60)).toEqual([]);
});

it('says when the picture changes', () => {
  const frames = new Frames();
  frames.run(5);
  expect(frames.run(5, { width: 128 })).toMatchObject([{ kind: 'source', label: 'picture is now 128 x 48, gray' }]);
});

it('writes lengths for people', () => {
  expect([1_500_000, -90_000_000, 300_000_000, 12_600_000_000, 8.64e11].map(lengthOf)).toEqual([
    '1.5 s',
    '90.0 s',
    '5 min',
    '3.5 h',
    '10 days',
  ]);
});
