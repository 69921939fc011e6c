// Where a chart has its samples from: the feed for what is live, the past for what lies before, joined series by series.
import type { StreamAddress } from '../address.ts';
import type { Span } from './chart-group.ts';
import { type FeedSeries, feedOf, leaveFeed, type MetricFeed } from './metric-feed.ts';
import { numberText } from './numbers.ts';
import { Past, type PastSeries } from './past.ts';
import { neighbourTime, type ValueAt, valueAt } from './reader.ts';

export interface ChartSourceOptions {
  readonly address: StreamAddress;
  /** `null`: all metrics of the stream. */
  readonly names: readonly string[] | null;
  /** µs that are needed live. */
  readonly window: number;
  /** There are other metrics, or they are called otherwise. */
  readonly onSeries: () => void;
  /** Samples that were not there before, other than new ones. */
  readonly onChange: () => void;
  readonly onMessage: () => void;
}

export class ChartSource {
  readonly feed: MetricFeed;
  readonly #names: readonly string[] | null;
  readonly #past: Past;
  readonly #off: (() => void)[];

  constructor(options: ChartSourceOptions) {
    this.#names = options.names;
    this.feed = feedOf(options.address);
    this.#past = new Past(options.address, options.onChange);
    this.#off = [
      this.feed.on('series', options.onSeries),
      this.feed.on('problem', options.onMessage),
      this.feed.on('late', ({ start, end }) => {
        this.#past.spoil(start, end);
        options.onChange();
      }),
    ];
    this.feed.need(this, options.names, options.window);
  }

  close(): void {
    for (const off of this.#off) off();
    this.#past.close();
    leaveFeed(this.feed, this);
  }

  /** The wanted metrics that there are: numbers, and the first vector if there are no numbers. */
  choose(): { numbers: FeedSeries[]; vector: FeedSeries | null } {
    const { series } = this.feed;
    const all = this.#names ? this.#names.map((name) => series.get(name)) : [...series.values()];
    const known = all.filter((each) => each !== undefined);
    const numbers = known.filter(({ width }) => width === 1);
    return { numbers, vector: numbers.length ? null : (known.find(({ width }) => width > 1) ?? null) };
  }

  past(series: FeedSeries): PastSeries | undefined {
    return this.#past.series.get(series.name);
  }

  valueAt(series: FeedSeries, time: number): ValueAt | null {
    return valueAt(series, this.past(series), time);
  }

  /** Time of the sample of any of these next to `time`, after (1) or before (-1) it; `null` if there is none. */
  neighbour(all: readonly FeedSeries[], time: number, direction: 1 | -1): number | null {
    let best: number | null = null;
    for (const series of all) {
      const found = neighbourTime(series, this.past(series), time, direction);
      if (found !== null && (best === null || Math.abs(found - time) < Math.abs(best - time))) best = found;
    }
    return best;
  }

  /** Asks for what lies before the live samples of these, as fine as the columns of the view. */
  want(all: readonly FeedSeries[], span: Span, columns: number): void {
    const missing = all.filter((series) => span.start < series.from);
    if (missing.length === 0) return;
    const end = Math.min(span.end, Math.max(...missing.map(({ from }) => from)));
    const intervals = missing.map(({ live }) => live.interval()).filter((interval) => interval !== null);
    this.#past.want({
      names: missing.map(({ name }) => name),
      start: span.start,
      end,
      columns: Math.max(16, Math.round((columns * (end - span.start)) / (span.end - span.start))),
      interval: intervals.length ? Math.min(...intervals) : null,
    });
  }

  /** What there is to say instead of a picture; empty when there is nothing. */
  message(): { text: string; bad: boolean } {
    const { problem, loaded, series } = this.feed;
    if (problem) return { text: problem, bad: true };
    if (!loaded) return { text: 'Loading…', bad: false };
    const missing = this.#names?.filter((name) => !series.has(name)) ?? [];
    if (missing.length && missing.length === this.#names?.length) {
      return { text: `Nothing of ${missing.map((name) => `“${name}”`).join(', ')} has come yet.`, bad: false };
    }
    return { text: series.size === 0 ? 'No metrics have come yet.' : '', bad: false };
  }

  /** A sentence about the newest values, for those who hear the page. */
  summary(all: readonly FeedSeries[]): string {
    const said = all.map((series) => {
      const value = this.valueAt(series, this.feed.edge())?.value;
      return `${series.label} ${value === undefined ? 'no value' : `${numberText(value)} ${series.unit}`}`.trim();
    });
    return said.join(', ') || this.message().text;
  }
}
