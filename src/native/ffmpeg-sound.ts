// The sound of an input: decoded by FFmpeg, planar floats at the rate that it has. The rules of ffmpeg-input.ts hold.
import {
  AV_CHANNEL_ORDER_NATIVE,
  AV_CODEC_ID_AAC,
  AV_CODEC_ID_MP3,
  AV_CODEC_ID_OPUS,
  AV_NOPTS_VALUE,
  AV_SAMPLE_FMT_FLTP,
  AVERROR_EOF,
} from 'node-av/constants';
import { Codec, CodecContext, FFmpegError, Frame, Packet, PosixError, Rational, SoftwareResampleContext, type Stream } from 'node-av/lib';
import { MAX_CHANNELS } from '../core/audio.ts';
import { SluiceError } from '../core/errors.ts';
import { OPUS_RATE } from '../formats/opus.ts';

const AVERROR_EAGAIN = FFmpegError.AVERROR(PosixError.EAGAIN);

/** A block of decoded sound; the samples are a copy. */
export interface DecodedSound {
  /** Time of its first sample in µs on the input's own scale; `null` if it has none. */
  readonly time: number | null;
  /** µs */
  readonly duration: number;
  /** Hz */
  readonly rate: number;
  readonly planes: Float32Array[];
}

/** What comes in transport streams. */
export type LiveSound = 'aac' | 'mp3' | 'opus';
const LIVE_CODECS = { aac: AV_CODEC_ID_AAC, mp3: AV_CODEC_ID_MP3, opus: AV_CODEC_ID_OPUS };

export class SoundDecoder implements Disposable {
  readonly index: number;
  readonly #decoder: CodecContext;
  readonly #frame = new Frame();
  /** µs per unit of the stream's times. */
  readonly #unit: number;
  #convert: { readonly context: SoftwareResampleContext; readonly key: string } | null = null;
  #packet: Packet | null = null;
  #draining = false;
  #current: DecodedSound | null = null;

  private constructor(stream: Pick<Stream, 'index' | 'timeBase'>, decoder: CodecContext) {
    this.index = stream.index;
    this.#decoder = decoder;
    this.#frame.alloc();
    const { num, den } = stream.timeBase;
    this.#unit = (num * 1_000_000) / den;
  }

  /** `null`: this FFmpeg cannot decode it, or it has too many channels. */
  static async open(stream: Stream): Promise<SoundDecoder | null> {
    const codec = Codec.findDecoder(stream.codecpar.codecId);
    if (!codec || stream.codecpar.channels > MAX_CHANNELS) return null;
    const decoder = new CodecContext();
    decoder.allocContext3(codec);
    decoder.parametersToContext(stream.codecpar);
    decoder.pktTimebase = stream.timeBase;
    if ((await decoder.open2(codec, null)) < 0) {
      decoder.freeContext();
      return null;
    }
    return new SoundDecoder(stream, decoder);
  }

  /** Of packets that come one by one, with times of 90 kHz. Throws `unavailable`. */
  static async openLive(name: LiveSound, channels: number): Promise<SoundDecoder> {
    const codec = Codec.findDecoder(LIVE_CODECS[name]);
    if (!codec) throw new SluiceError('unavailable', `this FFmpeg has no decoder for ${name}`);
    const decoder = new CodecContext();
    decoder.allocContext3(codec);
    decoder.pktTimebase = new Rational(1, 90_000);
    if (name === 'opus') {
      decoder.sampleRate = OPUS_RATE;
      decoder.channelLayout = { order: AV_CHANNEL_ORDER_NATIVE, nbChannels: channels, mask: (1n << BigInt(channels)) - 1n };
    }
    const opened = await decoder.open2(codec, null);
    if (opened >= 0) return new SoundDecoder({ index: 0, timeBase: new Rational(1, 90_000) }, decoder);
    decoder.freeContext();
    throw new SluiceError('unavailable', `${name} cannot be decoded: ${new FFmpegError(opened).message}`);
  }

  /** Takes a packet of bytes, its time in ticks. False: it was refused. Call `receive` until it says `more`. */
  sendBytes(bytes: Uint8Array, pts: number): boolean {
    const packet = this.#packet ?? new Packet();
    this.#packet = packet;
    packet.alloc();
    packet.data = Buffer.from(bytes);
    packet.pts = BigInt(pts);
    const sent = this.#decoder.sendPacketSync(packet);
    packet.unref();
    return sent >= 0;
  }

  send(packet: Packet): void {
    this.#decoder.sendPacketSync(packet);
  }

  /** No more packets will come. */
  drain(): void {
    this.#draining = true;
    this.#decoder.sendPacketSync(null);
  }

  /** Another place of the input follows. */
  flush(): void {
    this.#decoder.flushBuffers();
    this.#draining = false;
  }

  /** `block`: `current` is new · `more`: send more, or call again · `end` */
  receive(): 'block' | 'more' | 'end' {
    const received = this.#decoder.receiveFrameSync(this.#frame);
    if (received >= 0) {
      this.#current = this.#read();
      return this.#current ? 'block' : 'more';
    }
    return received === AVERROR_EOF || (this.#draining && received === AVERROR_EAGAIN) ? 'end' : 'more';
  }

  get current(): DecodedSound {
    if (!this.#current) throw new TypeError('there is no sound: call step() until it says so');
    return this.#current;
  }

  #read(): DecodedSound | null {
    const { nbSamples: samples, sampleRate: rate, channelLayout, format, bestEffortTimestamp: pts } = this.#frame;
    const channels = channelLayout.nbChannels;
    if (!samples || !rate || !channels || channels > MAX_CHANNELS) return null;
    const key = `${format} ${rate} ${channels}`;
    if (this.#convert?.key !== key) {
      this.#convert?.context.free();
      const context = new SoftwareResampleContext();
      context.alloc();
      // Only the form of the samples changes: any layout of so many channels will do.
      const layout = { order: AV_CHANNEL_ORDER_NATIVE, nbChannels: channels, mask: (1n << BigInt(channels)) - 1n };
      context.allocSetOpts2(layout, AV_SAMPLE_FMT_FLTP, rate, layout, format as typeof AV_SAMPLE_FMT_FLTP, rate);
      FFmpegError.throwIfError(context.init(), 'swr_init');
      this.#convert = { context, key };
    }
    const output = Array.from({ length: channels }, () => Buffer.alloc(samples * 4));
    const made = this.#convert.context.convertSync(output, samples, this.#frame.data!, samples);
    if (made !== samples) return null;
    return {
      time: pts === AV_NOPTS_VALUE ? null : Number(pts) * this.#unit,
      duration: (samples * 1_000_000) / rate,
      rate,
      planes: output.map((bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, samples)),
    };
  }

  [Symbol.dispose](): void {
    this.#convert?.context.free();
    this.#packet?.free();
    this.#frame.free();
    this.#decoder.freeContext();
  }
}
