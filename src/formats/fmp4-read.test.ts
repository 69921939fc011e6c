import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Micros, Ticks } from '../core/time.ts';
import { concatBytes } from './bytes.ts';
import { fragment, initSegment } from './fmp4.ts';
import { readIdentities, readSamples } from './fmp4-read.ts';
import { identitySei, NAL } from './h264.ts';
import type { Identity } from './identity.ts';

const slice = Uint8Array.of(0x65, 0x88, 0x84, 0, 0x21);

function sample(identity: Identity | null): Uint8Array {
  const nals = identity ? [identitySei(identity), slice] : [slice];
  return concatBytes(nals.flatMap((nal) => [Uint8Array.of(0, 0, 0, nal.length), nal]));
}

const identities = fc.record({
  id: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  timestamp: fc.integer({ min: 1_000_000_000_000_000, max: 4_999_999_999_999_999 }).map((n) => n as Micros),
  pts: fc.integer({ min: 0, max: 450_000_000_000_000 }).map((n) => n as Ticks),
  repeat: fc.boolean(),
});

describe('readIdentities', () => {
  test('finds every frame of joined fragments with its time, duration and identity', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(identities, fc.integer({ min: 1, max: 900_000 })), { minLength: 1, maxLength: 12 }), (frames) => {
        const media = concatBytes(
          frames.map(([identity, duration], i) => fragment(i + 1, identity.pts, duration, i === 0, sample(identity))),
        );
        const found = readIdentities(media);
        expect(found.map(({ pts, duration, identity }) => ({ pts, duration, identity }))).toEqual(
          frames.map(([identity, duration]) => ({ pts: identity.pts, duration, identity })),
        );
      }),
    );
  });

  test('leaves out samples without identity and takes none from an init segment', () => {
    const identity = { id: 7, timestamp: 1_763_640_000_000_000 as Micros, pts: 158_727_600_000_000 as Ticks, repeat: true };
    const media = concatBytes([
      fragment(1, 1000 as Ticks, 3000, true, sample(null)),
      fragment(2, identity.pts, 3000, false, sample(identity)),
    ]);
    expect(readIdentities(media).map((found) => found.identity)).toEqual([identity]);
    expect(readSamples(media)).toHaveLength(2);
    const sps = Uint8Array.of(NAL.sps, 0x42, 0xc0, 0x1f, 0xda);
    const avcC = concatBytes([Uint8Array.of(1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, sps.length), sps, Uint8Array.of(1, 0, 1, NAL.pps)]);
    expect(readSamples(initSegment({ width: 640, height: 360, description: avcC }))).toEqual([]);
  });

  test('reads a foreign run: several samples, composition offsets, defaults of tfhd', () => {
    const tfhd = box('tfhd', [0, 0, 0, 0x08, 0, 0, 0, 1, 0, 0, 0, 100]); // default duration 100
    const tfdt = box('tfdt', [0, 0, 0, 0, 0, 0, 3, 232]); // 1000, version 0
    const trunOf = (offset: number) =>
      box('trun', [1, 0, 0x0a, 1, 0, 0, 0, 2, 0, 0, 0, offset, 0, 0, 0, 5, 0, 0, 0, 50, 0, 0, 0, 5, 255, 255, 255, 206]);
    const moofOf = (offset: number) => box('moof', box('mfhd', [0, 0, 0, 0, 0, 0, 0, 1]), box('traf', tfhd, tfdt, trunOf(offset)));
    const moof = moofOf(moofOf(0).length + 8);
    const media = concatBytes([moof, box('mdat', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])]);
    expect(readSamples(media)).toEqual([
      { pts: 1050, duration: 100, offset: moof.length + 8, size: 5 },
      { pts: 1050, duration: 100, offset: moof.length + 13, size: 5 },
    ]);
  });

  test('never throws on foreign bytes, and every sample lies inside of them', () => {
    const check = (bytes: Uint8Array) => {
      readIdentities(bytes);
      for (const { offset, size } of readSamples(bytes)) {
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset + size).toBeLessThanOrEqual(bytes.length);
      }
    };
    const identity = { id: 1, timestamp: 1_763_640_000_000_000 as Micros, pts: 158_727_600_000_000 as Ticks, repeat: false };
    const valid = concatBytes([1, 2, 3].map((n) => fragment(n, identity.pts, 3000, true, sample(identity))));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 8 }), fc.nat(valid.length), (changes, length) => {
        const bytes = valid.slice();
        for (const [at, value] of changes) bytes[at] = value;
        check(bytes.subarray(0, length));
      }),
    );
  });

  test('a run that claims four billion samples costs nothing', () => {
    const trun = box('trun', [0, 0, 0, 0, 255, 255, 255, 255]);
    const tfhd = box('tfhd', [0, 0, 0, 0x10, 0, 0, 0, 1, 0, 0, 0, 0]);
    expect(readSamples(box('moof', box('traf', tfhd, trun)))).toEqual([]);
  });
});

function box(type: string, ...content: (Uint8Array | number[])[]): Uint8Array {
  const body = concatBytes(content.map((part) => Uint8Array.from(part)));
  const size = body.length + 8;
  const name = [...type].map((letter) => letter.charCodeAt(0));
  return concatBytes([Uint8Array.of(size >> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255, ...name), body]);
}
