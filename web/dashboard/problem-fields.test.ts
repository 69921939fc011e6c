import { expect, test } from 'vitest';
import { fieldErrors } from './problem-fields.ts';

const fields = ['name', 'title', 'url', 'fps', 'gap'];
const at = (field: unknown, more: object = {}) => fieldErrors({ message: 'no', details: { field, ...more } }, fields);

test('finds the field by its path', () => {
  expect(at('source.fps')).toEqual({ fps: 'no' });
  expect(at('source.gap.every')).toEqual({ gap: 'no' });
  expect(at('stream')).toEqual({ name: 'no' });
  expect(at('source')).toEqual({ url: 'no' });
});

test('what belongs to no field is told for the whole form', () => {
  for (const field of [undefined, 7, '', 'dvr.mode']) expect(at(field)).toEqual({ '': 'no' });
});

test('several problems go to their fields', () => {
  const problems = [
    { field: 'source.fps', message: 'a' },
    { field: 'title', message: 'b' },
    { field: 'source.fps', message: 'c' },
    null,
    { field: 'title' },
  ];
  expect(at('source.fps', { problems })).toEqual({ fps: 'a\nc', title: 'b' });
});
