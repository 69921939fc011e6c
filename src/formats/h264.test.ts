import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Micros, Ticks } from '../core/time.ts';
import { concatBytes } from './bytes.ts';
import {
  codecString,
  decoderConfiguration,
  escapeRbsp,
  identitySei,
  isKeySample,
  NAL,
  nalType,
  readIdentitySei,
  readSampleIdentity,
  splitAnnexB,
  toAnnexB,
  toSample,
  unescapeRbsp,
} from './h264.ts';
import type { Identity } from './identity.ts';

const identity: Identity = { id: 7, timestamp: 1_763_640_000_000_000 as Micros, pts: 158_727_600_000_000 as Ticks, repeat: false };

/** Bytes with many zeros, ones and threes: where start codes and emulation prevention live. */
const tricky = (maxLength: number) =>
  fc
    .array(
      fc.oneof({ weight: 4, arbitrary: fc.constantFrom(0, 0, 0, 1, 2, 3) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) }),
      {
        maxLength,
      },
    )
    .map((list) => Uint8Array.from(list));

const anyIdentity: fc.Arbitrary<Identity> = fc.record({
  id: fc.oneof(fc.integer({ min: 1, max: 2 ** 20 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
  timestamp: fc.integer({ min: 1e15, max: 5e15 }).map((value) => value as Micros),
  pts: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }).map((value) => value as Ticks),
  repeat: fc.boolean(),
});

/** Annex B by the letter, byte by byte: slow and plain. */
function naiveSplit(stream: Uint8Array): number[][] {
  const text = Buffer.from(stream).toString('latin1');
  return text
    .split('\0\0\x01')
    .slice(1)
    .map((part) => part.replace(/\0+$/, ''))
    .filter((part) => part !== '')
    .map((part) => [...Buffer.from(part, 'latin1')]);
}

/** Length-prefixed NAL units. */
function lengthPrefixed(nals: readonly Uint8Array[]): Uint8Array {
  return concatBytes(nals.flatMap((nal) => [Uint8Array.of(nal.length >> 24, nal.length >> 16, nal.length >> 8, nal.length), nal]));
}

describe('splitAnnexB', () => {
  it('finds units behind three- and four-byte start codes, without trailing zeros', () => {
    const stream = Uint8Array.of(0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 0, 0, 3, 1, 9, 0, 0);
    expect(splitAnnexB(stream).map((nal) => [...nal])).toEqual([
      [0x67, 1, 2],
      [0x68, 3],
      [0x65, 0, 0, 3, 1, 9],
    ]);
  });

  it('finds what the plain reading of annex B finds', () => {
    fc.assert(
      fc.property(tricky(60), (stream) => {
        expect(splitAnnexB(stream).map((nal) => [...nal])).toEqual(naiveSplit(stream));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes units apart that were put together', () => {
    const unit = tricky(30).map((rbsp) => concatBytes([Uint8Array.of(0x65), escapeRbsp(rbsp), Uint8Array.of(0x80)]));
    const code = fc.constantFrom(Uint8Array.of(0, 0, 1), Uint8Array.of(0, 0, 0, 1));
    fc.assert(
      fc.property(fc.array(fc.tuple(code, unit), { maxLength: 6 }), (pairs) => {
        const stream = concatBytes(pairs.flat());
        expect(splitAnnexB(stream).map((nal) => [...nal])).toEqual(pairs.map(([, nal]) => [...nal]));
      }),
    );
  });
});

describe('emulation prevention', () => {
  it('is undone exactly, and leaves nothing that looks like a start code', () => {
    fc.assert(
      fc.property(tricky(80), (rbsp) => {
        const escaped = escapeRbsp(rbsp);
        expect([...unescapeRbsp(escaped)]).toEqual([...rbsp]);
        for (let i = 0; i + 2 < escaped.length; i++) {
          if (escaped[i] === 0 && escaped[i + 1] === 0) expect(escaped[i + 2]).toBeGreaterThanOrEqual(3);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('escapes as the table of 7.4.1.1 says', () => {
    const cases: [number[], number[]][] = [
      [
        [0, 0, 0],
        [0, 0, 3, 0],
      ],
      [
        [0, 0, 1],
        [0, 0, 3, 1],
      ],
      [
        [0, 0, 2],
        [0, 0, 3, 2],
      ],
      [
        [0, 0, 3],
        [0, 0, 3, 3],
      ],
      [
        [0, 0, 4],
        [0, 0, 4],
      ],
      [
        [0, 0, 0, 0, 0],
        [0, 0, 3, 0, 0, 3, 0],
      ],
    ];
    for (const [plain, escaped] of cases) expect([...escapeRbsp(Uint8Array.from(plain))]).toEqual(escaped);
  });
});

describe('identity SEI', () => {
  it('carries every identity through a byte stream', () => {
    fc.assert(
      fc.property(anyIdentity, (each) => {
        const sei = identitySei(each);
        expect(nalType(sei)).toBe(NAL.sei);
        expect(readIdentitySei(sei)).toEqual(each);
        const [nal] = splitAnnexB(concatBytes([Uint8Array.of(0, 0, 0, 1), sei]));
        expect(readIdentitySei(nal!)).toEqual(each);
      }),
    );
  });

  it('is found behind other messages, long ones too', () => {
    const ours = unescapeRbsp(identitySei(identity).subarray(1));
    // Payload type 300 (two bytes) of 260 bytes (two bytes), then a foreign user_data_unregistered, then ours.
    const long = concatBytes([Uint8Array.of(0xff, 45, 0xff, 5), new Uint8Array(260).fill(0xff)]);
    const foreign = concatBytes([Uint8Array.of(5, 20), new Uint8Array(20).fill(9)]);
    const nal = concatBytes([Uint8Array.of(6), escapeRbsp(concatBytes([long, foreign, ours]))]);
    expect(readIdentitySei(nal)).toEqual(identity);
  });

  it('is null in garbage, and nothing ever throws', () => {
    fc.assert(
      fc.property(tricky(120), (bytes) => {
        const sei = concatBytes([Uint8Array.of(6), bytes]);
        expect(readIdentitySei(sei)).toBe(null);
        expect(readIdentitySei(bytes)).toBe(null);
        expect(readSampleIdentity(bytes)).toBe(null);
        isKeySample(bytes);
        splitAnnexB(bytes);
        decoderConfiguration([bytes, sei]);
      }),
      { numRuns: 1000 },
    );
    const whole = identitySei(identity);
    for (let length = 0; length < whole.length - 1; length++) expect(readIdentitySei(whole.subarray(0, length))).toBe(null);
  });
});

describe('decoder configuration', () => {
  const sps = Uint8Array.of(0x67, 0x42, 0xc0, 0x1f, 0x99, 0x88);
  const pps = Uint8Array.of(0x68, 0xce, 0x3c);

  it('is the record of ISO/IEC 14496-15 with 4-byte lengths', () => {
    const record = decoderConfiguration([Uint8Array.of(9, 0xf0), sps, pps])!;
    expect(Buffer.from(record).toString('hex')).toBe('0142c01fff' + 'e1' + '0006' + '6742c01f9988' + '01' + '0003' + '68ce3c');
    expect(codecString(record)).toBe('avc1.42c01f');
  });

  it('names chroma and depth for the high profiles', () => {
    const record = decoderConfiguration([sps.with(1, 100), pps])!;
    expect([...record.subarray(-4)]).toEqual([0xfd, 0xf8, 0xf8, 0]);
    expect(codecString(record)).toBe('avc1.64c01f');
  });

  it('is null without both parameter sets', () => {
    for (const nals of [[], [sps], [pps], [sps.subarray(0, 3), pps]]) expect(decoderConfiguration(nals)).toBe(null);
  });
});

describe('toSample', () => {
  const unit = (type: number, ...rest: number[]) => concatBytes([Uint8Array.of(0, 0, 0, 1), Uint8Array.of(type, ...rest)]);

  it('puts the identity first and leaves out what the configuration record has, and foreign SEI', () => {
    const access = concatBytes([
      unit(9, 0xf0),
      unit(0x67, 1, 2, 3),
      unit(0x68, 4),
      unit(6, 5, 1, 7, 0x80),
      unit(0x65, 8, 9),
      unit(0x65, 10),
    ]);
    const sample = toSample(access, identity);
    expect(Buffer.from(sample)).toEqual(
      Buffer.from(lengthPrefixed([identitySei(identity), Uint8Array.of(0x65, 8, 9), Uint8Array.of(0x65, 10)])),
    );
    expect(readSampleIdentity(sample)).toEqual(identity);
    expect(isKeySample(sample)).toBe(true);
    expect(isKeySample(toSample(unit(0x41, 8, 9), identity))).toBe(false);
  });

  it('is read at any place in memory, and not beyond its end', () => {
    const sample = toSample(unit(0x41, 1, 2, 3), identity);
    const memory = concatBytes([Uint8Array.of(1, 2, 3), sample, Uint8Array.of(0, 0, 0, 2, 0x65, 1)]);
    const view = memory.subarray(3, 3 + sample.length);
    expect(readSampleIdentity(view)).toEqual(identity);
    expect(isKeySample(view)).toBe(false);
    // A length that runs over the end, and lengths of zero without end.
    expect(isKeySample(Uint8Array.of(255, 255, 255, 255, 0x41))).toBe(false);
    expect(readSampleIdentity(new Uint8Array(64))).toBe(null);
  });
});

it('a sample goes back to Annex B, parameter sets first', () => {
  const sps = Uint8Array.of(0x67, 0x42, 0xc0, 0x1f, 1);
  const pps = Uint8Array.of(0x68, 9);
  const sample = Uint8Array.of(0, 0, 0, 2, 0x65, 7);
  const configuration = decoderConfiguration([sps, pps])!;
  expect(splitAnnexB(toAnnexB(sample, configuration))).toEqual([sps, pps, Uint8Array.of(0x65, 7)]);
  expect([...toAnnexB(sample)]).toEqual([0, 0, 0, 1, 0x65, 7]);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void toAnnexB(bytes, bytes)));
});
