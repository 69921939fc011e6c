// Pictures as the input of a model: size, order of axes and colours, range, and where the picture lies in it.
import type { Tensor, TensorInfo } from '../../native/onnx.ts';
import type { VideoFrame } from '../define.ts';
import type { PreSettings } from './settings.ts';

/** Where the picture lies in the input: input = source * scale + offset, in pixels from the left and from the top. */
export interface Placement {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly offsetX: number;
  readonly offsetY: number;
  /** Of the input. */
  readonly width: number;
  readonly height: number;
  /** Of the source. */
  readonly sourceWidth: number;
  readonly sourceHeight: number;
}

export interface PreparedInput {
  /** Lent as long as the frame. */
  readonly tensor: Tensor;
  readonly place: Placement;
}

/** What the picture is made to. */
interface Shape {
  readonly width: number;
  readonly height: number;
  readonly channels: 'rgb' | 'bgr' | 'gray';
  readonly layout: 'nchw' | 'nhwc';
  readonly type: 'float32' | 'uint8';
}

/** Round a letterboxed picture, share of full scale: what YOLO models are trained with. */
const PADDING = 114 / 255;

/** Turns frames into the input of one model. */
export class PictureInput {
  readonly #info: TensorInfo;
  readonly #settings: PreSettings;

  /** Throws an `Error` that says what does not fit. */
  constructor(info: TensorInfo, settings: PreSettings) {
    this.#info = info;
    this.#settings = settings;
    this.shapeFor(64, 64);
  }

  /** Size and layout for a picture of this size. */
  shapeFor(sourceWidth: number, sourceHeight: number): Shape {
    const { name, type, shape } = this.#info;
    const { size, channels: wanted, layout: order } = this.#settings;
    if (shape.length !== 4) throw new Error(`input ${name} has the shape [${shape.join(', ')}]; expected four axes, such as [1, 3, H, W]`);
    if (type !== 'float32' && type !== 'uint8') throw new Error(`input ${name} takes ${type}; expected float32 or uint8`);
    const isChannels = (axis: number) => shape[axis] === 3 || shape[axis] === 1;
    const layout = order ?? (!isChannels(1) && isChannels(3) ? 'nhwc' : 'nchw');
    const [high, wide, deep] = layout === 'nchw' ? ([2, 3, 1] as const) : ([1, 2, 3] as const);
    const fixed = (axis: number) => (typeof shape[axis] === 'number' && shape[axis] > 0 ? shape[axis] : undefined);
    const width = fixed(wide) ?? size?.[0] ?? sourceWidth;
    const height = fixed(high) ?? size?.[1] ?? sourceHeight;
    if (size && (size[0] !== width || size[1] !== height)) {
      throw new Error(`pre.size is ${size.join(' x ')}, but the input ${name} of the model is ${width} x ${height}`);
    }
    const channels = wanted ?? (fixed(deep) === 1 ? 'gray' : 'rgb');
    const count = channels === 'gray' ? 1 : 3;
    if (fixed(deep) !== undefined && fixed(deep) !== count) {
      throw new Error(`pre.channels is ${channels} (${count}), but the input ${name} of the model has ${fixed(deep)}`);
    }
    return { width, height, channels, layout, type };
  }

  /** A picture as the input. */
  prepare(frame: Pick<VideoFrame, 'width' | 'height' | 'tensor'>): PreparedInput {
    const { width, height, channels, layout, type } = this.shapeFor(frame.width, frame.height);
    const { range, mean = [0], std = [1], fit } = this.#settings;
    const place = placementOf(frame.width, frame.height, width, height, fit);
    const { offsetX: left, offsetY: top } = place;
    const inner = [width - 2 * left, height - 2 * top] as const;
    const count = channels === 'gray' ? 1 : 3;
    // Per channel in the model's order; the frame gives red first.
    const order = channels === 'bgr' ? [2, 1, 0] : [0, 1, 2].slice(0, count);
    const means = order.map((channel) => (mean[channel] ?? mean[0]!) / range);
    const stds = order.map((channel) => (std[channel] ?? std[0]!) / range);
    const planes = frame.tensor({ channels: count === 1 ? 'gray' : 'rgb', width: inner[0], height: inner[1], mean: means, std: stds });
    const dims = layout === 'nchw' ? [1, count, height, width] : [1, height, width, count];
    let values = planes;
    if (left || top || channels === 'bgr' || layout === 'nhwc') {
      values = new Float32Array(count * width * height);
      const [plane, step] = layout === 'nchw' ? [width * height, 1] : [1, count];
      for (const [to, from] of order.entries()) {
        const gray = (PADDING - means[from]!) / stds[from]!;
        if (left || top) for (let i = 0, at = to * plane; i < width * height; i++, at += step) values[at] = gray;
        for (let y = 0; y < inner[1]; y++) {
          let at = to * plane + ((y + top) * width + left) * step;
          const row = (from * inner[1] + y) * inner[0];
          for (let x = 0; x < inner[0]; x++, at += step) values[at] = planes[row + x]!;
        }
      }
    }
    const data = type === 'uint8' ? Uint8Array.from(values, (value) => Math.min(255, Math.max(0, Math.round(value)))) : values;
    return { tensor: { type, data, dims }, place };
  }
}

/** Where a picture lies in an input of another size. */
export function placementOf(sourceWidth: number, sourceHeight: number, width: number, height: number, fit: PreSettings['fit']): Placement {
  const scale = Math.min(width / sourceWidth, height / sourceHeight);
  // Whole pixels on both sides, so the picture may be a little wider or narrower than its proportions say.
  const border = (side: number, source: number) => (fit === 'stretch' ? 0 : Math.round((side - Math.max(1, source * scale)) / 2));
  const offsetX = border(width, sourceWidth);
  const offsetY = border(height, sourceHeight);
  const scaleX = (width - 2 * offsetX) / sourceWidth;
  const scaleY = (height - 2 * offsetY) / sourceHeight;
  return { scaleX, scaleY, offsetX, offsetY, width, height, sourceWidth, sourceHeight };
}
