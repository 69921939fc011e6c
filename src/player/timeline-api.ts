// The player's requests about markers, metrics and data. Without the schemas of `api/`: they would double the size of the player.
import type { Timeline } from '../api/schema.ts';
import type {
  DataInput,
  DataItem,
  DataPage,
  Marker,
  MarkerInput,
  MarkerPage,
  MarkerPatch,
  MetricAnswer,
  MetricInput,
} from '../api/timeline.ts';
import { ERRORS, type ErrorCode, SluiceError } from '../core/errors.ts';
import type { StreamAddress } from './address.ts';

const PAGE = 1000;
/** More markers than this are not loaded: the newest count. */
const MAX_PAGES = 20;

/** A span of capture time in µs. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** All methods reject with a SluiceError (the server's own, or `unavailable`), or with the reason of `signal`. */
export class TimelineApi {
  readonly #address: StreamAddress;

  constructor(address: StreamAddress) {
    this.#address = address;
  }

  /** Markers that overlap the time from `start` on, in the order of their times; not `complete` where there are more than are loaded. */
  async markers(start: number, signal: AbortSignal): Promise<{ items: Marker[]; complete: boolean }> {
    const items: Marker[] = [];
    let after: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer: MarkerPage = await this.#ask('GET', 'markers', { query: { start: Math.floor(start), limit: PAGE, after }, signal });
      items.push(...answer.items);
      after = answer.next;
      if (after === undefined) break;
    }
    return { items, complete: after === undefined };
  }

  /** Makes a marker; the same id again changes it. */
  async mark(marker: MarkerInput): Promise<Marker> {
    const answer: unknown = await this.#ask('POST', 'markers', { body: marker });
    const items = (answer as { items?: Marker[] }).items ?? answer;
    return (Array.isArray(items) ? items[0] : items) as Marker;
  }

  change(id: string, patch: MarkerPatch): Promise<Marker> {
    return this.#ask('PATCH', `markers/${encodeURIComponent(id)}`, { body: patch });
  }

  /** Raw samples of all metrics. */
  metrics({ start, end }: Span, signal: AbortSignal): Promise<MetricAnswer> {
    return this.#ask('GET', 'metrics', { query: { start: Math.floor(start), end: Math.ceil(end), step: 0 }, signal });
  }

  /** Adds values of metrics. */
  async measure(values: readonly MetricInput[]): Promise<void> {
    await this.#ask('POST', 'metrics', { body: values });
  }

  /** Adds a data record. */
  async record(record: DataInput): Promise<void> {
    await this.#ask('POST', 'data', { body: record });
  }

  /** Values of the source's params. */
  async params(): Promise<Readonly<Record<string, unknown>>> {
    const { values } = await this.#ask<{ values?: Readonly<Record<string, unknown>> }>('GET', 'params', {});
    return values ?? {};
  }

  async setParams(values: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#ask('PATCH', 'params', { body: values });
  }

  /** Data records, oldest first. */
  async data({ start, end }: Span, signal: AbortSignal): Promise<DataItem[]> {
    const items: DataItem[] = [];
    let after: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const query = { start: Math.floor(start), end: Math.ceil(end), limit: PAGE, after };
      const answer: DataPage = await this.#ask('GET', 'data', { query, signal });
      items.push(...answer.items);
      after = answer.next;
      if (after === undefined) break;
    }
    return items;
  }

  /** Spans of the kept time in which there is no picture. */
  async gaps(signal: AbortSignal): Promise<Timeline['gaps']> {
    const answer: Timeline = await request('GET', this.#address.live('timeline.json', { only: 'gaps' }), { signal });
    return answer.gaps;
  }

  /** What the viewer may do here; `null`: not told. */
  async rights(signal: AbortSignal): Promise<'view' | 'all' | null> {
    const answer: { auth?: { rights?: 'view' | 'all' } } = await request('GET', this.#address.api('system'), { signal });
    return answer.auth?.rights ?? null;
  }

  #ask<T>(method: string, what: string, options: Ask & { query?: Record<string, string | number | undefined> }): Promise<T> {
    return request(method, this.#address.api(`streams/${encodeURIComponent(this.#address.name)}/${what}`, options.query), options);
  }
}

interface Ask {
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

async function request<T>(method: string, url: string, { body, signal }: Ask): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      cache: 'no-store',
      signal: signal ?? AbortSignal.timeout(15_000),
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw new SluiceError('unavailable', `The server at ${new URL(url).host} does not answer.`, {}, cause);
  }
  if (response.ok) return (await response.json()) as T;
  const problem = (await response.json().catch(() => ({}))) as { code?: unknown; detail?: unknown };
  const code = typeof problem.code === 'string' && Object.hasOwn(ERRORS, problem.code) ? (problem.code as ErrorCode) : 'unavailable';
  const detail = typeof problem.detail === 'string' ? problem.detail : `The server answered with the status ${response.status}.`;
  throw new SluiceError(code, detail, { status: response.status });
}
