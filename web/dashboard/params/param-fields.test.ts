import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { jsonSchemaOf } from '../../../src/api/json-schema.ts';
import { PROCESSOR_PARAMS, SOURCE_PARAMS } from '../../../src/api/schema.ts';
import { CONTROLS, draftOf, fieldOf, type ParamField, rangeText, readDraft, sectionsOf, sliderEnds, wordsOf } from './param-fields.ts';

function fieldsOf(schema: z.ZodType): Record<string, ParamField> {
  const json = jsonSchemaOf(schema);
  return Object.fromEntries(Object.entries(json.properties ?? {}).map(([name, each]) => [name, fieldOf(name, name, each, json)]));
}

const Params = z.object({
  gain: z.number().min(0).max(4).default(1).meta({ title: 'Gain', unit: 'dB', group: 'Tone', step: 0.5 }),
  seed: z.number().int().default(1),
  share: z.number().gt(0).max(1).default(0.1),
  level: z.number().min(0).max(1).optional(),
  on: z.boolean().default(false),
  mode: z.enum(['a', '1', 'b']).default('a'),
  angle: z.union([z.literal(0), z.literal(90)]).default(0),
  name: z.string().max(9).default(''),
  tint: z
    .string()
    .regex(/^#[0-9a-f]{6}$/)
    .default('#ff0000')
    .meta({ control: 'color' }),
  patch: z
    .tuple([z.number().int().min(0).max(255), z.number().int().min(0).max(255), z.number().int().min(0).max(255)])
    .meta({ control: 'color' }),
  reset: z.boolean().default(false).meta({ control: 'trigger' }),
  region: z.object({ x: z.number().int().min(0), y: z.number().int().min(0) }).optional(),
  options: z.record(z.string(), z.string()).default({}),
  limit: z.number().nullable().default(null),
  split: z.union([z.number(), z.string()]).default('2s'),
  odd: z.string().default('').meta({ control: 'range' }),
});
const fields = fieldsOf(Params);
const field = (name: string) => fields[name]!;

describe('fields of a schema', () => {
  it('have the control that fits the value', () => {
    expect(Object.fromEntries(Object.entries(fields).map(([name, { control }]) => [name, control]))).toEqual({
      ...{ gain: 'range', seed: 'number', share: 'range', level: 'number', on: 'switch', mode: 'select', angle: 'select', name: 'text' },
      ...{
        tint: 'color',
        patch: 'color',
        reset: 'trigger',
        region: 'numbers',
        options: 'json',
        limit: 'number',
        split: 'text',
        odd: 'text',
      },
    });
    expect(field('gain')).toMatchObject({
      label: 'Gain',
      unit: 'dB',
      group: 'Tone',
      number: { min: 0, max: 4, step: 0.5 },
      optional: false,
    });
    expect(sliderEnds(field('share').number!)).toEqual({ min: 0.01, max: 1 });
    expect(wordsOf('minShare_of-all')).toBe('Min share of all');
  });

  it('follow definitions and alternatives of foreign schemas', () => {
    const root = { $defs: { Mode: { enum: ['x', 'y'], title: 'Mode' }, Loop: { $ref: '#/$defs/Loop' } } };
    expect(fieldOf('m', 'm', { allOf: [{ $ref: '#/$defs/Mode' }], default: 'y' }, root)).toMatchObject({
      control: 'select',
      label: 'Mode',
      initial: 'y',
    });
    expect(fieldOf('n', 'n', { anyOf: [{ type: 'integer', minimum: 1, maximum: 9 }, { type: 'null' }] }, root)).toMatchObject({
      control: 'number',
      optional: true,
    });
    expect(fieldOf('l', 'l', { $ref: '#/$defs/Loop' }, root).control).toBe('json');
  });

  it('read back what they show', () => {
    const values: Record<string, unknown> = {
      gain: 2.5,
      mode: '1',
      angle: 90,
      on: true,
      tint: '#123456',
      patch: [1, 2, 255],
      region: { x: 3, y: 4 },
      split: 1.5,
      limit: 7,
    };
    for (const [name, value] of Object.entries(values)) {
      expect([name, readDraft(field(name), draftOf(field(name), value))]).toEqual([name, { value }]);
    }
    expect(readDraft(field('level'), '')).toEqual({ value: null });
    expect(readDraft(field('region'), ['', ''])).toEqual({ value: null });
    expect(draftOf(field('patch'), [1, 2, 255])).toBe('#0102ff');
  });

  it('say what is wrong before anything is sent', () => {
    expect(readDraft(field('gain'), '5')).toEqual({ error: '5 received; expected a number from 0 to 4.' });
    expect(readDraft(field('seed'), '1.5')).toEqual({ error: '1.5 received; expected a whole number.' });
    expect(readDraft(field('share'), '0')).toEqual({ error: '0 received; expected a number above 0 up to 1.' });
    expect(readDraft(field('region'), ['1', ''])).toEqual({ error: 'y: Nothing received; expected a whole number from 0 up.' });
    expect(readDraft(field('options'), '{')).toHaveProperty('error');
    expect(readDraft(field('tint'), 'red')).toHaveProperty('error');
    expect(rangeText(field('share').number!)).toBe('a number above 0 up to 1');
  });

  it('every param of our own sources and processors that has a value can be shown and sent back as it is', () => {
    for (const schema of [...Object.values(SOURCE_PARAMS), ...Object.values(PROCESSOR_PARAMS)]) {
      const parsed = (schema as z.ZodType).safeParse({ url: 'x', file: 'x' });
      const values = (parsed.success ? parsed.data : {}) as Record<string, unknown>;
      for (const [name, each] of Object.entries(fieldsOf(schema as z.ZodType))) {
        if (values[name] === undefined) continue;
        const read = readDraft(each, draftOf(each, values[name]));
        if ('value' in read && read.value === null) expect(each.optional || each.initial !== undefined).toBe(true);
        else expect([name, read]).toEqual([name, { value: values[name] }]);
      }
    }
  });

  it('any JSON as schema gives some control, and any text an answer', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom('type', 'enum', 'anyOf', 'properties', 'title', 'minimum', 'control', 'default', 'step'),
          fc.jsonValue(),
        ),
        fc.jsonValue(),
        fc.string(),
        (schema, value, text) => {
          let made: ParamField;
          try {
            made = fieldOf('a', 'a', schema as never);
          } catch {
            // Lists and objects of the wrong kind come from no server: its own check refuses them.
            return;
          }
          expect(CONTROLS).toContain(made.control);
          draftOf(made, value);
          expect(Object.keys(readDraft(made, text))).toHaveLength(1);
        },
      ),
    );
  });
});

it('sections: processors first, groups behind what has none', () => {
  const from = (part: string, name: string) => ({ part, use: part, name, set: 'default' as const, live: true, readOnly: false });
  const sections = sectionsOf({
    schema: { properties: { fps: { type: 'number' }, a: { type: 'number', group: 'G' }, b: { type: 'number' }, lost: { type: 'number' } } },
    from: { fps: from('source', 'fps'), a: from('edge', 'a'), b: from('edge', 'b') },
  });
  expect(sections.map(({ part, groups, fields: own }) => [part, groups, own.map(({ address }) => address)])).toEqual([
    ['edge', ['', 'G'], ['a', 'b']],
    ['source', [''], ['fps']],
  ]);
});
