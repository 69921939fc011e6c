import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ntpToMicros, readRtcp, writeNack, writePli, writeReceiverReport, writeRemb, writeSenderReport } from './rtcp.ts';

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

it('a sender report tells its time, and ours comes back as it was written', () => {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, 200);
  view.setUint16(2, 6);
  view.setUint32(4, 77);
  // 2026-11-21T12:00:00.5Z
  view.setUint32(8, 1_795_262_400 + 2_208_988_800);
  view.setUint32(12, 0x80000000);
  view.setUint32(16, 90_000);
  expect(readRtcp(bytes)).toEqual([
    {
      type: 'sender-report',
      ssrc: 77,
      time: 1_795_262_400_500_000,
      rtpTime: 90_000,
      mark: (((1_795_262_400 + 2_208_988_800) << 16) | 0x8000) >>> 0,
    },
  ]);
  expect(ntpToMicros(0, 0)).toBe(Date.UTC(2036, 1, 7, 6, 28, 16) * 1000);
  const report = { ssrc: 77, fractionLost: 0.25, cumulativeLost: -3, highestSequence: 70_000, jitter: 12, lastSr: 9, sinceLastSrMs: 500 };
  const [read] = readRtcp(writeReceiverReport(report));
  const { sinceLastSrMs: _, ...same } = report;
  expect(read).toEqual({ type: 'report', ...same, delaySinceLastSr: 32_768 });
});

it('our sender reports are read back, to the microsecond', () => {
  const number = fc.integer({ min: 0, max: 0xffffffff });
  const time = fc.integer({ min: 1_600_000_000_000_000, max: 3_000_000_000_000_000 });
  fc.assert(
    fc.property(number, time, number, fc.string({ unit: 'binary-ascii', maxLength: 60 }), (ssrc, at, rtpTime, cname) => {
      const bytes = writeSenderReport({ ssrc, time: at, rtpTime, packets: 7, bytes: 2 ** 33 + 9, cname });
      expect(bytes.length % 4).toBe(0);
      const [report, ...others] = readRtcp(bytes);
      expect(others).toEqual([]);
      expect(report).toMatchObject({ type: 'sender-report', ssrc, rtpTime });
      if (report?.type === 'sender-report') expect(Math.abs(report.time - at)).toBeLessThanOrEqual(1);
      const view = new DataView(bytes.buffer);
      expect([view.getUint32(20), view.getUint32(24)]).toEqual([7, 9]);
      // Both packets fill the compound, and the name ends with a zero (RFC 3550 6.5).
      expect(28 + 4 + view.getUint16(30) * 4).toBe(bytes.length);
      expect(bytes.at(-1)).toBe(0);
      expect(new TextDecoder().decode(bytes.subarray(38, 38 + bytes[37]!))).toBe(cname);
    }),
  );
});
