import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visibleRows } from './visible-rows.ts';

test('every row in view is drawn, and no more than a view and some spare ones', () => {
  const views = fc.record({
    count: fc.nat(50_000),
    rowHeight: fc.constantFrom(36, 54),
    open: fc.nat(50_000),
    extra: fc.nat(500),
    scrolled: fc.double({ min: 0, max: 1, noNaN: true }),
    height: fc.integer({ min: 0, max: 2000 }),
  });
  fc.assert(
    fc.property(views, ({ count, rowHeight, open, extra, scrolled, height }) => {
      const openAt = open < count ? open : -1;
      const whole = count * rowHeight + (openAt < 0 ? 0 : extra);
      const top = Math.max(0, whole - height) * scrolled;
      const { first, end } = visibleRows({ count, rowHeight, openAt, extra, top, height });
      const topOf = (at: number) => at * rowHeight + (openAt >= 0 && at > openAt ? extra : 0);
      expect(first).toBeGreaterThanOrEqual(0);
      expect(end).toBeLessThanOrEqual(count);
      if (first > 0) expect(topOf(first - 1) + rowHeight).toBeLessThanOrEqual(top);
      if (end < count) expect(topOf(end)).toBeGreaterThanOrEqual(top + height);
      expect(end - first).toBeLessThanOrEqual(height / rowHeight + 2 + 2 * 6);
    }),
  );
});
