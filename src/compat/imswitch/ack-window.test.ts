import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ACK_TIMEOUT_MS, AckWindow, ID_MODULO, WINDOW } from './ack-window.ts';

it('holds from the first picture on', () => {
  const window = new AckWindow();
  for (let id = 0; id < WINDOW; id++) {
    expect(window.wait(0)).toBe(0);
    window.sent(id, 0);
  }
  expect(window.wait(0)).toBe(ACK_TIMEOUT_MS);
  expect(window.wait(400)).toBe(ACK_TIMEOUT_MS - 400);
});

it('goes on over the end of the count, and a lost acknowledgement costs nothing', () => {
  const window = new AckWindow();
  for (const id of [253, 254, 255, 0]) window.sent(id, 0);
  expect(window.acked(255)).toBe(true);
  expect(window.flying).toBe(1);
  expect(window.acked(254)).toBe(false);
  expect(window.acked(0)).toBe(true);
  expect(window.flying).toBe(0);
});

it('gives up what nobody acknowledges', () => {
  const window = new AckWindow();
  for (let id = 0; id < WINDOW; id++) window.sent(id, id);
  expect(window.wait(ACK_TIMEOUT_MS)).toBe(0);
  expect([window.flying, window.timeouts]).toEqual([0, WINDOW]);
  expect(window.acked(2)).toBe(false);
});

it('whatever a client acknowledges: never more than the window is on its way, and never for longer than the time-out', () => {
  const step = fc.oneof(
    fc.record({ ack: fc.integer({ min: -3, max: 300 }) }),
    fc.record({ ack: fc.oneof(fc.double(), fc.constant(Number.NaN)) }),
    fc.record({ wait: fc.nat(ACK_TIMEOUT_MS) }),
    fc.constant({ oldest: true }),
    fc.constant({ picture: true }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const window = new AckWindow();
      let now = 0;
      let next = 0;
      let blocked = 0;
      for (const one of steps) {
        if ('ack' in one) window.acked(one.ack);
        else if ('oldest' in one) window.ackedOldest();
        else if ('wait' in one) now += one.wait;
        const wait = window.wait(now);
        expect(window.flying).toBeLessThanOrEqual(WINDOW);
        expect(wait).toBeLessThanOrEqual(ACK_TIMEOUT_MS);
        if (wait === 0) {
          blocked = now;
          if ('picture' in one) window.sent(next++ % ID_MODULO, now);
        }
        expect(now - blocked).toBeLessThanOrEqual(ACK_TIMEOUT_MS);
      }
    }),
  );
});
