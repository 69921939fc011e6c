// UC2F packets: one picture of a microscope as ImSwitch's clients read it. Little-endian: a header of 32 bytes, the length of what follows
// (u32), and 16-bit samples, compressed or not. Which compression it is stands beside the packet, in its metadata.
import { SluiceError } from '../core/errors.ts';
import { FORMATS, type PixelFormat } from '../core/frame.ts';

/** Bytes in front of the samples. */
export const UC2F_HEAD = 36;

const MAGIC = 0x46324355;
const VERSION = 1;

/** How the samples are to be read. */
export const UC2F_PIXELS = { gray16: 0, bayer16: 1, rgb48: 2 } as const;

/** What the header says. */
export interface Uc2fHeader {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample that carry signal, counted from the lowest. */
  readonly bitDepth: number;
  readonly channels: number;
  readonly pixels: (typeof UC2F_PIXELS)[keyof typeof UC2F_PIXELS];
  /** ns since the Unix epoch. */
  readonly timestamp: bigint;
}

/** A whole packet. */
export function writeUc2f(header: Uc2fHeader, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(UC2F_HEAD + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, VERSION);
  view.setUint32(8, header.width, true);
  view.setUint32(12, header.height, true);
  view.setUint32(16, header.width * header.channels * 2, true);
  view.setUint16(20, header.bitDepth, true);
  view.setUint8(22, header.channels);
  view.setUint8(23, header.pixels);
  view.setBigUint64(24, header.timestamp, true);
  view.setUint32(32, payload.length, true);
  bytes.set(payload, UC2F_HEAD);
  return bytes;
}

/** Reads a packet. Throws `bad-frame` for anything that is none. */
export function readUc2f(bytes: Uint8Array): { readonly header: Uc2fHeader; readonly payload: Uint8Array } {
  const bad = (what: string) => new SluiceError('bad-frame', `UC2F packet: ${what}`, { field: 'packet' });
  if (bytes.length < UC2F_HEAD) throw bad(`${bytes.length} bytes received; its header has ${UC2F_HEAD}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw bad('does not begin with UC2F');
  if (view.getUint8(4) !== VERSION) throw bad(`version ${view.getUint8(4)} received; expected ${VERSION}`);
  const length = view.getUint32(32, true);
  if (length !== bytes.length - UC2F_HEAD) throw bad(`is said to have ${length} bytes of samples; ${bytes.length - UC2F_HEAD} came`);
  const width = view.getUint32(8, true);
  const channels = view.getUint8(22);
  const stride = view.getUint32(16, true);
  if (stride !== width * channels * 2) throw bad(`stride ${stride} received; expected ${width * channels * 2}`);
  const pixels = view.getUint8(23);
  if (pixels > UC2F_PIXELS.rgb48) throw bad(`pixel format ${pixels} received; expected 0 to 2`);
  return {
    header: {
      width,
      height: view.getUint32(12, true),
      bitDepth: view.getUint16(20, true),
      channels,
      pixels: pixels as Uc2fHeader['pixels'],
      timestamp: view.getBigUint64(24, true),
    },
    payload: bytes.subarray(UC2F_HEAD),
  };
}

/** How the samples of a format become those of a packet. */
export interface Uc2fMapping {
  readonly pixels: Uc2fHeader['pixels'];
  /** Samples were shifted to the left by so many bits: clients expect the range of 16 bits. */
  readonly shift: number;
  /** Colours became gray, as ImSwitch's viewer has no colours. */
  readonly gray: boolean;
}

/** How pictures of a format are sent. */
export function uc2fMapping(format: PixelFormat): Uc2fMapping {
  const { depth, channels } = FORMATS[format];
  return {
    pixels: format === 'bayer_rggb16le' ? UC2F_PIXELS.bayer16 : UC2F_PIXELS.gray16,
    shift: depth === 8 ? 8 : 0,
    gray: channels > 1,
  };
}

/** Weights of red, green and blue in 1/65536 (ITU-R BT.601-7 2.5.1). */
const RED = 19_595;
const GREEN = 38_470;
const BLUE = 7471;

/**
 * Writes `count` packed pixels of a format as 16-bit samples of one channel. Of planar pictures `pixels` is the luma plane. Floats from 0 to 1
 * become 0 to 65535; what lies outside becomes the nearest end.
 */
export function uc2fSamples(out: Uint16Array, pixels: Uint8Array, format: PixelFormat, count: number): void {
  const { channels, depth, bytesPerPixel } = FORMATS[format];
  if (depth === 32) {
    const floats = new Float32Array(pixels.buffer, pixels.byteOffset, count);
    for (let i = 0; i < count; i++) out[i] = Math.max(0, Math.min(65_535, Math.round(floats[i]! * 65_535))) || 0;
  } else if (channels === 1 || !bytesPerPixel) {
    if (depth === 8) for (let i = 0; i < count; i++) out[i] = pixels[i]! << 8;
    else out.set(new Uint16Array(pixels.buffer, pixels.byteOffset, count));
  } else {
    const samples = depth === 16 ? new Uint16Array(pixels.buffer, pixels.byteOffset, count * channels) : pixels;
    const [red, blue] = format === 'bgr24' ? [2, 0] : [0, 2];
    const up = depth === 8 ? 8 : 0;
    for (let i = 0, at = 0; i < count; i++, at += channels) {
      out[i] = ((RED * samples[at + red]! + GREEN * samples[at + 1]! + BLUE * samples[at + blue]! + 32_768) >>> 16) << up;
    }
  }
}
