import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FrameRow, FrameTable } from './frame-table.ts';

/** Frames at these times (ms), each lasting until the next. */
function rowsAt(times: readonly number[], firstId = 1, cc = 0): FrameRow[] {
  return times.map((ms, i) => ({
    pts: ms * 90,
    id: firstId + i,
    timestamp: ms * 1000,
    duration: ((times[i + 1] ?? ms + 33) - ms) * 90,
    repeat: false,
    cc,
  }));
}

describe('FrameTable', () => {
  test('finds a picture by its media time within half a millisecond, and not beyond', () => {
    const table = new FrameTable();
    table.add(rowsAt([0, 33, 67]));
    expect(table.nearest(33 * 90 + 44)?.id).toBe(2);
    expect(table.nearest(33 * 90 - 45)?.id).toBe(2);
    expect(table.nearest(33 * 90 + 46)).toBeNull();
  });

  test('order of insertion does not matter', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(40).keys()]), fc.shuffledSubarray([...Array(40).keys()]), (first, second) => {
        const all = rowsAt([...Array(40).keys()].map((i) => i * 20));
        const table = new FrameTable();
        table.add(first.map((i) => all[i]!));
        table.add(second.map((i) => all[i]!));
        const expected = new Set([...first, ...second]);
        expect(table.size).toBe(expected.size);
        for (const [i, row] of all.entries()) {
          expect(table.byId(row.id)).toEqual(expected.has(i) ? row : null);
          expect(table.nearest(row.pts)).toEqual(expected.has(i) ? row : null);
        }
      }),
    );
  });

  test('a repeat leads to the row where its frame is shown first', () => {
    const table = new FrameTable();
    const [a, b] = rowsAt([0, 200]);
    table.add([a!, { ...b!, id: 1, timestamp: 0, repeat: true, duration: 200 * 90 }, { ...b!, pts: 400 * 90, timestamp: 400_000, id: 2 }]);
    expect(table.nearest(200 * 90)).toMatchObject({ id: 1, repeat: true });
    expect(table.byId(1)).toMatchObject({ pts: 0, repeat: false });
    expect(table.byTime(390_000)).toMatchObject({ id: 1, pts: 0 });
    expect(table.neighbour(1, 1)).toMatchObject({ id: 2 });
    expect(table.neighbour(2, -1)).toMatchObject({ id: 1, pts: 0 });
  });

  test('steps and times do not cross what was not loaded', () => {
    const table = new FrameTable();
    table.add(rowsAt([0, 33, 67], 1));
    table.add(rowsAt([1000, 1033], 31));
    expect(table.neighbour(2, 1)?.id).toBe(3);
    expect(table.neighbour(3, 1)).toBeNull();
    expect(table.neighbour(31, -1)).toBeNull();
    expect(table.neighbour(1, -1)).toBeNull();
    expect(table.neighbour(32, 1)).toBeNull();
    expect(table.neighbour(500, 1)).toBeNull();
    expect(table.neighbour(10, 1)).toBeNull();
    expect(table.neighbour(10, -1)).toBeNull();
    expect(table.byTime(70_000)?.id).toBe(3);
    expect(table.byTime(500_000)).toBeNull();
    expect(table.byTime(-1)).toBeNull();
    expect(table.byTime(1_040_000)?.id).toBe(32);
    expect(table.byTime(9_000_000)).toBeNull();
  });

  test('a frame that was left out has neighbours too', () => {
    const table = new FrameTable();
    const [a, b] = rowsAt([0, 33]);
    table.add([a!, { ...b!, id: 5 }]);
    expect(table.neighbour(3, 1)?.id).toBe(5);
    expect(table.neighbour(3, -1)?.id).toBe(1);
  });

  test('steps do not cross a discontinuity: only the server knows what lies between', () => {
    const table = new FrameTable();
    table.add(rowsAt([0, 33], 1, 0));
    table.add(rowsAt([66, 99], 3, 1));
    expect(table.neighbour(2, 1)).toBeNull();
  });

  test('holds no more rows than it may, and keeps those around the newest ones', () => {
    const table = new FrameTable(100);
    const all = rowsAt([...Array(250).keys()].map((i) => i * 10));
    for (let i = 100; i < 250; i += 10) table.add(all.slice(i, i + 10));
    expect(table.size).toBe(100);
    expect(table.last?.id).toBe(250);
    expect(table.byId(120)).toBeNull();
    // Going back in time: now the oldest are of use.
    table.add(all.slice(0, 10));
    expect(table.size).toBe(100);
    expect(table.first?.id).toBe(1);
    expect(table.byId(250)).toBeNull();
  });
});
