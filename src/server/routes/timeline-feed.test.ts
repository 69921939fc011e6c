import { afterEach, expect, it, vi } from 'vitest';
import type { ServerEvent } from '../../api/schema.ts';
import { Emitter } from '../../core/emitter.ts';
import type { TimelineEvents } from '../../timeline/timeline.ts';
import type { RouteContext } from '../context.ts';
import { SLOW_BYTES, TimelineFeed } from './timeline-feed.ts';

afterEach(() => void vi.useRealTimers());

function scene() {
  vi.useFakeTimers();
  const events = new Emitter<TimelineEvents>(() => {});
  const timelines = { place: { epoch: 'e', sequence: 0 }, of: () => ({ events }) };
  const context = { timelines, clock: { now: () => 0 } } as unknown as RouteContext;
  const sent: ServerEvent[] = [];
  const wire = { buffered: 0, send: (event: ServerEvent) => void sent.push(event), giveUp: () => {} };
  const feed = new TimelineFeed(context, wire);
  /** As a client does that wants other things from now on. */
  const subscribe = (...types: ('marker' | 'metric')[]) => {
    feed.unfollow('cam');
    feed.subscribe(types, undefined, undefined);
    feed.follow('cam');
  };
  const metric = (timestamp: number) => events.emit('metric', { samples: [{ timestamp, frame: null, values: { a: 1 } }], skipped: null });
  const told = () => sent.splice(0).map((event) => (event.type === 'skipped' ? [event.from, event.to, event.count] : event.type));
  return { feed, wire, subscribe, metric, told };
}

it('tells a client that has read too slowly what it missed, also when it has subscribed anew meanwhile', () => {
  const { feed, wire, subscribe, metric, told } = scene();
  subscribe('metric');
  metric(10);
  expect(told()).toEqual(['metric']);
  wire.buffered = SLOW_BYTES + 1;
  metric(20);
  metric(30);
  subscribe('metric', 'marker');
  vi.advanceTimersByTime(1000);
  expect(told()).toEqual([]);
  wire.buffered = 0;
  metric(40);
  expect(told()).toEqual([[20, 30, 2], 'metric']);
  feed.close();
});

it('tells nothing of a stream, or of metrics, that the client has left', () => {
  const { feed, wire, subscribe, metric, told } = scene();
  for (const leave of [() => subscribe('marker'), () => feed.unfollow('cam')]) {
    subscribe('metric');
    wire.buffered = SLOW_BYTES + 1;
    metric(20);
    leave();
    wire.buffered = 0;
    vi.advanceTimersByTime(1000);
    expect(told()).toEqual([]);
  }
  feed.close();
});
