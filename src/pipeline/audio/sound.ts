// The sound of one stream: what came from its source or publisher, what everybody hears, and its renditions.
import { type AudioFrame, layoutOf } from '../../core/audio.ts';
import type { Clock } from '../../core/clock.ts';
import { TimeGate } from '../../core/gate.ts';
import type { Logger } from '../../core/log.ts';
import type { AudioSettings } from '../../encoders/encoder.ts';
import type { SoundBlock } from '../../sources/source.ts';
import type { MediaPool } from '../media-pool.ts';
import { AudioHub } from './audio-hub.ts';
import { AudioRendition } from './audio-rendition.ts';
import { type Level, LevelMeter } from './level-meter.ts';

export interface SoundHost {
  readonly pool: MediaPool;
  readonly clock: Clock & { readonly state: BigInt64Array<SharedArrayBuffer>; latest(): number };
  readonly log: Logger;
  readonly lingerMs: number;
  /** Keeps the source awake until disposed. */
  demand(): Disposable;
  /** Told of the first block that is heard, and when rate or channels change. */
  onFormat(): void;
  /** A block is heard by everybody. */
  onShown(block: AudioFrame): void;
  /** How loud it was over the last tenth of a second. */
  onLevel(level: Level): void;
  /** Pictures or sound come now. */
  readonly live: boolean;
}

/** What became of a block. `id` is 0 if it never got one. */
export interface SoundReceipt {
  readonly id: number;
  readonly timestamp: number;
  readonly dropped?: string;
  /** The reason in a sentence. */
  readonly detail?: string;
}

export class Sound {
  /** What everybody hears. */
  readonly hub = new AudioHub();
  #captured = this.hub;
  #way: ((block: AudioFrame) => void) | null = null;
  readonly #host: SoundHost;
  readonly #gate = new TimeGate();
  readonly #meter = new LevelMeter();
  readonly #renditions = new Map<string, AudioRendition>();
  #id = 0;

  constructor(host: SoundHost) {
    this.#host = host;
  }

  /** What source or publisher write: the same hub, unless processors stand between them. */
  get captured(): AudioHub {
    return this.#captured;
  }

  /** Blocks go this way before they are heard; `null` = none. What has gone it comes back by `show`. */
  set way(way: ((block: AudioFrame) => void) | null) {
    if ((way === null) !== (this.#way === null)) this.#captured = way ? new AudioHub() : this.hub;
    this.#way = way;
  }

  /** Takes in a block as it was captured. Times must rise, as those of pictures must. */
  take(block: SoundBlock): SoundReceipt {
    const { clock } = this.#host;
    const answer = this.#gate.check(block.timestamp, clock.latest() as typeof block.timestamp);
    if (!answer.accepted) {
      this.captured.refused.add(answer.reason);
      return { id: 0, timestamp: block.timestamp, dropped: answer.reason, detail: answer.detail };
    }
    const { timestamp, rate, channels, samples, format, data } = block;
    const frame: AudioFrame = {
      id: ++this.#id,
      timestamp,
      received: clock.now(),
      rate,
      layout: layoutOf(channels),
      channels,
      samples,
      format,
      data,
    };
    if (this.#way) {
      this.captured.publish(frame);
      this.#way(frame);
    } else this.show(frame);
    return { id: frame.id, timestamp };
  }

  /** A block is heard from now on. */
  show(frame: AudioFrame): void {
    const before = this.hub.format;
    this.hub.publish(frame);
    if (before?.rate !== frame.rate || before.channels !== frame.channels) this.#host.onFormat();
    this.#host.onShown(frame);
    const level = this.#meter.add(frame);
    if (level) this.#host.onLevel(level);
  }

  /** The rendition of some settings: the same object for the same settings, so that everything is encoded once. */
  rendition(settings: AudioSettings): AudioRendition {
    const key = `${settings.codec},${settings.bitrate},${settings.channels}`;
    let rendition = this.#renditions.get(key);
    if (!rendition) {
      const host = this.#host;
      rendition = new AudioRendition(settings, {
        audio: this.hub,
        pool: host.pool,
        clock: host.clock,
        log: host.log,
        get lingerMs() {
          return host.lingerMs;
        },
        get live() {
          return host.live;
        },
        demand: () => host.demand(),
      });
      this.#renditions.set(key, rendition);
    }
    return rendition;
  }

  /** The AAC rendition that HLS, DVR, clips and recordings share. */
  get main(): AudioRendition {
    return this.rendition({ codec: 'aac', bitrate: null, channels: null });
  }

  /** The Opus rendition of WebRTC: packets of 20 ms, two channels. */
  get opus(): AudioRendition {
    return this.rendition({ codec: 'opus', bitrate: null, channels: 2 });
  }

  get renditions(): AudioRendition[] {
    return [...this.#renditions.values()];
  }

  async close(): Promise<void> {
    await Promise.all(this.renditions.map((rendition) => rendition.close()));
    this.hub.close();
    this.captured.close();
  }
}
