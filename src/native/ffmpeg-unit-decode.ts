// Decodes the pictures of a live stream that come one access unit at a time with their times, in any order of showing, and writes them into
// frame slots. For media workers only: every call blocks its thread. The rules of ffmpeg-input.ts hold.
import { AV_NOPTS_VALUE, AVERROR_EOF } from 'node-av/constants';
import { type CodecContext, FFmpegError, Frame, Packet, PosixError, Rational } from 'node-av/lib';
import { type PictureOptions, type PictureShape, PictureWriter } from './ffmpeg-picture.ts';
import { openDecoder } from './ffmpeg-stream-decode.ts';

const AVERROR_EAGAIN = FFmpegError.AVERROR(PosixError.EAGAIN);

export class UnitDecoder implements Disposable {
  readonly #context: CodecContext;
  readonly #packet = new Packet();
  readonly #frame = new Frame();
  #writer: PictureWriter;

  private constructor(context: CodecContext) {
    this.#context = context;
    this.#packet.alloc();
    this.#frame.alloc();
    this.#writer = new PictureWriter({ rotate: 0, flip: 'none' }, { aspect: 0, matrix: null });
  }

  /** Throws `unavailable`. */
  static async open(codec: 'h264' | 'hevc' | 'mpeg2video'): Promise<UnitDecoder> {
    const context = await openDecoder(codec);
    context.pktTimebase = new Rational(1, 90_000);
    return new UnitDecoder(context);
  }

  /** Pictures are cut and scaled to cover this size; `null` = as they are. */
  setSize(size: { readonly width: number; readonly height: number } | null): void {
    this.#writer[Symbol.dispose]();
    const options: PictureOptions = { rotate: 0, flip: 'none', ...(size ? { size, cover: true } : {}) };
    this.#writer = new PictureWriter(options, { aspect: 0, matrix: null });
  }

  /** Takes a unit, its time in ticks. False: it was refused. Then call `receive` until it says no. */
  send(unit: Uint8Array, pts: number): boolean {
    this.#packet.data = Buffer.from(unit);
    this.#packet.pts = BigInt(pts);
    const sent = this.#context.sendPacketSync(this.#packet);
    this.#packet.unref();
    this.#packet.alloc();
    return sent >= 0;
  }

  /** No more units come: `receive` gives what is left. */
  drain(): void {
    this.#context.sendPacketSync(null);
  }

  /** Makes the next picture the current one. `broken`: a unit could not be decoded. */
  receive(): 'picture' | 'none' | 'broken' {
    this.#frame.unref();
    const received = this.#context.receiveFrameSync(this.#frame);
    if (received >= 0) return 'picture';
    return received === AVERROR_EAGAIN || received === AVERROR_EOF ? 'none' : 'broken';
  }

  /** Time of the current picture, ticks; `null` = not known. */
  get pts(): number | null {
    const pts = this.#frame.bestEffortTimestamp;
    return pts === AV_NOPTS_VALUE ? null : Number(pts);
  }

  /** How the current picture will be. */
  get shape(): PictureShape {
    return this.#writer.shapeOf(this.#frame);
  }

  /** Size of the current picture as it was sent, pixels. */
  get sent(): { width: number; height: number } {
    return { width: this.#frame.width, height: this.#frame.height };
  }

  /** Writes the current picture; `pixels` is as long as `shape` needs. Throws `source-failed`. */
  write(shape: PictureShape, pixels: Uint8Array): void {
    this.#writer.write(this.#frame, shape, pixels);
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }
}
