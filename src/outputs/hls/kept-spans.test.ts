import { expect, it } from 'vitest';
import { Marker } from '../../api/timeline.ts';
import { Emitter } from '../../core/emitter.ts';
import type { Stream, StreamEvents } from '../../pipeline/stream.ts';
import type { TimelineEvents } from '../../timeline/timeline.ts';
import { KeptSpans } from './kept-spans.ts';

const AT = 1_763_640_000_000_000;
const S = 1_000_000;

function markerAt(id: string, seconds: number, more: Partial<Marker> = {}): Marker {
  return Marker.parse({
    id,
    label: id,
    kind: 'event',
    frame: null,
    timestamp: AT + seconds * S,
    endFrame: null,
    end: null,
    open: false,
    data: null,
    sequence: 1,
    ...more,
  });
}

/** A timeline with so many markers, in pages, and a stream whose configuration can change. */
function open(markers: Marker[], keep: object | undefined) {
  const timeline = new Emitter<TimelineEvents>();
  const asked: object[] = [];
  const stream = { config: { dvr: { keep } }, events: new Emitter<StreamEvents>() };
  const spans = new KeptSpans(
    stream as unknown as Stream,
    {
      events: timeline,
      markers: async (query) => {
        asked.push(query);
        const from = Number(query.after ?? 0);
        const items = markers.filter(({ kind }) => !query.kinds || query.kinds.includes(kind)).slice(from, from + 2);
        return { items, ...(from + 2 < markers.length ? { next: String(from + 2) } : {}) };
      },
    },
    (error) => expect.unreachable(String(error)),
  );
  const holds = (from: number, to = from) => spans.protects(AT + from * S, AT + to * S);
  return { spans, timeline, stream, holds, asked };
}

const KEEP = { kinds: ['event'], before: '10s', after: '5s' };

it('protects the surroundings of markers of earlier runs, however many pages they take', async () => {
  const markers = [
    markerAt('a', 100),
    markerAt('b', 108),
    markerAt('c', 200),
    markerAt('d', 300, { end: AT + 310 * S }),
    markerAt('e', 400, { open: true }),
  ];
  const { spans, holds } = open(markers, KEEP);
  // Not known yet: nothing may go.
  expect(holds(5)).toBe(true);
  await spans.loaded;
  expect([89, 90, 113, 114, 189, 190, 205, 206, 290, 315, 316, 389, 390, 99_999].map((at) => holds(at))).toEqual([
    ...[false, true, true, false, false, true, true, false, true, true, false, false, true, true],
  ]);
  expect(holds(80, 95)).toBe(true);
  expect(holds(114, 189)).toBe(false);
});

it('follows markers as they are made, changed and removed', async () => {
  const { spans, timeline, holds } = open([], KEEP);
  await spans.loaded;
  timeline.emit('marker', { action: 'set', marker: markerAt('a', 100) });
  timeline.emit('marker', { action: 'set', marker: markerAt('x', 100, { kind: 'other' }) });
  expect(holds(100)).toBe(true);
  timeline.emit('marker', { action: 'set', marker: markerAt('a', 500) });
  expect([holds(100), holds(500)]).toEqual([false, true]);
  timeline.emit('marker', { action: 'remove', marker: markerAt('a', 500) });
  expect(holds(500)).toBe(false);
});

it('follows the configuration; * means all kinds', async () => {
  const { spans, stream, holds, asked } = open([markerAt('a', 100, { kind: 'door' })], undefined);
  await spans.loaded;
  expect(holds(100)).toBe(false);
  stream.config.dvr.keep = { kinds: ['*'], before: '1s', after: '1s' };
  stream.events.emit('config', { config: stream.config as never });
  await spans.loaded;
  expect(asked[0]).not.toHaveProperty('kinds');
  expect([holds(100), holds(102)]).toEqual([true, false]);
});
