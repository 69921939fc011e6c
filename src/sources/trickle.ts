// The `trickle` source: pictures and sound of a channel of a trickle server, as an MPEG transport stream in segments. In a thread of its own,
// because decoding blocks; reading does not.
import { SluiceError } from '../core/errors.ts';
import type { Micros } from '../core/time.ts';
import { plainFailure } from '../trickle/plain-failure.ts';
import type { ChannelFigures, ChannelSubscriber } from '../trickle/segments.ts';
import { TrickleSubscriber } from '../trickle/subscriber.ts';
import type { RunSource, SourceContext } from './source.ts';
import { AvGuard } from './trickle/av-guard.ts';
import { CaptureTimes } from './trickle/capture-times.ts';
import { Pictures } from './trickle/pictures.ts';
import { ChannelReader } from './trickle/reader.ts';
import { Sounds } from './trickle/sounds.ts';
import { identityOf } from './trickle/unit-identity.ts';
import { UnitLine } from './trickle/unit-line.ts';

/** Settings of the source, as the schema gives them; `url` is absolute by then. */
export interface TrickleParams {
  readonly url: string;
  /** First segment: -2 the one being written, from its first byte; -1 the next to begin; or a number. */
  readonly start: number;
  /** Pixels, both or none: pictures are scaled to cover this size and cut at two sides. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Pictures are thinned out to it by their times. */
  readonly fps?: number | undefined;
  /** Its sound too. */
  readonly audio: boolean;
  /** A channel of this very server, whose certificate need not be checked. */
  readonly own?: boolean | undefined;
}

/** How often its details are told, ms. */
const DETAILS_MS = 1000;
/** A burst is over when nothing came for so long, or after so long at most, ms. */
const QUIET_MS = 50;
const LONGEST_BURST_MS = 600;
/** After so much work the thread looks at its messages and at what has come, ms. */
const YIELD_MS = 5;

/**
 * Gives the pictures of a channel until it ends, or until aborted. Fails with `source-failed` if there is no such channel, or its connection
 * or its decoders fail for good.
 */
export const run: RunSource<TrickleParams> = async (context) => {
  const { url, start, own } = context.params;
  const tls = own ? { tls: { rejectUnauthorized: false } } : {};
  const channel = new TrickleSubscriber(url, { start, signal: context.signal, ...tls });
  await play(context, channel);
};

/** Plays a channel, however it is connected. */
export async function play(context: SourceContext<TrickleParams>, channel: ChannelSubscriber): Promise<void> {
  await using player = new Player(context, channel);
  await player.play();
}

class Player implements AsyncDisposable {
  readonly #context: SourceContext<TrickleParams>;
  readonly #channel: ChannelSubscriber;
  readonly #line = new UnitLine();
  readonly #reader: ChannelReader;
  readonly #times = new CaptureTimes();
  readonly #guard = new AvGuard();
  readonly #pictures: Pictures;
  readonly #sounds: Sounds;
  readonly #timer: NodeJS.Timeout;
  readonly #abort = new AbortController();
  readonly #onAbort = () => {
    this.#abort.abort();
    this.#line.end();
  };
  #state: 'connecting' | 'live' | 'ended' = 'connecting';

  constructor(context: SourceContext<TrickleParams>, channel: ChannelSubscriber) {
    this.#context = context;
    this.#channel = channel;
    this.#reader = new ChannelReader(channel, this.#line, context.clock);
    this.#pictures = new Pictures(context, this.#times, this.#guard, context.params);
    this.#sounds = new Sounds(context, this.#times, this.#guard);
    context.changed((params) => {
      this.#pictures.set(params as TrickleParams);
      this.#tell();
    });
    context.signal.addEventListener('abort', this.#onAbort, { once: true });
    if (context.signal.aborted) this.#onAbort();
    this.#timer = setInterval(() => this.#tell(), DETAILS_MS);
    this.#tell();
  }

  async play(): Promise<void> {
    const { signal } = this.#context;
    const reading = this.#reader.run(this.#abort.signal);
    try {
      await this.#decode();
    } finally {
      // Whatever ended it, nothing more is read.
      this.#onAbort();
      await this.#channel.close();
    }
    const reason = await reading;
    if (signal.aborted) return;
    await this.#pictures.finish();
    this.#state = 'ended';
    this.#tell();
    if (reason === 'ended') return;
    const shown = shownUrl(this.#context.params.url);
    throw new SluiceError(
      'source-failed',
      `${shown}: ${reason === 'not-found' ? 'there is no such channel' : lossOf(this.#channel.figures)}`,
      { field: 'url', received: shown },
    );
  }

  async #decode(): Promise<void> {
    const { signal, clock } = this.#context;
    let yielded = performance.now();
    while (await this.#line.wait()) {
      if (signal.aborted) return;
      if (!this.#times.known) await this.#settle();
      const late = this.#line.skipLate(clock.now());
      if (late > 0) this.#pictures.lost(late);
      const next = this.#line.take();
      if (!next || signal.aborted) continue;
      if (this.#state === 'connecting') {
        this.#state = 'live';
        this.#tell();
      }
      const { unit, arrival } = next;
      if (unit.track.pid === this.#first('video')?.pid) {
        await this.#pictures.take(unit, arrival, this.#line.length > 0);
        this.#sounds.release();
      } else if (this.#context.params.audio && unit.track.pid === this.#first('audio')?.pid) {
        await this.#sounds.take(unit, arrival, this.#first('video') !== undefined);
      }
      if (performance.now() - yielded < YIELD_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      yielded = performance.now();
    }
  }

  #first(kind: 'video' | 'audio') {
    return this.#reader.demuxer.tracks.find((track) => track.kind === kind && track.codec !== null);
  }

  /**
   * What a late reader is given comes all at once; only its newest unit came as soon as it was there. Waits for that one, so that all of them
   * get times with the spacing of the stream.
   */
  async #settle(): Promise<void> {
    for (const { unit, arrival } of this.#line) if (unit.track.kind === 'video' && identityOf(unit, arrival)) return;
    const began = performance.now();
    let count = this.#line.length;
    let changed = began;
    while (!this.#context.signal.aborted && !this.#line.ended) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const now = performance.now();
      if (this.#line.length !== count) changed = now;
      count = this.#line.length;
      if (now - began >= LONGEST_BURST_MS) break;
      if (now - changed < QUIET_MS) continue;
      // This thread may have been held up itself: what came meanwhile is read first.
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#line.length === count) break;
    }
    const kind = this.#first('video') ? 'video' : 'audio';
    let newest: { dts: number; arrival: Micros } | null = null;
    for (const { unit, arrival } of this.#line) {
      if (unit.track.kind === kind && (!newest || unit.dts >= newest.dts)) newest = { dts: unit.dts, arrival };
    }
    if (newest) this.#times.burst(newest.dts, newest.arrival);
  }

  #tell(): void {
    const { params, clock } = this.#context;
    const { figures } = this.#channel;
    const { demuxer } = this.#reader;
    const [video, audio] = [this.#first('video'), this.#first('audio')];
    this.#context.details({
      type: 'trickle',
      url: shownUrl(params.url),
      state: this.#state,
      ...figures,
      // On the clock of everybody, µs UTC: each thread has its own zero.
      since: figures.since === null ? null : clock.now() - Math.round((performance.now() - figures.since) * 1000),
      video: video ? { codec: video.codec, ...this.#pictures.sent } : null,
      audio: audio ? { codec: audio.codec, error: this.#sounds.error } : null,
      pictures: { ...this.#pictures.counts },
      sound: { ...this.#sounds.counts },
      transport: demuxer.figures,
      queue: { units: this.#line.length, bytes: this.#line.bytes },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#context.signal.removeEventListener('abort', this.#onAbort);
    this.#pictures[Symbol.dispose]();
    this.#sounds[Symbol.dispose]();
    await this.#channel.close();
  }
}

/** An address without query and password. */
function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** Why nothing comes any more. */
function lossOf({ seq, error }: ChannelFigures): string {
  const why = error && plainFailure(error);
  return why && seq < 0 ? why : `the channel was lost${why ? `: ${why}` : ''}`;
}
