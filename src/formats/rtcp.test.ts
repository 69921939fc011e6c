import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readRtcp, writeNack, writePli, writeRemb } from './rtcp.ts';

it('foreign bytes never throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void readRtcp(bytes)));
});

it('REMB, PLI and NACK are read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 100_000_000 }), fc.integer({ min: 0, max: 0xffffffff }), (bitrate, ssrc) => {
      const [message] = readRtcp(writeRemb(ssrc, bitrate));
      expect(message).toMatchObject({ type: 'remb', ssrcs: [ssrc] });
      // A mantissa of 18 bits.
      if (message?.type === 'remb') expect(Math.abs(message.bitrate - bitrate) / bitrate).toBeLessThan(1e-5);
    }),
  );
  expect(readRtcp(writePli(7))).toEqual([{ type: 'pli', ssrc: 7 }]);
  expect(readRtcp(writeNack(7, [65_534, 65_535, 0, 3, 40]))).toEqual([{ type: 'nack', ssrc: 7, sequences: [65_534, 65_535, 0, 3, 40] }]);
});

it('a receiver report with a compound of PLI behind it', () => {
  const report = new Uint8Array(32);
  const view = new DataView(report.buffer);
  view.setUint8(0, 0x81);
  view.setUint8(1, 201);
  view.setUint16(2, 7);
  view.setUint32(8, 1234);
  view.setUint8(12, 64);
  view.setUint16(14, 9);
  view.setUint32(20, 450);
  const compound = new Uint8Array([...report, ...writePli(1234)]);
  expect(readRtcp(compound)).toEqual([
    { type: 'report', ssrc: 1234, fractionLost: 0.25, cumulativeLost: 9, highestSequence: 0, jitter: 450, lastSr: 0, delaySinceLastSr: 0 },
    { type: 'pli', ssrc: 1234 },
  ]);
});
