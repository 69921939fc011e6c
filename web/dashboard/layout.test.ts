import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  changePanel,
  defaultLayout,
  fitLayout,
  Layout,
  nudgePanel,
  type PanelRow,
  PLACES,
  panelsAt,
  parseLayout,
  placePanel,
  readLayout,
  widenColumn,
  writeLayout,
} from './layout.ts';

const ROWS: PanelRow[] = [
  { id: 'charts', place: 'under', shown: true },
  { id: 'markers', place: 'right', shown: true },
  { id: 'data', place: 'right', shown: false },
  { id: 'statistics', place: 'right', shown: true },
];
const start = defaultLayout(ROWS);
const ids = (layout: Layout, place: (typeof PLACES)[number]) => panelsAt(layout, place).map((panel) => panel.id);

const anyLayout = fc.record({
  version: fc.constant(1 as const),
  left: fc.integer({ min: 15, max: 50 }),
  right: fc.integer({ min: 15, max: 50 }),
  panels: fc.uniqueArray(
    fc.record({
      id: fc.stringMatching(/^[a-z]{1,20}$/),
      place: fc.constantFrom(...PLACES),
      shown: fc.boolean(),
      height: fc.option(fc.integer({ min: 120, max: 2000 })),
    }),
    { selector: (panel) => panel.id, maxLength: 20 },
  ),
});

test('every layout survives a link and the store, and a link needs no escapes', () => {
  fc.assert(
    fc.property(anyLayout, (layout) => {
      const text = writeLayout(layout);
      expect(readLayout(text)).toEqual(layout);
      expect(new URLSearchParams({ layout: text }).toString()).toBe(`layout=${text}`);
      expect(parseLayout(JSON.stringify(layout))).toEqual(layout);
    }),
  );
});

test('what is broken or of another version is no layout', () => {
  for (const text of [null, '', '{', 'null', '[]', '{"version":2,"left":24,"right":34,"panels":[]}', '{"version":1,"left":"a"}']) {
    expect(parseLayout(text)).toBeNull();
  }
  for (const text of ['', '24', '24-34.', '24-34.xcharts', '24-34.ucharts-5', '1-34', '24-34.u', '24-34.uA']) {
    expect(readLayout(text), text).toBeNull();
  }
  fc.assert(fc.property(fc.string(), (text) => readLayout(text) === null || Layout.safeParse(readLayout(text)).success));
});

test('panels that came later are at their own place, those that are gone are left out', () => {
  const old = readLayout('20-40.rgone.uwatch.rmarkers-300.lmarkers')!;
  expect(fitLayout(old, ROWS)).toEqual({
    version: 1,
    left: 20,
    right: 40,
    panels: [
      { id: 'markers', place: 'right', shown: true, height: 300 },
      { id: 'charts', place: 'under', shown: true, height: null },
      { id: 'data', place: 'right', shown: false, height: null },
      { id: 'statistics', place: 'right', shown: true, height: null },
    ],
  });
});

test('arrow keys move among the shown panels of a place, and from place to place', () => {
  expect(ids(start, 'right')).toEqual(['markers', 'statistics']);
  const down = nudgePanel(start, 'markers', 'down');
  expect(ids(down, 'right')).toEqual(['statistics', 'markers']);
  expect(ids(nudgePanel(down, 'markers', 'up'), 'right')).toEqual(['markers', 'statistics']);
  for (const key of ['up', 'right'] as const) expect(nudgePanel(start, 'markers', key)).toBe(start);
  const left = nudgePanel(nudgePanel(start, 'markers', 'left'), 'markers', 'left');
  expect([ids(left, 'left'), ids(left, 'under'), ids(left, 'right')]).toEqual([['markers'], ['charts'], ['statistics']]);
  expect(nudgePanel(left, 'markers', 'left')).toBe(left);
});

test('a panel is put before another one; nothing is lost or doubled', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ROWS.map((row) => row.id)),
      fc.constantFrom(...PLACES),
      fc.constantFrom(null, 'nobody', ...ROWS.map((row) => row.id)),
      (id, place, before) => {
        const next = placePanel(start, id, place, before);
        expect(next.panels.map((panel) => panel.id).sort()).toEqual(ROWS.map((row) => row.id).sort());
        if (before !== id) expect(next.panels.find((panel) => panel.id === id)!.place).toBe(place);
      },
    ),
  );
  expect(ids(placePanel(start, 'charts', 'right', 'statistics'), 'right')).toEqual(['markers', 'charts', 'statistics']);
});

test('sizes stay within what is allowed, hiding keeps them', () => {
  expect(widenColumn(start, 'right', 90).right).toBe(50);
  expect(widenColumn(start, 'left', 3).left).toBe(15);
  const hidden = changePanel(changePanel(start, 'markers', { height: 400 }), 'markers', { shown: false });
  expect(ids(hidden, 'right')).toEqual(['statistics']);
  expect(hidden.panels[1]).toEqual({ id: 'markers', place: 'right', shown: false, height: 400 });
});
