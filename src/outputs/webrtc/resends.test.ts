import { expect, it } from 'vitest';
import { Resends } from './resends.ts';

const add = (resends: Resends, sequence: number, now: number) =>
  resends.add(sequence, Uint8Array.of(sequence & 0xff), sequence * 3000, sequence % 2 === 0, now);

it('packets are kept by their number, also beyond its wrap, within limits of number and age', () => {
  const resends = new Resends();
  for (let i = 0; i < 3000; i++) add(resends, (64_000 + i) & 0xffff, i);
  expect(resends.take((64_000 + 2999) & 0xffff, 3000)?.sequence).toBe((64_000 + 2999) & 0xffff);
  expect(resends.take((64_000 + 1976) & 0xffff, 3000)?.sequence).toBe((64_000 + 1976) & 0xffff);
  // Overwritten, never sent, too old.
  expect(resends.take((64_000 + 1975) & 0xffff, 3000)).toBeNull();
  expect(resends.take(30_000, 3000)).toBeNull();
  expect(resends.take((64_000 + 2500) & 0xffff, 5000)).toBeNull();
  expect(resends.missed).toBe(3);
});

it('a packet that was sent again a moment ago is not sent twice', () => {
  const resends = new Resends();
  add(resends, 5, 0);
  expect(resends.peek(5)).toEqual({ sequence: 5, payload: Uint8Array.of(5), rtpTime: 15_000, marker: false });
  expect([resends.take(5, 100), resends.take(5, 105), resends.take(5, 160)].map(Boolean)).toEqual([true, false, true]);
  expect(resends.missed).toBe(1);
  resends.clear();
  expect([resends.take(5, 300), resends.peek(5)]).toEqual([null, null]);
});
