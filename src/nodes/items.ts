// Reads what a node yields: one frame at most, and what belongs to it. User code wrote it, so everything is looked at.
import type { DataInput, MarkerInput, MetricInput } from '../api/timeline.ts';
import { parseDeviceTimestamp } from '../core/device-clock.ts';
import { SluiceError } from '../core/errors.ts';
import { FORMATS, type Picture, type PixelFormat, parseFormat, parseSide } from '../core/frame.ts';
import { type Micros, parseTimestamp } from '../core/time.ts';
import type { FrameShape, NodePart, NodeValue, Pixels } from './node.ts';

/** A frame as the stream takes it. */
export interface ReadFrame {
  readonly picture: Picture;
  readonly timestamp: Micros | null;
  readonly deviceTimestamp: number | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly stride: number;
}

/** Everything of one yield. */
export interface ReadItem {
  readonly frame: ReadFrame | null;
  readonly metrics: readonly MetricInput[];
  readonly markers: readonly MarkerInput[];
  readonly data: readonly DataInput[];
  /** Whether the node acquires from now on; `null`: it says nothing. */
  readonly acquisition: boolean | null;
}

const KEYS =
  'pixels, width, height, format, significantBits, timestamp, deviceTimestamp, metadata, stride, metrics, marker, data, acquisition';
const PARTS = ['pixels', 'metrics', 'marker', 'data', 'acquisition'];
const KNOWN: ReadonlySet<string> = new Set(KEYS.split(', '));

/** Reads one yield. `shape` is what the node declares for all its frames. Throws `bad-value`, `bad-timestamp`. */
export function readItem(item: unknown, shape: FrameShape): ReadItem {
  const frames: ReadFrame[] = [];
  const metrics: MetricInput[] = [];
  const markers: MarkerInput[] = [];
  const data: DataInput[] = [];
  let acquisition: boolean | null = null;
  for (const part of Array.isArray(item) ? item : [item]) {
    if (isPixels(part)) {
      frames.push(readFrame(part, {}, shape));
      continue;
    }
    const { pixels, ...rest } = readPart(part);
    if (pixels !== undefined) frames.push(readFrame(pixels, rest, shape));
    if (rest.metrics) metrics.push(readMetrics(rest.metrics, pixels === undefined ? rest.timestamp : undefined));
    if (rest.marker) markers.push(...asList(rest.marker));
    if (rest.data) data.push(...asList(rest.data));
    if (rest.acquisition !== undefined) acquisition = readSwitch(rest.acquisition);
  }
  if (frames.length > 1) {
    throw new SluiceError('bad-value', `${frames.length} frames in one yield; expected at most one, with what belongs to it`, {
      received: frames.length,
    });
  }
  return { frame: frames[0] ?? null, metrics, markers, data, acquisition };
}

function readSwitch(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new SluiceError('bad-value', `acquisition: ${nameOf(value)} received; expected true or false`, { field: 'acquisition' });
}

function isPixels(value: unknown): value is Pixels {
  return value instanceof Uint8Array || value instanceof Uint16Array || value instanceof Float32Array || value instanceof Uint8ClampedArray;
}

function asList<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}

function readPart(part: unknown): NodePart {
  if (typeof part !== 'object' || part === null || ArrayBuffer.isView(part) || Array.isArray(part)) {
    throw new SluiceError(
      'bad-value',
      `${nameOf(part)} was yielded; expected pixels (Uint8Array, Uint16Array, Float32Array), frame(pixels, …), { metrics }, { marker } or { data }`,
      { received: nameOf(part) },
    );
  }
  for (const key of Object.keys(part)) {
    if (!KNOWN.has(key)) {
      throw new SluiceError('bad-value', `the key ${JSON.stringify(key)} was yielded; allowed are ${KEYS}`, {
        received: key,
        allowed: [...KNOWN],
      });
    }
  }
  if (!PARTS.some((key) => key in part)) {
    throw new SluiceError('bad-value', `an object with none of ${PARTS.join(', ')} was yielded`, { allowed: PARTS });
  }
  return part;
}

function readFrame(pixels: unknown, options: NodePart, shape: FrameShape): ReadFrame {
  if (!isPixels(pixels)) {
    throw new SluiceError('bad-value', `pixels: ${nameOf(pixels)} received; expected a Uint8Array, Uint16Array or Float32Array`, {
      field: 'pixels',
      received: nameOf(pixels),
    });
  }
  const format = parseFormat(options.format ?? shape.format ?? formatOf(pixels));
  const { timestamp, deviceTimestamp, metadata, stride } = options;
  return {
    picture: {
      format,
      width: parseSide(options.width ?? shape.width, 'width'),
      height: parseSide(options.height ?? shape.height, 'height'),
      data: new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength),
      significantBits: options.significantBits ?? shape.significantBits ?? FORMATS[format].depth,
    },
    timestamp: timestamp === undefined ? null : parseTimestamp(timestamp, 'timestamp'),
    deviceTimestamp: deviceTimestamp === undefined ? null : parseDeviceTimestamp(deviceTimestamp),
    metadata: metadata ?? null,
    stride: stride ?? 0,
  };
}

/** The format that an array has unless something else is said. */
export function formatOf(pixels: Pixels): PixelFormat {
  if (pixels instanceof Uint16Array) return 'gray16le';
  return pixels instanceof Float32Array ? 'grayf32le' : 'gray';
}

function readMetrics(values: Readonly<Record<string, NodeValue>>, timestamp: number | string | undefined): MetricInput {
  const read: Record<string, number | null | (number | null)[]> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === null || typeof value === 'number') read[name] = value;
    else if (typeof value === 'object' && typeof value.length === 'number') read[name] = Array.from(value);
    else {
      throw new SluiceError('bad-value', `metrics.${name}: ${nameOf(value)} received; expected a number, an array of numbers or null`, {
        field: `metrics.${name}`,
        received: nameOf(value),
      });
    }
  }
  return { values: read, ...(timestamp !== undefined && { timestamp: parseTimestamp(timestamp, 'timestamp') }) };
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'object') return value.constructor?.name ?? 'an object';
  return `${typeof value} ${String(value).slice(0, 40)}`;
}
