import { expect, test } from 'vitest';
import { PageEvents } from './page-events.ts';
import { StreamMarkers } from './stream-markers.ts';
import type { TimelineApi } from './timeline-api.ts';

test('what is kept turns out to begin earlier, by however little: the markers from there are loaded', async () => {
  const asked: number[] = [];
  const api = {
    markers: async (from: number) => {
      asked.push(from);
      return [];
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
