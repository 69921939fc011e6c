// The HLS and DVR side of one stream: takes packets of the main rendition while somebody watches or pushes, keeps the window, and
// answers what playlists and segments need. Playlists are rendered from here; files lie in the archive.
import { createHash } from 'node:crypto';
import type { Subscription } from '../../core/fanout.ts';
import type { Packet, TrackInfo } from '../../core/packet.ts';
import { parseDuration, TICKS_PER_SECOND } from '../../core/time.ts';
import { concatBytes } from '../../formats/bytes.ts';
import { initSegment, soundInitSegment } from '../../formats/fmp4.ts';
import { GRID_TICKS } from '../../pipeline/grid.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { StreamTimeline } from '../../timeline/timeline.ts';
import type { Archive } from './archive.ts';
import { listed } from './listed.ts';
import { markerMessages } from './marker-messages.ts';
import { type SegmentData, Segmenter } from './segmenter.ts';
import type { WindowSegment } from './window-segment.ts';

/** Segments whose bytes and parts stay in memory: parts are listed for the last three target durations. */
const HOT_SEGMENTS = 5;
/** Segments kept where there is no DVR. */
const LIVE_SEGMENTS = 6;
/** Packets that may wait between the encoder and the segmenter. */
const QUEUE_LIMIT = 300;

/** What a recorder takes packets from: the main rendition of pictures or of sound. */
type Feed = Pick<Stream['main'], 'subscribe' | 'notBefore'>;

export class Recorder {
  readonly stream: Stream;
  /** Sound is kept beside its pictures: what goes of them goes of it. */
  companion: Recorder | null = null;
  readonly #feed: () => Feed;
  readonly #archive: Archive | null;
  readonly #markers: Pick<StreamTimeline, 'recentMarkers'> | null;
  #closed: WindowSegment[] = [];
  #open: { data: SegmentData; init: string } | null = null;
  readonly #inits = new Map<string, { track: TrackInfo; data: Uint8Array }>();
  readonly #initNames = new WeakMap<TrackInfo, string>();
  #segmenter: Segmenter;
  #subscription: Subscription<Packet> | null = null;
  #rendition: Feed | null = null;
  #subscribing = false;
  #waiters = new Set<() => void>();
  /** Whether something between two capture times (µs) must stay beyond the window (`dvr.keep`). */
  protects: (start: number, end: number) => boolean = () => false;
  #version = 0;
  #ended = false;
  #bytes = 0;

  private constructor(
    stream: Stream,
    archive: Archive | null,
    markers: Pick<StreamTimeline, 'recentMarkers'> | null,
    kind: 'video' | 'audio',
  ) {
    this.stream = stream;
    this.#feed = kind === 'audio' ? () => stream.sound.main : () => stream.main;
    this.#archive = archive;
    this.#markers = markers;
    this.#segmenter = this.#newSegmenter(0, -1);
  }

  /** `markers`: whose markers stand in the media; `null` = none do. */
  static async open(
    stream: Stream,
    archive: Archive | null,
    markers: Pick<StreamTimeline, 'recentMarkers'> | null,
    kind: 'video' | 'audio' = 'video',
  ): Promise<Recorder> {
    const recorder = new Recorder(stream, archive, markers, kind);
    if (archive) {
      const { segments, inits } = await archive.load();
      for (const [name, init] of inits) recorder.#inits.set(name, init);
      recorder.#closed = segments.map((segment) => ({ ...segment, open: false, parts: [] }));
      recorder.#bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
      const last = segments.at(-1);
      if (last) recorder.#segmenter = recorder.#newSegmenter(last.era + 1, last.sequence);
    }
    return recorder;
  }

  /** Rises with every change of the playlist. */
  get version(): number {
    return this.#version;
  }

  get recording(): boolean {
    return this.#subscription !== null;
  }

  /** No more segments will come until the stream starts again. */
  get ended(): boolean {
    return this.#ended;
  }

  get bytes(): number {
    return this.#bytes + (this.companion?.bytes ?? 0);
  }

  /** What live players can go back to. What lies before, round markers, is kept but not listed. */
  get window(): { start: number; end: number; segments: number } | null {
    const segments = listed(this.segments(), this.keptFrom);
    const [first] = segments;
    const last = segments.at(-1);
    return first && last ? { start: first.start, end: last.end, segments: this.#closed.length } : null;
  }

  /** Media time from which on nothing was removed: where the window begins. */
  get keptFrom(): number {
    const newest = this.#closed.at(-1);
    return newest ? newest.end - (parseDuration(this.stream.config.dvr.window, 'dvr.window') / 1000) * TICKS_PER_SECOND : 0;
  }

  /** Closed segments in order, then the open one if it has a part. */
  segments(): WindowSegment[] {
    const open = this.#openSegment();
    return open ? [...this.#closed, open] : this.#closed;
  }

  /** Media sequence number of the newest segment that has a part; -1 = none. */
  get newestSequence(): number {
    const open = this.#open?.data;
    return (open?.parts.length ? open.sequence : this.#closed.at(-1)?.sequence) ?? -1;
  }

  init(name: string): { track: TrackInfo; data: Uint8Array } | undefined {
    return this.#inits.get(name);
  }

  /** Track of the newest segment. */
  get track(): TrackInfo | null {
    const last = this.#open?.init ?? this.#closed.at(-1)?.init;
    return last === undefined ? null : (this.#inits.get(last)?.track ?? null);
  }

  /** Starts or stops taking packets. */
  record(wanted: boolean): void {
    if (wanted && !this.#subscription && !this.#subscribing) {
      this.#ended = false;
      // Subscribing wakes the source, whose change of state asks here again.
      this.#subscribing = true;
      const rendition = this.#feed();
      this.#rendition = rendition;
      this.#holdBack();
      this.#subscription = rendition.subscribe('hls', QUEUE_LIMIT, 'keyframe');
      this.#subscribing = false;
      void this.#consume(this.#subscription);
    } else if (!wanted && this.#subscription) {
      const subscription = this.#subscription;
      this.#subscription = null;
      subscription.close();
      this.#segmenter.finish();
      this.#changed();
    }
  }

  async #consume(subscription: Subscription<Packet>): Promise<void> {
    for (;;) {
      const packet = await subscription.queue.take();
      if (!packet) return this.#lostRendition(subscription);
      if (this.#subscription === subscription) this.#segmenter.push(packet);
    }
  }

  // The stream closed the rendition under us because its settings changed: go on with the new one.
  #lostRendition(subscription: Subscription<Packet>): void {
    if (this.#subscription !== subscription) return;
    this.record(false);
    if (!this.#ended) setImmediate(() => this.record(true));
  }

  /** Settles when the segment or part exists, something newer does, the stream ended, or `timeoutMs` have passed: `false` = time-out. */
  async waitFor(sequence: number, part: number | null, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    return await this.#wait(() => this.#ended || this.has(sequence, part), timeoutMs, signal);
  }

  /** Settles when there is anything to play: a first new part where frames are coming, else what is kept. */
  async waitForFirst(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const coming = () => this.#subscription !== null && (this.stream.state === 'live' || this.stream.state === 'starting');
    return await this.#wait(() => this.#openSegment() !== null || (this.#closed.length > 0 && !coming()), timeoutMs, signal);
  }

  /** Settles when `done` holds, asked again with every change of the window; `false` = time-out. */
  async waitForMedia(done: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    return await this.#wait(() => this.#ended || done(), timeoutMs, signal);
  }

  /** Settles when the part that a preload hint promised exists, or will never exist. */
  async waitForPart(sequence: number, index: number, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const done = () => this.#ended || this.part(sequence, index) !== null || (this.#closed.at(-1)?.sequence ?? -1) >= sequence;
    return await this.#wait(done, timeoutMs, signal);
  }

  /** Whether the segment, or the part of it, exists or something newer does. */
  has(sequence: number, part: number | null): boolean {
    // No copies here: every player asks this ten times a second.
    const open = this.#open?.data;
    const newest = open?.parts.length ? open : this.#closed.at(-1);
    if (!newest || newest.sequence !== sequence) return newest !== undefined && newest.sequence > sequence;
    if (part === null) return newest !== open;
    // Behind the last part of a closed segment comes the first part of the next one (rfc8216bis 6.2.5.2).
    return newest.parts.length > part;
  }

  async #wait(done: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (done()) return true;
    if (signal.aborted) return false;
    return await new Promise((resolve) => {
      const finish = (result: boolean) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#waiters.delete(check);
        resolve(result);
      };
      const check = () => done() && finish(true);
      const onAbort = () => finish(false);
      const timer = setTimeout(onAbort, timeoutMs);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(check);
    });
  }

  /** Bytes of a part while it is hot. */
  part(sequence: number, index: number): Uint8Array | null {
    const segment = this.#open?.data.sequence === sequence ? this.#open.data : this.#closed.find((entry) => entry.sequence === sequence);
    return segment?.parts[index]?.bytes ?? null;
  }

  /** Bytes of a closed segment from memory or disk. */
  async segment(sequence: number, start = 0, end?: number): Promise<Uint8Array | null> {
    const segment = this.#closed.find((entry) => entry.sequence === sequence);
    if (!segment) return null;
    if (segment.parts.length) {
      return concatBytes(segment.parts.map((part) => part.bytes)).subarray(start, end);
    }
    return (await this.#archive?.read(segment, start, end)) ?? null;
  }

  /** Bytes of the open segment so far. */
  openBytes(): Uint8Array | null {
    return this.#open ? concatBytes(this.#open.data.parts.map((part) => part.bytes)) : null;
  }

  /** Bytes of a segment, closed or growing, as far as they exist; `null` if it is gone. */
  async bytesOf(sequence: number): Promise<Uint8Array | null> {
    return this.#open?.data.sequence === sequence ? this.openBytes() : await this.segment(sequence);
  }

  /** Media time up to which there are bytes. */
  get playableEnd(): number | null {
    const open = this.#open?.data;
    if (open?.parts.length) return open.parts.reduce((sum, part) => sum + part.duration, open.start);
    return this.#closed.at(-1)?.end ?? null;
  }

  /** The segment that holds a frame id. */
  segmentOfId(id: number): WindowSegment | undefined {
    return this.segments().find((segment) => segment.frames.length > 0 && segment.frames[0]!.id <= id && segment.frames.at(-1)!.id >= id);
  }

  /** Media time of a frame's first showing; `undefined` if it is not in the window. */
  ptsOf(id: number): number | undefined {
    return this.segmentOfId(id)?.frames.find((row) => row.id === id && !row.repeat)?.pts;
  }

  /** Media time of the frame or repeat that is on show at a media time; `undefined` where nothing is. */
  ptsAt(pts: number): number | undefined {
    const segment = this.segments().findLast((each) => each.start <= pts);
    return segment && segment.end > pts ? segment.frames.findLast((row) => row.pts <= pts)?.pts : undefined;
  }

  /** Id of the newest frame in the window; 0 = none. */
  get newestFrame(): number {
    return (this.#open?.data.frames ?? this.#closed.at(-1)?.frames)?.at(-1)?.id ?? 0;
  }

  #newSegmenter(era: number, lastSequence: number): Segmenter {
    return new Segmenter(
      {
        onSegment: (segment) => {
          this.#open = { data: segment, init: this.#initOf(segment.track) };
        },
        onPart: (segment, part) => {
          this.#archive?.append(segment, this.#initOf(segment.track), part.bytes);
          this.#bytes += part.bytes.length;
          this.#changed();
        },
        onClosed: (segment) => this.#onClosed(segment),
        messages: (frames, end) => (this.#markers ? markerMessages(this.#markers, frames, end) : []),
      },
      era,
      lastSequence,
    );
  }

  /** An encoder that starts anew begins behind what is closed. */
  #holdBack(): void {
    if (this.#rendition) this.#rendition.notBefore = ((this.#closed.at(-1)?.sequence ?? -1) + 1) * GRID_TICKS;
  }

  #onClosed(segment: SegmentData): void {
    const init = this.#initOf(segment.track);
    this.#open = null;
    if (segment.parts.length === 0) return;
    this.#archive?.close(segment, init);
    const { sequence, era, start, end, bytes, frames, parts } = segment;
    this.#closed.push({ sequence, init, era, start, end, bytes, frames, parts, open: false });
    const cold = this.#closed.length - HOT_SEGMENTS;
    // Without an archive every segment must stay in memory, with its parts.
    if (this.#archive && cold > 0) this.#closed[cold - 1] = { ...this.#closed[cold - 1]!, parts: [] };
    this.#holdBack();
    this.trim();
    this.#changed();
  }

  #initOf(track: TrackInfo): string {
    let name = this.#initNames.get(track);
    if (name === undefined) {
      const data = track.audio ? soundInitSegment({ ...track.audio, ...track }) : initSegment(track);
      name = createHash('sha256').update(data).digest('hex').slice(0, 8);
      this.#initNames.set(track, name);
      if (!this.#inits.has(name)) {
        this.#inits.set(name, { track, data });
        this.#archive?.addInit(name, track, data);
      }
    }
    return name;
  }

  /**
   * Drops what has left the window, or more of it to free `bytes`; what round markers is to be kept goes last. Returns the bytes that it
   * freed.
   */
  trim(bytes = 0): number {
    const closed = this.#closed;
    const { maxBytes } = this.stream.config.dvr;
    const from = this.keptFrom;
    const drop = new Set<WindowSegment>();
    let freed = 0;
    const remove = (segment: WindowSegment) => {
      drop.add(segment);
      freed += segment.bytes + (this.companion?.segmentBytes(segment.sequence) ?? 0);
    };
    for (const [i, segment] of closed.entries()) {
      const outside = this.#archive ? segment.end < from : closed.length - i > LIVE_SEGMENTS;
      if (!outside || i === closed.length - 1) break;
      if (!this.#protected(segment)) remove(segment);
    }
    const tooMuch = () => freed < bytes || (maxBytes !== undefined && this.bytes - freed > maxBytes);
    // What live players need stays to the end.
    for (const candidates of [this.#unprotected(), closed.slice(0, -LIVE_SEGMENTS), closed.slice(0, -1)]) {
      for (const segment of candidates) {
        if (!tooMuch()) break;
        if (!drop.has(segment)) remove(segment);
      }
    }
    if (!drop.size) return 0;
    this.companion?.drop(new Set([...drop].map(({ sequence }) => sequence)));
    this.drop(new Set([...drop].map(({ sequence }) => sequence)));
    return freed;
  }

  /** Bytes of a closed segment; 0 = there is none. */
  segmentBytes(sequence: number): number {
    return this.#closed.find((segment) => segment.sequence === sequence)?.bytes ?? 0;
  }

  /** Removes closed segments. */
  drop(sequences: ReadonlySet<number>): void {
    const gone = this.#closed.filter(({ sequence }) => sequences.has(sequence));
    if (!gone.length) return;
    this.#closed = this.#closed.filter(({ sequence }) => !sequences.has(sequence));
    this.#bytes -= gone.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#archive?.remove(gone);
    this.#changed();
  }

  /** Media time of the oldest segment that may go when the disk is full; `null`: all that is left is protected or live. */
  get oldestUnprotected(): number | null {
    for (const segment of this.#unprotected()) return segment.start;
    return null;
  }

  /** Media time of the oldest segment. */
  get oldest(): number {
    return this.#closed[0]?.start ?? Number.POSITIVE_INFINITY;
  }

  *#unprotected(): Generator<WindowSegment> {
    const { length } = this.#closed;
    for (const [i, segment] of this.#closed.entries()) {
      if (i >= length - LIVE_SEGMENTS) return;
      if (!this.#protected(segment)) yield segment;
    }
  }

  #protected({ frames }: WindowSegment): boolean {
    return frames.length > 0 && this.protects(frames[0]!.timestamp, frames.at(-1)!.timestamp);
  }

  #openSegment(): WindowSegment | null {
    if (!this.#open?.data.parts.length) return null;
    const { data, init } = this.#open;
    return { ...data, init, open: true };
  }

  #changed(): void {
    this.#version++;
    for (const check of [...this.#waiters]) check();
  }

  /** Ends the playlist: what is open is closed and ENDLIST follows. */
  async end(): Promise<void> {
    this.#ended = true;
    this.record(false);
    this.#changed();
    await this.#archive?.flush();
  }

  async close(): Promise<void> {
    await this.end();
    await this.#archive?.shutdown();
  }

  /** Removes all media from disk. */
  async remove(): Promise<void> {
    await this.end();
    this.#archive?.clear();
    await this.#archive?.shutdown();
  }
}
