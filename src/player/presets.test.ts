import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { COLOR_MAPS } from '../core/view.ts';
import { type Preset, parsePresets, withPresets, writePresets } from './presets.ts';

const preset: Preset = {
  name: 'Cells',
  stream: 'cam',
  look: { window: { low: 100, high: 900 }, gamma: 1.5, map: 'green', saturated: true },
  place: { scale: 4, x: -1.5, y: 0 },
  params: { fps: 20 },
};

test('what is written is read again, whatever it is', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  const any: fc.Arbitrary<Preset> = fc.record({
    name: fc.string({ minLength: 1, maxLength: 80 }).map((name) => name.trim() || 'x'),
    stream: fc.string(),
    look: fc.record({
      window: fc.option(
        fc
          .tuple(finite, finite)
          .filter(([a, b]) => a !== b)
          .map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) })),
      ),
      gamma: fc.double({ min: 0.1, max: 10, noNaN: true }),
      map: fc.constantFrom(...COLOR_MAPS),
      saturated: fc.boolean(),
    }),
    place: fc.record({
      scale: fc.double({ min: 1, max: 400, noNaN: true }),
      x: fc.double({ min: -400, max: 0, noNaN: true }),
      y: fc.double({ min: -400, max: 0, noNaN: true }),
    }),
    params: fc.dictionary(
      fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
      fc.oneof(fc.integer(), fc.string()),
    ),
  });
  fc.assert(
    fc.property(fc.array(any, { maxLength: 5 }), (presets) => {
      expect(JSON.stringify(parsePresets(writePresets(presets)))).toBe(JSON.stringify(presets));
    }),
  );
});

test.each([
  ['nonsense', 'the file is not JSON'],
  ['[]', 'file: [] received; expected an object with sluicePresets, presets'],
  ['{"presets":[]}', 'sluicePresets: nothing received; expected the version 1'],
  ['{"sluicePresets":2,"presets":[]}', 'sluicePresets: 2 received; expected the version 1'],
  ['{"sluicePresets":1,"presets":7}', 'presets: 7 received; expected a list of at most 200'],
])('refuses the file %s', (text, message) => {
  expect(() => parsePresets(text)).toThrow(message);
});

test.each([
  [{ name: '' }, 'presets[0].name: "" received; expected a text of 1 to 80 characters'],
  [{ look: { ...preset.look, gamma: 99 } }, 'presets[0].look.gamma: 99 received; expected a number from 0.1 to 10'],
  [{ look: { ...preset.look, map: 'jet' } }, 'presets[0].look.map: "jet" received; expected gray, inverted'],
  [
    { look: { ...preset.look, window: { low: 9, high: 3 } } },
    'presets[0].look.window.high: 3 received; expected more than low, which is 9',
  ],
  [{ place: { scale: 0, x: 0, y: 0 } }, 'presets[0].place.scale: 0 received'],
  [{ params: [] }, 'presets[0].params: [] received'],
  [{ colour: 'red' }, 'presets[0].colour: "red" received; expected name, stream, look, place, params'],
])('refuses a preset and names the key: %j', (change, message) => {
  const text = JSON.stringify({ sluicePresets: 1, presets: [{ ...preset, ...change }] });
  expect(() => parsePresets(text)).toThrow(message);
});

test('whatever a file holds, it is read or refused in words', () => {
  const junk = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({ sluicePresets: fc.constant(1), presets: fc.anything() }).map((all) => `${JSON.stringify(all)}`),
  );
  fc.assert(
    fc.property(junk, (text) => {
      try {
        parsePresets(text);
      } catch (error) {
        expect(error).toBeInstanceOf(SluiceError);
      }
    }),
  );
});

test('the same name again replaces; they are in order', () => {
  const other = { ...preset, name: 'Beads' };
  const newer = { ...preset, params: {} };
  expect(withPresets([preset, other], [newer])).toEqual([other, newer]);
});
