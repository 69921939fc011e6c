// The spans round markers that `dvr.keep` protects: what lies in them stays when the window has moved on.
import type { DvrConfig } from '../../api/schema.ts';
import type { Marker } from '../../api/timeline.ts';
import { parseDuration } from '../../core/time.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { StreamTimeline } from '../../timeline/timeline.ts';

type Markers = Pick<StreamTimeline, 'markers' | 'events'>;
type Keep = NonNullable<DvrConfig['keep']>;

const PAGE = 1000;

/** First and last protected capture time, µs. */
interface Span {
  readonly start: number;
  end: number;
}

export class KeptSpans implements Disposable {
  readonly #stream: Stream;
  readonly #markers: Markers;
  readonly #onError: (error: unknown) => void;
  readonly #off: (() => void)[];
  /** By marker id. */
  #spans = new Map<string, Span>();
  /** Sorted and joined; `null`: to be made anew. */
  #joined: Span[] | null = null;
  #keep: Keep | null = null;
  #loading: Promise<void> | null = null;
  #closed = false;

  constructor(stream: Stream, markers: Markers, onError: (error: unknown) => void) {
    this.#stream = stream;
    this.#markers = markers;
    this.#onError = onError;
    this.#off = [
      markers.events.on('marker', ({ action, marker }) => {
        this.#forget(marker.id);
        if (action === 'set') this.#add(marker);
      }),
      stream.events.on('config', () => this.#configure()),
    ];
    this.#configure();
  }

  /** Settles when the markers of earlier runs are known. */
  get loaded(): Promise<void> {
    return this.#loading ?? Promise.resolve();
  }

  /** Whether something between two capture times (µs) must stay. While the markers are being read everything must. */
  protects(start: number, end: number): boolean {
    if (!this.#keep) return false;
    if (this.#loading !== null) return true;
    this.#joined ??= join(this.#spans.values());
    // The last span that begins before the end.
    let low = 0;
    let high = this.#joined.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#joined[middle]!.start <= end) low = middle + 1;
      else high = middle;
    }
    return low > 0 && this.#joined[low - 1]!.end >= start;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const off of this.#off) off();
  }

  #configure(): void {
    const keep = this.#stream.config.dvr.keep ?? null;
    if (JSON.stringify(keep) === JSON.stringify(this.#keep)) return;
    this.#keep = keep;
    this.#spans = new Map();
    this.#joined = null;
    if (!keep) return;
    const loading = this.#load(keep)
      .catch(this.#onError)
      .finally(() => {
        if (this.#loading === loading) this.#loading = null;
      });
    this.#loading = loading;
  }

  async #load(keep: Keep): Promise<void> {
    const kinds = keep.kinds.includes('*') ? {} : { kinds: keep.kinds };
    let after: string | undefined;
    do {
      const page = await this.#markers.markers({ ...kinds, limit: PAGE, ...(after === undefined ? {} : { after }) });
      if (this.#closed || this.#keep !== keep) return;
      // One that was changed meanwhile is known better already.
      for (const marker of page.items) if (!this.#spans.has(marker.id)) this.#add(marker);
      after = page.next;
    } while (after !== undefined);
  }

  #add({ id, kind, timestamp, end, open }: Marker): void {
    const keep = this.#keep;
    if (!keep || !(keep.kinds.includes('*') || keep.kinds.includes(kind))) return;
    const last = end ?? (open ? Number.POSITIVE_INFINITY : timestamp);
    this.#spans.set(id, {
      start: timestamp - parseDuration(keep.before, 'dvr.keep.before') * 1000,
      end: last + parseDuration(keep.after, 'dvr.keep.after') * 1000,
    });
    this.#joined = null;
  }

  #forget(id: string): void {
    if (this.#spans.delete(id)) this.#joined = null;
  }
}

function join(spans: Iterable<Span>): Span[] {
  const joined: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last && span.start <= last.end) last.end = Math.max(last.end, span.end);
    else joined.push({ ...span });
  }
  return joined;
}
