import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COLOR_MAPS } from '../core/view.ts';
import { parseLook } from './kept-look.ts';

test('what was kept comes back', () => {
  const look = { window: { low: 10, high: 900 }, gamma: 2, map: 'fire' as const, saturated: true };
  expect(parseLook(JSON.stringify({ ...look, open: true }))).toEqual({ look, open: true });
});

test('whatever lies in the store, there is a look', () => {
  const junk = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({ window: fc.anything(), gamma: fc.anything(), map: fc.anything() }).map((value) => {
      try {
        return JSON.stringify(value);
      } catch {
        return '';
      }
    }),
  );
  fc.assert(
    fc.property(fc.option(junk), (text) => {
      const { look } = parseLook(text ?? null);
      expect(COLOR_MAPS).toContain(look.map);
      expect(look.gamma).toBeGreaterThan(0);
      if (look.window) expect(look.window.low).toBeLessThan(look.window.high);
    }),
  );
});
