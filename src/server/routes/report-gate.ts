// What players report about their pictures, on its way into the figures: bounded for each connection, so that nobody counts for many.
import { REPORTED_OUTPUTS, type ViewerReport } from '../../api/schema.ts';
import type { RouteContext } from '../context.ts';

/** Players report every 5 s; what comes faster than this from one of them is left out. */
const LEAST_MS = 2000;
/** Players of one page. */
const MAX_PLAYERS = 50;

export class ReportGate {
  readonly #context: Pick<RouteContext, 'meter' | 'streams'>;
  readonly #now: () => number;
  readonly #last = new Map<string, number>();

  /** @param now monotonic ms */
  constructor(context: Pick<RouteContext, 'meter' | 'streams'>, now: () => number = () => performance.now()) {
    this.#context = context;
    this.#now = now;
  }

  /** Takes a report whose values have passed the schema; of streams that do not exist and outputs that nobody watches there is nothing to say. */
  take(report: ViewerReport): void {
    const { stream, transport, seconds } = report;
    if (!this.#context.streams.registry.find(stream)) return;
    const key = `${stream} ${transport}`;
    const now = this.#now();
    const last = this.#last.get(key);
    if (last === undefined ? this.#last.size >= MAX_PLAYERS : now - last < LEAST_MS) return;
    this.#last.set(key, now);
    // Nobody tells of more time than has passed.
    const passed = last === undefined ? seconds : Math.min(seconds, (now - last) / 1000);
    this.#context.meter(REPORTED_OUTPUTS[transport], stream).report({ ...report, seconds: passed });
  }
}
