import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { jsonSchemaOf, zodOf } from '../../api/json-schema.ts';
import { parseInput } from '../../api/zod-problem.ts';
import { SluiceError } from '../../core/errors.ts';
import { fullName, type ParamPart, ParamSet, type ParamValues, same } from './param-set.ts';

function part(id: string, schema: z.ZodType, values: ParamValues): ParamPart {
  const check = (next: ParamValues) => parseInput(schema, next) as ParamValues;
  return { id, use: id, schema: jsonSchemaOf(schema), values: check(values), live: true, check };
}

const Source = z.strictObject({ fps: z.number().min(1).max(60).default(30), kind: z.string().default('noise') });
const Span = z
  .strictObject({
    low: z.number().default(0),
    high: z.number().default(10),
    note: z.string().nullable().default('x'),
    kind: z.string().optional(),
  })
  .refine(({ low, high }) => low < high, { path: ['high'], message: 'must be above low' });

const set = () => new ParamSet([part('source', Source, {}), part('span', Span, {}), part('span2', Span, { low: 1 })]);

async function refusal(patch: ParamValues): Promise<SluiceError> {
  const error = await set()
    .plan(patch)
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SluiceError);
  return error as SluiceError;
}

describe('ParamSet', () => {
  it('leaves alone what is part of the configuration', async () => {
    const Model = z.strictObject({ model: z.string().meta({ readOnly: true }), threshold: z.number().default(0.5) });
    const models = new ParamSet([part('onnx', Model, { model: 'a.onnx' })]);
    await expect(models.plan({ model: 'b.onnx', threshold: 0.4 })).rejects.toThrow('model is part of the configuration');
    expect((await models.plan({ model: 'a.onnx', threshold: 0.4 })).changed.map(({ entry }) => entry.name)).toEqual(['threshold']);
  });

  it('addresses by name, and by id where two share it', () => {
    expect(set().entries.map(({ address }) => address)).toEqual([
      'fps',
      'source.kind',
      ...['low', 'high', 'note', 'kind'].map((name) => `span.${name}`),
      ...['low', 'high', 'note', 'kind'].map((name) => `span2.${name}`),
    ]);
    expect(set().find('source.fps')?.address).toBe('fps');
    expect(set().values()).toMatchObject({ fps: 30, 'source.kind': 'noise', 'span.low': 0, 'span2.low': 1 });
    expect(set().values()).not.toHaveProperty('span.kind');
    expect(set().schema).toMatchObject({ properties: { fps: { maximum: 60 }, 'span.low': { default: 0 } }, additionalProperties: false });
  });

  it('plans only what differs, and lays it over what holds', async () => {
    const { parts, changed } = await set().plan({ fps: 30, 'span2.high': 20 });
    expect([...parts].map(([{ id }, values]) => [id, values])).toEqual([['span2', { low: 1, high: 20, note: 'x' }]]);
    expect(changed).toMatchObject([{ entry: { address: 'span2.high' }, from: 10, to: 20 }]);
  });

  it('null gives back the default, unless it is a value itself', async () => {
    const { changed } = await set().plan({ 'span2.low': null, 'span.note': null });
    expect(changed.map(({ entry, to }) => [entry.address, to])).toEqual([
      ['span.note', null],
      ['span2.low', 0],
    ]);
  });

  it('names everything that is wrong, in all parts at once', async () => {
    const { code, details } = await refusal({ fps: 99, fsp: 1, low: 1, 'span.low': 50, 'span2.note': 1 });
    expect(code).toBe('bad-value');
    expect(details.problems).toEqual([
      expect.objectContaining({ field: 'fsp', suggestion: 'fps', received: 'fsp', allowed: expect.stringContaining('fps') }),
      expect.objectContaining({ field: 'low', allowed: 'span.low, span2.low' }),
      expect.objectContaining({ field: 'fps', message: expect.stringMatching(/^fps: 99/), received: 99, allowed: 'a number from 1 to 60' }),
      expect.objectContaining({ field: 'span.high', message: expect.stringContaining('span.high') }),
      expect.objectContaining({ field: 'span2.note', received: 1 }),
    ]);
    expect((await refusal({ fsp: 1 })).code).toBe('unknown-key');
    expect((await refusal({ toString: 1 })).code).toBe('unknown-key');
  });

  it('keeps definitions of two parts apart', () => {
    const foreign = (id: string): ParamPart => ({
      id,
      use: id,
      schema: { type: 'object', properties: { mode: { $ref: '#/$defs/Mode' } }, $defs: { Mode: { enum: [id] } } },
      values: {},
      live: true,
      check: (values) => values,
    });
    const { properties, $defs } = new ParamSet([foreign('a'), foreign('b')]).schema;
    expect(properties).toEqual({ 'a.mode': { $ref: '#/$defs/a.Mode' }, 'b.mode': { $ref: '#/$defs/b.Mode' } });
    expect($defs).toEqual({ 'a.Mode': { enum: ['a'] }, 'b.Mode': { enum: ['b'] } });
  });

  it('finds every param under its address and its full name', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'x.a', 'y.b', '__proto__', 'constructor'));
    const ids = fc.uniqueArray(fc.constantFrom('x', 'y', 'z', 'long-one'), { minLength: 1 });
    fc.assert(
      fc.property(ids, fc.array(names, { minLength: 4, maxLength: 4 }), (own, lists) => {
        const parts = own.map((id, index): ParamPart => {
          const properties = Object.fromEntries(lists[index]!.map((name) => [name, { type: 'number' }]));
          return { id, use: id, schema: { type: 'object', properties }, values: {}, live: true, check: (values) => values };
        });
        const made = new ParamSet(parts);
        expect(new Set(made.entries.map(({ address }) => address)).size).toBe(made.entries.length);
        for (const entry of made.entries) {
          expect(made.find(entry.address)).toBe(entry);
          expect(made.find(fullName(entry))).toBe(entry);
        }
      }),
    );
  });
});

describe('JSON Schema of foreign processors', () => {
  it('is checked as those of our own are', () => {
    const schema = zodOf({
      type: 'object',
      properties: { gain: { type: 'number', minimum: 0, maximum: 4, default: 1 }, mode: { enum: ['a', 'b'], default: 'a' } },
      additionalProperties: false,
    });
    expect(parseInput(schema, {})).toEqual({ gain: 1, mode: 'a' });
    expect(() => parseInput(schema, { gain: 5 })).toThrow('gain: 5 received; expected a number from 0 to 4');
    expect(() => parseInput(schema, { gian: 1 })).toThrow('did you mean gain');
  });

  it.each([[null], [[]], ['x'], [{ type: 'string' }], [{}]])('%j is none', (schema) => {
    expect(() => zodOf(schema)).toThrow('expected a JSON Schema');
  });

  it('never throws anything but an error for people', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (schema, value) => {
        try {
          parseInput(zodOf({ type: 'object', properties: { a: schema } }), value);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
    );
  });
});

it('same: as JSON says it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(same(a, structuredClone(a))).toBe(true);
      expect(same(a, b)).toBe(same(b, a));
    }),
  );
  expect(same({ a: undefined }, {})).toBe(true);
  expect(same([], {})).toBe(false);
});
