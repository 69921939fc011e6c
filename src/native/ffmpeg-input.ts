// FFmpeg for inputs: opens files, addresses, devices and filter graphs, and decodes their pictures and their sound. For media workers only.
//
// Rules that keep the process alive: calls on one context never overlap; the decoder is opened with `await open2`, never `open2Sync`;
// frames and packets are made once and reused; everything is freed by the thread that uses it, after its last call has returned.
import { availableParallelism } from 'node:os';
import {
  AV_LOG_QUIET,
  AV_NOPTS_VALUE,
  AV_PKT_DATA_DISPLAYMATRIX,
  AVDISCARD_ALL,
  AVERROR_EOF,
  AVERROR_EXIT,
  AVFMT_FLAG_NONBLOCK,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  AVSEEK_FLAG_BACKWARD,
  FF_THREAD_FRAME,
  FF_THREAD_SLICE,
} from 'node-av/constants';
import {
  avGetCodecName,
  Codec,
  CodecContext,
  Device,
  Dictionary,
  FFmpegError,
  FormatContext,
  Frame,
  InputFormat,
  Log,
  Packet,
  PosixError,
  type Stream,
} from 'node-av/lib';
import { SluiceError } from '../core/errors.ts';
import { type PictureOptions, type PictureShape, PictureWriter } from './ffmpeg-picture.ts';
import { type DecodedSound, SoundDecoder } from './ffmpeg-sound.ts';

// FFmpeg writes its own remarks to standard error; what matters is said in our words.
Log.setLevel(AV_LOG_QUIET);

// The numbers of these differ from system to system.
const AVERROR_EACCES = FFmpegError.AVERROR(PosixError.EACCES);
const AVERROR_EAGAIN = FFmpegError.AVERROR(PosixError.EAGAIN);
const AVERROR_ENOENT = FFmpegError.AVERROR(PosixError.ENOENT);

/** What to open. */
export interface InputTarget {
  /** As FFmpeg wants it. */
  readonly address: string;
  /** As people may see it: without secrets. */
  readonly shown: string;
  /** Name of an FFmpeg demuxer; without it FFmpeg looks at the data. */
  readonly format?: string;
  readonly options: Readonly<Record<string, string>>;
  /** Pictures are wanted at once: no decoder threads that hold some back. */
  readonly live: boolean;
  /** Devices know no time-out of their own. One that stands still must not hold the thread that reads it: it is asked without waiting, and
   *  opening it is given up after `patienceMs`. */
  readonly device?: { readonly patienceMs: number };
}

/** A decoded picture; it holds until the next `step`. */
export interface DecodedPicture {
  /** Presentation time in µs on the input's own scale; `null` if it has none. */
  readonly time: number | null;
  /** How long it is shown, in µs. */
  readonly duration: number;
  readonly shape: PictureShape;
}

/** `picture`, `sound`: `current` or `currentSound` is new · `more`: call again · `wait`: nothing there now, call again a little later · `end` */
export type Step = 'picture' | 'sound' | 'more' | 'wait' | 'end';

/** A camera that FFmpeg can open. */
export interface CameraDevice {
  /** As the system names it (`/dev/video0`). */
  readonly name: string;
  /** As people name it. */
  readonly description: string;
}

/** The cameras of this machine, in the system's order. */
export async function listCameras(): Promise<CameraDevice[]> {
  const devices = await Device.list().catch(() => []);
  return devices.filter((device) => device.type === 'video').map(({ name, description }) => ({ name, description }));
}

const DEFAULT_DURATION_US = 40_000;

export class FfmpegInput implements AsyncDisposable {
  /** Name of the demuxer (`mov,mp4,…`, `rtsp`, `hls`). */
  readonly format: string;
  /** Whether the input has a known length: a file, not something live. */
  readonly finite: boolean;
  /** Time of the first packet in µs on the input's own scale; `null` if it is not known. */
  readonly start: number | null;
  /** How long the start of the input was looked at before this object was ready (ms): the first packet came that long ago. */
  readonly probeMs: number;
  /** Why reading ended, if not because the input was over. */
  error: string | undefined;
  readonly #context: FormatContext;
  /** Of the pictures, or where there are none of the sound. */
  readonly #stream: Stream;
  /** Of the pictures. */
  readonly #decoder: CodecContext | null;
  readonly #sound: SoundDecoder | null;
  readonly #writer: PictureWriter;
  readonly #packet = new Packet();
  readonly #frame = new Frame();
  /** µs per unit of the stream's times. */
  readonly #unit: number;
  readonly #nominal: number;
  #picture: DecodedPicture | undefined;
  #draining = false;
  #closed = false;

  private constructor(
    context: FormatContext,
    stream: Stream,
    decoder: CodecContext | null,
    sound: SoundDecoder | null,
    writer: PictureWriter,
    probeMs: number,
  ) {
    this.#sound = sound;
    this.#context = context;
    this.#stream = stream;
    this.#decoder = decoder;
    this.#writer = writer;
    this.#packet.alloc();
    this.#frame.alloc();
    this.format = context.iformat?.name ?? '';
    this.finite = context.duration !== AV_NOPTS_VALUE && context.duration > 0n;
    const { num, den } = stream.timeBase;
    this.#unit = (num * 1_000_000) / den;
    this.start = stream.startTime === AV_NOPTS_VALUE ? null : Number(stream.startTime) * this.#unit;
    this.probeMs = probeMs;
    const rate = stream.avgFrameRate;
    this.#nominal = rate.num > 0 && rate.den > 0 ? (rate.den * 1_000_000) / rate.num : DEFAULT_DURATION_US;
  }

  /**
   * Opens an input and its decoder. Fails with `source-failed` and a sentence that says what and why; with the signal's reason if it is
   * aborted meanwhile. `withSound`: its sound is decoded too, and an input without pictures will do.
   */
  static async open(target: InputTarget, picture: PictureOptions, signal: AbortSignal, withSound = false): Promise<FfmpegInput> {
    signal.throwIfAborted();
    const format = target.format === undefined ? null : InputFormat.findInputFormat(target.format);
    if (target.format !== undefined && !format) throw failure(target, `this FFmpeg has no input device or format ${target.format}`);
    const context = new FormatContext();
    context.allocContext();
    // The calls below wait for the network on another thread; this ends them when nobody wants the input any more.
    const interrupt = () => context.interrupt();
    signal.addEventListener('abort', interrupt, { once: true });
    let late = false;
    let patience: NodeJS.Timeout | undefined;
    if (target.device) {
      context.flags = (context.flags | AVFMT_FLAG_NONBLOCK) as typeof AVFMT_FLAG_NONBLOCK;
      patience = setTimeout(() => {
        late = true;
        interrupt();
      }, target.device.patienceMs);
    }
    let decoder: CodecContext | undefined;
    let sound: SoundDecoder | null = null;
    try {
      // An address nobody answers at blocks as long as the protocol's time-outs say.
      const opened = await context.openInput(target.address, format, Dictionary.fromObject({ ...target.options }));
      signal.throwIfAborted();
      if (late) throw failure(target, silence(target));
      if (opened < 0) {
        const graph = target.format === 'lavfi' ? 'FFmpeg cannot make this filter graph: ' : '';
        throw failure(target, `${graph}${reasonOf(opened)}`);
      }
      const openedAt = performance.now();
      const probed = await context.findStreamInfo();
      signal.throwIfAborted();
      if (late) throw failure(target, silence(target));
      if (probed < 0) throw failure(target, reasonOf(probed));
      const best = context.findBestStream(AVMEDIA_TYPE_VIDEO);
      const stream = best >= 0 ? context.streams[best] : undefined;
      const heard = withSound ? context.findBestStream(AVMEDIA_TYPE_AUDIO) : -1;
      const soundStream = heard >= 0 ? context.streams[heard] : undefined;
      if (soundStream) sound = await SoundDecoder.open(soundStream);
      signal.throwIfAborted();
      if (!stream && !sound) throw failure(target, withSound ? 'it has neither video nor sound' : 'it has no video');
      for (const other of context.streams) {
        if (other.index !== stream?.index && other.index !== sound?.index) other.discard = AVDISCARD_ALL;
      }
      if (!stream) {
        const none = new PictureWriter(picture, { aspect: 0, matrix: null });
        return new FfmpegInput(context, soundStream!, null, sound, none, performance.now() - openedAt);
      }
      const codec = Codec.findDecoder(stream.codecpar.codecId);
      const codecName = avGetCodecName(stream.codecpar.codecId) ?? 'unknown';
      if (!codec) throw failure(target, `its video is coded as ${codecName}, which this FFmpeg cannot decode`);
      decoder = new CodecContext();
      decoder.allocContext3(codec);
      decoder.parametersToContext(stream.codecpar);
      decoder.pktTimebase = stream.timeBase;
      // Threads by frame hold one picture back each; a file is decoded ahead of its time anyway.
      decoder.threadCount = Math.min(4, availableParallelism());
      decoder.threadType = target.live ? FF_THREAD_SLICE : ((FF_THREAD_FRAME | FF_THREAD_SLICE) as typeof FF_THREAD_FRAME);
      const ready = await decoder.open2(codec, null);
      signal.throwIfAborted();
      if (ready < 0) throw failure(target, `its video (${codecName}) cannot be decoded: ${reasonOf(ready)}`);
      const { num, den } = stream.sampleAspectRatio;
      const writer = new PictureWriter(picture, {
        aspect: num > 0 && den > 0 ? num / den : 0,
        matrix: stream.codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX),
      });
      return new FfmpegInput(context, stream, decoder, sound, writer, performance.now() - openedAt);
    } catch (error) {
      decoder?.freeContext();
      sound?.[Symbol.dispose]();
      await context.closeInput();
      throw error;
    } finally {
      clearTimeout(patience);
      signal.removeEventListener('abort', interrupt);
    }
  }

  /** The picture of the last step that said so. */
  get current(): DecodedPicture {
    if (!this.#picture) throw new TypeError('there is no picture: call step() until it says so');
    return this.#picture;
  }

  /** The sound of the last step that said so. */
  get currentSound(): DecodedSound {
    if (!this.#sound) throw new TypeError('this input has no sound');
    return this.#sound.current;
  }

  get hasPictures(): boolean {
    return this.#decoder !== null;
  }

  /** Decodes on: at most one packet. Blocks while the input has nothing, as long as its time-outs say. */
  step(): Step {
    this.#picture = undefined;
    const received = this.#decoder?.receiveFrameSync(this.#frame) ?? AVERROR_EOF;
    if (received >= 0) {
      this.#picture = this.#describe();
      return 'picture';
    }
    const heard = this.#sound?.receive() ?? 'end';
    if (heard === 'block') return 'sound';
    // Broken data give other errors: decoders go on with the next packet.
    if (this.#draining) return (received === AVERROR_EOF || received === AVERROR_EAGAIN) && heard === 'end' ? 'end' : 'more';
    const read = this.#context.readFrameSync(this.#packet);
    if (read === AVERROR_EAGAIN) return 'wait';
    if (read < 0) {
      if (read !== AVERROR_EOF) this.error = reasonOf(read);
      this.#draining = true;
      this.#decoder?.sendPacketSync(null);
      this.#sound?.drain();
      return 'more';
    }
    // Packets before the first key frame are refused by the decoder: the first picture that can be decoded is the first that is shown.
    if (this.#packet.streamIndex === this.#sound?.index) this.#sound.send(this.#packet);
    else if (this.#packet.streamIndex === this.#stream.index) this.#decoder?.sendPacketSync(this.#packet);
    this.#packet.unref();
    return 'more';
  }

  #describe(): DecodedPicture {
    const pts = this.#frame.bestEffortTimestamp;
    const duration = Number(this.#frame.duration) * this.#unit;
    return {
      time: pts === AV_NOPTS_VALUE ? null : Number(pts) * this.#unit,
      duration: duration > 0 ? duration : this.#nominal,
      shape: this.#writer.shapeOf(this.#frame),
    };
  }

  /** Writes the current picture; `pixels` is exactly as long as its shape needs and must outlive the input. */
  write(pixels: Uint8Array): void {
    this.#writer.write(this.#frame, this.current.shape, pixels);
  }

  /** Goes back to the start; false if the input cannot, which then has to be opened again. */
  rewind(): boolean {
    const start = this.#stream.startTime;
    const sought = this.#context.seekFrameSync(this.#stream.index, start === AV_NOPTS_VALUE ? 0n : start, AVSEEK_FLAG_BACKWARD);
    if (sought < 0) return false;
    this.#decoder?.flushBuffers();
    this.#sound?.flush();
    this.#draining = false;
    this.#picture = undefined;
    this.error = undefined;
    return true;
  }

  /** Frees everything. Idempotent; never while a call is under way. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#picture = undefined;
    this.#writer[Symbol.dispose]();
    this.#decoder?.freeContext();
    this.#sound?.[Symbol.dispose]();
    this.#frame.free();
    this.#packet.free();
    await this.#context.closeInput();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function failure(target: InputTarget, reason: string): SluiceError {
  return new SluiceError('source-failed', `${target.shown}: ${reason}`, { field: 'url', received: target.shown });
}

function silence({ device }: InputTarget): string {
  return `it gave no picture within ${(device?.patienceMs ?? 0) / 1000} s`;
}

/** An FFmpeg error as the end of a sentence. */
function reasonOf(code: number): string {
  if (code === AVERROR_ENOENT) return 'there is no such file';
  if (code === AVERROR_EACCES) return 'it may not be read (permission denied)';
  if (code === AVERROR_EXIT) return 'it was interrupted';
  const text = FFmpegError.strerror(code);
  if (/invalid data/i.test(text)) return 'it holds nothing that FFmpeg can read as video';
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
