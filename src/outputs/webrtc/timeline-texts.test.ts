import fc from 'fast-check';
import { expect, it } from 'vitest';
import { kindsOf, rtpOf, textsOf } from './timeline-texts.ts';

it('a protocol names what is wanted, in whatever order', () => {
  expect(kindsOf('')).toEqual([]);
  expect(kindsOf('marker, metric')).toEqual(['metric', 'marker']);
  expect(kindsOf('metrics,everything,data')).toEqual(['data']);
});

it('texts are short, and have every item once, with its RTP time', () => {
  const item = fc.record({ timestamp: fc.integer({ min: 0, max: 4e15 }), values: fc.dictionary(fc.string(), fc.double({ noNaN: true })) });
  fc.assert(
    fc.property(fc.array(item, { maxLength: 300 }), (items) => {
      const texts = textsOf({ type: 'metric' }, 'samples', items);
      expect(texts.every((text) => text.length < 16_384)).toBe(true);
      const read = texts.flatMap((text) => (JSON.parse(text) as { samples: object[] }).samples);
      expect(read).toEqual(JSON.parse(JSON.stringify(items.map((one) => ({ rtp: rtpOf(one.timestamp), ...one })))));
    }),
    { numRuns: 30 },
  );
});
