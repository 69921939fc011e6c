// Changes of params as notes on the timeline. Who drags a control makes one note, a span that grows, and not twenty a second.
import type { MarkerInput } from '../../api/timeline.ts';
import { maskedValue } from './secrets.ts';

export interface ParamChange {
  readonly address: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** Changes that come sooner after one another belong together, ms. */
const TOGETHER_MS = 2000;
/** A note that grows is written at most this often, ms. */
const WRITE_MS = 500;
/** Longest text of a note and of one value in it. */
const LABEL = 300;
const VALUE = 40;

export class ParamNotes {
  readonly #write: (marker: MarkerInput) => void;
  #changes = new Map<string, ParamChange>();
  #why = '';
  #first = 0;
  #last = 0;
  #at = Number.NEGATIVE_INFINITY;
  #written = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (marker: MarkerInput) => void) {
    this.#write = write;
  }

  /** `frame`: first one for which they hold. */
  add(changes: readonly ParamChange[], frame: number, why: string): void {
    const now = performance.now();
    if (now - this.#at > TOGETHER_MS || why !== this.#why) {
      this.flush();
      this.#changes = new Map();
      this.#why = why;
      this.#first = frame;
      this.#written = Number.NEGATIVE_INFINITY;
    }
    this.#at = now;
    this.#last = Math.max(frame, this.#first);
    for (const change of changes) {
      const { address } = change;
      this.#changes.set(address, { ...change, from: (this.#changes.get(address) ?? change).from });
    }
    if (this.#timer) return;
    const wait = this.#written + WRITE_MS - now;
    if (wait <= 0) this.#send();
    else this.#timer = setTimeout(() => this.#send(), wait).unref();
  }

  /** Writes what waits. */
  flush(): void {
    if (this.#timer) this.#send();
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#written = performance.now();
    const changes = [...this.#changes.values()];
    const text = changes.map(({ address, from, to }) => `${address} ${valueText(address, from)} → ${valueText(address, to)}`).join(', ');
    const label = this.#why ? `${this.#why}: ${text}` : text;
    this.#write({
      id: `params-${this.#first}`,
      kind: 'params',
      label: label.length > LABEL ? `${label.slice(0, LABEL - 3)}...` : label,
      frame: this.#first,
      ...(this.#last > this.#first ? { endFrame: this.#last } : {}),
      data: { params: Object.fromEntries(changes.map(({ address, to }) => [address, json(address, to) ?? null])) },
    });
  }
}

function json(address: string, value: unknown): MarkerInput['data'] {
  return value === undefined ? null : (maskedValue(address, value) as MarkerInput['data']);
}

function valueText(address: string, value: unknown): string {
  const shown = maskedValue(address, value);
  const text = shown === undefined || shown === null ? 'unset' : typeof shown === 'string' ? shown : JSON.stringify(shown);
  return text.length > VALUE ? `${text.slice(0, VALUE - 3)}...` : text || 'empty';
}
