// Writing boxes of ISO/IEC 14496-12 (4.2), shared by fragments, event messages and whole files. Big-endian.
import { ascii, concatBytes } from './bytes.ts';

/** Four bytes. */
export function u32(value: number): Uint8Array {
  return Uint8Array.of((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** Two bytes. */
export function u16(value: number): Uint8Array {
  return Uint8Array.of((value >>> 8) & 0xff, value & 0xff);
}

/** Eight bytes; at most 2^53. */
export function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** So many zero bytes. */
export function zeros(count: number): Uint8Array {
  return new Uint8Array(count);
}

/** Box with its size and name. */
export function box(type: string, ...content: Uint8Array[]): Uint8Array {
  const body = concatBytes(content);
  return concatBytes([u32(body.length + 8), ascii(type), body]);
}

/** Box with version and flags. */
export function fullBox(type: string, version: number, flags: number, ...content: Uint8Array[]): Uint8Array {
  return box(type, u32(((version << 24) | flags) >>> 0), ...content);
}

/** Matrix of a picture that is shown as it is. */
export const MATRIX = concatBytes([0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].map(u32));
