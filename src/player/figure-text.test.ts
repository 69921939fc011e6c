import { expect, it } from 'vitest';
import { bufferText, fpsText, gradeOf, latencyText, lossText, qualityText, resendText, viewersText } from './figure-text.ts';
import type { TransportStats } from './transport.ts';

const stats: TransportStats = {
  atMs: 0,
  bytes: 1,
  dropped: 0,
  decoder: 'Media Source',
  bufferedSeconds: 0.25,
  playbackRate: 1.04,
  quality: null,
  network: null,
};
const network = { packets: 100, lost: 1, resends: 12, nacks: 9, jitterMs: 1.24, bufferMs: 33.6, roundTripMs: 2, path: 'UDP' };

it.each([
  [0, 'good', '●'],
  [99.9, 'good', '●'],
  [100, 'fair', '▲'],
  [199.9, 'fair', '▲'],
  [200, 'slow', '■'],
])('%d ms is %s, by shape too', (ms, name, sign) => {
  expect(gradeOf(ms)).toEqual({ name, sign });
});

it('latencies are whole milliseconds below a second, and never below zero', () => {
  expect([latencyText(-0.4), latencyText(23.4), latencyText(999.4), latencyText(1234)]).toEqual(['0 ms', '23 ms', '999 ms', '1.2 s']);
});

it('quality says what the server has chosen', () => {
  expect(qualityText(null)).toBe('');
  expect(qualityText({ jpeg: 85, rung: null, bitrate: null })).toBe('JPEG quality 85');
  expect(qualityText({ jpeg: null, rung: { number: 2, of: 3 }, bitrate: 1_200_000 })).toBe('rung 2 of 3, encoded for 1.2 Mbit/s');
});

it('what a transport does not know is a dash', () => {
  expect([lossText(null), resendText(stats, null), viewersText(null), fpsText(null)]).toEqual(['–', '–', '–', '–']);
  expect(bufferText({ ...stats, bufferedSeconds: null })).toBe('none');
});

it('losses, resends and buffers', () => {
  expect([lossText(0), lossText(0.003), lossText(0.25)]).toEqual(['0 %', '0.3 %', '25 %']);
  expect(resendText({ network }, 0.44)).toBe('12 packets (0.4/s), asked for 9 times');
  expect(bufferText({ ...stats, network })).toBe('34 ms against jitter; jitter 1.2 ms');
  expect(bufferText(stats)).toBe('0.25 s, speed 1.04');
  expect([viewersText(1), viewersText(2)]).toEqual(['1 viewer', '2 viewers']);
});
