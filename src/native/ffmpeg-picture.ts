// FFmpeg for decoded pictures: upright, with square pixels, in one of the program's formats, written straight into a frame slot.
// For media workers only: every call blocks its thread.
import {
  AV_BUFFERSRC_FLAG_KEEP_REF,
  AV_FRAME_DATA_DISPLAYMATRIX,
  AV_PIX_FMT_GRAY8,
  AV_PIX_FMT_GRAY9LE,
  AV_PIX_FMT_GRAY10LE,
  AV_PIX_FMT_GRAY12LE,
  AV_PIX_FMT_GRAY14LE,
  AV_PIX_FMT_GRAY16LE,
  AV_PIX_FMT_UYVY422,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUYV422,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVCOL_RANGE_UNSPECIFIED,
  AVCOL_SPC_BT470BG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_RGB,
  AVCOL_SPC_SMPTE170M,
  AVCOL_SPC_UNSPECIFIED,
  type AVColorSpace,
  type AVPixelFormat,
  SWS_AREA,
  SWS_BICUBIC,
} from 'node-av/constants';
import { avGetPixFmtName, Filter, type FilterContext, FilterGraph, Frame, SoftwareScaleContext } from 'node-av/lib';
import { SluiceError } from '../core/errors.ts';
import { MAX_SIDE, type PixelFormat, planesOf } from '../core/frame.ts';
import { compose, matrixOfFlip, matrixOfRotation, type Orientation, orientationOf, swapsSides, type Turn, turnOf } from './orientation.ts';

/** What is done to each picture, beyond what the file says. */
export interface PictureOptions {
  /** Degrees clockwise. */
  readonly rotate: 0 | 90 | 180 | 270;
  readonly flip: 'none' | 'horizontal' | 'vertical';
  /** Final size in pixels. */
  readonly size?: { readonly width: number; readonly height: number } | undefined;
  /** `size` keeps the shape of things: what does not fit is cut off evenly at two sides. */
  readonly cover?: boolean;
}

/** How a picture comes out. */
export interface PictureShape {
  readonly format: PixelFormat;
  readonly width: number;
  readonly height: number;
  readonly significantBits: number;
}

/** What a container says about all pictures of a stream; a picture's own data counts where this is missing. */
export interface StreamGeometry {
  /** Width of a pixel divided by its height; 0 = not said. */
  readonly aspect: number;
  readonly matrix: Buffer | null;
}

/** Gray formats keep their values: no scaling to other bits, so 12-bit data stay as they were measured. */
const GRAY: Record<string, { bits: number; target: AVPixelFormat }> = {
  gray: { bits: 8, target: AV_PIX_FMT_GRAY8 },
  gray9: { bits: 9, target: AV_PIX_FMT_GRAY9LE },
  gray10: { bits: 10, target: AV_PIX_FMT_GRAY10LE },
  gray12: { bits: 12, target: AV_PIX_FMT_GRAY12LE },
  gray14: { bits: 14, target: AV_PIX_FMT_GRAY14LE },
  gray16: { bits: 16, target: AV_PIX_FMT_GRAY16LE },
};

/** More slots than any ring has: beyond this, old ones are forgotten. */
const MAX_SLOTS = 90;

export class PictureWriter implements Disposable {
  readonly #options: PictureOptions;
  readonly #wanted: Orientation;
  readonly #geometry: StreamGeometry;
  #turner: Turner | undefined;
  #scaler: SoftwareScaleContext | undefined;
  #scalerKey = '';
  // Native frames that alias slots. The Buffers keep the memory alive as long as the frame points at it; a ring has a handful of slots.
  #slots = new Map<number, { frame: Frame; memory: Buffer }>();
  #slotsKey = '';
  #slotsBuffer: ArrayBufferLike | undefined;

  constructor(options: PictureOptions, geometry: StreamGeometry) {
    this.#options = options;
    this.#geometry = geometry;
    this.#wanted = compose(matrixOfRotation(options.rotate), matrixOfFlip(options.flip));
  }

  /** The shape that a decoded picture will have. */
  shapeOf(frame: Frame): PictureShape {
    const name = avGetPixFmtName(frame.format as AVPixelFormat) ?? '';
    const gray = GRAY[name.replace(/[lb]e$/, '')];
    const format: PixelFormat = gray ? (gray.bits === 8 ? 'gray' : 'gray16le') : 'yuv420p';
    return { format, ...this.#sizeOf(frame), significantBits: gray?.bits ?? 8 };
  }

  #sizeOf(frame: Frame): { width: number; height: number } {
    return this.#options.size ?? this.#ownSize(frame);
  }

  /** Upright, with square pixels. */
  #ownSize(frame: Frame): { width: number; height: number } {
    const own = frame.sampleAspectRatio;
    const aspect = this.#geometry.aspect || (own.num > 0 && own.den > 0 ? own.num / own.den : 1);
    let { width, height } = frame;
    // Always enlarged, never shrunk: no line is lost. Even, because most codecs want it.
    if (Math.abs(aspect - 1) > 0.001) {
      if (aspect > 1) width = Math.round((width * aspect) / 2) * 2;
      else height = Math.round(height / aspect / 2) * 2;
    }
    const shrink = Math.min(1, MAX_SIDE / Math.max(width, height));
    if (shrink < 1) {
      width = Math.max(1, Math.floor(width * shrink));
      height = Math.max(1, Math.floor(height * shrink));
    }
    return swapsSides(this.#orientation(frame)) ? { width: height, height: width } : { width, height };
  }

  #orientation(frame: Frame): Orientation {
    const matrix = frame.getSideData(AV_FRAME_DATA_DISPLAYMATRIX) ?? this.#geometry.matrix;
    return matrix ? compose(orientationOf(matrix), this.#wanted) : this.#wanted;
  }

  /** Writes all bytes of a picture into `pixels`, which is as long as `shape` needs. Fails with `source-failed`. */
  write(frame: Frame, shape: PictureShape, pixels: Uint8Array): void {
    let orientation = this.#orientation(frame);
    let source = frame;
    // Stored from the bottom up. swscale would crash; `vflip` only turns the row length round, and what it did is undone below.
    const upsideDown = frame.linesize[0]! < 0;
    if (upsideDown) orientation = compose(matrixOfFlip('vertical'), orientation);
    const { filters, reverseRows } = turnOf(orientation);
    const all: Turn['filters'] = [...(upsideDown ? ([['vflip', null]] as const) : []), ...filters, ...this.#cut(frame, orientation)];
    if (all.length > 0) {
      this.#turner ??= new Turner();
      source = this.#turner.turn(frame, all);
    }
    const target = this.#slot(source, shape, pixels);
    setColours(source, target, shape);
    const key = `${source.format} ${source.width}x${source.height} ${shape.width}x${shape.height}`;
    if (this.#scalerKey !== key) {
      this.#scaler?.freeContext();
      this.#scaler = new SoftwareScaleContext();
      this.#scaler.allocContext();
      const smaller = shape.width * shape.height < source.width * source.height;
      this.#scaler.setOption('sws_flags', smaller ? SWS_AREA : SWS_BICUBIC);
      this.#scalerKey = key;
    }
    const result = this.#scaler!.scaleFrameSync(target, source);
    if (result < 0)
      throw new SluiceError('source-failed', `a picture of format ${avGetPixFmtName(source.format as AVPixelFormat)} cannot be converted`);
    if (shape.format === 'yuv420p' && shape.height % 2 && source.height === shape.height && source.width === shape.width) {
      mendLastChromaRow(source, target, shape, pixels);
    }
    if (reverseRows) reverse(shape, pixels);
  }

  /** What is cut off for `cover`, from the middle of the turned picture. */
  #cut(frame: Frame, orientation: Orientation): Turn['filters'] {
    const { size, cover } = this.#options;
    if (!size || !cover) return [];
    const own = this.#ownSize(frame);
    const wider = own.width / own.height / (size.width / size.height);
    const turned = swapsSides(orientation) ? { width: frame.height, height: frame.width } : frame;
    const width = wider > 1 ? Math.max(1, Math.round(turned.width / wider)) : turned.width;
    const height = wider < 1 ? Math.max(1, Math.round(turned.height * wider)) : turned.height;
    if (width === turned.width && height === turned.height) return [];
    return [['crop', `${width}:${height}`]];
  }

  #slot(source: Frame, shape: PictureShape, pixels: Uint8Array): Frame {
    const format =
      shape.format === 'yuv420p'
        ? AV_PIX_FMT_YUV420P
        : GRAY[(avGetPixFmtName(source.format as AVPixelFormat) ?? '').replace(/[lb]e$/, '')]!.target;
    const key = `${format} ${shape.width}x${shape.height}`;
    if (this.#slotsKey !== key || this.#slotsBuffer !== pixels.buffer || this.#slots.size > MAX_SLOTS) {
      this.#forgetSlots();
      this.#slotsKey = key;
      this.#slotsBuffer = pixels.buffer;
    }
    const known = this.#slots.get(pixels.byteOffset);
    if (known) return known.frame;
    const memory = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
    const frame = new Frame();
    frame.alloc();
    frame.width = shape.width;
    frame.height = shape.height;
    frame.format = format;
    if (frame.fromBuffer(memory) < 0) {
      frame.free();
      throw new SluiceError(
        'internal',
        `a slot of ${pixels.byteLength} bytes is too small for ${shape.format} ${shape.width}x${shape.height}`,
      );
    }
    this.#slots.set(pixels.byteOffset, { frame, memory });
    return frame;
  }

  #forgetSlots(): void {
    for (const { frame } of this.#slots.values()) frame.free();
    this.#slots = new Map();
    this.#slotsBuffer = undefined;
  }

  [Symbol.dispose](): void {
    this.#scaler?.freeContext();
    this.#scaler = undefined;
    this.#scalerKey = '';
    this.#turner?.[Symbol.dispose]();
    this.#turner = undefined;
    this.#forgetSlots();
  }
}

/** YUV without a tag: BT.709 from 720 lines up, else BT.601, as players guess. */
function matrixFor(height: number): AVColorSpace {
  return height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

/** BT.601 has two names with the same numbers. */
function same(a: AVColorSpace, b: AVColorSpace): boolean {
  const name = (space: AVColorSpace) => (space === AVCOL_SPC_BT470BG ? AVCOL_SPC_SMPTE170M : space);
  return name(a) === name(b);
}

/** Says what the colours of the source are and those of the target shall be; swscale does the rest. */
function setColours(source: Frame, target: Frame, shape: PictureShape): void {
  if (shape.format === 'yuv420p') {
    target.colorRange = AVCOL_RANGE_MPEG;
    if (source.colorSpace === AVCOL_SPC_UNSPECIFIED) source.colorSpace = matrixFor(source.height);
    const space = matrixFor(shape.height);
    // The same name on both sides spares the detour through RGB.
    target.colorSpace = source.colorSpace !== AVCOL_SPC_RGB && same(source.colorSpace, space) ? source.colorSpace : space;
  } else {
    // Gray data are numbers from 0 to the maximum, unless the file says that they are limited.
    if (source.colorRange === AVCOL_RANGE_UNSPECIFIED) source.colorRange = AVCOL_RANGE_JPEG;
    target.colorRange = AVCOL_RANGE_JPEG;
    target.colorSpace = source.colorSpace;
  }
  // Different primaries or transfer curves would start a colour mapping that costs 50 ms for a picture.
  target.colorPrimaries = source.colorPrimaries;
  target.colorTrc = source.colorTrc;
  target.chromaLocation = source.chromaLocation;
}

/**
 * swscale leaves the last row of chroma of an odd height unwritten where it does not scale: when it merely copies, and when it unpacks
 * 4:2:2. What is missing is copied here.
 */
function mendLastChromaRow(source: Frame, target: Frame, shape: PictureShape, pixels: Uint8Array): void {
  const copied = source.format === target.format && source.colorSpace === target.colorSpace && source.colorRange !== AVCOL_RANGE_JPEG;
  const unpacked = source.format === AV_PIX_FMT_YUYV422 || source.format === AV_PIX_FMT_UYVY422;
  if (!copied && !unpacked) return;
  planesOf(shape.format, shape.width, shape.height).forEach(({ offset, stride, rows }, plane) => {
    const last = offset + (rows - 1) * stride;
    if (plane === 0) return;
    if (copied) {
      const from = (rows - 1) * source.linesize[plane]!;
      pixels.set(source.data![plane]!.subarray(from, from + stride), last);
    } else if (rows > 1) pixels.copyWithin(last, last - stride, last);
  });
}

/** Puts the rows of a picture into the opposite order. */
function reverse(shape: PictureShape, pixels: Uint8Array): void {
  for (const { offset, stride, rows } of planesOf(shape.format, shape.width, shape.height)) {
    const kept = new Uint8Array(stride);
    for (let top = 0, bottom = rows - 1; top < bottom; top++, bottom--) {
      const [upper, lower] = [offset + top * stride, offset + bottom * stride];
      kept.set(pixels.subarray(upper, upper + stride));
      pixels.copyWithin(upper, lower, lower + stride);
      pixels.set(kept, lower);
    }
  }
}

/** Rotates and mirrors through a filter graph, which is made anew when the kind of picture changes. */
class Turner implements Disposable {
  #graph: FilterGraph | undefined;
  #source: FilterContext | undefined;
  #sink: FilterContext | undefined;
  #key = '';
  readonly #turned = new Frame();

  constructor() {
    this.#turned.alloc();
  }

  /** The frame that comes back is this object's own and holds until the next call. */
  turn(frame: Frame, filters: Turn['filters']): Frame {
    const args = [
      `video_size=${frame.width}x${frame.height}`,
      `pix_fmt=${frame.format}`,
      'time_base=1/1000000',
      'pixel_aspect=1/1',
      `colorspace=${frame.colorSpace}`,
      `range=${frame.colorRange}`,
    ].join(':');
    const key = `${args} ${filters.join()}`;
    if (this.#key !== key) this.#build(args, filters, key);
    this.#turned.unref();
    if (
      this.#source!.buffersrcAddFrameSync(frame, AV_BUFFERSRC_FLAG_KEEP_REF) < 0 ||
      this.#sink!.buffersinkGetFrameSync(this.#turned) < 0
    ) {
      throw new SluiceError('source-failed', 'a picture cannot be rotated');
    }
    return this.#turned;
  }

  #build(args: string, filters: Turn['filters'], key: string): void {
    this.#graph?.free();
    const graph = new FilterGraph();
    graph.alloc();
    // One thread: a picture takes less time than waking others.
    graph.nbThreads = 1;
    let last: FilterContext | null = null;
    const chain = [['buffer', args], ...filters, ['buffersink', null]] as const;
    chain.forEach(([name, options], index) => {
      const filter = Filter.getByName(name);
      const next = filter ? graph.createFilter(filter, `${name}${index}`, options) : null;
      if (!next || (last && last.link(0, next, 0) < 0)) throw new SluiceError('source-failed', `FFmpeg's filter ${name} cannot be used`);
      if (index === 0) this.#source = next;
      last = next;
    });
    this.#sink = last!;
    if (graph.configSync() < 0) throw new SluiceError('source-failed', 'pictures of this format cannot be rotated');
    this.#graph = graph;
    this.#key = key;
  }

  [Symbol.dispose](): void {
    this.#graph?.free();
    this.#graph = undefined;
    this.#key = '';
    this.#turned.free();
  }
}
