// Identity of a frame inside its media (DESIGN 6): the same 44 bytes in the H.264 SEI (user_data_unregistered, ITU-T H.264 D.1.6) and,
// after a name, in the JPEG APP segment. Big-endian.
//
//   0 UUID (16) · 16 u8 version 1 · 17 u8 flags (bit 0: repeat) · 18 u16 reserved · 20 u64 frame id · 28 i64 capture time, µs UTC
//   36 u64 media time, 90 kHz ticks
import type { Micros, Ticks } from '../core/time.ts';

/** 6f1b6a0e-51c3-4f0b-9d6d-736c75696365 ("sluice" in its node part). */
export const IDENTITY_UUID = Uint8Array.of(0x6f, 0x1b, 0x6a, 0x0e, 0x51, 0xc3, 0x4f, 0x0b, 0x9d, 0x6d, 0x73, 0x6c, 0x75, 0x69, 0x63, 0x65);

/** Bytes of an identity block. */
export const IDENTITY_BYTES = 44;

export interface Identity {
  readonly id: number;
  readonly timestamp: Micros;
  readonly pts: Ticks;
  /** The picture was shown before; `timestamp` is still its capture time, `pts` the moment of this repeat. */
  readonly repeat: boolean;
}

export function writeIdentity(identity: Identity): Uint8Array {
  const block = new Uint8Array(IDENTITY_BYTES);
  const view = new DataView(block.buffer);
  block.set(IDENTITY_UUID);
  view.setUint8(16, 1);
  view.setUint8(17, identity.repeat ? 1 : 0);
  view.setBigUint64(20, BigInt(identity.id));
  view.setBigInt64(28, BigInt(identity.timestamp));
  view.setBigUint64(36, BigInt(identity.pts));
  return block;
}

/** Reads a block; `null` for foreign data. */
export function readIdentity(bytes: Uint8Array): Identity | null {
  if (bytes.length < IDENTITY_BYTES) return null;
  for (let i = 0; i < 16; i++) if (bytes[i] !== IDENTITY_UUID[i]) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(16) !== 1) return null;
  return {
    repeat: (view.getUint8(17) & 1) === 1,
    id: Number(view.getBigUint64(20)),
    timestamp: Number(view.getBigInt64(28)) as Micros,
    pts: Number(view.getBigUint64(36)) as Ticks,
  };
}
