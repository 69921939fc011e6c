// Decodes Opus as it comes by WebRTC, one packet in, one block out. For media workers only: every call blocks its thread.
import { AV_CHANNEL_ORDER_NATIVE, AV_SAMPLE_FMT_S16, FF_DECODER_LIBOPUS } from 'node-av/constants';
import { Codec, CodecContext, FFmpegError, Frame, Packet } from 'node-av/lib';
import { SluiceError } from '../core/errors.ts';
import { OPUS_RATE } from '../formats/opus.ts';

export class OpusDecoder implements Disposable {
  readonly channels: 1 | 2;
  readonly #context: CodecContext;
  readonly #packet = new Packet();
  readonly #frame = new Frame();

  private constructor(context: CodecContext, channels: 1 | 2) {
    this.#context = context;
    this.channels = channels;
    this.#packet.alloc();
    this.#frame.alloc();
  }

  /** @param channels what it decodes to, whatever the packets have */
  static async open(channels: 1 | 2): Promise<OpusDecoder> {
    const codec = Codec.findDecoderByName(FF_DECODER_LIBOPUS);
    if (!codec) throw new SluiceError('unavailable', 'this FFmpeg has no decoder for Opus');
    const context = new CodecContext();
    context.allocContext3(codec);
    context.sampleRate = OPUS_RATE;
    context.channelLayout = { order: AV_CHANNEL_ORDER_NATIVE, nbChannels: channels, mask: channels === 1 ? 4n : 3n };
    const opened = await context.open2(codec, null);
    if (opened < 0) {
      context.freeContext();
      throw new SluiceError('unavailable', `Opus cannot be decoded: ${new FFmpegError(opened).message}`);
    }
    return new OpusDecoder(context, channels);
  }

  /** Samples at 48 kHz, 16 bits, the channels interleaved; `null` for bytes that are no packet. */
  decode(bytes: Uint8Array): Int16Array<ArrayBuffer> | null {
    this.#packet.data = Buffer.from(bytes);
    const sent = this.#context.sendPacketSync(this.#packet);
    this.#packet.unref();
    this.#packet.alloc();
    if (sent < 0) return null;
    let samples: Int16Array<ArrayBuffer> | null = null;
    while (this.#context.receiveFrameSync(this.#frame) >= 0) {
      const [data] = this.#frame.data ?? [];
      if (data && this.#frame.format === AV_SAMPLE_FMT_S16) {
        const bytesOf = this.#frame.nbSamples * this.channels * 2;
        // Copied: the native memory is used again.
        samples = new Int16Array(new Uint8Array(data.subarray(0, bytesOf)).buffer);
      }
      this.#frame.unref();
    }
    return samples;
  }

  [Symbol.dispose](): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }
}
