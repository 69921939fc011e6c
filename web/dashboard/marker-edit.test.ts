import { expect, test } from 'vitest';
import { Marker, MarkerPatch } from '../../src/api/timeline.ts';
import { fieldProblems, fieldsOf, patchOf } from './marker-edit.ts';

const marker = Marker.parse({
  id: 'a',
  label: 'spike',
  kind: 'event',
  frame: 100,
  timestamp: 1_763_640_000_000_000,
  endFrame: null,
  end: null,
  open: false,
  data: null,
  sequence: 1,
});
const span = { ...marker, end: marker.timestamp + 2_500_000, endFrame: 140 };

test('nothing changed asks for nothing', () => {
  for (const each of [marker, span, { ...marker, open: true }]) expect(patchOf(each, fieldsOf(each), 120)).toEqual({});
});

test('each change asks for just that, in the words of the server', () => {
  const cases: [Marker, Partial<ReturnType<typeof fieldsOf>>, object][] = [
    [marker, { label: ' burst ' }, { label: 'burst' }],
    [marker, { kind: 'alarm' }, { kind: 'alarm' }],
    [marker, { end: 'open' }, { open: true }],
    [marker, { end: 'shown' }, { endFrame: 120 }],
    [marker, { end: 'span', seconds: '0.25' }, { end: marker.timestamp + 250_000 }],
    [span, { seconds: '3' }, { end: marker.timestamp + 3_000_000 }],
    [span, { end: 'moment' }, { end: null, endFrame: null, open: false }],
    [{ ...marker, open: true }, { end: 'moment' }, { end: null, endFrame: null, open: false }],
  ];
  for (const [before, change, expected] of cases) {
    const patch = patchOf(before, { ...fieldsOf(before), ...change }, 120);
    expect(patch).toEqual(expected);
    expect(MarkerPatch.safeParse(patch).success).toBe(true);
  }
});

test('what the server would refuse is said at its field', () => {
  const fields = fieldsOf(marker);
  const problems = (change: object, shown: number | null = marker.timestamp + 1) =>
    Object.keys(fieldProblems({ ...fields, ...change }, marker.timestamp, shown));
  expect(problems({})).toEqual([]);
  expect(problems({ label: 'x'.repeat(501) })).toEqual(['label']);
  for (const kind of ['', 'a b', 'ü']) expect(problems({ kind })).toEqual(['kind']);
  for (const seconds of ['', ' ', '0', '-1', 'x']) expect(problems({ end: 'span', seconds })).toEqual(['seconds']);
  expect(problems({ end: 'shown' }, null)).toEqual(['end']);
  expect(problems({ end: 'shown' }, marker.timestamp - 1)).toEqual(['end']);
});
