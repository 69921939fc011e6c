import { expect, test } from 'vitest';
import { Attempts } from './attempts.ts';

const webrtc = { name: 'webrtc', label: 'WebRTC' } as const;
const hls = { name: 'hls', label: 'HLS' } as const;
const short = (attempts: Attempts) => attempts.list.map(({ transport, state, reason }) => `${transport} ${state} ${reason}`.trim());

test('a try is one row from its opening to its end', () => {
  const attempts = new Attempts();
  const first = attempts.begin(webrtc, 'the lowest latency');
  expect(short(attempts)).toEqual(['webrtc trying the lowest latency']);
  first.failed('no UDP packets get through');
  const second = attempts.begin(hls, '');
  second.shown();
  expect(short(attempts)).toEqual(['webrtc failed no UDP packets get through', 'hls shown']);
  expect(attempts.list[0]!.firstPictureMs).toBeNull();
  expect(attempts.list[1]!.firstPictureMs).toBeGreaterThanOrEqual(0);
  second.left('WebRTC works again');
  second.failed('too late to be of interest');
  expect(short(attempts)[1]).toBe('hls left WebRTC works again');
});

test('what cannot be used is said once, and only the newest tries are kept', () => {
  const attempts = new Attempts();
  for (let i = 0; i < 3; i++) attempts.unusable(webrtc, 'this browser has no WebRTC');
  expect(short(attempts)).toEqual(['webrtc unusable this browser has no WebRTC']);
  for (let i = 0; i < 80; i++) attempts.begin(hls, String(i));
  expect(attempts.list).toHaveLength(50);
  expect(attempts.list.at(-1)!.reason).toBe('79');
});
