// FFmpeg for encoders: colour conversion and scaling (swscale), H.264 and VP8. For media workers only: every call blocks its thread.
//
// Rules that keep the process alive (each broken one was a crash): buffers handed to `fromBuffer` stay referenced as long as the frame;
// frames and packets are made once and reused; contexts are opened with `await open2`, never `open2Sync`; packet data is copied at once.
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_LOG_QUIET,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_BGR24,
  AV_PIX_FMT_GRAY8,
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_RGBA,
  AV_PIX_FMT_YUV420P,
  AVCOL_PRI_BT709,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_RGB,
  AVCOL_SPC_SMPTE170M,
  AVCOL_TRC_BT709,
  type AVColorRange,
  type AVColorSpace,
  type AVPixelFormat,
  type FFEncoderCodec,
  SWS_ACCURATE_RND,
  SWS_AREA,
  SWS_FAST_BILINEAR,
  SWS_FULL_CHR_H_INT,
} from 'node-av/constants';
import { Codec, CodecContext, Dictionary, FFmpegError, Frame, Log, Packet, Rational, SoftwareScaleContext } from 'node-av/lib';
import { SluiceError } from '../core/errors.ts';
import type { PixelFormat } from '../core/frame.ts';
import type { Ticks } from '../core/time.ts';

// x264 introduces itself on standard error otherwise.
Log.setLevel(AV_LOG_QUIET);

interface NativeFormat {
  readonly pixel: AVPixelFormat;
  readonly space: (height: number) => AVColorSpace;
  readonly range: AVColorRange;
}

const rgb = () => AVCOL_SPC_RGB;
/** YUV without a tag: BT.709 from 720 lines up, else BT.601, as players guess. */
const guess = (height: number) => (height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M);

/** The 8-bit formats that swscale reads directly; deep ones are mapped to gray or rgb24 before. */
const NATIVE: Partial<Record<PixelFormat, NativeFormat>> = {
  gray: { pixel: AV_PIX_FMT_GRAY8, space: guess, range: AVCOL_RANGE_JPEG },
  rgb24: { pixel: AV_PIX_FMT_RGB24, space: rgb, range: AVCOL_RANGE_JPEG },
  bgr24: { pixel: AV_PIX_FMT_BGR24, space: rgb, range: AVCOL_RANGE_JPEG },
  rgba: { pixel: AV_PIX_FMT_RGBA, space: rgb, range: AVCOL_RANGE_JPEG },
  yuv420p: { pixel: AV_PIX_FMT_YUV420P, space: guess, range: AVCOL_RANGE_MPEG },
  nv12: { pixel: AV_PIX_FMT_NV12, space: guess, range: AVCOL_RANGE_MPEG },
};

/** What a scaler makes: `yuv420p` in limited range for video, `rgb24` or `gray` for pictures. */
export type ScaledFormat = 'yuv420p' | 'rgb24' | 'gray';

/** Most slots of a ring plus a few buffers of their own. */
const MAX_SOURCES = 64;

/** Converts pictures of any 8-bit format and size to one format and size. */
export class Scaler implements Disposable {
  readonly #output: Frame;
  readonly #pixels: Buffer | null;
  #context: SoftwareScaleContext | null = null;
  #geometry = '';
  // Native frames that alias ring slots, by the slot's memory; the Buffers in here keep that memory alive.
  readonly #sources = new Map<string, { frame: Frame; memory: Buffer }>();
  #memory: ArrayBufferLike | null = null;

  readonly format: ScaledFormat;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;

  /** @param matrix of `yuv420p`: VP8 knows no other than BT.601 */
  constructor(format: ScaledFormat, width: number, height: number, matrix: 'bt709' | 'bt601' = 'bt709') {
    this.format = format;
    this.width = width;
    this.height = height;
    const native = NATIVE[format]!;
    this.#output = new Frame();
    this.#output.alloc();
    this.#output.width = width;
    this.#output.height = height;
    this.#output.format = native.pixel;
    this.#output.colorSpace = format !== 'yuv420p' ? native.space(height) : matrix === 'bt601' ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_BT709;
    this.#output.colorRange = native.range;
    this.#output.colorPrimaries = AVCOL_PRI_BT709;
    this.#output.colorTrc = AVCOL_TRC_BT709;
    if (format === 'yuv420p') {
      FFmpegError.throwIfError(this.#output.getBuffer(), 'getBuffer');
      this.#pixels = null;
    } else {
      this.#pixels = Buffer.alloc(width * height * (format === 'gray' ? 1 : 3));
      FFmpegError.throwIfError(this.#output.fromBuffer(this.#pixels), 'fromBuffer');
    }
  }

  /** Converts; the frame that comes back is the scaler's own and holds until the next call. */
  convert(format: PixelFormat, width: number, height: number, pixels: Uint8Array): Frame {
    const native = NATIVE[format];
    if (!native) throw new SluiceError('internal', `${format} must be mapped to 8 bits before it is scaled`);
    const source = this.#source(native, format, width, height, pixels);
    // An odd column or row is left out where only the evenness differs: every other pixel stays exactly where it is.
    const crop = this.width === (width & ~1) && this.height === (height & ~1);
    source.width = crop ? this.width : width;
    source.height = crop ? this.height : height;
    const geometry = `${format} ${width}x${height}`;
    if (this.#geometry !== geometry) {
      this.#context?.freeContext();
      this.#context = new SoftwareScaleContext();
      this.#context.allocContext();
      const same = source.width === this.width && source.height === this.height;
      // The quick path from nv12 to RGB darkens by 1.7 levels (measured); the exact one costs 2 ms more at 720p.
      const exact = format === 'nv12' && this.format !== 'yuv420p' ? SWS_FULL_CHR_H_INT | SWS_ACCURATE_RND : 0;
      this.#context.setOption('sws_flags', (same ? SWS_FAST_BILINEAR : SWS_AREA) | exact);
      this.#geometry = geometry;
    }
    FFmpegError.throwIfError(this.#context!.scaleFrameSync(this.#output, source), 'scaleFrame');
    return this.#output;
  }

  /** Packed bytes of the last conversion to `rgb24` or `gray`. */
  get pixels(): Buffer {
    if (!this.#pixels) throw new TypeError('planar pictures have no packed bytes');
    return this.#pixels;
  }

  #source(native: NativeFormat, format: PixelFormat, width: number, height: number, pixels: Uint8Array): Frame {
    // Slots of another ring: let go of the old memory.
    if (this.#memory !== pixels.buffer || this.#sources.size > MAX_SOURCES) this.#freeSources();
    this.#memory = pixels.buffer;
    const key = `${pixels.byteOffset} ${format} ${width}x${height}`;
    const known = this.#sources.get(key);
    if (known) return known.frame;
    const memory = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
    const frame = new Frame();
    frame.alloc();
    frame.width = width;
    frame.height = height;
    frame.format = native.pixel;
    frame.colorSpace = native.space(height);
    frame.colorRange = native.range;
    FFmpegError.throwIfError(frame.fromBuffer(memory), 'fromBuffer');
    this.#sources.set(key, { frame, memory });
    return frame;
  }

  #freeSources(): void {
    for (const { frame } of this.#sources.values()) frame.free();
    this.#sources.clear();
  }

  [Symbol.dispose](): void {
    this.#freeSources();
    this.#context?.freeContext();
    this.#context = null;
    this.#output.free();
  }
}

/** Settings of an encoder of video. */
export interface VideoSettings {
  /** Pixels, even. */
  readonly width: number;
  /** Pixels, even. */
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
  /** FFmpeg encoder name (`libvpx` is VP8), or `auto`: a hardware encoder for H.264 if one opens, else libx264. */
  readonly encoder: string;
  readonly preset: string | undefined;
  /** FFmpeg options by name; they win over ours. */
  readonly options: Readonly<Record<string, string | number>>;
}

/** Options for low latency by encoder; the key frames are ours alone, so scene cuts and own intervals are switched off. */
const LOW_LATENCY: Record<string, Record<string, string>> = {
  libx264: { preset: 'ultrafast', tune: 'zerolatency', 'forced-idr': '1', 'x264-params': 'scenecut=0:open-gop=0:rc-lookahead=0' },
  h264_nvenc: { preset: 'p1', tune: 'ull', zerolatency: '1', 'forced-idr': '1', delay: '0' },
  h264_qsv: { preset: 'veryfast', async_depth: '1', forced_idr: '1' },
  h264_videotoolbox: { realtime: '1' },
  h264_amf: { usage: 'ultralowlatency', forced_idr: '1' },
  h264_mf: {},
  // A speed of its own choice, within half of a core's time; scene cuts would be key frames that are not ours.
  libvpx: {
    deadline: 'realtime',
    'cpu-used': '8',
    'lag-in-frames': '0',
    'auto-alt-ref': '0',
    'error-resilient': '0',
    'static-thresh': '1',
  },
};

const HARDWARE = ['h264_nvenc', 'h264_videotoolbox', 'h264_qsv', 'h264_amf', 'h264_mf'];

/** One picture in, one packet out. */
export class VideoEncoder implements Disposable {
  readonly #context: CodecContext;
  readonly #packet: Packet;
  /** H.264: parameter sets in Annex B. */
  readonly extraData: Uint8Array;
  readonly name: string;

  private constructor(context: CodecContext, name: string) {
    this.#context = context;
    this.name = name;
    this.#packet = new Packet();
    this.#packet.alloc();
    this.extraData = new Uint8Array(context.extraData ?? []);
  }

  static async open(settings: VideoSettings): Promise<VideoEncoder> {
    if (settings.encoder !== 'auto') return await VideoEncoder.#open(settings, settings.encoder);
    for (const name of HARDWARE) {
      if (!Codec.findEncoderByName(name as FFEncoderCodec)) continue;
      const encoder = await VideoEncoder.#open(settings, name).catch(() => null);
      if (encoder) return encoder;
    }
    return await VideoEncoder.#open(settings, 'libx264');
  }

  static async #open(settings: VideoSettings, name: string): Promise<VideoEncoder> {
    const codec = Codec.findEncoderByName(name as FFEncoderCodec);
    if (!codec)
      throw new SluiceError('bad-value', `encode.encoder: this FFmpeg has no encoder ${JSON.stringify(name)}; libx264 is always there`);
    const context = new CodecContext();
    context.allocContext3(codec);
    context.width = settings.width;
    context.height = settings.height;
    context.pixelFormat = AV_PIX_FMT_YUV420P;
    context.timeBase = new Rational(1, 90_000);
    context.framerate = new Rational(30, 1);
    setRate(context, name, settings.bitrate);
    context.gopSize = 1200;
    context.maxBFrames = 0;
    context.threadCount = settings.width * settings.height > 1920 * 1088 ? 4 : 1;
    context.sampleAspectRatio = new Rational(1, 1);
    context.colorSpace = name === 'libvpx' ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_BT709;
    context.colorPrimaries = AVCOL_PRI_BT709;
    context.colorTrc = AVCOL_TRC_BT709;
    context.colorRange = AVCOL_RANGE_MPEG;
    context.flags = AV_CODEC_FLAG_GLOBAL_HEADER;
    const options: Record<string, string> = { ...LOW_LATENCY[name] };
    if (settings.preset) options.preset = settings.preset;
    for (const [key, value] of Object.entries(settings.options)) options[key] = String(value);
    const result = await context.open2(codec, Dictionary.fromObject(options));
    if (result < 0) {
      context.freeContext();
      throw new SluiceError(
        'encoder-failed',
        `${name} did not open for ${settings.width}x${settings.height}: ${new FFmpegError(result).message}`,
        {
          encoder: name,
          options,
        },
      );
    }
    return new VideoEncoder(context, name);
  }

  /** Changes the bit rate from the next picture on, without a new key frame. */
  set bitrate(bitsPerSecond: number) {
    setRate(this.#context, this.name, bitsPerSecond);
  }

  /** Encodes one picture (H.264: Annex B). `null` if the encoder kept it back, which a low-latency encoder does not. */
  encode(frame: Frame, pts: Ticks, key: boolean): { data: Uint8Array; key: boolean } | null {
    frame.pts = BigInt(pts);
    frame.pictType = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    FFmpegError.throwIfError(this.#context.sendFrameSync(frame), 'sendFrame');
    const result = this.#context.receivePacketSync(this.#packet);
    if (result < 0) return null;
    const data = this.#packet.data ? new Uint8Array(this.#packet.data) : new Uint8Array();
    const isKey = this.#packet.isKeyframe;
    this.#packet.unref();
    return { data, key: isKey };
  }

  [Symbol.dispose](): void {
    this.#packet.free();
    this.#context.freeContext();
  }
}

/** libvpx keeps a constant rate only where the least is the mean too. */
function setRate(context: CodecContext, name: string, bitsPerSecond: number): void {
  context.bitRate = BigInt(Math.round(bitsPerSecond));
  // x264 takes another bit rate in mid-stream only where the peak is the mean: with a higher peak it kept the old one (measured).
  context.rcMaxRate = BigInt(Math.round(bitsPerSecond));
  if (name === 'libvpx') context.rcMinRate = context.bitRate;
  context.rcBufferSize = Math.round(bitsPerSecond);
}
