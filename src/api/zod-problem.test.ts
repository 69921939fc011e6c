import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SluiceError } from '../core/errors.ts';
import { StreamConfig } from './schema.ts';
import { nearest, parseInput, zodProblem } from './zod-problem.ts';

function refusal(schema: z.ZodType, input: unknown): SluiceError {
  try {
    parseInput(schema, input, { source: 'the body' });
  } catch (error) {
    expect(error).toBeInstanceOf(SluiceError);
    return error as SluiceError;
  }
  throw new Error(`${JSON.stringify(input)} was accepted`);
}

describe('zodProblem', () => {
  const cases: [name: string, input: unknown, code: string, message: string][] = [
    [
      'a wrong type',
      { source: { type: 'pattern', fps: 'fast' } },
      'bad-value',
      'source.fps: "fast" received; expected a number above 0 up to 1000',
    ],
    ['NaN', { pixelSize: Number.NaN }, 'bad-value', 'pixelSize: NaN received; expected a number above 0'],
    ['infinity', { pixelSize: Number.POSITIVE_INFINITY }, 'bad-value', 'pixelSize: Infinity received; expected a number above 0'],
    [
      'both ends of a range',
      { source: { type: 'pattern', width: 3 } },
      'bad-value',
      'source.width: 3 received; expected an integer from 16 to 16384',
    ],
    [
      'a fraction',
      { source: { type: 'pattern', seed: 1.5 } },
      'bad-value',
      'source.seed: 1.5 received; expected an integer from 0 to 4294967295',
    ],
    ['one of a list', { dvr: { mode: 'on' } }, 'bad-value', 'dvr.mode: "on" received; expected one of off, watched, always'],
    [
      'a duration',
      { dvr: { window: '10 parsecs' } },
      'bad-value',
      'dvr.window: "10 parsecs" received; expected seconds or a number with a unit, such as 500ms, 30s, 10m or 2h',
    ],
    [
      'an unknown kind',
      { source: { type: 'rtsp' } },
      'bad-value',
      'source.type: "rtsp" received; expected one of pattern, ffmpeg, recording, stream, generate, trickle, push',
    ],
    [
      'no kind',
      { source: {} },
      'bad-value',
      'source.type: nothing received; expected one of pattern, ffmpeg, recording, stream, generate, trickle, push',
    ],
    ['something missing', { source: { type: 'ffmpeg' } }, 'bad-value', 'source.url: nothing received; expected a text that is not empty'],
    ['a slip in a key', { tilte: 'x' }, 'unknown-key', 'tilte is not a known key; did you mean title?'],
    [
      'a slip in an inner key',
      { source: { type: 'pattern', hieght: 5 } },
      'unknown-key',
      'source.hieght is not a known key; did you mean height?',
    ],
    ['a key like no other', { dvr: { zzz: 1 } }, 'unknown-key', 'dvr.zzz is not a known key; known are mode, window, maxBytes, keep'],
    [
      'a pattern',
      { source: { type: 'ffmpeg', url: 'a', size: 'big' } },
      'bad-value',
      'source.size: "big" received; expected WIDTHxHEIGHT in pixels, such as 1280x720',
    ],
    [
      'a setting of a processor out of range',
      { processors: [{ use: 'mine', memory: 1 }] },
      'bad-value',
      'processors[0].memory: 1 received; expected an integer from 32 to 1048576',
    ],
    [
      'a setting that a processor does not have',
      { processors: [{ use: 'mine', deadlin: '1s' }] },
      'unknown-key',
      'processors[0].deadlin is not a known key; did you mean deadline?',
    ],
    [
      'a param that a processor does not have',
      { processors: [{ use: 'motion', params: { treshold: 0.1 } }] },
      'unknown-key',
      'processors[0].params.treshold is not a known key; did you mean threshold?',
    ],
    [
      'a param out of range',
      { processors: [{ use: 'color-patch', params: { color: [0, 256, 0] } }] },
      'bad-value',
      'processors[0].params.color[1]: 256 received; expected an integer from 0 to 255',
    ],
    [
      'two processors of one name',
      { processors: [{ use: 'focus' }, { use: 'focus' }] },
      'bad-value',
      'processors[1].id: nothing received; two processors with the id focus; give this one an id of its own',
    ],
    [
      'no object at all',
      [1],
      'bad-value',
      '[1] received; expected an object with title, description, pixelSize, source, processors, encode, view, publish, metrics, dvr, detector, exposure, linger',
    ],
    [
      'several',
      { title: 5, tilte: 'x' },
      'bad-value',
      'title: 5 received; expected a text of at most 200 characters. tilte is not a known key; did you mean title?',
    ],
  ];
  it.each(cases)('names field, received and allowed: %s', (_, input, code, message) => {
    const error = refusal(StreamConfig, input);
    expect(error.message).toBe(`the body: ${message}`);
    expect(error.code).toBe(code);
    // It goes into a JSON document whole.
    expect(JSON.parse(JSON.stringify(error.toProblem())).detail).toBe(error.message);
  });

  it('never repeats a secret', () => {
    const error = refusal(z.object({ token: z.string().min(30) }), { token: 'hunter2' });
    expect(JSON.stringify(error.toProblem())).not.toContain('hunter2');
  });

  it('works without schema and input', () => {
    const parsed = z.object({ a: z.number() }).safeParse({ a: 'b' });
    expect(zodProblem(parsed.error!, '').message).toBe('a: nothing received; expected Invalid input: expected number, received string');
  });

  it('describes whatever is thrown at a schema without failing itself', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (body, inner) => {
        for (const input of [body, { source: body, dvr: inner }, { source: { type: 'pattern', width: body, vary: inner, gap: body } }]) {
          const parsed = StreamConfig.safeParse(input);
          if (parsed.success) continue;
          const error = zodProblem(parsed.error, 'x', { input, schema: StreamConfig });
          expect(error.message.length).toBeGreaterThan(5);
          expect(error.message).not.toMatch(/undefined|\[object/);
        }
      }),
    );
  });
});

describe('nearest', () => {
  it.each([
    ['prot', 'port'],
    ['Port', 'port'],
    ['basepath', 'basePath'],
    ['orgins', 'origins'],
    ['something', undefined],
    ['', undefined],
  ])('%s -> %s', (word, expected) => {
    expect(nearest(word, ['port', 'host', 'basePath', 'origins'])).toBe(expected);
  });
});
