// A processor that is written in JavaScript, at work: turns what its handlers return into what the chain wants.
import { z } from 'zod';
import type { AudioFrame } from '../core/audio.ts';
import { SluiceError } from '../core/errors.ts';
import { frameBytes, type PixelFormat } from '../core/frame.ts';
import type { Micros } from '../core/time.ts';
import {
  type AnyProcessor,
  type LoadContext,
  type Picture,
  type Pixels,
  type ProcessorContext,
  type VideoResult,
  WITHHOLD,
} from './define.ts';
import type { Findings, FoundMarker, Json } from './processor.ts';
import type {
  AudioOutcome,
  ChainFrame,
  FoundAt,
  MadePicture,
  PictureRoom,
  Session,
  SessionHost,
  SessionInfo,
  SessionSpec,
  VideoOutcome,
} from './session.ts';
import { FrameMemory, LentVideoFrame } from './video-frame.ts';

type Params = Readonly<Record<string, unknown>>;

export class DefinitionSession implements Session {
  readonly #definition: AnyProcessor;
  readonly #spec: SessionSpec;
  readonly #host: SessionHost;
  readonly #ended = new AbortController();
  #params: Params = {};
  #state: unknown;
  #loaded = false;
  readonly #memory = new FrameMemory();
  #last: FoundAt | null = null;

  constructor(definition: AnyProcessor, spec: SessionSpec, host: SessionHost) {
    this.#definition = definition;
    this.#spec = spec;
    this.#host = host;
  }

  async load(signal: AbortSignal): Promise<SessionInfo> {
    const { name = this.#spec.use, ids, native = false, concurrent = false, video, audio, generate, params } = this.#definition;
    this.#params = this.#check(this.#spec.params ?? {});
    const context: LoadContext<unknown> = {
      id: this.#spec.id,
      stream: this.#spec.stream,
      params: this.#params,
      signal,
      progress: (message, share = null) => this.#host.progress(message, share === null ? null : Math.min(1, Math.max(0, share))),
    };
    this.#state = await this.#definition.load?.(context);
    this.#loaded = true;
    return {
      name,
      video: video !== undefined,
      audio: audio !== undefined,
      generates: generate !== undefined,
      ids: ids ?? (generate ? 'own' : 'frame'),
      native,
      concurrent,
      schema: params ? (z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>) : null,
      params: this.#params,
    };
  }

  async start(): Promise<void> {
    await this.#definition.onStart?.(this.#context(this.#last, this.#ended.signal));
  }

  async stop(): Promise<void> {
    await this.#definition.onStop?.(this.#context(this.#last, this.#ended.signal));
  }

  async video(frame: ChainFrame): Promise<VideoOutcome> {
    const { video } = this.#definition;
    if (!video) return 'pass';
    const at = { id: frame.info.id, timestamp: frame.info.timestamp };
    this.#last = at;
    const lent = new LentVideoFrame(frame, this.#memory);
    try {
      return await this.#outcome(await video(lent, this.#context(at, frame.signal)), lent, frame);
    } finally {
      lent.release();
    }
  }

  async #outcome(result: VideoResult, lent: LentVideoFrame, frame: ChainFrame): Promise<VideoOutcome> {
    if (result === null || result === undefined) return 'pass';
    if (result === WITHHOLD) return 'withhold';
    if (Array.isArray(result)) {
      if (this.#definition.ids !== 'own' && result.length > 1) {
        throw new SluiceError(
          'processor-failed',
          `${result.length} pictures for one frame; a processor that gives several says ids: 'own'`,
        );
      }
      const pictures: MadePicture[] = [];
      for (const one of result) pictures.push(await this.#write(one, lent, frame));
      return pictures.length ? { pictures } : 'withhold';
    }
    if (result === lent && !lent.edited) return 'pass';
    return { pictures: [await this.#write(result as LentVideoFrame | Picture | Pixels, lent, frame)] };
  }

  /** Puts an answer where it will be shown. */
  async #write(answer: unknown, lent: LentVideoFrame, frame: ChainFrame): Promise<MadePicture> {
    const { format, width, height, significantBits } = frame.info;
    if (answer === lent) {
      lent.edit();
      return { format, width, height, significantBits };
    }
    if (ArrayBuffer.isView(answer)) return await fill(frame, { pixels: answer as Pixels }, { format, width, height });
    return await fill(frame, answer as Picture, { format, width, height });
  }

  async generate(room: PictureRoom, signal: AbortSignal): Promise<readonly MadePicture[] | null> {
    const made = await this.#definition.generate?.(this.#context(this.#last, signal));
    if (!made || made === WITHHOLD) return null;
    return [await fill(room, made, {})];
  }

  async audio(block: AudioFrame, signal: AbortSignal): Promise<AudioOutcome> {
    const { audio } = this.#definition;
    if (!audio) return 'pass';
    const result = await audio(block, this.#context({ id: 0, timestamp: block.timestamp }, signal));
    if (result === null || result === undefined || result === block) return 'pass';
    if (result === WITHHOLD) return 'withhold';
    const answers = (Array.isArray(result) ? result : [result]) as readonly (Pick<AudioFrame, 'data'> & Partial<AudioFrame>)[];
    return { blocks: answers.map((answer) => audioOf(block, answer)) };
  }

  validate(values: Params): Params {
    return this.#check({ ...this.#params, ...values });
  }

  async apply(params: Params): Promise<void> {
    this.#params = params;
    try {
      await this.#definition.onParams?.(params, this.#context(this.#last, this.#ended.signal));
    } catch (error) {
      this.#host.log(`onParams failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async close(): Promise<void> {
    this.#ended.abort();
    if (!this.#loaded) return;
    this.#loaded = false;
    await this.#definition.unload?.(this.#state);
  }

  #check(values: unknown): Params {
    const { params } = this.#definition;
    if (params) return this.#host.parse(params, values);
    const keys = Object.keys(values as object);
    if (keys.length) throw new SluiceError('unknown-key', `${this.#spec.id} has no params; received ${keys.join(', ')}`);
    return {};
  }

  #context(at: FoundAt | null, signal: AbortSignal): ProcessorContext<unknown, unknown> {
    const found = (findings: Findings) => this.#host.found(findings, at ?? { id: 0, timestamp: this.#host.now() });
    return {
      id: this.#spec.id,
      stream: this.#spec.stream,
      params: this.#params,
      state: this.#state,
      signal,
      metric: (values) => found({ metrics: values }),
      marker: (marker) => found({ markers: [markerOf(marker, at, this.#host.now())] }),
      data: (record) => found({ data: [record as Record<string, Json>] }),
      timing: (parts) => this.#host.timing(parts),
      log: (message, values) => this.#host.log(message, values),
    };
  }
}

function markerOf(marker: Pick<FoundMarker, 'label'> & Partial<FoundMarker>, at: FoundAt | null, now: Micros): FoundMarker {
  const frame = marker.frame ?? at?.id ?? 0;
  return {
    kind: 'event',
    timestamp: frame === at?.id ? at.timestamp : now,
    ...marker,
    frame,
    id: marker.id ?? `${marker.kind ?? 'event'}-${frame}-${marker.label}`.slice(0, 100).replace(/[^A-Za-z0-9._:-]+/g, '-'),
  };
}

/** Copies a picture into its room. */
async function fill(
  place: PictureRoom,
  picture: Picture,
  fallback: { format?: PixelFormat; width?: number; height?: number },
): Promise<MadePicture> {
  const { pixels, significantBits, timestamp, metadata } = picture;
  if (!ArrayBuffer.isView(pixels)) {
    throw new SluiceError(
      'processor-failed',
      'the answer is no picture; expected the frame, pixels as a typed array, { pixels, width, height, format }, null or WITHHOLD',
    );
  }
  const format = picture.format ?? fallback.format;
  const width = picture.width ?? fallback.width;
  const height = picture.height ?? fallback.height;
  if (!format || !width || !height) throw new SluiceError('processor-failed', 'the picture says no format, width and height');
  const bytes = frameBytes(format, width, height);
  if (pixels.byteLength !== bytes) {
    throw new SluiceError('processor-failed', `the picture has ${pixels.byteLength} bytes; ${format} of ${width} x ${height} has ${bytes}`);
  }
  const room = await place.room(format, width, height);
  room.set(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength));
  return {
    format,
    width,
    height,
    ...(significantBits === undefined ? {} : { significantBits }),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

function audioOf(block: AudioFrame, answer: Pick<AudioFrame, 'data'> & Partial<AudioFrame>): AudioFrame {
  const { data } = answer;
  const format = answer.format ?? (data[0] instanceof Float32Array ? 'fltp' : data[0] instanceof Int16Array ? 's16' : block.format);
  const channels = answer.channels ?? (format === 'fltp' ? data.length : block.channels);
  const samples = (data[0]?.length ?? 0) / (format === 'fltp' ? 1 : channels);
  if (!Number.isInteger(samples)) {
    throw new SluiceError('processor-failed', `the sound has ${data[0]?.length} samples for ${channels} channels`);
  }
  return { ...block, ...answer, format, channels, samples, data };
}
