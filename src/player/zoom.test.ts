import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lengthName, MAX_SCALE, panBy, scaleBar, WHOLE, zoomAt } from './zoom.ts';

const box = { width: 800, height: 600 };

test('the point under the pointer stays where it is', () => {
  const near = zoomAt(WHOLE, 4, 200, 150, box);
  expect(near).toEqual({ scale: 4, x: -600, y: -450 });
  // What was at 200, 150 of the picture is there still.
  expect((200 - near.x) / near.scale).toBe(200);
  expect(zoomAt(near, 1, 700, 20, box)).toEqual(WHOLE);
});

test('wherever somebody goes, the picture covers its box', () => {
  const side = fc.double({ min: -2000, max: 2000, noNaN: true });
  const moves = fc.array(fc.tuple(fc.boolean(), side, side, fc.double({ min: 0.01, max: 1000, noNaN: true })), { maxLength: 20 });
  fc.assert(
    fc.property(moves, (list) => {
      let place = WHOLE;
      for (const [zoom, x, y, scale] of list) place = zoom ? zoomAt(place, scale, x, y, box) : panBy(place, x, y, box);
      expect(place.scale).toBeGreaterThanOrEqual(1);
      expect(place.scale).toBeLessThanOrEqual(MAX_SCALE);
      expect(place.x).toBeLessThanOrEqual(0);
      expect(place.y).toBeLessThanOrEqual(0);
      expect(place.x + box.width * place.scale).toBeGreaterThanOrEqual(box.width - 1e-6);
      expect(place.y + box.height * place.scale).toBeGreaterThanOrEqual(box.height - 1e-6);
    }),
  );
});

test('the scale bar is round, fits, and is long enough to see', () => {
  expect(scaleBar(0.65, 1, 120)).toEqual({ micrometres: 50, width: 50 / 0.65 });
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 1000, noNaN: true }), fc.double({ min: 0.01, max: 100, noNaN: true }), (size, css) => {
      const { width } = scaleBar(size, css, 120);
      expect(width).toBeLessThanOrEqual(120.001);
      expect(width).toBeGreaterThan(40);
    }),
  );
  expect([lengthName(50), lengthName(2000), lengthName(0.05)]).toEqual(['50 µm', '2 mm', '50 nm']);
});
