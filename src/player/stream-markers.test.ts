import { expect, test } from 'vitest';
import type { EventListeners } from '../api/client.ts';
import type { Marker } from '../api/timeline.ts';
import { PageEvents } from './page-events.ts';
import { StreamMarkers } from './stream-markers.ts';
import type { TimelineApi } from './timeline-api.ts';

test('what is kept turns out to begin earlier, by however little: the markers from there are loaded', async () => {
  const asked: number[] = [];
  const api = {
    markers: async (from: number) => {
      asked.push(from);
      return { items: [], complete: true };
    },
  } as unknown as TimelineApi;
  const markers = new StreamMarkers('cam', api, new PageEvents({ open: () => ({ send: () => true, close: () => {} }) }));
  const second = 1_000_000;
  for (const start of [100 * second, 101 * second, 99 * second, 99 * second, 120 * second]) {
    markers.keepFrom(start);
    await new Promise((resolve) => setTimeout(resolve));
  }
  expect(asked).toEqual([100 * second, 99 * second]);
  markers.close();
});

const turn = () => new Promise((resolve) => setTimeout(resolve));
const markerOf = (id: string, sequence: number): Marker => {
  const start = 1_700_000_000_000_000;
  return {
    id,
    label: id,
    kind: 'event',
    frame: 1,
    timestamp: start + sequence,
    endFrame: null,
    end: null,
    open: false,
    data: null,
    sequence,
  };
};

/** Markers of a stream that begins at 0; questions are answered when the test says so. */
async function world() {
  let listeners: EventListeners | undefined;
  const answers: ((answer: { items: Marker[]; complete: boolean }) => void)[] = [];
  const markers = new StreamMarkers(
    'cam',
    { markers: () => new Promise((resolve) => answers.push(resolve)) } as unknown as TimelineApi,
    new PageEvents({
      open: (all) => {
        listeners = all;
        return { send: () => true, close: () => {} };
      },
    }),
  );
  markers.open();
  await turn();
  listeners!.onOpen?.();
  const tell = (action: 'set' | 'remove', marker: Marker) => listeners!.onEvent({ type: 'marker', stream: 'cam', action, marker });
  /** As after a connection that was lost. */
  const flow = () => listeners!.onEvent({ type: 'pong', t: performance.now(), now: 1 });
  const answer = async (items: Marker[], complete = true) => {
    answers.shift()!({ items, complete });
    await turn();
  };
  return { markers, tell, flow, answer, ids: () => markers.list.map(({ id }) => id) };
}

test('a marker that is removed while the list is on its way does not come back with it', async () => {
  const { markers, tell, answer, ids } = await world();
  markers.keepFrom(0);
  tell('set', markerOf('a', 1));
  tell('remove', { ...markerOf('a', 1), sequence: 3 });
  // Removed and made anew: it is there.
  tell('remove', { ...markerOf('b', 2), sequence: 4 });
  await answer([markerOf('a', 1), { ...markerOf('b', 2), sequence: 5 }]);
  expect(ids()).toEqual(['b']);
  markers.close();
});

test('what was removed while events did not flow goes with the next list, though it was the newest of all; what comes meanwhile stays', async () => {
  const { markers, tell, flow, answer, ids } = await world();
  markers.keepFrom(0);
  await answer([markerOf('a', 1), markerOf('b', 2), markerOf('c', 3)]);
  flow();
  tell('set', markerOf('d', 5));
  await answer([markerOf('a', 1)]);
  expect(ids()).toEqual(['a', 'd']);
  markers.close();
});

test('a list that was cut says nothing of what lies behind its end', async () => {
  const { markers, tell, flow, answer, ids } = await world();
  markers.keepFrom(0);
  await answer([markerOf('a', 1), markerOf('b', 2)], false);
  tell('set', markerOf('z', 9));
  flow();
  await answer([markerOf('b', 2)], false);
  expect(ids()).toEqual(['b', 'z']);
  markers.close();
});
