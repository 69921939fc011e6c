// A user's processor that does what none should, on frames of a certain level: throws, hangs, ends its thread, or takes ever more memory.
import { z } from 'zod';
import { defineProcessor, WITHHOLD } from '../../src/processors/define.ts';

const kept: unknown[] = [];

/** First pixel of the frame: what it does. Others: the picture gets brighter by one. */
const DEEDS: Record<number, () => unknown> = {
  1: () => {
    throw new Error('no more film');
  },
  2: () => {
    for (;;);
  },
  3: () => process.exit(7),
  4: () => {
    for (;;) kept.push(new Array(100_000).fill({}));
  },
  5: () => {
    for (;;) {
      kept.push(new Uint8Array(8_000_000).fill(1));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  },
  6: () => WITHHOLD,
  7: () => null,
  8: () => new Promise(() => {}),
};

export default defineProcessor({
  params: z.strictObject({ ms: z.number().default(0) }),
  video: async (frame, { params }) => {
    const deed = DEEDS[frame.pixels[0]!];
    if (deed) return (await deed()) as null;
    if (params.ms) await new Promise((resolve) => setTimeout(resolve, params.ms));
    return frame.pixels.map((value) => value + 1);
  },
});
