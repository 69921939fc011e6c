// The processors of one stream: finders that look at its frames, a chain of those that stand in the way of the picture, and another one
// beside it for users' processors that only look.
import { type InlineConfig, isFinder, processorIdOf, type StreamConfig, type StreamStats } from '../api/schema.ts';
import type { AudioFrame } from '../core/audio.ts';
import type { SharedClock } from '../core/clock.ts';
import type { FrameInfo } from '../core/frame.ts';
import type { Logger } from '../core/log.ts';
import type { StreamNote } from './capture-watch.ts';
import { Chain, type ResolvedProcessor } from './chain/chain.ts';
import type { Stage } from './chain/stage.ts';
import { FrameHub } from './frame-hub.ts';
import type { MediaPool } from './media-pool.ts';
import type { ParamPart, ParamValues } from './params/param-set.ts';
import { finderPart, stagePart } from './params/parts.ts';
import { Processing, type Results } from './processing.ts';

type Metadata = Readonly<Record<string, unknown>> | null;

/** What processors need of their stream. */
export interface ProcessorsHost {
  readonly name: string;
  readonly clock: SharedClock;
  readonly log: Logger;
  readonly pool: MediaPool;
  /** What everybody sees. */
  readonly hub: FrameHub;
  /** Bytes of raw frames. */
  readonly ringBytes: number;
  readonly config: StreamConfig;
  readonly live: boolean;
  readonly lastFrame: FrameInfo | null;
  readonly lastCaptured: FrameInfo | null;
  resolve(config: InlineConfig): ResolvedProcessor;
  takeId(): number;
  nextOwnId(): number;
  /** Captured frames go into another hub from now on. */
  onMoved(): void;
  /** Chains were made or ended. */
  onChains(): void;
  onGenerated(info: FrameInfo): void;
  onShown(info: FrameInfo, stepped: boolean, metadata: Metadata): void;
  onSound(block: AudioFrame): void;
  onResults(results: Results): void;
  note(note: StreamNote): void;
}

export class StreamProcessors {
  readonly #host: ProcessorsHost;
  #finders: Processing[] = [];
  #captured: FrameHub;
  #chain: Chain | null = null;
  #besides: Chain | null = null;

  constructor(host: ProcessorsHost) {
    this.#host = host;
    this.#captured = host.hub;
  }

  /** What comes from the source: the stream's own hub unless processors stand in the way. */
  get captured(): FrameHub {
    return this.#captured;
  }

  /** Those in the way of the picture; `null` = there are none. */
  get chain(): Chain | null {
    return this.#chain;
  }

  /** Users' processors that only look. */
  get besides(): Chain | null {
    return this.#besides;
  }

  /** First those in the way, in their order. */
  stats(): StreamStats['processors'] {
    return [...(this.#chain?.stats() ?? []), ...this.#finders.map((finder) => finder.stats()), ...(this.#besides?.stats() ?? [])];
  }

  /** Takes over what the configuration says: what is unchanged but for its params goes on. Frames on their way in a chain that ends are lost. */
  async configure(): Promise<void> {
    const old = this.#finders;
    this.#finders = this.#makeFinders(old);
    const ended = old.filter((finder) => !this.#finders.includes(finder));
    await Promise.all([...ended.map((finder) => finder.close()), this.#makeChains()]);
  }

  #makeFinders(known: readonly Processing[]): Processing[] {
    return this.#host.config.processors.filter(isFinder).map((config) => {
      const same = known.find((finder) => JSON.stringify(finder.config) === JSON.stringify(config));
      if (same) return same;
      const kin = known.find(({ id, config: { use } }) => id === processorIdOf(config) && use === config.use);
      if (kin) {
        void kin.setParams(config);
        return kin;
      }
      const host = this.#host;
      const finders = this;
      return new Processing(config, {
        hub: host.hub,
        pool: host.pool,
        clock: host.clock,
        log: host.log,
        get processors() {
          return finders.#finders.length;
        },
        // While a source starts, the newest frame is an old one.
        get replay() {
          return host.live;
        },
        nextId: () => (host.lastFrame?.id ?? 0) + 1,
        onResults: (results) => host.onResults(results),
      });
    });
  }

  /** Processors of the configuration that are no finders: those in the way, or those beside it. */
  inline(beside: boolean): InlineConfig[] {
    return this.#host.config.processors.filter((config): config is InlineConfig => !isFinder(config) && config.beside === beside);
  }

  async #makeChains(): Promise<void> {
    const { hub, ringBytes, lastCaptured } = this.#host;
    const ended: (Promise<void> | undefined)[] = [];
    const inline = this.inline(false);
    if (inline.length && this.#chain) ended.push(this.#chain.configure(inline));
    else if (inline.length) {
      this.#captured = new FrameHub(ringBytes);
      this.#captured.adopt(hub);
      this.#chain = this.#newChain(inline, this.#captured, hub);
      this.#host.onMoved();
    } else if (this.#chain) {
      hub.adopt(this.#captured);
      this.#captured = hub;
      if (lastCaptured) hub.ringFor(lastCaptured.format, lastCaptured.width, lastCaptured.height);
      ended.push(this.#chain.close());
      this.#chain = null;
      this.#host.onMoved();
    }
    this.#host.onChains();
    const besides = this.inline(true);
    if (besides.length && this.#besides) ended.push(this.#besides.configure(besides));
    else if (besides.length) this.#besides = this.#newChain(besides, hub, null);
    else if (this.#besides) {
      ended.push(this.#besides.close());
      this.#besides = null;
    }
    await Promise.all(ended);
  }

  #newChain(configs: readonly InlineConfig[], from: FrameHub, to: FrameHub | null): Chain {
    const host = this.#host;
    return new Chain(configs, {
      get generates() {
        return to !== null && host.config.source.type === 'generate';
      },
      onGenerated: (info) => host.onGenerated(info),
      name: host.name,
      clock: host.clock,
      log: host.log,
      from,
      to,
      resolve: (config) => host.resolve(config),
      takeId: () => host.takeId(),
      nextId: () => (host.lastCaptured?.id ?? 0) + 1,
      nextOwnId: () => host.nextOwnId(),
      onShown: (info, stepped, metadata) => host.onShown(info, stepped, metadata),
      onSound: (block) => host.onSound(block),
      onResults: (results) => host.onResults(results),
      note: (note) => host.note(note),
    });
  }

  get #stages(): Stage[] {
    return [...(this.#chain?.stages ?? []), ...(this.#besides?.stages ?? [])];
  }

  /** What has params, in the order of the configuration. */
  paramParts(): ParamPart[] {
    return this.#host.config.processors.flatMap((config) => {
      if (isFinder(config)) return [finderPart(config)];
      const stage = this.#stages.find(({ id }) => id === processorIdOf(config));
      return stage ? [stagePart(stage)] : [];
    });
  }

  /** Waits for processors whose params are not known yet: those that sleep are loaded, those that fail stay unknown. */
  async learnParams(): Promise<void> {
    await Promise.allSettled(this.#stages.filter(({ info }) => !info).map((stage) => stage.ready()));
  }

  /** Takes other params, by part; those of finders from the configuration, which has them already. Resolves, by part, to the first frame for which they hold. */
  async setParams(changes: ReadonlyMap<string, ParamValues>): Promise<Map<string, number>> {
    const frames = new Map<string, number>();
    const changed = this.#host.config.processors.filter(isFinder).filter((config) => changes.has(processorIdOf(config)));
    await Promise.all(
      changed.map(async (config) => {
        const finder = this.#finders.find(({ id }) => id === processorIdOf(config));
        if (finder) frames.set(finder.id, await finder.setParams(config));
      }),
    );
    for (const chain of [this.#chain, this.#besides]) {
      const stages = chain?.stages.filter(({ id }) => changes.has(id)) ?? [];
      const first = await Promise.all(stages.map((stage) => chain!.setParams(stage, changes.get(stage.id)!)));
      for (const [index, { id }] of stages.entries()) frames.set(id, first[index]!);
    }
    return frames;
  }

  /** They run while frames come; they keep no source awake. */
  want(wanted: boolean): void {
    for (const each of [...this.#finders, this.#chain, this.#besides]) each?.want(wanted);
  }

  /** A frame has come from the source. */
  offer(info: FrameInfo, stepped: boolean, metadata: Metadata): void {
    if (this.#chain) this.#chain.offer(info, stepped, metadata);
    else this.#host.onShown(info, stepped, metadata);
  }

  /** Ends them for good, with what they still have to say. */
  async end(): Promise<void> {
    const ended = this.#finders;
    this.#finders = [];
    await Promise.all([...ended.map((finder) => finder.close()), this.#chain?.close(), this.#besides?.close()]);
  }
}
