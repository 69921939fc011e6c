// The newest samples of a stream's metrics, for all charts of the page that show the stream: live over the page's one events socket, and
// whatever that did not bring (before it opened, while the page was hidden, what the server skipped) by requests.
import type { StreamInfo } from '../../api/schema.ts';
import type { MetricConfig, MetricSample, MetricSeries } from '../../api/timeline.ts';
import { Emitter } from '../../core/emitter.ts';
import type { StreamAddress } from '../address.ts';
import { eventsOf, type Missed, type PageEvents } from '../page-events.ts';
import { eachRow, PAGE_ROWS, requestMetrics } from './metric-request.ts';
import { SampleBuffer } from './sample-buffer.ts';

/** A metric of the stream. */
export interface FeedSeries {
  readonly name: string;
  /** 1: numbers; more: vectors of that length. */
  readonly width: number;
  readonly unit: string;
  readonly label: string;
  readonly config: MetricConfig;
  readonly live: SampleBuffer;
  /** Since this time (µs) `live` has every sample. */
  from: number;
}

export interface FeedEvents {
  /** A metric is new, or is called otherwise than before. */
  series: undefined;
  /** Samples came that lie before `from` of their series: what was loaded of that time is no longer true. */
  late: { readonly start: number; readonly end: number };
  /** A sentence, or null when all is well again. */
  problem: string | null;
}

const MOST_ROWS = 200_000;
const MOST_NUMBERS = 4_000_000;
/** Requests for one hole at most; what is still missing then is drawn from summaries. */
const MOST_PAGES = 4;
const RETRY_MS = 4000;
/** A metric that is new has so much of its past asked for, when it is clear whether others are new with it. */
const SETTLE_MS = 1500;
const SPARE_US = 2_000_000;
/** A time before all samples that still counts as µs. */
const EARLIEST = 1e15;
const SILENT_US = 2_000_000;

export class MetricFeed extends Emitter<FeedEvents> {
  /** Rises with every sample. */
  version = 0;
  problem: string | null = null;
  /** The first answer about what metrics there are has come. */
  loaded = false;
  readonly series = new Map<string, FeedSeries>();
  readonly address: StreamAddress;
  readonly #events: PageEvents;
  readonly #off: (() => void)[] = [];
  readonly #abort = new AbortController();
  /** What each chart needs: names (`null`: all) and how far back, µs. */
  readonly #needs = new Map<object, { names: ReadonlySet<string> | null; window: number }>();
  #configs: Readonly<Record<string, MetricConfig>> = {};
  #newest = 0;
  #info: StreamInfo | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = 0;

  constructor(address: StreamAddress) {
    super();
    this.address = address;
    this.#events = eventsOf(address.server, address.token);
    this.#off.push(
      this.#events.subscribe({ types: ['metric'], streams: [address.name], onMissed: (missed) => this.#onMissed(missed) }, ({ samples }) =>
        this.#take(samples),
      ),
      this.#events.subscribe({ types: ['state'], streams: [address.name] }, ({ info }) => this.#onInfo(info)),
      this.#events.on('link', ({ state }) => {
        if (state === 'away') this.#setProblem('The connection to the server is lost. Trying again.');
        else if (state === 'open') this.#setProblem(null);
      }),
    );
  }

  /** The server's time now in µs, as far as it is known; never before the newest sample. */
  now(): number {
    return Math.max(this.#events.clock.now() ?? Date.now() * 1000, this.#newest);
  }

  /** Right edge of a live chart: now; where nothing comes any more, the end of what there is. */
  edge(): number {
    const now = this.now();
    const state = this.#info?.state;
    if (state === 'live' || state === 'starting' || now - this.#newest < SILENT_US) return now;
    return Math.max(this.#newest, this.#info?.lastFrame?.timestamp ?? 0) || now;
  }

  /** A chart says what it needs; what is missing is loaded. */
  need(chart: object, names: readonly string[] | null, window: number): void {
    // Nothing was kept of metrics that nobody wanted: what they have begins now.
    for (const series of this.series.values()) if (!this.#wants(series.name)) series.from = this.now();
    this.#needs.set(chart, { names: names && new Set(names), window });
    this.#fillSoon(0);
  }

  /** The chart has gone; true when it was the last one. */
  leave(chart: object): boolean {
    this.#needs.delete(chart);
    return this.#needs.size === 0;
  }

  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
    for (const off of this.#off) off();
  }

  #wants(name: string): boolean {
    for (const { names } of this.#needs.values()) if (!names || names.has(name)) return true;
    return false;
  }

  /** Before this time nothing is held. */
  #horizon(): number {
    let window = 0;
    for (const need of this.#needs.values()) if (need.window > window) window = need.window;
    return this.now() - window * 1.2 - SPARE_US;
  }

  #onInfo(info: StreamInfo | null): void {
    this.#info = info;
    if (!info) return this.#setProblem(`There is no stream “${this.address.name}”.`);
    const text = JSON.stringify(info.config.metrics ?? {});
    if (text === JSON.stringify(this.#configs)) return;
    this.#configs = JSON.parse(text) as Record<string, MetricConfig>;
    for (const [name, series] of this.series) this.series.set(name, { ...series, ...this.#words(name, series.unit, series.label) });
    this.emit('series', undefined);
  }

  #words(name: string, unit: string, label: string): Pick<FeedSeries, 'unit' | 'label' | 'config'> {
    const config = this.#configs[name] ?? {};
    return { config, unit: config.unit ?? unit, label: config.label ?? label };
  }

  #onMissed({ from, to }: Missed): void {
    if (from === null || to === null) this.#fillSoon(0);
    else void this.#work(() => this.#fillSpan(from, to));
  }

  #take(samples: readonly MetricSample[]): void {
    let lateStart = Number.POSITIVE_INFINITY;
    let lateEnd = 0;
    for (const { timestamp, values } of samples) {
      if (timestamp > this.#newest) this.#newest = timestamp;
      for (const name in values) {
        const value = values[name];
        if (value === undefined) continue;
        const series = this.#of(name, value);
        if (!this.#wants(name)) continue;
        if (timestamp >= series.from) series.live.add(timestamp, value);
        else {
          lateStart = Math.min(lateStart, timestamp);
          lateEnd = Math.max(lateEnd, timestamp);
        }
      }
    }
    this.version++;
    if (lateEnd) this.emit('late', { start: lateStart, end: lateEnd });
    const horizon = this.#horizon();
    for (const series of this.series.values()) this.#forget(series, horizon);
  }

  #forget(series: FeedSeries, horizon: number): void {
    const oldest = series.live.firstTime;
    // A full buffer has dropped its oldest rows by itself.
    if (oldest !== null && series.live.length >= mostRows(series.width)) series.from = Math.max(series.from, oldest);
    if (horizon <= series.from) return;
    series.from = horizon;
    series.live.dropBefore(horizon);
  }

  /** The series of a name; a new one if there is none, or one of another shape. */
  #of(name: string, value: number | null | readonly (number | null)[]): FeedSeries {
    const known = this.series.get(name);
    const width = typeof value === 'number' ? 1 : value === null ? (known?.width ?? 1) : Math.max(1, value.length);
    return known?.width === width ? known : this.#make(name, width, '', name);
  }

  #make(name: string, width: number, unit: string, label: string): FeedSeries {
    const from = this.now() - SETTLE_MS * 1000;
    const series: FeedSeries = { name, width, ...this.#words(name, unit, label), live: new SampleBuffer(width, mostRows(width)), from };
    this.series.set(name, series);
    this.emit('series', undefined);
    // What this metric had before is not known yet.
    this.#fillSoon(SETTLE_MS);
    return series;
  }

  /** Asks for everything that the charts need. */
  #fillSoon(delayMs: number): void {
    const due = performance.now() + delayMs;
    if (this.#timer !== undefined && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#work(() => this.#fillAll());
    }, delayMs);
  }

  async #work(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if (this.#events.link.state !== 'away') this.#setProblem(null);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#setProblem(
        error instanceof TypeError ? 'The server cannot be reached.' : error instanceof Error ? error.message : String(error),
      );
      this.#fillSoon(RETRY_MS);
    }
  }

  async #fillAll(): Promise<void> {
    // First what there is: numbers are asked for together, each vector by itself.
    const start = this.#horizon();
    const end = Math.max(this.now(), Date.now() * 1000) + SPARE_US;
    const { series } = await requestMetrics(this.address, { start: EARLIEST, end, step: 0, limit: 1 }, this.#abort.signal);
    for (const each of series) {
      const known = this.series.get(each.name);
      if (known?.width !== each.width) this.#make(each.name, each.width, each.unit ?? '', each.label ?? each.name);
    }
    this.loaded = true;
    this.emit('series', undefined);
    await this.#fillSpan(start, end);
  }

  async #fillSpan(start: number, end: number): Promise<void> {
    const wanted = [...this.series.values()].filter(({ name }) => this.#wants(name));
    const numbers = wanted.filter(({ width }) => width === 1).map(({ name }) => name);
    const vectors = wanted.filter(({ width }) => width > 1);
    if (numbers.length) await this.#fillPages(numbers, start, end, PAGE_ROWS);
    for (const { name, width } of vectors)
      await this.#fillPages([name], start, end, Math.min(PAGE_ROWS, Math.max(100, Math.floor(1_000_000 / width))));
    this.version++;
  }

  /** Loads every sample of a span, page by page as far as that is sensible. */
  async #fillPages(names: readonly string[], start: number, end: number, limit: number): Promise<void> {
    let wanted = names;
    let from = start;
    for (let page = 1; wanted.length; page++) {
      const answer = await requestMetrics(this.address, { names: wanted, start: from, end, step: 0, limit }, this.#abort.signal);
      const more: string[] = [];
      let next = end;
      for (const each of answer.series) {
        const last = this.#fill(each);
        if (each.truncated && last !== null) {
          more.push(each.name);
          next = Math.min(next, last);
        } else this.#reach(each.name, start, end);
      }
      // Too much to take in whole: charts draw summaries of what lies before now.
      if (page >= MOST_PAGES || next <= from) {
        for (const name of more) this.#giveUp(name, end);
        return;
      }
      wanted = more;
      from = next;
    }
  }

  /** Takes the rows of an answer in; gives the time of the last one. */
  #fill(answer: MetricSeries): number | null {
    const series = this.series.get(answer.name);
    if (!series || series.width !== answer.width || !answer.value) return null;
    let last: number | null = null;
    eachRow(answer, (time, at) => {
      series.live.add(time, answer.value![at] ?? null);
      if (time > this.#newest) this.#newest = time;
      last = time;
    });
    return last;
  }

  /** Everything from `start` to `end` is held. */
  #reach(name: string, start: number, end: number): void {
    const series = this.series.get(name);
    if (series && end >= series.from) series.from = Math.min(series.from, start);
  }

  #giveUp(name: string, end: number): void {
    const series = this.series.get(name);
    if (!series) return;
    series.from = Math.max(series.from, Math.min(end, this.now()) - SETTLE_MS * 1000);
    series.live.dropBefore(series.from);
  }

  #setProblem(problem: string | null): void {
    if (problem === this.problem) return;
    this.problem = problem;
    this.emit('problem', problem);
  }
}

function mostRows(width: number): number {
  return Math.max(2, Math.min(MOST_ROWS, Math.floor(MOST_NUMBERS / width)));
}

const feeds = new Map<string, MetricFeed>();

/** The feed of a stream, shared by all charts of the page; `leaveFeed` gives it back. */
export function feedOf(address: StreamAddress): MetricFeed {
  const key = address.live('');
  const feed = feeds.get(key) ?? new MetricFeed(address);
  feeds.set(key, feed);
  return feed;
}

export function leaveFeed(feed: MetricFeed, chart: object): void {
  if (!feed.leave(chart)) return;
  feeds.delete(feed.address.live(''));
  feed.close();
}
