import { StreamConfig, type StreamInfo, type StreamStats, type TrickleLink, type ViewConfig } from '../api/schema.ts';
import { parseInput } from '../api/zod-problem.ts';
import { SluiceError, toSluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { parseStreamName } from '../core/stream-name.ts';
import { type Ticks, toMicros } from '../core/time.ts';
import { dtypeAndShape } from '../formats/npy.ts';
import type { Recorder } from '../outputs/hls/recorder.ts';
import type { OutputMeter } from '../outputs/meter.ts';
import type { Output } from '../outputs/output.ts';
import { sourceLink } from '../outputs/trickle/link.ts';
import type { ParamValues } from '../pipeline/params/param-set.ts';
import { paramsOf } from '../pipeline/params/parts.ts';
import type { Registry } from '../pipeline/registry.ts';
import type { Stream } from '../pipeline/stream.ts';
import type { Store } from '../timeline/store.ts';
import { Companions } from './companions.ts';
import { type ResolvedConfig, withStreamDefaults } from './config.ts';
import { keptParams, restored } from './params/kept.ts';
import { publishWithSecrets, withoutSecrets } from './params/secrets.ts';
import type { ProcessorTable } from './processors.ts';

export interface StreamServiceOptions {
  readonly registry: Registry;
  readonly store: Store;
  readonly config: ResolvedConfig;
  readonly log: Logger;
  readonly meters: (stream: string) => ReadonlyMap<string, OutputMeter>;
  readonly recorder: (stream: string) => Recorder | undefined;
  readonly outputs: () => readonly Output[];
  readonly processors: ProcessorTable;
  /** Trickle channels into which a stream goes. */
  readonly trickleOuts: (stream: string) => TrickleLink[];
  /** Samples of metrics since the start. */
  readonly metrics: (stream: string) => { readonly accepted: number; readonly dropped: number };
}

const micros = (ticks: number): number => toMicros(ticks as Ticks);

export class StreamService {
  readonly #options: StreamServiceOptions;
  readonly #companions: Companions;
  readonly #readOnly: ReadonlySet<string>;
  /** Streams of this process alone (library, `--input`): not kept. */
  readonly #transient = new Set<string>();
  /** Configurations as the file or a program gave them, of streams whose params may differ from them by now. */
  readonly #given = new Map<string, StreamConfig>();
  /** The last change of each stream: they are made one after the other. */
  readonly #changes = new Map<string, Promise<unknown>>();

  constructor(options: StreamServiceOptions) {
    this.#options = options;
    this.#companions = new Companions(options.registry, options.log);
    this.#readOnly = new Set(Object.keys(options.config.streams));
  }

  get registry(): Registry {
    return this.#options.registry;
  }

  /** Opens the streams of the configuration file and those that earlier runs have kept. */
  async restore(): Promise<void> {
    const { registry, store, config, log } = this.#options;
    for (const [name, stream] of Object.entries(config.streams)) {
      try {
        this.#options.processors.check(stream, true);
      } catch (error) {
        // Told as every other fault of the configuration is.
        const { message, details } = toSluiceError(error);
        throw new SluiceError('bad-config', `streams.${name}.${message}`, details, error);
      }
      await registry.open(name, await this.#restored(name, stream));
    }
    for (const row of await store.call('streams')) {
      if (this.#readOnly.has(row.name)) continue;
      try {
        await registry.open(row.name, StreamConfig.parse(JSON.parse(row.config)));
      } catch (error) {
        log.error({ stream: row.name, error: String(error) }, 'a kept stream could not be opened');
      }
    }
  }

  /** Parses a configuration from outside. `files`: processors may be files. */
  parse(body: unknown, files = false): StreamConfig {
    const config = parseInput(StreamConfig, withStreamDefaults(body, this.#options.config));
    this.#options.processors.check(config, files);
    return config;
  }

  /** A configuration that was shown and comes back, with the secrets that were not. */
  withSecrets(name: string, given: StreamConfig): StreamConfig {
    return { ...given, publish: publishWithSecrets(given.publish, this.registry.find(name)?.config.publish ?? []) };
  }

  /** Makes or changes a stream. `kept`: it comes back after a restart. */
  async put(name: string, config: StreamConfig, kept = true): Promise<{ stream: Stream; created: boolean }> {
    return await this.inOrder(parseStreamName(name), () => this.#put(name, config, kept));
  }

  /** Does one change of a stream after the other. */
  async inOrder<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#changes.get(name) ?? Promise.resolve();
    const own = before.then(work, work);
    const settled = own.catch(() => {});
    this.#changes.set(name, settled);
    try {
      return await own;
    } finally {
      if (this.#changes.get(name) === settled) this.#changes.delete(name);
    }
  }

  async #put(name: string, given: StreamConfig, kept: boolean): Promise<{ stream: Stream; created: boolean }> {
    this.assertWritable(name, 'changed');
    const { registry, store } = this.#options;
    const known = registry.find(name);
    const config = kept ? given : await this.#restored(name, given);
    if (kept) {
      await store.call('saveStream', name, JSON.stringify(config));
      this.#transient.delete(name);
      this.#given.delete(name);
    } else if (!known) this.#transient.add(name);
    if (known) {
      await known.configure(config);
      return { stream: known, created: false };
    }
    return { stream: await registry.open(name, config), created: true };
  }

  /** What the file or a program says, with the params that were changed since it was said. */
  async #restored(name: string, given: StreamConfig): Promise<StreamConfig> {
    this.#given.set(name, given);
    return restored(given, await this.#options.store.call('params', name));
  }

  /** Keeps a configuration that differs in its params: with the stream, or beside what the file or the program says. */
  async keepParams(stream: Stream, config: StreamConfig): Promise<void> {
    const { store } = this.#options;
    const given = this.#given.get(stream.name);
    if (given) await store.call('saveParams', stream.name, keptParams(given, config));
    else await store.call('saveStream', stream.name, JSON.stringify(config));
  }

  /** Params by part as the file or the program gave them; empty where a stream is kept as it is. */
  givenParams(stream: Stream): ReadonlyMap<string, ParamValues> {
    const given = this.#given.get(stream.name);
    return new Map(given ? [...paramsOf(given)].map(([id, { params }]) => [id, params]) : []);
  }

  isReadOnly(name: string): boolean {
    return this.#readOnly.has(name);
  }

  /** Changes how deep frames are shown, at once. Streams of the config file too: theirs holds until the next start. */
  async setView(stream: Stream, view: ViewConfig): Promise<void> {
    const config = { ...stream.config, view };
    if (this.#readOnly.has(stream.name)) await stream.configure(config);
    else await this.put(stream.name, config, !this.#transient.has(stream.name));
  }

  /** The stream that a program pushes into; made on the way unless that is switched off. */
  async forPush(name: string): Promise<Stream> {
    parseStreamName(name);
    const known = this.#options.registry.find(name);
    if (known) {
      known.assertPush();
      return known;
    }
    if (!this.#options.config.createOnPush) {
      throw new SluiceError('unknown-stream', `there is no stream ${name}, and createOnPush is off: PUT /api/streams/${name} makes it`, {
        received: name,
      });
    }
    const { stream } = await this.put(name, this.parse({ source: { type: 'push' } }));
    return stream;
  }

  /** Removes a stream with all its media. Its frame ids stay used. */
  async remove(name: string): Promise<void> {
    const { registry, store } = this.#options;
    registry.get(name);
    this.assertWritable(name, 'removed');
    await this.inOrder(name, async () => {
      await registry.remove(name);
      this.#given.delete(name);
      await store.call('removeStream', name);
    });
  }

  /** Throws `read-only` for a stream of the configuration file. */
  assertWritable(name: string, verb: string): void {
    this.#companions.assertOwn(name);
    if (!this.#readOnly.has(name)) return;
    const file = this.#options.config.configFile ?? 'the configuration';
    throw new SluiceError('read-only', `${name} is defined in ${file} and can be ${verb} only there`, { file });
  }

  #companionsOf(stream: Stream): Pick<StreamInfo, 'companion' | 'companionOf'> {
    const { companionOf } = stream;
    if (companionOf !== null) return { companionOf };
    const companion = this.#companions.of(stream);
    return companion ? { companion: companion.name } : {};
  }

  #trickle(stream: Stream): Pick<StreamInfo, 'trickle'> {
    const from = sourceLink(stream);
    const outs = this.#options.trickleOuts(stream.name);
    return from || outs.length ? { trickle: { in: from, outs } } : {};
  }

  info(stream: Stream): StreamInfo {
    const { config, lastFrame } = stream;
    const recorder = this.#options.recorder(stream.name);
    const window = recorder?.window ?? null;
    const array = lastFrame && dtypeAndShape(lastFrame.format, lastFrame.width, lastFrame.height);
    return {
      name: stream.name,
      title: config.title ?? stream.name,
      description: config.description ?? '',
      pixelSize: config.pixelSize ?? null,
      state: stream.state,
      reason: stream.reason,
      readOnly: this.#readOnly.has(stream.name),
      ...this.#companionsOf(stream),
      config: withoutSecrets(config),
      format: lastFrame?.format ?? null,
      width: lastFrame?.width ?? null,
      height: lastFrame?.height ?? null,
      dtype: array?.dtype ?? null,
      shape: array ? [...array.shape] : null,
      fps: stream.fps,
      audio: soundOf(stream),
      viewers: stream.viewers,
      ...this.#trickle(stream),
      lastFrame: lastFrame && { id: lastFrame.id, timestamp: lastFrame.timestamp },
      dvr: { bytes: recorder?.bytes ?? 0, start: window && micros(window.start), end: window && micros(window.end) },
    };
  }

  stats(stream: Stream): StreamStats {
    const recorder = this.#options.recorder(stream.name);
    const window = recorder?.window ?? null;
    const { hub, captured } = stream;
    const outputs: StreamStats['outputs'] = {};
    for (const [name, meter] of this.#options.meters(stream.name)) outputs[name] = meter.stats;
    return {
      state: stream.state,
      fps: stream.fps,
      ledger: {
        captured: captured.published + captured.refused.total + captured.dropped.total,
        refused: captured.refused.counts,
        dropped: captured.dropped.counts,
        published: captured.published,
        shown: hub.published,
      },
      ...(stream.input.deviceClock ? { clock: stream.input.deviceClock } : {}),
      ...audioStats(stream),
      ring: hub.stats,
      renditions: stream.renditions.map((rendition) => rendition.stats()),
      processors: stream.processorStats(),
      outputs,
      metrics: this.#options.metrics(stream.name),
      dvr: {
        bytes: recorder?.bytes ?? 0,
        segments: window?.segments ?? 0,
        start: window && micros(window.start),
        end: window && micros(window.end),
      },
    };
  }

  /** Counters of a stream by output. */
  metersOf(stream: string): ReadonlyMap<string, OutputMeter> {
    return this.#options.meters(stream);
  }

  /** Bytes of all recordings. */
  get diskBytes(): number {
    return this.#options.registry.all().reduce((sum, stream) => sum + (this.#options.recorder(stream.name)?.bytes ?? 0), 0);
  }
}

function soundOf({ sound }: Stream): StreamInfo['audio'] {
  const { format } = sound.hub;
  return format && { rate: format.rate, channels: format.channels, layout: format.layout };
}

function audioStats({ sound, clock }: Stream): Pick<StreamStats, 'audio'> {
  const { format } = sound.hub;
  if (!format) return {};
  const { refused, dropped, captured, published } = sound.captured.stats(clock.now());
  const heard = { ...sound.hub.stats(clock.now()), refused, dropped, captured, published, heard: sound.hub.published };
  return { audio: { ...format, ...heard, renditions: sound.renditions.map((rendition) => rendition.stats()) } };
}
