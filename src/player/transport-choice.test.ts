import { expect, test } from 'vitest';
import type { TransportName, TransportRow } from './transport.ts';
import { TransportChoice } from './transport-choice.ts';

function row(name: TransportName, unusable: string | null = null): TransportRow {
  const open = () => Promise.reject(new Error('not in this test'));
  return { name, label: name.toUpperCase(), hasDvr: name === 'hls', unusable: () => unusable, open };
}

const rows = [row('hls'), row('jpeg'), row('mjpeg')];
const lost = { kind: 'lost', reason: 'the connection ended' } as const;

test('auto goes down the table: at once when unusable, after three losses otherwise', () => {
  const choice = new TransportChoice(rows, 'auto');
  expect(choice.next()?.name).toBe('hls');
  expect(choice.failed(rows[0]!, { kind: 'unusable', reason: 'no H.264' }, true)).toBe('other');
  expect(choice.next()?.name).toBe('jpeg');
  expect([1, 2, 3].map(() => choice.failed(rows[1]!, lost, true))).toEqual(['again', 'again', 'other']);
  expect(choice.next()?.name).toBe('mjpeg');
});

test('losses while the server is away say nothing about the transport', () => {
  const choice = new TransportChoice(rows, '');
  for (let i = 0; i < 20; i++) expect(choice.failed(rows[0]!, lost, false)).toBe('again');
  expect(choice.next()?.name).toBe('hls');
});

test('a picture clears the losses before it', () => {
  const choice = new TransportChoice(rows, 'auto');
  choice.failed(rows[0]!, lost, true);
  choice.failed(rows[0]!, lost, true);
  expect(choice.trouble).toBe('HLS does not work: the connection ended. Trying again…');
  choice.worked(rows[0]!);
  expect(choice.trouble).toBeNull();
  expect(choice.failed(rows[0]!, lost, true)).toBe('again');
});

test('a transport that was asked for by name is not left', () => {
  const choice = new TransportChoice(rows, 'jpeg');
  for (let i = 0; i < 5; i++) choice.failed(rows[1]!, lost, true);
  expect(choice.next()?.name).toBe('jpeg');
});

test('when nothing is left every reason is said, and the next round begins', () => {
  const choice = new TransportChoice([row('hls', 'no Media Source'), row('mjpeg')], 'auto');
  expect(choice.dvr()).toBeNull();
  const mjpeg = choice.next()!;
  expect(mjpeg.name).toBe('mjpeg');
  choice.failed(mjpeg, { kind: 'unusable', reason: 'no streams' }, true);
  expect(choice.next()).toBeNull();
  expect(choice.trouble).toBe('The picture cannot be shown here. HLS: no Media Source; MJPEG: no streams.');
  expect(choice.next()?.name).toBe('mjpeg');
});

test('an unknown name is told with the known ones', () => {
  const choice = new TransportChoice(rows, 'rtmp');
  expect(choice.next()).toBeNull();
  expect(choice.trouble).toBe('There is no transport “rtmp”; known are auto, hls, jpeg, mjpeg.');
});
