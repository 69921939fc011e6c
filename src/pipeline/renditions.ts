// The encoded forms of one stream's pictures, by their settings: the same settings are the same rendition, so that everything is encoded once.
import type { StreamConfig } from '../api/schema.ts';
import type { SluiceError } from '../core/errors.ts';
import { parseDuration } from '../core/time.ts';
import type { RenditionSettings } from '../encoders/encoder.ts';
import { type EncodeTimings, encodeTimings, Rendition, type RenditionHost, renditionKey } from './rendition.ts';

/** `WIDTHxHEIGHT` as numbers. */
export function parseSize(size: string | undefined): { width: number; height: number } | null {
  const match = size ? /^(\d+)x(\d+)$/.exec(size) : null;
  return match ? { width: Number(match[1]), height: Number(match[2]) } : null;
}

/** Settings of a stream's one H.264 rendition, shared by HLS, DVR and H.264 over WebSocket. */
export function mainSettings(config: StreamConfig): Extract<RenditionSettings, { codec: 'h264' }> {
  const { encode } = config;
  const size = parseSize(encode.size);
  return {
    codec: 'h264',
    bitrate: encode.bitrate ?? null,
    preset: encode.preset ?? null,
    encoder: encode.encoder ?? null,
    width: size?.width ?? null,
    height: size?.height ?? null,
    gop: encode.gop === undefined ? null : Math.min(2, parseDuration(encode.gop, 'encode.gop') / 1000),
    options: encode.options ?? {},
  };
}

export interface RenditionsHost extends Pick<RenditionHost, 'hub' | 'pool' | 'clock' | 'log' | 'demand'> {
  readonly config: StreamConfig;
  /** Whether the newest frame is still worth encoding for a late reader. */
  readonly replay: boolean;
  /** The encoder of the main rendition has failed. */
  onMainFailed(error: SluiceError): void;
}

export class Renditions {
  readonly #host: RenditionsHost;
  readonly #all = new Map<string, Rendition>();
  /** By codec: renditions come and go with the wishes of viewers. */
  readonly timings = new Map<string, EncodeTimings>();

  constructor(host: RenditionsHost) {
    this.#host = host;
  }

  all(): Rendition[] {
    return [...this.#all.values()];
  }

  get main(): Rendition {
    return this.of(mainSettings(this.#host.config));
  }

  of(settings: RenditionSettings): Rendition {
    const key = renditionKey(settings);
    let rendition = this.#all.get(key);
    if (!rendition) {
      rendition = this.#make(key, settings);
      this.#all.set(key, rendition);
    }
    return rendition;
  }

  #make(key: string, settings: RenditionSettings): Rendition {
    const host = this.#host;
    return new Rendition(key, settings, {
      hub: host.hub,
      pool: host.pool,
      clock: host.clock,
      log: host.log,
      get lingerMs() {
        return parseDuration(host.config.linger, 'linger');
      },
      demand: () => host.demand(),
      get view() {
        return host.config.view;
      },
      timings: this.#timingsOf(settings.codec),
      get replay() {
        return host.replay;
      },
      onFailed: (failed, error) => {
        if (failed.settings.codec === 'h264') host.onMainFailed(error);
      },
      onIdle: (idle) => {
        // The main rendition stays in the table: its counters are part of the stream's history.
        if (idle.settings.codec !== 'h264' && !idle.running) this.#all.delete(idle.key);
      },
    });
  }

  #timingsOf(codec: string): EncodeTimings {
    const timings = this.timings.get(codec) ?? encodeTimings();
    this.timings.set(codec, timings);
    return timings;
  }

  /** The configuration was another one before. */
  async changed(before: StreamConfig): Promise<void> {
    const { config } = this.#host;
    const [old, next] = [mainSettings(before), mainSettings(config)];
    if (renditionKey(old) !== renditionKey(next)) await this.#moveMain(old, next);
    if (JSON.stringify(before.view) !== JSON.stringify(config.view)) for (const rendition of this.#all.values()) rendition.viewChanged();
  }

  async #moveMain(old: RenditionSettings, next: RenditionSettings): Promise<void> {
    const rendition = this.#all.get(renditionKey(old));
    if (!rendition) return;
    this.#all.delete(renditionKey(old));
    const onlyBitrate = JSON.stringify({ ...old, bitrate: null }) === JSON.stringify({ ...next, bitrate: null });
    if (onlyBitrate) {
      this.#all.set(renditionKey(next), rendition);
      rendition.change(next);
    } else await rendition.close();
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((rendition) => rendition.close()));
  }
}
