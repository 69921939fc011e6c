// Decodes a live stream of access units, one in, at most one out. For media workers only: every call blocks its thread.
import {
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_MPEG2VIDEO,
  AV_CODEC_ID_VP8,
  AV_LOG_QUIET,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUVJ420P,
  FF_THREAD_SLICE,
} from 'node-av/constants';
import { Codec, CodecContext, FFmpegError, Frame, Log, Packet } from 'node-av/lib';
import { SluiceError } from '../core/errors.ts';
import type { Picture } from '../core/frame.ts';

// Broken units are counted by who decodes them.
Log.setLevel(AV_LOG_QUIET);

/** What senders of WebRTC use. */
export type LiveCodec = 'h264' | 'vp8';

const CODEC_IDS = { h264: AV_CODEC_ID_H264, vp8: AV_CODEC_ID_VP8, hevc: AV_CODEC_ID_HEVC, mpeg2video: AV_CODEC_ID_MPEG2VIDEO };

/** A decoder that holds no picture back without need. Throws `unavailable`. */
export async function openDecoder(name: keyof typeof CODEC_IDS): Promise<CodecContext> {
  const codec = Codec.findDecoder(CODEC_IDS[name]);
  if (!codec) throw new SluiceError('unavailable', `this FFmpeg has no decoder for ${name}`);
  const context = new CodecContext();
  context.allocContext3(codec);
  // Threads by frame would hold pictures back.
  context.threadCount = 2;
  context.threadType = FF_THREAD_SLICE;
  const opened = await context.open2(codec, null);
  if (opened >= 0) return context;
  context.freeContext();
  throw new SluiceError('unavailable', `${name} cannot be decoded: ${new FFmpegError(opened).message}`);
}

export class StreamDecoder implements Disposable {
  readonly #context: CodecContext;
  readonly #packet = new Packet();
  readonly #frame = new Frame();

  private constructor(context: CodecContext) {
    this.#context = context;
    this.#packet.alloc();
    this.#frame.alloc();
  }

  static async open(name: LiveCodec): Promise<StreamDecoder> {
    return new StreamDecoder(await openDecoder(name));
  }

  /** The picture of an access unit (H.264: Annex B), `null` if none came out: broken data, or a key frame is needed first. */
  decode(unit: Uint8Array): Picture | null {
    this.#packet.data = Buffer.from(unit);
    const sent = this.#context.sendPacketSync(this.#packet);
    this.#packet.unref();
    this.#packet.alloc();
    if (sent < 0) return null;
    let picture: Picture | null = null;
    while (this.#context.receiveFrameSync(this.#frame) >= 0) {
      const { width, height, format } = this.#frame;
      if (format === AV_PIX_FMT_YUV420P || format === AV_PIX_FMT_YUVJ420P) {
        const data = this.#frame.toBuffer();
        // Copied at once: the native memory is used again.
        picture = { format: 'yuv420p', width, height, data: new Uint8Array(data) };
      }
      this.#frame.unref();
    }
    return picture;
  }

  [Symbol.dispose](): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }
}
