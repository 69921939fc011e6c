// Metrics, markers and data of one stream as texts for the data channels of its viewers, made once for all of them. Each item says at which RTP
// timestamp the picture of its moment comes.
import { type Micros, toTicks } from '../../core/time.ts';
import type { StreamTimeline } from '../../timeline/timeline.ts';

/** What a viewer may ask for, in the protocol of its data channel: separated by commas. */
export const TIMELINE_KINDS = ['metric', 'marker', 'data'] as const;
export type TimelineKind = (typeof TIMELINE_KINDS)[number];

/** Characters of a text at most, but for single items that are longer: every WebRTC implementation takes 16 KiB (RFC 8831 6.6). */
const MAX_TEXT = 12_000;

/** The kinds that a protocol names. */
export function kindsOf(protocol: string): TimelineKind[] {
  const names = protocol.split(',').map((name) => name.trim());
  return TIMELINE_KINDS.filter((kind) => names.includes(kind));
}

/** RTP timestamp of a capture time in µs: its low 32 bits in 90 kHz. */
export function rtpOf(timestamp: number): number {
  return toTicks(timestamp as Micros) % 2 ** 32;
}

/** Texts with so many of the items in each that it stays short. */
export function textsOf(head: object, name: string, items: readonly { readonly timestamp: number }[]): string[] {
  const texts: string[] = [];
  const start = `${JSON.stringify(head).slice(0, -1)},${JSON.stringify(name)}:[`;
  let parts: string[] = [];
  let length = 0;
  const flush = () => {
    if (parts.length) texts.push(`${start}${parts.join(',')}]}`);
    parts = [];
    length = 0;
  };
  for (const item of items) {
    const part = JSON.stringify({ rtp: rtpOf(item.timestamp), ...item });
    if (length + part.length > MAX_TEXT) flush();
    parts.push(part);
    length += part.length + 1;
  }
  flush();
  return texts;
}

/** Follows a timeline while somebody wants it. */
export class TimelineTexts {
  readonly #wanted = new Map<string, readonly TimelineKind[]>();
  readonly #timeline: StreamTimeline;
  readonly #send: (kind: TimelineKind, text: string) => void;
  #off: (() => void)[] = [];

  constructor(timeline: StreamTimeline, send: (kind: TimelineKind, text: string) => void) {
    this.#timeline = timeline;
    this.#send = send;
  }

  add(viewer: string, kinds: readonly TimelineKind[]): void {
    if (!kinds.length) return;
    this.#wanted.set(viewer, kinds);
    if (this.#off.length) return;
    const { events } = this.#timeline;
    this.#off = [
      events.on('metric', ({ samples, skipped }) => {
        if (!this.#wants('metric')) return;
        for (const text of textsOf({ type: 'metric' }, 'samples', samples)) this.#send('metric', text);
        if (!skipped) return;
        const reason = 'they came faster than they are sent';
        this.#send('metric', JSON.stringify({ type: 'skipped', types: ['metric'], ...skipped, reason }));
      }),
      events.on('marker', ({ action, marker }) => {
        if (this.#wants('marker')) this.#send('marker', JSON.stringify({ type: 'marker', rtp: rtpOf(marker.timestamp), action, marker }));
      }),
      events.on('data', ({ items }) => {
        if (!this.#wants('data')) return;
        for (const text of textsOf({ type: 'data' }, 'items', items)) this.#send('data', text);
      }),
    ];
  }

  /** `true`: nobody is left. */
  remove(viewer: string): boolean {
    this.#wanted.delete(viewer);
    if (this.#wanted.size) return false;
    for (const off of this.#off) off();
    this.#off = [];
    return true;
  }

  #wants(kind: TimelineKind): boolean {
    return [...this.#wanted.values()].some((kinds) => kinds.includes(kind));
  }
}
