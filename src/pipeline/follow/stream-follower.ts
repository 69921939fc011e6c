// Source `stream`: the pictures and the sound of another stream of this server. It is kept awake only while this one is wanted.
import type { AudioFrame } from '../../core/audio.ts';
import type { SharedClock } from '../../core/clock.ts';
import type { Subscription } from '../../core/fanout.ts';
import type { FrameInfo, PixelFormat } from '../../core/frame.ts';
import type { IdCounter } from '../../core/ids.ts';
import type { Queueable } from '../../core/queue.ts';
import type { SoundBlock } from '../../sources/source.ts';
import type { FrameHub, ReaderSeat } from '../frame-hub.ts';
import type { Job, MediaPool } from '../media-pool.ts';
import type { SourceEvent } from '../messages.ts';

const RETRY_MS = 1000;
/** Ids that are reserved beyond that of the frame at hand: fewer than the other stream itself reserves ahead. */
const AHEAD = 1000;
/** Blocks of sound that may wait, two seconds of 20 ms. */
const SOUND_LIMIT = 100;
/** Frames whose metadata may come before their copy. */
const METADATA = 64;

type Metadata = Readonly<Record<string, unknown>> | null;

/** Blocks of sound, behind a queue of at most `limit`. */
interface FollowedSound {
  subscribe(name: string, limit: number): Subscription<AudioFrame & Queueable>;
}

/** A stream as its followers see it. */
export interface Followed {
  readonly name: string;
  readonly hub: FrameHub;
  readonly captured: FrameHub;
  readonly sound: { readonly hub: FollowedSound; readonly captured: FollowedSound };
  readonly state: string;
  readonly reason: string | null;
  /** The stream that it follows itself. */
  readonly follows: string | null;
  readonly events: {
    on(type: 'frame' | 'captured', listener: (event: { info: FrameInfo; metadata: Metadata }) => void): () => void;
    on(type: 'state', listener: (event: { state: string; reason: string | null }) => void): () => void;
    on(type: 'rings', listener: () => void): () => void;
  };
  demand(): Disposable;
}

export interface FollowHost {
  readonly name: string;
  /** Name of the other stream. */
  readonly stream: string;
  /** Its frames as they were captured, before any processor. */
  readonly unprocessed: boolean;
  find(name: string): Followed | undefined;
  /** Told when streams come and go. */
  onStreams(listener: () => void): () => void;
  readonly hub: FrameHub;
  readonly ids: IdCounter;
  /** Reserves ids up to one. */
  reserveTo(id: number, ahead: number): void;
  readonly pool: MediaPool;
  readonly clock: SharedClock;
  readonly lastTimestamp: () => number;
  readonly onFrame: (info: FrameInfo, stepped: boolean, metadata: Metadata) => void;
  readonly onSound: (block: SoundBlock) => void;
  readonly onState: (state: 'asleep' | 'starting' | 'failed', reason: string | null) => void;
}

export class StreamFollower {
  readonly #host: FollowHost;
  readonly #metadata = new Map<number, Metadata>();
  #wanted = false;
  #job: Job | null = null;
  #seat: ReaderSeat | null = null;
  #held: (() => void)[] = [];
  #other: Followed | null = null;
  #hub: FrameHub | null = null;
  #retry: NodeJS.Timeout | undefined;
  #offStreams: (() => void) | null = null;

  constructor(host: FollowHost) {
    this.#host = host;
  }

  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    clearTimeout(this.#retry);
    if (wanted) {
      this.#offStreams = this.#host.onStreams(() => this.#look());
      this.#look();
      return;
    }
    this.#offStreams?.();
    this.#offStreams = null;
    this.#leave();
    if (!this.#job) this.#host.onState('asleep', null);
  }

  /** Its frames go into another hub from now on. */
  moved(): void {
    const ring = this.#host.hub.ring?.memory;
    this.#job?.send(ring ? { type: 'ring', ring } : { type: 'move' });
  }

  async close(): Promise<void> {
    this.want(false);
    await this.#job?.stop();
  }

  /** The other stream may have come, gone, or put its frames elsewhere. */
  #look(): void {
    if (!this.#wanted) return;
    const { stream, unprocessed, onState } = this.#host;
    const other = this.#host.find(stream) ?? null;
    const hub = other && (unprocessed ? other.captured : other.hub);
    if (other && other === this.#other && hub === this.#hub) return;
    this.#leave();
    if (!other || !hub) return onState('starting', `it waits for the stream ${stream}, which there is not`);
    if (this.#circular(other)) return onState('failed', `${stream} gets its pictures from ${this.#host.name} itself`);
    // The job before this one has to end first: it gives back its seat by itself.
    if (this.#job) return;
    this.#follow(other, hub);
  }

  #circular(other: Followed): boolean {
    let at: Followed | undefined = other;
    for (let steps = 0; at && steps < 100; steps++) {
      if (at.name === this.#host.name) return true;
      at = at.follows === null ? undefined : this.#host.find(at.follows);
    }
    return at !== undefined;
  }

  #follow(other: Followed, hub: FrameHub): void {
    const { unprocessed, ids, pool, clock, onState } = this.#host;
    const demand = other.demand();
    let job: Job | undefined;
    const seat = hub.seat(2, other.state === 'live', (ring) => job?.send({ type: 'from-ring', ring }));
    job = pool.run<SourceEvent>(
      {
        kind: 'follow',
        clock: clock.state,
        ids: ids.memory,
        reader: seat.number,
        from: seat.ring,
        ring: this.#host.hub.ring?.memory ?? null,
        last: this.#host.lastTimestamp(),
      },
      (event) => this.#on(event),
    );
    this.#other = other;
    this.#hub = hub;
    this.#job = job;
    this.#seat = seat;
    this.#held = [
      () => demand[Symbol.dispose](),
      this.#hear(unprocessed ? other.sound.captured : other.sound.hub),
      other.events.on(unprocessed ? 'captured' : 'frame', ({ info, metadata }) => this.#remember(info.id, metadata)),
      other.events.on('state', ({ state, reason }) => this.#told(state, reason)),
      other.events.on('rings', () => this.#look()),
    ];
    onState('starting', null);
    this.#told(other.state, other.reason);
    void job.ended.then((error) => {
      this.#job = null;
      seat[Symbol.dispose]();
      if (this.#seat === seat) this.#leave();
      if (!this.#wanted) return onState('asleep', null);
      if (!error) return this.#look();
      onState('failed', error.message);
      this.#retry = setTimeout(() => this.#look(), RETRY_MS).unref();
    });
  }

  /** Takes the other one's blocks, with their times and ids of their own. */
  #hear(from: FollowedSound): () => void {
    const { queue, close } = from.subscribe(`stream ${this.#host.name}`, SOUND_LIMIT);
    const take = async () => {
      for (let block = await queue.take(); block; block = await queue.take()) this.#host.onSound(block);
    };
    void take();
    return close;
  }

  /** What holds up the other one holds up this one. */
  #told(state: string, reason: string | null): void {
    const { stream, onState } = this.#host;
    if (state === 'live' || state === 'starting' || state === 'asleep') return;
    onState('starting', `${stream}: ${reason ?? state}`);
  }

  #leave(): void {
    this.#job?.send({ type: 'stop' });
    for (const off of this.#held.splice(0)) off();
    this.#metadata.clear();
    this.#seat = null;
    this.#other = null;
    this.#hub = null;
  }

  #remember(id: number, metadata: Metadata): void {
    if (!metadata) return;
    this.#metadata.set(id, metadata);
    for (const old of this.#metadata.keys()) {
      if (this.#metadata.size <= METADATA) break;
      this.#metadata.delete(old);
    }
  }

  #on(event: SourceEvent): void {
    const { hub } = this.#host;
    switch (event.type) {
      case 'frame': {
        hub.count();
        const from = (event.metadata?.from as number | undefined) ?? event.info.id;
        const metadata = this.#metadata.get(from) ?? null;
        this.#metadata.delete(from);
        this.#host.onFrame(event.info, event.stepped, event.metadata ? { ...metadata, ...event.metadata } : metadata);
        // In step with the other stream, so that neither comes to lie ahead for good.
        if (this.#host.ids.limit - this.#host.ids.next < AHEAD / 2) this.#host.reserveTo(this.#host.ids.next, AHEAD);
        break;
      }
      case 'refused':
        hub.refused.add(event.reason);
        break;
      case 'no-slot':
        hub.dropped.add('ring');
        break;
      case 'need-ids':
        this.#host.reserveTo(event.id, AHEAD);
        break;
      case 'need-ring':
        this.#ring(event.format, event.width, event.height);
        break;
      default:
    }
  }

  #ring(format: PixelFormat, width: number, height: number): void {
    this.#job?.send(this.#host.hub.ringAnswer(format, width, height));
  }
}
