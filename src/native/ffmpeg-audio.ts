// FFmpeg for sound: resampling, AAC and Opus. For media workers only: every call blocks its thread. The rules of ffmpeg-encode.ts hold.
import {
  AV_CHANNEL_ORDER_NATIVE,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_LOG_QUIET,
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  type FFEncoderCodec,
} from 'node-av/constants';
import { Codec, CodecContext, Dictionary, FFmpegError, Frame, Log, Packet, Rational, SoftwareResampleContext } from 'node-av/lib';
import { SluiceError } from '../core/errors.ts';

Log.setLevel(AV_LOG_QUIET);

/** Everything is encoded at this rate, Hz: frames of AAC (1024 samples) and Opus (960) are then whole ticks of 90 kHz. */
export const ENCODED_RATE = 48_000;

/** A layout as FFmpeg's native order has it. */
function layoutFor(channels: number) {
  const masks: Record<number, bigint> = { 1: 4n, 2: 3n, 6: 63n, 8: 0x63fn };
  return { order: AV_CHANNEL_ORDER_NATIVE, nbChannels: channels, mask: masks[channels] ?? (1n << BigInt(channels)) - 1n };
}

export interface AudioEncoderSettings {
  readonly codec: 'aac' | 'opus';
  readonly channels: 1 | 2;
  /** Bits per second. */
  readonly bitrate: number;
}

/** A packet of sound; `pts` is where its first decoded sample lies, in samples: the encoder's delay is taken off. */
export interface EncodedSound {
  readonly data: Uint8Array;
  readonly pts: bigint;
}

export class AudioEncoder implements Disposable {
  readonly #context: CodecContext;
  readonly #frame: Frame;
  readonly #packet = new Packet();
  readonly #planar: boolean;
  /** Samples of each channel in a frame. */
  readonly frameSize: number;
  /** AAC: AudioSpecificConfig. Opus: OpusHead. */
  readonly extraData: Uint8Array;

  private constructor(context: CodecContext, settings: AudioEncoderSettings) {
    this.#context = context;
    this.#planar = settings.codec === 'aac';
    this.frameSize = context.frameSize;
    this.extraData = new Uint8Array(context.extraData ?? []);
    this.#packet.alloc();
    const frame = new Frame();
    frame.alloc();
    frame.nbSamples = this.frameSize;
    frame.format = this.#planar ? AV_SAMPLE_FMT_FLTP : AV_SAMPLE_FMT_FLT;
    frame.sampleRate = ENCODED_RATE;
    frame.channelLayout = layoutFor(settings.channels);
    FFmpegError.throwIfError(frame.getBuffer(0), 'getBuffer');
    this.#frame = frame;
  }

  static async open(settings: AudioEncoderSettings): Promise<AudioEncoder> {
    const name = settings.codec === 'opus' ? 'libopus' : 'aac';
    const codec = Codec.findEncoderByName(name as FFEncoderCodec);
    if (!codec) throw new SluiceError('encoder-failed', `this FFmpeg has no encoder ${name}`);
    const context = new CodecContext();
    context.allocContext3(codec);
    context.sampleRate = ENCODED_RATE;
    context.channelLayout = layoutFor(settings.channels);
    context.sampleFormat = settings.codec === 'aac' ? AV_SAMPLE_FMT_FLTP : AV_SAMPLE_FMT_FLT;
    context.bitRate = BigInt(settings.bitrate);
    context.timeBase = new Rational(1, ENCODED_RATE);
    context.flags = AV_CODEC_FLAG_GLOBAL_HEADER;
    const options: Record<string, string> = settings.codec === 'opus' ? { frame_duration: '20', application: 'audio' } : {};
    const opened = await context.open2(codec, Dictionary.fromObject(options));
    if (opened < 0) {
      context.freeContext();
      throw new SluiceError('encoder-failed', `${name} did not open: ${new FFmpegError(opened).message}`);
    }
    return new AudioEncoder(context, settings);
  }

  /** Encodes one frame: an array of `frameSize` samples for each channel. `pts` in samples. */
  encode(planes: readonly Float32Array[], pts: bigint): EncodedSound[] {
    const frame = this.#frame;
    FFmpegError.throwIfError(frame.makeWritable(), 'makeWritable');
    const data = frame.data!;
    const samples = (bytes: Buffer, count: number) => new Float32Array(bytes.buffer, bytes.byteOffset, count);
    if (this.#planar) for (const [i, plane] of planes.entries()) samples(data[i]!, this.frameSize).set(plane);
    else {
      const whole = samples(data[0]!, this.frameSize * planes.length);
      for (const [channel, plane] of planes.entries())
        for (let i = 0; i < plane.length; i++) whole[i * planes.length + channel] = plane[i]!;
    }
    frame.pts = pts;
    FFmpegError.throwIfError(this.#context.sendFrameSync(frame), 'sendFrame');
    const packets: EncodedSound[] = [];
    while (this.#context.receivePacketSync(this.#packet) >= 0) {
      if (this.#packet.data) packets.push({ data: new Uint8Array(this.#packet.data), pts: this.#packet.pts });
      this.#packet.unref();
    }
    return packets;
  }

  [Symbol.dispose](): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }
}

/** Another sample rate for planar floats. What the filter holds back comes with the next call; nothing is shifted in time. */
export class Resampler implements Disposable {
  readonly #context = new SoftwareResampleContext();
  readonly #channels: number;

  constructor(channels: number, from: number, to: number) {
    this.#channels = channels;
    this.#context.alloc();
    const layout = layoutFor(channels);
    FFmpegError.throwIfError(
      this.#context.allocSetOpts2(layout, AV_SAMPLE_FMT_FLTP, to, layout, AV_SAMPLE_FMT_FLTP, from),
      'allocSetOpts2',
    );
    FFmpegError.throwIfError(this.#context.init(), 'swr_init');
  }

  convert(planes: readonly Float32Array[]): Float32Array[] {
    const samples = planes[0]!.length;
    const room = this.#context.getOutSamples(samples) + 32;
    const output = Array.from({ length: this.#channels }, () => Buffer.alloc(room * 4));
    const input = planes.map((plane) => Buffer.from(plane.buffer, plane.byteOffset, plane.byteLength));
    const made = this.#context.convertSync(output, room, input, samples);
    FFmpegError.throwIfError(made, 'swr_convert');
    return output.map((bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, made));
  }

  [Symbol.dispose](): void {
    this.#context.free();
  }
}
