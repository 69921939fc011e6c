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

it('a picture is dated by the sender’s clock, evenly, and never later than it came', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1e12, max: 1e12 }),
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.array(fc.integer({ min: 0, max: 2_000_000 }), { minLength: 1, maxLength: 20 }),
      (ahead, start, delays) => {
        const clock = new SenderClock();
        const rtp = (micros: number) => (start + Math.round((micros * 9) / 100)) >>> 0;
        let last = Number.NEGATIVE_INFINITY;
        for (let second = 0; second < delays.length + 10; second++) {
          const delay = delays[second];
          if (delay !== undefined) clock.onSenderReport(report(second * 1e6 + ahead, rtp(second * 1e6)), second * 1e6 + delay);
          for (let i = 0; i < 10; i++) {
            const captured = second * 1e6 + i * 100_000;
            const moment = clock.momentOf(rtp(captured), captured + 2_050_000);
            expect(moment).toBeGreaterThan(last);
            expect(moment).toBeLessThanOrEqual(captured + 2_050_000 + 20);
            last = moment;
          }
        }
        // Ten seconds are enough to come to the least delayed report.
        const captured = (delays.length + 9) * 1e6 + 900_000;
        expect(Math.abs(last - captured - Math.min(...delays))).toBeLessThan(50);
      },
    ),
  );
});

it('without reports: the time of arrival, less jitter', () => {
  const clock = new SenderClock();
  const jitter = [20, 0, 90, 30, 0, 70, 10, 0];
  const moments = jitter.map((delay, i) => clock.momentOf(i * 9000, i * 100_000 + delay * 1000));
  expect(moments.slice(2).map((moment, i) => moment - moments[i + 1]!)).toEqual(Array(6).fill(100_000));
});

it('capture times in the packets go before those of the reports; a clock that is set is a step', () => {
  const clock = new SenderClock();
  clock.onSenderReport(report(1_000_000, 90_000), 1_000_100);
  clock.onCaptureTime(980_000, 90_000);
  clock.onSenderReport(report(2_000_000, 180_000), 2_000_200);
  expect(clock.momentOf(93_000, 1_050_000)).toBeCloseTo(980_000 + 33_333 + 100, -1);
  clock.onCaptureTime(5_000_000, 96_000);
  expect(clock.momentOf(96_000, 5_100_000)).toBe(5_000_100);
});
