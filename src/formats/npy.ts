// NumPy's .npy files (format 1.0 to 3.0, numpy.lib.format) as pictures, both ways. The header is a Python dictionary; it is read by a
// small strict parser and never evaluated.
import { SluiceError } from '../core/errors.ts';
import { FORMATS, frameBytes, MAX_SIDE, type Picture, type PixelFormat } from '../core/frame.ts';

export const NPY_CONTENT_TYPE = 'application/x-npy';

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // "\x93NUMPY"
const MAX_HEADER = 65_536;

const DTYPES = {
  b1: { name: 'bool', bytes: 1 },
  u1: { name: 'uint8', bytes: 1 },
  u2: { name: 'uint16', bytes: 2 },
  f4: { name: 'float32', bytes: 4 },
  f8: { name: 'float64', bytes: 8 },
} as const;

type DtypeCode = keyof typeof DTYPES;

/** Element types that a picture may have. */
export type NpyDtype = (typeof DTYPES)[DtypeCode]['name'];

const ALLOWED = Object.values(DTYPES).map((dtype) => dtype.name);

export interface Npy {
  readonly dtype: NpyDtype;
  /** Bytes of an element. */
  readonly itemBytes: number;
  readonly littleEndian: boolean;
  readonly shape: readonly number[];
  /** Fortran order: the first index changes fastest. */
  readonly fortran: boolean;
  /** The elements (a view). */
  readonly data: Uint8Array;
}

function refuse(message: string, details: Record<string, unknown> = {}): SluiceError {
  return new SluiceError('bad-frame', `npy: ${message}`, details);
}

/** Whether a body is an .npy file, whatever its content type says. */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/** Reads an .npy file of any shape. Throws `bad-frame` for a wrong header, element type or length. */
export function readNpy(bytes: Uint8Array): Npy {
  if (!isNpy(bytes) || bytes.length < 10)
    throw refuse(`${bytes.length} bytes received that are not an .npy file; expected \\x93NUMPY first`);
  const major = bytes[6]!;
  if (major < 1 || major > 3)
    throw refuse(`version ${major}.${bytes[7]} received; expected 1, 2 or 3`, { received: major, allowed: [1, 2, 3] });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const from = major === 1 ? 10 : 12;
  if (bytes.length < from) throw refuse(`${bytes.length} bytes received; the header is cut off`);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER) throw refuse(`header of ${length} bytes received; expected at most ${MAX_HEADER}`);
  if (bytes.length < from + length) throw refuse(`header of ${length} bytes announced, but only ${bytes.length - from} bytes received`);
  const header = new HeaderParser(latin1(bytes.subarray(from, from + length))).parse();

  const match = /^([<>|=]?)([a-zA-Z]\d*)$/.exec(header.descr);
  const code = match?.[2];
  if (!match || !code || !Object.hasOwn(DTYPES, code)) {
    throw refuse(`dtype ${JSON.stringify(header.descr)}${dtypeHint(header.descr)} received; expected ${ALLOWED.join(', ')}`, {
      field: 'dtype',
      received: header.descr,
      allowed: ALLOWED,
    });
  }
  const dtype = DTYPES[code as DtypeCode];
  const count = header.shape.reduce((product, side) => product * side, 1);
  const expected = count * dtype.bytes;
  const data = bytes.subarray(from + length);
  if (data.length !== expected) {
    throw refuse(`expected ${expected} bytes of elements (${shapeText(header.shape)} ${dtype.name}), received ${data.length}`, {
      field: 'length',
      received: data.length,
      expected,
    });
  }
  return { dtype: dtype.name, itemBytes: dtype.bytes, littleEndian: match[1] !== '>', shape: header.shape, fortran: header.fortran, data };
}

const OTHER_DTYPES: Record<string, string> = { i: 'int', u: 'uint', f: 'float', c: 'complex' };

function dtypeHint(descr: string): string {
  const match = /^[<>|=]?([iufc])(\d+)$/.exec(descr);
  return match ? ` (${OTHER_DTYPES[match[1]!]}${Number(match[2]) * 8})` : '';
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
}

function shapeText(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
}

/** The one form that NumPy writes: a dictionary with the keys descr (string), fortran_order (bool) and shape (tuple of integers). */
class HeaderParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): { descr: string; fortran: boolean; shape: number[] } {
    let descr: string | undefined;
    let fortran: boolean | undefined;
    let shape: number[] | undefined;
    this.#expect('{');
    while (!this.#accept('}')) {
      const key = this.#string();
      this.#expect(':');
      if (key === 'descr' && descr === undefined) descr = this.#descr();
      else if (key === 'fortran_order' && fortran === undefined) fortran = this.#boolean();
      else if (key === 'shape' && shape === undefined) shape = this.#tuple();
      else throw this.#wrong('the keys descr, fortran_order and shape, once each');
      if (!this.#accept(',')) {
        this.#expect('}');
        break;
      }
    }
    this.#space();
    if (this.#at < this.#text.length) throw this.#wrong('nothing behind the dictionary');
    if (descr === undefined || fortran === undefined || shape === undefined) throw this.#wrong('the keys descr, fortran_order and shape');
    return { descr, fortran, shape };
  }

  #wrong(expected: string): SluiceError {
    const received = this.#text.slice(Math.max(0, this.#at - 20), this.#at + 20).trim();
    return refuse(`header near ${JSON.stringify(received)}: expected ${expected}`, { field: 'header', received });
  }

  #space(): void {
    while (this.#at < this.#text.length && ' \t\r\n'.includes(this.#text[this.#at]!)) this.#at++;
  }

  #accept(token: string): boolean {
    this.#space();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void {
    if (!this.#accept(token)) throw this.#wrong(token);
  }

  #string(): string {
    this.#space();
    const quote = this.#text[this.#at];
    const end = quote === "'" || quote === '"' ? this.#text.indexOf(quote, this.#at + 1) : -1;
    if (end < 0) throw this.#wrong('a quoted string');
    const value = this.#text.slice(this.#at + 1, end);
    if (value.includes('\\')) throw this.#wrong('a string without escapes');
    this.#at = end + 1;
    return value;
  }

  #descr(): string {
    if (this.#accept('[')) {
      throw refuse(`dtype with fields received; expected ${ALLOWED.join(', ')}`, { field: 'dtype', allowed: ALLOWED });
    }
    return this.#string();
  }

  #boolean(): boolean {
    if (this.#accept('True')) return true;
    if (this.#accept('False')) return false;
    throw this.#wrong('True or False');
  }

  #tuple(): number[] {
    const sides: number[] = [];
    this.#expect('(');
    while (!this.#accept(')')) {
      this.#space();
      // Python 2 wrote long integers with an L.
      const digits = /^(\d{1,15})L?/.exec(this.#text.slice(this.#at, this.#at + 17));
      if (!digits || sides.length === 32) throw this.#wrong('a tuple of integers');
      this.#at += digits[0].length;
      sides.push(Number(digits[1]));
      if (!this.#accept(',')) {
        this.#expect(')');
        break;
      }
    }
    return sides;
  }
}

const SHAPES = '(H, W), (H, W, 1), (H, W, 3) or (H, W, 4)';

/**
 * An .npy file as a picture, tightly packed; a view of `bytes` where nothing has to be changed.
 *
 * | element | one channel | 3 channels | 4 channels |
 * | --- | --- | --- | --- |
 * | uint8 | gray | rgb24 | rgba |
 * | bool | gray, 0 and 255 | rgb24 | rgba |
 * | uint16 | gray16le | rgb48le | rgb48le, without alpha |
 * | float32, float64 | grayf32le, values kept | rgb24 | rgba |
 *
 * Floats with 3 or 4 channels run from 0 to 1, or from 0 to 255 if one of them is above 2; what lies outside is clipped, NaN is 0.
 * Throws `bad-frame`, which names what was received and what is allowed.
 */
export function npyToPicture(bytes: Uint8Array): Picture {
  const npy = readNpy(bytes);
  const [height = 0, width = 0, channels = 1] = npy.shape;
  const sized = height >= 1 && width >= 1 && height <= MAX_SIDE && width <= MAX_SIDE;
  if (!(npy.shape.length === 2 || npy.shape.length === 3) || !(channels === 1 || channels === 3 || channels === 4) || !sized) {
    const hint = npy.shape.length === 3 && (height === 1 || height === 3 || height === 4) ? '; channels come last' : '';
    throw refuse(`shape ${shapeText(npy.shape)} received; expected ${SHAPES} with H and W from 1 to ${MAX_SIDE}${hint}`, {
      field: 'shape',
      received: npy.shape,
      allowed: SHAPES,
    });
  }
  switch (npy.dtype) {
    case 'bool':
      return {
        format: byteFormat(channels),
        width,
        height,
        data: inOrder(npy, channels, Uint8Array, read8).map((value) => (value ? 255 : 0)),
      };
    case 'uint8':
      return { format: byteFormat(channels), width, height, data: npy.fortran ? inOrder(npy, channels, Uint8Array, read8) : npy.data };
    case 'uint16': {
      const format = channels === 1 ? 'gray16le' : 'rgb48le';
      if (channels < 4 && npy.littleEndian && !npy.fortran) return { format, width, height, data: npy.data };
      const values = inOrder(npy, channels, Uint16Array, (view, at) => view.getUint16(at, npy.littleEndian));
      return { format, width, height, data: asBytes(channels === 4 ? withoutAlpha(values) : values) };
    }
    default: {
      if (channels === 1 && npy.dtype === 'float32' && npy.littleEndian && !npy.fortran)
        return { format: 'grayf32le', width, height, data: npy.data };
      const read: Read =
        npy.dtype === 'float32' ? (view, at) => view.getFloat32(at, npy.littleEndian) : (view, at) => view.getFloat64(at, npy.littleEndian);
      const values = inOrder(npy, channels, Float32Array, read);
      if (channels === 1) return { format: 'grayf32le', width, height, data: asBytes(values) };
      return { format: byteFormat(channels), width, height, data: floatsToBytes(values) };
    }
  }
}

function byteFormat(channels: number): PixelFormat {
  return channels === 1 ? 'gray' : channels === 3 ? 'rgb24' : 'rgba';
}

type Read = (view: DataView, at: number) => number;

const read8: Read = (view, at) => view.getUint8(at);

function asBytes(values: Uint16Array | Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** The elements in C order and in the machine's own form. */
function inOrder<T extends Uint8Array | Uint16Array | Float32Array>(
  npy: Npy,
  channels: number,
  make: new (length: number) => T,
  read: Read,
): T {
  const height = npy.shape[0]!;
  const width = npy.shape[1]!;
  const out = new make(height * width * channels);
  const view = new DataView(npy.data.buffer, npy.data.byteOffset, npy.data.byteLength);
  const size = npy.itemBytes;
  if (!npy.fortran) {
    for (let i = 0; i < out.length; i++) out[i] = read(view, i * size);
    return out;
  }
  const plane = width * height;
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = y + x * height;
      for (let c = 0; c < channels; c++) out[to++] = read(view, (from + c * plane) * size);
    }
  }
  return out;
}

function withoutAlpha(values: Uint16Array): Uint16Array {
  const out = new Uint16Array((values.length / 4) * 3);
  for (let from = 0, to = 0; from < values.length; from += 4) {
    out[to++] = values[from]!;
    out[to++] = values[from + 1]!;
    out[to++] = values[from + 2]!;
  }
  return out;
}

function floatsToBytes(values: Float32Array): Uint8Array {
  let scale = 255;
  for (let i = 0; i < values.length; i++) {
    if (values[i]! > 2 && values[i] !== Number.POSITIVE_INFINITY) {
      scale = 1;
      break;
    }
  }
  const out = new Uint8ClampedArray(values.length);
  for (let i = 0; i < values.length; i++) out[i] = values[i]! * scale;
  return new Uint8Array(out.buffer);
}

/** What NumPy sees of a format: element type and shape of its array. Colour of every 8-bit kind is (H, W, 3), rgba (H, W, 4). */
export function dtypeAndShape(
  format: PixelFormat,
  width: number,
  height: number,
): { dtype: 'uint8' | 'uint16' | 'float32'; shape: number[] } {
  const { depth, channels } = FORMATS[format];
  return {
    dtype: depth === 8 ? 'uint8' : depth === 16 ? 'uint16' : 'float32',
    shape: channels === 1 ? [height, width] : [height, width, channels],
  };
}

const DESCR = { uint8: '|u1', uint16: '<u2', float32: '<f4' } as const;

/**
 * Writes a picture at full depth (version 1.0, C order); bgr24 becomes RGB. Throws `bad-value` for yuv420p and nv12: make them rgb24
 * first.
 */
export function writeNpy(picture: Picture): Uint8Array {
  const { format, width, height } = picture;
  if (!FORMATS[format].bytesPerPixel) {
    throw new SluiceError('bad-value', `format: ${format} has no array of its own; expected one of the packed formats`, {
      field: 'format',
      received: format,
    });
  }
  const { dtype, shape } = dtypeAndShape(format, width, height);
  const text = `{'descr': '${DESCR[dtype]}', 'fortran_order': False, 'shape': ${shapeText(shape)}, }`;
  // The elements begin at a multiple of 64, the header ends with a newline.
  const from = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = frameBytes(format, width, height);
  const out = new Uint8Array(from + bytes);
  out.set(MAGIC);
  out[6] = 1;
  new DataView(out.buffer).setUint16(8, from - 10, true);
  const header = `${text.padEnd(from - 11)}\n`;
  for (let i = 0; i < header.length; i++) out[10 + i] = header.charCodeAt(i);
  out.set(picture.data.subarray(0, bytes), from);
  if (format === 'bgr24') swapRedBlue(out.subarray(from));
  return out;
}

/** Exchanges the first and third byte of each three, in place: bgr24 to rgb24 and back. */
export function swapRedBlue(pixels: Uint8Array): void {
  for (let i = 0; i + 2 < pixels.length; i += 3) {
    const first = pixels[i]!;
    pixels[i] = pixels[i + 2]!;
    pixels[i + 2] = first;
  }
}
