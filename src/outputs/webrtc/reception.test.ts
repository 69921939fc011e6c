import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Reception, SenderClock } from './reception.ts';

const report = (time: number, rtpTime: number) => ({ type: 'sender-report', ssrc: 1, time, rtpTime, mark: 5 }) as const;

it('loss and the numbers beyond 16 bits', () => {
  const reception = new Reception();
  expect(reception.report(0)).toBeNull();
  for (const sequence of [65_533, 65_534, 0, 1]) reception.onPacket({ ssrc: 9, sequence, timestamp: 0 }, 0);
  expect(reception.report(0)).toMatchObject({ ssrc: 9, fractionLost: 0.2, cumulativeLost: 1, highestSequence: 65_537 });
  // It came late: nothing is missing any more.
  reception.onPacket({ ssrc: 9, sequence: 65_535, timestamp: 0 }, 0);
  expect(reception.report(0)).toMatchObject({ fractionLost: 0, cumulativeLost: 0 });
  reception.onSenderReport(5, 1000);
  expect(reception.report(1500)).toMatchObject({ lastSr: 5, sinceLastSrMs: 500 });
});

it('even packets have no jitter, whatever the RTP time begins with', () => {
  const reception = new Reception();
  for (let i = 0; i < 50; i++) {
    reception.onPacket({ ssrc: 9, sequence: i, timestamp: (0xffffff00 + i * 3000) >>> 0 }, (i * 1000) / 30);
  }
  expect(reception.report(0)!.jitter).toBeLessThan(2);
});

it('a picture is dated by the sender’s clock, and never later than it came', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1e12, max: 1e12 }),
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.array(fc.integer({ min: 0, max: 400_000 }), { minLength: 1, maxLength: 20 }),
      (ahead, start, delays) => {
        const clock = new SenderClock();
        expect(clock.capturedAt(start, 0)).toBeNull();
        const rtp = (micros: number) => (start + Math.round((micros * 9) / 100)) >>> 0;
        for (const [i, delay] of delays.entries()) clock.onSenderReport(report(i * 1e6 + ahead, rtp(i * 1e6)), i * 1e6 + delay);
        const captured = delays.length * 1e6;
        const found = clock.capturedAt(rtp(captured), captured + 500_000)!;
        expect(Math.abs(found - captured - Math.min(...delays))).toBeLessThan(20);
        expect(clock.capturedAt(rtp(captured + 60_000_000), captured)).toBe(captured);
        expect(clock.capturedAt(rtp(captured), captured + 60_000_000)).toBeNull();
      },
    ),
  );
});

it('capture times in the packets go before those of the reports', () => {
  const clock = new SenderClock();
  clock.onSenderReport(report(1_000_000, 90_000), 1_000_100);
  clock.onCaptureTime(980_000, 90_000);
  clock.onSenderReport(report(2_000_000, 180_000), 2_000_200);
  expect(clock.capturedAt(93_000, 2_100_000)).toBeCloseTo(980_000 + 33_333 + 100, -1);
});
