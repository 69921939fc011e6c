// H.264 byte streams: Annex B to length-prefixed NAL units, the decoder configuration record, and the identity SEI.
import { concatBytes } from './bytes.ts';
import { type Identity, readIdentity, writeIdentity } from './identity.ts';

/** NAL unit types (ITU-T H.264 table 7-1). */
export const NAL = { slice: 1, idr: 5, sei: 6, sps: 7, pps: 8, aud: 9 } as const;

/** Type of a NAL unit. */
export function nalType(nal: Uint8Array): number {
  return nal.length ? nal[0]! & 0x1f : 0;
}

/** NAL units of an Annex B byte stream (ITU-T H.264 annex B), as views without start codes. */
export function splitAnnexB(stream: Uint8Array): Uint8Array[] {
  const nals: Uint8Array[] = [];
  let start = -1;
  for (let i = 0; i + 2 < stream.length; ) {
    if (stream[i + 2]! > 1) i += 3;
    else if (stream[i] === 0 && stream[i + 1] === 0 && stream[i + 2] === 1) {
      if (start >= 0) nals.push(trimZeros(stream.subarray(start, i)));
      start = i + 3;
      i += 3;
    } else i++;
  }
  if (start >= 0) nals.push(trimZeros(stream.subarray(start)));
  return nals.filter((nal) => nal.length > 0);
}

// trailing_zero_8bits, and the first zero of a four-byte start code.
function trimZeros(nal: Uint8Array): Uint8Array {
  let end = nal.length;
  while (end > 0 && nal[end - 1] === 0) end--;
  return nal.subarray(0, end);
}

/** AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1) with 4-byte lengths, or `null` without both parameter sets. */
export function decoderConfiguration(nals: readonly Uint8Array[]): Uint8Array | null {
  const sps = nals.find((nal) => nalType(nal) === NAL.sps);
  const pps = nals.find((nal) => nalType(nal) === NAL.pps);
  if (!sps || sps.length < 4 || !pps) return null;
  const head = Uint8Array.of(1, sps[1]!, sps[2]!, sps[3]!, 0xff, 0xe1, sps.length >> 8, sps.length & 0xff);
  const parts = [head, sps, Uint8Array.of(1, pps.length >> 8, pps.length & 0xff), pps];
  // High profiles carry the chroma format and bit depths too; ours is always 4:2:0 with 8 bits.
  if ([100, 110, 122, 144].includes(sps[1]!)) parts.push(Uint8Array.of(0xfd, 0xf8, 0xf8, 0));
  return concatBytes(parts);
}

/** Codec string of RFC 6381 section 3.3 from a decoder configuration record: `avc1.42c01f`. */
export function codecString(configuration: Uint8Array): string {
  return `avc1.${[...configuration.subarray(1, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** SEI NAL unit with a user_data_unregistered message (ITU-T H.264 D.1.6, payload type 5) that carries the identity. */
export function identitySei(identity: Identity): Uint8Array {
  const payload = writeIdentity(identity);
  const rbsp = new Uint8Array(payload.length + 3);
  rbsp[0] = 5;
  rbsp[1] = payload.length;
  rbsp.set(payload, 2);
  rbsp[rbsp.length - 1] = 0x80;
  return concatBytes([Uint8Array.of(NAL.sei), escapeRbsp(rbsp)]);
}

/** Identity in a SEI NAL unit; `null` if it carries none. Never throws on foreign bytes. */
export function readIdentitySei(nal: Uint8Array): Identity | null {
  if (nalType(nal) !== NAL.sei) return null;
  const rbsp = unescapeRbsp(nal.subarray(1));
  let at = 0;
  while (at + 2 < rbsp.length) {
    let type = 0;
    while (rbsp[at] === 0xff) type += rbsp[at++]!;
    type += rbsp[at++] ?? 0;
    let size = 0;
    while (rbsp[at] === 0xff) size += rbsp[at++]!;
    size += rbsp[at++] ?? 0;
    if (type === 5) {
      const identity = readIdentity(rbsp.subarray(at, at + size));
      if (identity) return identity;
    }
    at += size;
  }
  return null;
}

/** NAL units of a sample with 4-byte lengths (ISO/IEC 14496-15 5.3.2), as views, one at a time. What runs over the end is left out. */
export function* nalsOf(sample: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(sample.buffer, sample.byteOffset, sample.byteLength);
  for (let at = 0; at + 5 <= sample.length; ) {
    const length = view.getUint32(at);
    if (length === 0 || at + 4 + length > sample.length) return;
    yield sample.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
}

/** Identity of the first SEI that has one in a sample of length-prefixed NAL units. Never throws on foreign bytes. */
export function readSampleIdentity(sample: Uint8Array): Identity | null {
  for (const nal of nalsOf(sample)) {
    const identity = nalType(nal) === NAL.sei ? readIdentitySei(nal) : null;
    if (identity) return identity;
  }
  return null;
}

/** Whether a sample of length-prefixed NAL units holds an IDR picture. */
export function isKeySample(sample: Uint8Array): boolean {
  for (const nal of nalsOf(sample)) if (nalType(nal) === NAL.idr) return true;
  return false;
}

/**
 * A sample of fMP4 from an access unit in Annex B: every NAL unit with a 4-byte length, the identity SEI first. Parameter sets and
 * delimiters go (the configuration record has them), foreign SEI (the encoder's advertisement) too.
 */
export function toSample(accessUnit: Uint8Array, identity: Identity): Uint8Array {
  const nals = splitAnnexB(accessUnit).filter((nal) => {
    const type = nalType(nal);
    return type !== NAL.sps && type !== NAL.pps && type !== NAL.aud && type !== NAL.sei;
  });
  nals.unshift(identitySei(identity));
  let length = 0;
  for (const nal of nals) length += 4 + nal.length;
  const sample = new Uint8Array(length);
  const view = new DataView(sample.buffer);
  let at = 0;
  for (const nal of nals) {
    view.setUint32(at, nal.length);
    sample.set(nal, at + 4);
    at += 4 + nal.length;
  }
  return sample;
}

/**
 * An access unit in Annex B from a sample with 4-byte lengths.
 * @param configuration AVCDecoderConfigurationRecord whose parameter sets come first, as key pictures need them; without it none do
 */
export function toAnnexB(sample: Uint8Array, configuration?: Uint8Array): Uint8Array {
  const start = Uint8Array.of(0, 0, 0, 1);
  const parts: Uint8Array[] = [];
  for (const nal of configuration ? parameterSets(configuration) : []) parts.push(start, nal);
  for (const nal of nalsOf(sample)) parts.push(start, nal);
  return concatBytes(parts);
}

/** SPS and PPS of a decoder configuration record. */
function parameterSets(configuration: Uint8Array): Uint8Array[] {
  const sets: Uint8Array[] = [];
  let at = 5;
  for (const mask of [0x1f, 0xff]) {
    const count = (configuration[at++] ?? 0) & mask;
    for (let i = 0; i < count && at + 2 <= configuration.length; i++) {
      const length = (configuration[at]! << 8) | configuration[at + 1]!;
      sets.push(configuration.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  }
  return sets;
}

/** Emulation prevention (ITU-T H.264 7.4.1.1): 00 00 0x becomes 00 00 03 0x. */
export function escapeRbsp(rbsp: Uint8Array): Uint8Array {
  const out: number[] = [];
  let zeros = 0;
  for (const byte of rbsp) {
    if (zeros === 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(out);
}

/** Undoes emulation prevention. */
export function unescapeRbsp(nal: Uint8Array): Uint8Array {
  const out = new Uint8Array(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros === 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    out[length++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out.subarray(0, length);
}
