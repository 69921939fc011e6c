// What a chart shows of the time before the live samples: loaded for the present view, as fine as its pixels ask for.
import type { StreamAddress } from '../address.ts';
import { bufferOf, PAGE_ROWS, requestMetrics } from './metric-request.ts';
import type { SampleBuffer } from './sample-buffer.ts';

/** Loaded samples of one series. */
export interface PastSeries {
  /** µs of a row; 0: every sample. */
  readonly step: number;
  /** Times that were asked for. */
  readonly start: number;
  readonly end: number;
  /** With a step and numbers, a row is [min, max, mean]. */
  readonly rows: SampleBuffer;
}

export interface PastView {
  readonly names: readonly string[];
  readonly start: number;
  readonly end: number;
  readonly columns: number;
  /** Expected distance of samples in µs, where it is known. */
  readonly interval: number | null;
}

/** Moving views ask again only after this pause. */
const CALM_MS = 120;
const AGAIN_MS = 1000;
const RETRY_MS = 4000;

export class Past {
  readonly series = new Map<string, PastSeries>();
  readonly #address: StreamAddress;
  readonly #onChange: () => void;
  #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wanted: PastView | undefined;
  #loading: PastView | undefined;
  #stale = false;
  #notBefore = 0;

  constructor(address: StreamAddress, onChange: () => void) {
    this.#address = address;
    this.#onChange = onChange;
  }

  /** Makes sure that the view is loaded, or will be soon. */
  want(view: PastView): void {
    if ((this.#covers(view) && !this.#stale) || (this.#loading && contains(this.#loading, view))) return;
    this.#wanted = view;
    this.#timer ??= setTimeout(() => this.#load(), Math.max(CALM_MS, this.#notBefore - performance.now()));
  }

  /** Samples came late, into this time. */
  spoil(start: number, end: number): void {
    const loading = this.#loading ? [this.#loading] : [];
    for (const each of [...this.series.values(), ...loading]) if (start <= each.end && end >= each.start) this.#stale = true;
  }

  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  #covers(view: PastView): boolean {
    const step = (view.end - view.start) / view.columns;
    return view.names.every((name) => {
      const known = this.series.get(name);
      return known && known.start <= view.start && known.end >= view.end && known.step <= step * 2;
    });
  }

  #load(): void {
    this.#timer = undefined;
    const view = this.#wanted;
    this.#wanted = undefined;
    if (!view || document.hidden) return;
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const span = view.end - view.start;
    // Somewhat more than is seen, so that small moves ask for nothing.
    const wide = { ...view, start: view.start - span / 2, end: view.end + span / 2, columns: view.columns * 2 };
    this.#loading = wide;
    this.#stale = false;
    this.#notBefore = performance.now() + AGAIN_MS;
    this.#request(wide, signal)
      .then(() => this.#onChange())
      .catch(() => {
        if (signal.aborted) return;
        // Charts tell of a server that is away anyway; the view stays wanted, and is asked for again.
        this.#notBefore = performance.now() + RETRY_MS;
        this.#onChange();
      })
      .finally(() => {
        if (this.#loading === wide) this.#loading = undefined;
      });
  }

  async #request(view: PastView, signal: AbortSignal): Promise<void> {
    const { names, start, end, interval } = view;
    const summary = Math.max(1000, Math.round((end - start) / view.columns));
    const few = interval === null || (end - start) / interval < PAGE_ROWS;
    let answer = await requestMetrics(this.#address, { names, start, end, step: few ? 0 : summary }, signal);
    if (few && answer.series.some((each) => each.truncated)) {
      answer = await requestMetrics(this.#address, { names, start, end, step: summary }, signal);
    }
    this.series.clear();
    for (const name of names) {
      const series = answer.series.find((each) => each.name === name);
      if (!series) continue;
      const rows = bufferOf(series);
      // What was cut off is not known to be empty.
      const known = series.truncated ? Math.max(start, rows.lastTime ?? start) : end;
      this.series.set(name, { step: answer.step, start, end: known, rows });
    }
  }
}

function contains(outer: PastView, view: PastView): boolean {
  return (
    outer.start <= view.start &&
    outer.end >= view.end &&
    (outer.end - outer.start) / outer.columns <= ((view.end - view.start) / view.columns) * 2 &&
    view.names.every((name) => outer.names.includes(name))
  );
}
