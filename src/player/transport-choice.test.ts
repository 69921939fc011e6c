import { expect, test } from 'vitest';
import type { TransportName, TransportRow } from './transport.ts';
import { TransportChoice } from './transport-choice.ts';

function row(name: TransportName, unusable: string | null = null): TransportRow {
  const open = () => Promise.reject(new Error('not in this test'));
  return {
    name,
    label: name.toUpperCase(),
    hasSound: false,
    hasDvr: name === 'hls',
    headStartMs: 1,
    limitMs: 2,
    unusable: () => unusable,
    open,
  };
}

const rows = [row('webrtc'), row('h264'), row('hls')];
const [webrtc, h264, hls] = rows as [TransportRow, TransportRow, TransportRow];
const lost = { kind: 'lost', reason: 'the connection ended' } as const;
const unusable = { kind: 'unusable', reason: 'no H.264' } as const;

/** A choice on a clock of the test. */
function choiceOn(list: readonly TransportRow[] = rows, name = 'auto') {
  const clock = { ms: 0 };
  const choice = new TransportChoice(list, name, { now: () => clock.ms, random: () => 0.5 });
  return { clock, choice };
}

test('auto goes down the table, and leaves out what is open already', () => {
  const { choice } = choiceOn();
  expect(choice.next()).toBe(webrtc);
  expect(choice.next([webrtc])).toBe(h264);
  choice.failed(webrtc, unusable, true);
  expect(choice.next()).toBe(h264);
  choice.failed(h264, lost, true);
  expect(choice.next()).toBe(hls);
  expect(choice.because(hls)).toBe('HLS, because WEBRTC does not work: no H.264; H264 does not work: the connection ended.');
});

test('a way that failed is tried again after waits that grow; one that cannot work is not', () => {
  const { clock, choice } = choiceOn();
  choice.failed(webrtc, unusable, true);
  const waits: number[] = [];
  for (let i = 0; i < 10; i++) {
    choice.failed(h264, lost, true);
    const from = clock.ms;
    while (!choice.better(hls)) clock.ms += 1000;
    expect(choice.better(hls)).toBe(h264);
    waits.push((clock.ms - from) / 1000);
  }
  expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  choice.proved(h264);
  choice.failed(h264, lost, true);
  clock.ms += 2000;
  expect(choice.better(hls)).toBe(h264);
  choice.forgive();
  expect(choice.better(hls)).toBe(webrtc);
});

test('losses while the server is away say nothing about the transport', () => {
  const { choice } = choiceOn();
  for (let i = 0; i < 20; i++) choice.failed(webrtc, lost, false);
  expect(choice.next()).toBe(webrtc);
  expect(choice.because(h264)).toBe('');
});

test('a transport that was asked for by name is not left, and its trouble is told from the second loss on', () => {
  const { choice } = choiceOn(rows, 'h264');
  choice.failed(h264, lost, true);
  expect([choice.next(), choice.trouble]).toEqual([h264, null]);
  choice.failed(h264, lost, true);
  expect([choice.next(), choice.better(h264)]).toEqual([h264, null]);
  expect(choice.trouble).toBe('H264 does not work: the connection ended. Trying again…');
  choice.worked(h264);
  expect(choice.trouble).toBeNull();
});

test('when nothing is left every reason is said, and the next round begins', () => {
  const mjpeg = row('mjpeg');
  const { choice } = choiceOn([row('hls', 'no Media Source'), mjpeg]);
  expect(choice.dvr()).toBeNull();
  expect(choice.next()).toBe(mjpeg);
  choice.failed(mjpeg, { kind: 'unusable', reason: 'no streams' }, true);
  expect(choice.next()).toBeNull();
  choice.giveUp();
  expect(choice.trouble).toBe('The picture cannot be shown here. HLS: no Media Source; MJPEG: no streams.');
  expect(choice.next()).toBe(mjpeg);
});

test('another order can be preferred', () => {
  const { choice } = choiceOn();
  choice.prefer(['hls']);
  expect(choice.order.map(({ name }) => name)).toEqual(['hls', 'webrtc', 'h264']);
  expect(choice.isBetter(hls, webrtc)).toBe(true);
  choice.prefer([]);
  expect(choice.next()).toBe(webrtc);
});

test('an unknown name is told with the known ones', () => {
  const { choice } = choiceOn(rows, 'rtmp');
  expect(choice.next()).toBeNull();
  choice.giveUp();
  expect(choice.trouble).toBe('There is no transport “rtmp”; known are auto, webrtc, h264, hls.');
});
