import { expect, it } from 'vitest';
import { Heartbeat } from './heartbeat.ts';

/** When it is noticed that nothing comes any more, ms after the last sign. */
function noticed(times: readonly number[], beats: boolean): number {
  const heartbeat = new Heartbeat(0);
  for (const time of times) {
    expect(heartbeat.dead(time), `alive at ${time}`).toBeNull();
    if (beats) heartbeat.beat(time);
    else heartbeat.heard(time);
  }
  const last = times.at(-1) ?? 0;
  for (let after = 0; ; after += 100) if (heartbeat.dead(last + after)) return after;
}

const every = (ms: number, count: number) => Array.from({ length: count }, (_, i) => (i + 1) * ms);

it('players and browsers are missed within four seconds', () => {
  expect(noticed(every(500, 3), true)).toBeLessThan(4000);
  expect(noticed(every(1000, 20), false)).toBeLessThan(4000);
  expect(noticed(every(60, 200), false)).toBeLessThan(4000);
});

it('whoever reports each five seconds, or has just come, is given time', () => {
  const slow = noticed(every(5000, 20), false);
  expect(slow).toBeGreaterThan(10_000);
  expect(slow).toBeLessThan(21_000);
  expect(noticed([800], false)).toBeGreaterThan(9000);
});

it('the time in which this process itself was away does not count', () => {
  const heartbeat = new Heartbeat(0);
  for (const time of every(500, 5)) heartbeat.beat(time);
  heartbeat.excuse(6000);
  expect(heartbeat.dead(9000)).toBeNull();
  expect(heartbeat.dead(13_000)).not.toBeNull();
});
