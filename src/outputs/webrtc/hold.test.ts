import { expect, it } from 'vitest';
import { Hold } from './hold.ts';

/** One update a second: 300 packets, of which a share is asked for again. */
function run(hold: Hold, from: number, seconds: number, share: number, rtt: number | null = 60): void {
  for (let i = from; i < from + seconds; i++) {
    sent += 300;
    asked += 300 * share;
    hold.update(sent, asked, rtt, i * 1000);
  }
}
let [sent, asked] = [0, 0];

it('pictures wait for resends where packets are lost, and a while longer', () => {
  const hold = new Hold({ min: 0, max: 400 });
  run(hold, 0, 10, 0);
  expect(hold.delay).toEqual({ min: 0, max: 0 });
  run(hold, 10, 4, 0.05);
  expect(hold.delay).toEqual({ min: 150, max: 400 });
  run(hold, 14, 25, 0);
  expect(hold.delay.min).toBe(150);
  run(hold, 39, 10, 0);
  expect(hold.delay).toEqual({ min: 0, max: 0 });
});

it('never longer than allowed, and not for a packet now and then', () => {
  const hold = new Hold({ min: 20, max: 100 });
  run(hold, 0, 5, 0.004);
  expect(hold.delay).toEqual({ min: 20, max: 20 });
  run(hold, 5, 5, 0.1, 900);
  expect(hold.delay).toEqual({ min: 100, max: 100 });
});
