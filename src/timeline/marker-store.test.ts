import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Marker } from '../api/timeline.ts';
import { Database } from '../native/sqlite.ts';
import type { Bound, MarkerWish } from './marker-schema.ts';
import { MarkerStore } from './marker-store.ts';

const T0 = 1_795_000_000_000_000;
const NONE: Bound = { given: 'none', frame: null, timestamp: null, pending: null };
const at = (second: number): Bound => ({ given: 'timestamp', frame: second + 1, timestamp: T0 + second * 1_000_000, pending: null });
const wish = (id: string, start: number, more: Partial<MarkerWish> = {}): MarkerWish => ({
  id,
  label: id,
  kind: 'event',
  start: at(start),
  end: NONE,
  open: false,
  data: null,
  field: '',
  ...more,
});

let store: MarkerStore;
beforeEach(() => {
  store = new MarkerStore(new Database(':memory:'));
});
const set = (...wishes: MarkerWish[]) => store.setMarkers('cam', wishes, T0, '');

describe('MarkerStore', () => {
  it('answers as a plain list would: spans, kinds, pages, both orders', () => {
    const entry = fc.record({
      id: fc.integer({ min: 0, max: 30 }).map(String),
      start: fc.integer({ min: 0, max: 50 }),
      length: fc.option(fc.integer({ min: 0, max: 30 }), { nil: null }),
      open: fc.boolean(),
      kind: fc.constantFrom('a', 'b', 'c'),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 60 }),
        fc.option(fc.integer({ min: 0, max: 55 }), { nil: null }),
        fc.option(fc.integer({ min: 0, max: 55 }), { nil: null }),
        fc.option(fc.subarray(['a', 'b', 'c'], { minLength: 1 }), { nil: null }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (entries, from, to, kinds, limit, newestFirst) => {
          const own = new MarkerStore(new Database(':memory:'));
          const model = new Map<string, Marker>();
          for (const { id, start, length, open, kind, remove } of entries) {
            if (remove && model.delete(id)) own.removeMarker('cam', id);
            const end = length === null || open ? NONE : at(start + length);
            const [result] = own.setMarkers('cam', [wish(id, start, { kind, end, open })], T0, '');
            model.set(id, result!.marker);
          }
          const start = from === null ? 0 : T0 + from * 1_000_000;
          const end = to === null ? Number.MAX_SAFE_INTEGER : T0 + to * 1_000_000;
          const last = (marker: Marker) => marker.end ?? (marker.open ? Number.POSITIVE_INFINITY : marker.timestamp);
          const wanted = [...model.values()]
            .filter((marker) => marker.timestamp <= end && last(marker) >= start && (!kinds || kinds.includes(marker.kind)))
            .sort((a, b) => a.timestamp - b.timestamp || (a.id < b.id ? -1 : 1));
          if (newestFirst) wanted.reverse();
          const found: Marker[] = [];
          for (let after: string | undefined; ; ) {
            const page = own.markers('cam', {
              start,
              end,
              limit,
              newestFirst,
              ...(kinds ? { kinds } : {}),
              ...(after === undefined ? {} : { after }),
            });
            expect(page.items.length).toBeLessThanOrEqual(limit);
            found.push(...page.items);
            if (page.next === undefined) break;
            after = page.next;
          }
          expect(found).toEqual(wanted);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('the same words again change nothing, whatever the words are', () => {
    const bound = fc.oneof(
      fc.constant(NONE),
      fc.integer({ min: 0, max: 9 }).map(at),
      fc.integer({ min: 0, max: 9 }).map((second): Bound => ({ ...at(second), given: 'frame' })),
    );
    fc.assert(
      fc.property(
        fc.array(fc.record({ label: fc.string(), start: bound, end: bound, data: fc.option(fc.json()) }), { minLength: 1 }),
        (words) => {
          const own = new MarkerStore(new Database(':memory:'));
          for (const { label, start, end, data } of words) {
            // What nobody named is the newest frame: another one each time.
            const newest: Bound = { given: 'none', frame: 77, timestamp: T0, pending: null };
            const first = start.given === 'none' ? newest : start;
            const one = wish('x', 0, { label, start: first, end, data });
            if (end.timestamp !== null && end.timestamp < (own.markers('cam', {}).items[0]?.timestamp ?? T0)) continue;
            if (end.timestamp !== null && end.timestamp < first.timestamp!) continue;
            const [before] = own.setMarkers('cam', [one], T0, '');
            const later = start.given === 'none' ? { ...one, start: { ...newest, frame: 99, timestamp: T0 + 5 } } : one;
            const [again] = own.setMarkers('cam', [later], T0 + 1, '');
            expect(again!.changed).toBe(false);
            expect(again!.marker).toEqual(before!.marker);
          }
          expect(own.markers('cam', {}).items.length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('an id of a frame that is no longer known is the same marker still, and refused for a new one', () => {
    set(wish('a', 3, { start: { given: 'frame', frame: 4, timestamp: T0 + 3_000_000, pending: null } }));
    const gone: Bound = { given: 'frame', frame: 4, timestamp: null, pending: null };
    expect(set(wish('a', 0, { start: gone }))[0]!.changed).toBe(false);
    expect(() => set(wish('b', 0, { start: gone, field: '[2].' }))).toThrow(expect.objectContaining({ code: 'unknown-frame' }));
  });

  it('refuses an end before the start, and an open span with an end', () => {
    expect(() => set(wish('a', 5, { end: at(4) }))).toThrow(
      expect.objectContaining({ code: 'bad-value', details: { field: 'end', received: T0 + 4e6 } }),
    );
    expect(() => set(wish('a', 5, { end: at(6), open: true }))).toThrow(expect.objectContaining({ code: 'bad-value' }));
    set(wish('a', 5, { open: true }));
    expect(store.changeMarker('cam', 'a', { end: at(9) }, '')!.marker).toMatchObject({ open: false, end: T0 + 9e6 });
    expect(store.changeMarker('cam', 'a', { open: true }, '')!.marker).toMatchObject({ open: true, end: null });
    expect(() => store.changeMarker('cam', 'nobody', {}, '')).toThrow(expect.objectContaining({ code: 'unknown-marker' }));
  });

  it('tells what has changed since, once each and in order, and from where on it cannot', () => {
    const all = { types: ['marker', 'data'], limit: 100 };
    set(wish('a', 1), wish('b', 2));
    const seen = store.identity().sequence;
    store.addData('cam', [{ timestamp: T0, frame: null, record: '{"n":1}' }], T0);
    set(wish('a', 1, { label: 'new' }));
    set(wish('a', 1, { label: 'newer' }));
    store.removeMarker('cam', 'b');
    store.setMarkers('other', [wish('c', 1)], T0, '');
    const told = (filter = {}) =>
      store
        .changes(seen, { ...all, ...filter })
        .events.map((event) => (event.type === 'data' ? 'data' : `${event.action} ${event.marker.id}`));
    expect(told()).toEqual(['data', 'set a', 'remove b', 'set c']);
    expect(told({ streams: ['other'] })).toEqual(['set c']);
    expect(told({ types: ['data'] })).toEqual(['data']);
    expect(store.changes(seen, all).floor).toBe(0);
    const { sequence } = store.marker('cam', 'a');
    expect(store.forget('cam', [{ start: 0, end: T0 + 60e6 }], T0 + 1, 100)).toBe(2);
    expect(store.changes(seen, all).floor).toBe(sequence);
  });

  it('goes on counting where it was, and undoes what did not reach the disk', () => {
    const db = new Database(':memory:');
    const first = new MarkerStore(db);
    first.setMarkers('cam', [wish('a', 1)], T0, '');
    first.save();
    first.removeMarker('cam', 'a');
    first.save();
    const second = new MarkerStore(db);
    expect(second.identity()).toEqual(first.identity());
    second.setMarkers('cam', [wish('b', 1)], T0, '');
    second.reload();
    expect(second.identity()).toEqual(first.identity());
  });
});
