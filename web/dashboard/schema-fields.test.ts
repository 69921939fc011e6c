import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { SOURCE_PARAMS, SourceConfig } from '../../src/api/schema.ts';
import { fieldsOf, initialValues, labelOf, readValues } from './schema-fields.ts';

const fieldsFor = (type: keyof typeof SOURCE_PARAMS) => fieldsOf(z.toJSONSchema(SOURCE_PARAMS[type], { io: 'input' }));

describe('fields of the sources', () => {
  test('pattern: kinds of controls, ranges and defaults', () => {
    const fields = Object.fromEntries(fieldsFor('pattern').map((field) => [field.key, field]));
    expect(fields.kind).toMatchObject({ kind: 'enum', initial: 'checkerboard', required: false });
    expect(fields.width).toMatchObject({ kind: 'number', integer: true, minimum: 16, maximum: 16_384, initial: '1280' });
    expect(fields.barcode).toMatchObject({ kind: 'boolean', initial: true });
    expect(fields.vary).toMatchObject({ kind: 'json', initial: '' });
    expect(labelOf(fields.fps!)).toBe('Frames per second');
  });

  test('ffmpeg: the address is required, numbers of an enumeration stay numbers', () => {
    const fields = fieldsFor('ffmpeg');
    expect(fields.filter((field) => field.required).map((field) => field.key)).toEqual(['url']);
    expect(fields.find((field) => field.key === 'rotate')).toMatchObject({ kind: 'enum', options: ['0', '90', '180', '270'] });
    expect(readValues(fields, { ...initialValues(fields), rotate: '90' })).toMatchObject({ rotate: 90 });
  });

  test('what a form begins with is valid, whatever the source', () => {
    for (const type of Object.keys(SOURCE_PARAMS) as (keyof typeof SOURCE_PARAMS)[]) {
      const fields = fieldsFor(type);
      const required =
        { ffmpeg: { url: 'clip.mp4' }, stream: { stream: 'scope' }, trickle: { url: 'http://127.0.0.1/trickle/cam' } }[type as string] ??
        {};
      const values = { ...initialValues(fields), ...required };
      expect(SourceConfig.safeParse({ type, ...readValues(fields, values) }).error).toBeUndefined();
    }
  });
});

describe('readValues', () => {
  const fields = fieldsFor('pattern');

  test('leaves empty ones out, reads JSON, keeps what is none for the server to refuse', () => {
    expect(readValues(fields, { width: ' ', fps: '7.5', vary: '[16, 61]', gap: 'every now and then', barcode: false })).toEqual({
      fps: 7.5,
      vary: [16, 61],
      gap: 'every now and then',
      barcode: false,
    });
  });
});
