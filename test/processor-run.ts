// Runs a processor on single frames, as the chain would, for tests of what it makes of them.
import { FORMATS, type FrameInfo, frameBytes, type PixelFormat } from '../src/core/frame.ts';
import { type AnyProcessor, type Picture, type ProcessorContext, type VideoAnswer, WITHHOLD } from '../src/processors/define.ts';
import type { ProcessorFrame } from '../src/processors/processor.ts';
import { bytesOf, LentVideoFrame } from '../src/processors/video-frame.ts';

/** What became of one frame. */
export interface Made {
  readonly fate: 'passed' | 'edited' | 'replaced' | 'withheld';
  readonly format: PixelFormat;
  readonly width: number;
  readonly height: number;
  readonly significantBits: number;
  /** Tightly packed. */
  readonly bytes: Uint8Array;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly data: readonly Readonly<Record<string, unknown>>[];
  readonly markers: readonly Readonly<Record<string, unknown>>[];
}

export interface RunOptions {
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Nobody else sees the picture: it is changed where it lies. */
  readonly own?: boolean;
  readonly signal?: AbortSignal;
}

/** A processor that was loaded, with params checked by its own schema. */
export class ProcessorRun {
  readonly #processor: AnyProcessor;
  #params: unknown;
  #state: unknown;

  constructor(processor: AnyProcessor, params: object = {}) {
    this.#processor = processor;
    this.params = params;
    const { signal } = new AbortController();
    this.#state = processor.load?.({ id: 'test', stream: 'cam', params: this.#params, signal, progress: () => {} });
  }

  set params(params: object) {
    this.#params = this.#processor.params?.parse(params);
  }

  /** Memory of the frame, lent as in the chain: it is not to change unless it is `own`. */
  async video(
    { info, pixels }: ProcessorFrame,
    { metadata = {}, own = false, signal = new AbortController().signal }: RunOptions = {},
  ): Promise<Made> {
    const before = pixels.slice();
    const edit = own ? pixels : pixels.slice();
    const frame = new LentVideoFrame({ info, metadata, input: pixels, edit: () => edit });
    const { context, said } = this.#context(signal);
    const answer = (await this.#processor.video!(frame, context)) as VideoAnswer;
    const made = this.#made(answer, frame, edit, info);
    if (!own && !before.every((value, i) => value === pixels[i])) throw new Error('the processor has changed memory that others see');
    return { ...made, bytes: made.bytes.slice(), ...said };
  }

  generate(): Promise<Picture | null | typeof WITHHOLD> {
    return Promise.resolve(this.#processor.generate!(this.#context(new AbortController().signal).context));
  }

  #made(answer: VideoAnswer, frame: LentVideoFrame, edit: Uint8Array, info: FrameInfo) {
    const { format, width, height, significantBits } = info;
    const same = { format, width, height, significantBits };
    if (answer === WITHHOLD) return { fate: 'withheld' as const, ...same, bytes: new Uint8Array(0) };
    if (answer === null || answer === undefined) return { fate: 'passed' as const, ...same, bytes: frame.pixels && bytesOf(frame.pixels) };
    if (answer === frame) return { fate: frame.edited ? ('edited' as const) : ('passed' as const), ...same, bytes: edit };
    const picture = (ArrayBuffer.isView(answer) ? { pixels: answer } : answer) as Picture;
    const own = picture.format ?? format;
    const geometry = {
      format: own,
      width: picture.width ?? width,
      height: picture.height ?? height,
      significantBits: picture.significantBits ?? (own === format ? significantBits : FORMATS[own].depth),
    };
    const bytes = bytesOf(picture.pixels);
    if (bytes.length !== frameBytes(geometry.format, geometry.width, geometry.height))
      throw new Error(`a picture of ${bytes.length} bytes`);
    return { fate: 'replaced' as const, ...geometry, bytes };
  }

  #context(signal: AbortSignal) {
    const said = {
      metrics: {} as Record<string, unknown>,
      data: [] as Record<string, unknown>[],
      markers: [] as Record<string, unknown>[],
    };
    const context: ProcessorContext<unknown, unknown> = {
      id: 'test',
      stream: 'cam',
      params: this.#params,
      state: this.#state,
      signal,
      metric: (values) => Object.assign(said.metrics, values),
      marker: (marker) => said.markers.push({ ...marker }),
      data: (record) => said.data.push({ ...record }),
      timing: () => {},
      log: () => {},
    };
    return { context, said };
  }
}
