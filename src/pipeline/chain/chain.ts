// The processors of a stream that get its frames one after the other: takes captured frames out of their ring, leads them through the stages,
// and puts what comes out where viewers see it. Frames keep id and capture time; the order of capture is the order of showing.
import type { InlineConfig, StreamStats } from '../../api/schema.ts';
import type { AudioFrame } from '../../core/audio.ts';
import type { SharedClock } from '../../core/clock.ts';
import type { FrameInfo, PixelFormat } from '../../core/frame.ts';
import type { Logger } from '../../core/log.ts';
import type { Micros } from '../../core/time.ts';
import type { OpenSession, SessionSpec } from '../../processors/session.ts';
import type { StreamNote } from '../capture-watch.ts';
import type { FrameHub, ReaderSeat } from '../frame-hub.ts';
import { type Results, resultsOf } from '../processing.ts';
import { type LentFrame, RingFeed } from '../ring-feed.ts';
import type { StageGuide } from './guide.ts';
import type { HeldSlot, Moving } from './moving.ts';
import type { Params } from './param-checks.ts';
import { RingBook } from './ring-book.ts';
import { Stage } from './stage.ts';
import { LOADING_PATIENCE_MS, type StageHost } from './stage-host.ts';

/** Frames that wait for the main thread in the ring. */
const DEPTH = 24;
/** Processors without frames are let go after so long, ms. */
const REST_MS = 30_000;
/** Pictures a second of a processor that makes them and says no rate. */
const MADE_FPS = 30;
/** How long an answer waits for the first picture with an id of its own, ms. */
const OWN_PATIENCE_MS = 2000;
/** Between pictures that have the same capture time, µs. */
const APART_US = 1000;

/** How a processor of the configuration is run. */
export interface ResolvedProcessor {
  readonly spec: Pick<SessionSpec, 'kind' | 'use' | 'options'>;
  /** For an object of this program, which runs on the main thread. */
  readonly open: OpenSession | null;
  /** Decides which frames it gets and what is shown. */
  readonly guide?: StageGuide;
}

export interface ChainHost {
  readonly name: string;
  readonly clock: SharedClock;
  readonly log: Logger;
  /** Where its frames come from. */
  readonly from: FrameHub;
  /** Where they go; `null` = nowhere: the processors only look. */
  readonly to: FrameHub | null;
  /** How long frames wait for a processor that is being loaded. */
  readonly patienceMs?: number;
  resolve(config: InlineConfig): ResolvedProcessor;
  /** An id for a picture that has none of its own; 0 = none is left. */
  takeId(): number;
  /** The first processor makes the pictures. */
  readonly generates?: boolean;
  /** It has made one. */
  onGenerated?(info: FrameInfo): void;
  /** Id that the next captured frame will have at least. */
  nextId(): number;
  /** The next id that `takeId` will give. */
  nextOwnId(): number;
  onShown(info: FrameInfo, stepped: boolean, metadata: Readonly<Record<string, unknown>> | null): void;
  /** Sound that has gone through them. */
  onSound(block: AudioFrame): void;
  onResults(results: Results): void;
  note(note: StreamNote): void;
}

interface Announced {
  readonly stepped: boolean;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

export class Chain {
  readonly #host: ChainHost;
  readonly #rings = new RingBook();
  readonly #announced = new Map<number, Announced>();
  #stages: Stage[] = [];
  #seat: ReaderSeat | null = null;
  #feed: RingFeed | null = null;
  /** Taken before it was announced. */
  #early: LentFrame | null = null;
  #wanted = false;
  #rest: NodeJS.Timeout | undefined;
  #last = 0;
  /** First frame that it was given. */
  #first = 0;
  /** Paces the first processor where it makes the pictures. */
  #pace: NodeJS.Timeout | undefined;
  #due = false;
  #lastMade = 0;
  /** Changes of params that wait for the first picture made with them. */
  readonly #told = new Set<{ readonly from: number; readonly tell: (id: number) => void }>();

  constructor(configs: readonly InlineConfig[], host: ChainHost) {
    this.#host = host;
    this.#stages = configs.map((config) => this.#stage(config));
  }

  get stages(): readonly Stage[] {
    return this.#stages;
  }

  /** Lets frames in or not. Processors stay ready for a while after the last one. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    clearTimeout(this.#rest);
    if (wanted) {
      // The frame that wakes the chain lies in the ring already; an older one is told from it by its id.
      const seat = this.#host.from.seat(
        (slots) => Math.max(1, Math.min(DEPTH, (slots >> 1) - 2)),
        true,
        (ring) => this.#feed?.add(ring),
      );
      this.#seat = seat;
      this.#feed = new RingFeed(seat.number, seat.ring);
    } else {
      this.#leave();
      this.#rest = setTimeout(() => {
        for (const stage of this.#stages) stage.rest();
      }, REST_MS).unref();
    }
    for (const stage of this.#stages) stage.want(wanted);
    if (this.#host.generates) this.#tick(wanted);
  }

  /** Pictures are asked for at the rate of the first processor; one that is slower gives what it can. */
  #tick(wanted: boolean): void {
    clearInterval(this.#pace);
    if (!wanted) return;
    this.#pace = setInterval(
      () => {
        this.#due = true;
        this.#ask();
      },
      1000 / (this.#stages[0]?.config.fps ?? MADE_FPS),
    );
  }

  #ask(): void {
    if (this.#wanted && this.#due && this.#stages[0]?.generate()) this.#due = false;
  }

  #generated(stage: Stage, frame: Moving | null): void {
    if (!frame) return this.#ask();
    if (stage !== this.#stages[0] || !this.#wanted) return frame.at.release();
    const timestamp = Math.max(frame.info.timestamp, this.#lastMade + APART_US) as Micros;
    this.#lastMade = timestamp;
    const info = { ...frame.info, timestamp };
    this.#host.onGenerated?.(info);
    this.#next(stage, { ...frame, info });
  }

  #leave(): void {
    this.#early?.done();
    this.#early = null;
    this.#announced.clear();
    this.#feed = null;
    this.#seat?.[Symbol.dispose]();
    this.#seat = null;
  }

  /** Other processors: those whose configuration is the same go on. */
  async configure(configs: readonly InlineConfig[]): Promise<void> {
    const old = this.#stages;
    this.#stages = configs.map((config) => {
      const same = old.find((stage) => JSON.stringify(stage.config) === JSON.stringify(config));
      if (same) return same;
      const stage = this.#stage(config);
      if (this.#wanted) stage.want(true);
      return stage;
    });
    if (this.#host.generates) this.#tick(this.#wanted);
    await Promise.all(old.filter((stage) => !this.#stages.includes(stage)).map((stage) => stage.close()));
  }

  async close(): Promise<void> {
    this.want(false);
    clearTimeout(this.#rest);
    await Promise.all(this.#stages.map((stage) => stage.close()));
  }

  // ---- params

  /**
   * Params for one of its processors, which it has checked. Resolves to the id of the first frame, as viewers see it, for which they hold.
   * Where pictures have ids of their own that is known when the first one comes, or `patience` ms have passed without one.
   */
  async setParams(stage: Stage, params: Params, patience = OWN_PATIENCE_MS): Promise<number> {
    if (stage.info?.generates) {
      stage.setParams(params);
      await stage.settled();
      return this.#host.nextOwnId();
    }
    const first = stage.setParams(params) ?? (this.#first || this.#host.nextId());
    if (!this.#ownIds || !this.#host.to) return first;
    return await new Promise<number>((resolve) => {
      const told = { from: first, tell: (id: number) => settle(id) };
      const timer = setTimeout(() => settle(this.#host.nextOwnId()), patience);
      const settle = (id: number) => {
        clearTimeout(timer);
        this.#told.delete(told);
        resolve(id);
      };
      this.#told.add(told);
    });
  }

  // ---- frames

  /** A frame has reached the ring of captured frames. */
  offer(info: FrameInfo, stepped: boolean, metadata: Readonly<Record<string, unknown>> | null): void {
    if (!this.#feed) return;
    this.#announced.set(info.id, { stepped, metadata });
    for (;;) {
      const lent = this.#early ?? this.#feed.take();
      this.#early = null;
      if (!lent) return;
      if (lent.lost) this.#stages[0]?.missed(lent.lost);
      const announced = this.#announced.get(lent.info.id);
      if (!announced && lent.info.id > info.id) {
        this.#early = lent;
        return;
      }
      if (!announced) {
        lent.done();
        continue;
      }
      // Those before it were lost in the ring.
      for (const id of this.#announced.keys()) {
        this.#announced.delete(id);
        if (id === lent.info.id) break;
      }
      this.#begin(lent, announced);
    }
  }

  #begin(lent: LentFrame, { stepped, metadata }: Announced): void {
    const { ring, index, info } = lent;
    this.#first ||= info.id;
    const at: HeldSlot = { ring, place: { ring: this.#rings.numberOf(ring), slot: index }, shown: false, release: once(() => lent.done()) };
    const frame: Moving = { info, stepped, metadata, at, boxes: [] };
    const [first] = this.#stages;
    if (first) first.offer(frame);
    else this.#publish(frame);
  }

  #next(stage: Stage, frame: Moving): void {
    if (!this.#host.to) return frame.at.release();
    const place = this.#stages.indexOf(stage);
    const next = place < 0 ? undefined : this.#stages[place + 1];
    if (!next) this.#publish(frame);
    else if (this.#wanted) next.offer(frame);
    else frame.at.release();
  }

  #claim(format: PixelFormat, width: number, height: number): HeldSlot | null {
    const { to } = this.#host;
    if (!to) return null;
    const ring = to.ringFor(format, width, height);
    const slot = ring.claim();
    if (slot < 0) return null;
    return { ring, place: { ring: this.#rings.numberOf(ring), slot }, shown: true, release: once(() => ring.release(slot)) };
  }

  /** Hands a picture to the viewers. One that no processor has touched is copied here. */
  #publish(frame: Moving): void {
    const to = this.#host.to!;
    const { at } = frame;
    const { format, width, height } = frame.info;
    let held: HeldSlot | null = at;
    if (!at.shown || at.ring !== to.ring) {
      try {
        held = this.#claim(format, width, height);
      } catch (error) {
        this.#host.log.warn({ error: String(error) }, 'a picture does not fit into the memory of its stream');
        held = null;
      }
      const bytes = at.ring.pixels(at.place.slot);
      if (held) {
        const target = held.ring.pixels(held.place.slot);
        target.set(bytes.length > target.length ? bytes.subarray(0, target.length) : bytes);
      }
      at.release();
    }
    if (!held) return to.dropped.add('ring');
    const info = this.#identified(frame);
    if (!info) {
      held.release();
      return to.dropped.add('ids');
    }
    held.ring.publish(held.place.slot, info);
    to.count();
    for (const told of this.#told) if (frame.info.id >= told.from) told.tell(info.id);
    const metadata = info.id === frame.info.id ? frame.metadata : { ...frame.metadata, from: frame.info.id };
    this.#host.onShown(info, frame.stepped, metadata);
  }

  /** A processor gives several pictures for one. */
  get #ownIds(): boolean {
    // What makes pictures without input gives each its id at once.
    return this.#stages.some(({ info }) => info?.ids === 'own' && !info.generates);
  }

  /** The frame's own id and time, unless a processor gives several pictures for one. */
  #identified({ info, stepped }: Moving): FrameInfo | null {
    const own = this.#ownIds;
    const id = own ? this.#host.takeId() : info.id;
    const timestamp = (own && !stepped && info.timestamp <= this.#last ? this.#last + APART_US : info.timestamp) as Micros;
    this.#last = timestamp;
    return id === 0 ? null : { ...info, id, timestamp };
  }

  /** A block of sound was captured. */
  offerSound(block: AudioFrame): void {
    this.#nextSound(0, block);
  }

  #nextSound(place: number, block: AudioFrame): void {
    const stage = this.#stages[place];
    if (stage && this.#wanted) stage.offerSound(block);
    else if (!stage && this.#host.to) this.#host.onSound(block);
  }

  #stage(config: InlineConfig): Stage {
    const host = this.#host;
    const stageHost: StageHost = {
      stream: host.name,
      clock: host.clock,
      log: host.log,
      rings: this.#rings,
      shows: host.to !== null,
      patienceMs: host.patienceMs ?? LOADING_PATIENCE_MS,
      claim: (format, width, height) => this.#claim(format, width, height),
      resolve: (config) => host.resolve(config),
      isLast: () => this.#stages.at(-1) === stage,
      takeId: () => host.takeId(),
      generated: (frame) => this.#generated(stage, frame),
      next: (frame) => this.#next(stage, frame),
      nextSound: (block) => this.#nextSound(this.#stages.indexOf(stage) + 1, block),
      found: (findings, at) => host.onResults(resultsOf({ id: stage.id, use: stage.id }, at, findings)),
      note: (sort, label) => {
        const timestamp = host.clock.now();
        host.note({ id: `processor-${stage.id}-${sort}-${timestamp}`, kind: 'processor', label: label.slice(0, 300), timestamp });
      },
    };
    const stage = new Stage(config, stageHost);
    return stage;
  }

  /** Frames that are still on their way. */
  get busy(): boolean {
    return this.#announced.size > 0 || this.#stages.some((stage) => stage.busy);
  }

  /** Settles when what has come so far has left, or `patience` ms have passed. */
  async drained(patience: number): Promise<void> {
    const until = performance.now() + patience;
    while (this.busy && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  stats(): StreamStats['processors'] {
    return this.#stages.map((stage) => stage.stats());
  }
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    work();
  };
}
