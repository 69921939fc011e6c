// The metrics that a stream has, for panels that list them. Their samples never pass through here.
import { type ReadonlySignal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { StreamAddress } from '../../src/player/address.ts';
import { feedOf, leaveFeed } from '../../src/player/chart/metric-feed.ts';
import type { PlanMetric } from './chart-plan.ts';
import { base } from './store.ts';

export interface MetricList {
  /** False until the server has said what there is. */
  readonly loaded: boolean;
  readonly problem: string | null;
  readonly metrics: readonly (PlanMetric & { readonly label: string })[];
}

/** Address of a stream for elements of the page. */
export function liveAddress(stream: string): string {
  return new URL(`live/${encodeURIComponent(stream)}`, base).href;
}

export function useMetrics(stream: string): ReadonlySignal<MetricList> {
  const list = useMemo(() => signal<MetricList>({ loaded: false, problem: null, metrics: [] }), [stream]);
  useEffect(() => {
    const feed = feedOf(new StreamAddress(liveAddress(stream), document.baseURI));
    const look = () => {
      const metrics = [...feed.series.values()].map(({ name, unit, width, label }) => ({ name, unit, width, label }));
      list.value = { loaded: feed.loaded, problem: feed.problem, metrics };
    };
    const off = [feed.on('series', look), feed.on('problem', look)];
    feed.need(list, [], 0);
    look();
    return () => {
      for (const stop of off) stop();
      leaveFeed(feed, list);
    };
  }, [stream, list]);
  return list;
}
