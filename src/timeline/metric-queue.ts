// Samples on their way to the store of metrics: gathered as columns for some milliseconds, then handed over without a copy. The queue has
// a limit; what finds no place is counted.
import { SluiceError } from '../core/errors.ts';
import type { DatabaseThread } from './database-thread.ts';
import type { MetricBatch, MetricCalls } from './metric-schema.ts';

/** Numbers that may wait for the disk. */
export const QUEUE_LIMIT = 500_000;
/** Names of series of one stream. */
export const MAX_NAMES = 1000;
const HAND_OVER_MS = 20;
const HAND_OVER_COUNT = 10_000;

/** A number, a gap, or a vector with gaps. */
export type MetricValue = number | null | readonly (number | null)[];

interface GrowingColumn {
  readonly name: string;
  readonly width: number;
  readonly timestamp: number[];
  readonly frame: number[];
  readonly value: number[];
  hasFrames: boolean;
}

interface Gathering {
  readonly columns: Map<string, GrowingColumn>;
  /** Samples. */
  count: number;
}

export class MetricQueue {
  readonly #thread: DatabaseThread<MetricCalls>;
  readonly #now: () => number;
  readonly #onError: (error: unknown) => void;
  /** Widths of the series that are known, by stream and name. */
  readonly #widths = new Map<string, Map<string, Set<number>>>();
  #gathering = new Map<string, Gathering>();
  #gathered = 0;
  #handedOver = 0;
  #timer: NodeJS.Timeout | undefined;
  #done: Promise<void> = Promise.resolve();

  /** @param now server UTC, µs */
  constructor(thread: DatabaseThread<MetricCalls>, now: () => number, onError: (error: unknown) => void) {
    this.#thread = thread;
    this.#now = now;
    this.#onError = onError;
  }

  /** Numbers that wait for the disk. */
  get depth(): number {
    return this.#gathered + this.#handedOver;
  }

  /** Series of an earlier run. */
  know(stream: string, series: readonly { name: string; width: number }[]): void {
    for (const { name, width } of series) this.#namesOf(stream).set(name, (this.#namesOf(stream).get(name) ?? new Set()).add(width));
  }

  #namesOf(stream: string): Map<string, Set<number>> {
    const names = this.#widths.get(stream) ?? new Map<string, Set<number>>();
    this.#widths.set(stream, names);
    return names;
  }

  /** `false`: there is no place. Throws `bad-value` for more names than a stream may have. */
  add(stream: string, timestamp: number, frame: number | null, values: Readonly<Record<string, MetricValue>>): boolean {
    let numbers = 0;
    for (const name in values) {
      const value = values[name];
      numbers += Array.isArray(value) ? value.length : 1;
    }
    if (this.depth + numbers > QUEUE_LIMIT) return false;
    const names = this.#namesOf(stream);
    const gathering = this.#gathering.get(stream) ?? { columns: new Map<string, GrowingColumn>(), count: 0 };
    this.#gathering.set(stream, gathering);
    gathering.count++;
    const { columns } = gathering;
    for (const name in values) {
      const value = values[name]!;
      const widths = names.get(name) ?? new Set<number>();
      if (!names.has(name)) {
        if (names.size >= MAX_NAMES) {
          throw new SluiceError(
            'bad-value',
            `${stream} has ${MAX_NAMES} metrics, and that is the most; ${JSON.stringify(name)} is a new one`,
            {
              field: 'values',
              received: name,
            },
          );
        }
        names.set(name, widths);
      }
      if (value !== null) widths.add(typeof value === 'number' ? 1 : Math.max(1, value.length));
      // A gap is one of every series of this name; of a name that was never heard of, it is a number's.
      const of = value === null ? (widths.size ? widths : [1]) : [typeof value === 'number' ? 1 : Math.max(1, value.length)];
      for (const width of of) put(columns, name, width, timestamp, frame, value);
    }
    this.#gathered += numbers;
    if (this.#gathered >= HAND_OVER_COUNT) this.#handOver();
    else this.#timer ??= setTimeout(() => this.#handOver(), HAND_OVER_MS).unref();
    return true;
  }

  #handOver(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const count = this.#gathered;
    if (!count) return;
    const transfer: ArrayBuffer[] = [];
    const batches: MetricBatch[] = [...this.#gathering].map(([stream, { columns, count: samples }]) => ({
      stream,
      count: samples,
      columns: [...columns.values()].map(({ name, width, hasFrames, ...column }) => {
        const timestamp = Float64Array.from(column.timestamp);
        const value = Float64Array.from(column.value);
        const frame = hasFrames ? Float64Array.from(column.frame) : null;
        transfer.push(timestamp.buffer, value.buffer, ...(frame ? [frame.buffer] : []));
        return { name, width, timestamp, frame, value };
      }),
    }));
    this.#gathering = new Map();
    this.#gathered = 0;
    this.#handedOver += count;
    const written = this.#thread
      .callWith('add', transfer, batches, this.#now())
      .catch(this.#onError)
      .finally(() => {
        this.#handedOver -= count;
      });
    this.#done = Promise.all([this.#done, written]).then(() => {});
  }

  /** Hands over what is gathered: calls that follow see it. */
  flush(): void {
    this.#handOver();
  }

  forget(stream: string): void {
    this.#widths.delete(stream);
    this.#gathering.delete(stream);
  }

  /** Settles when everything has been taken. */
  async close(): Promise<void> {
    this.#handOver();
    await this.#done;
  }
}

function put(
  columns: Map<string, GrowingColumn>,
  name: string,
  width: number,
  timestamp: number,
  frame: number | null,
  value: MetricValue,
): void {
  const key = `${width} ${name}`;
  let column = columns.get(key);
  if (!column) {
    column = { name, width, timestamp: [], frame: [], value: [], hasFrames: false };
    columns.set(key, column);
  }
  column.timestamp.push(timestamp);
  column.frame.push(frame ?? Number.NaN);
  if (frame !== null) column.hasFrames = true;
  if (typeof value === 'number') column.value.push(value);
  else for (let k = 0; k < width; k++) column.value.push(value?.[k] ?? Number.NaN);
}
