import fc from 'fast-check';
import { createFile, MP4BoxBuffer, type Sample } from 'mp4box';
import { describe, expect, it } from 'vitest';
import type { Micros, Ticks } from '../core/time.ts';
import { concatBytes } from './bytes.ts';
import { fragment, initSegment, PROVISIONAL_DURATION, SAMPLE_DURATION_OFFSET, withDuration } from './fmp4.ts';
import { readIdentities, readSamples } from './fmp4-read.ts';
import { decoderConfiguration, toSample } from './h264.ts';

// Parameter sets of x264, 320x180 Constrained Baseline.
const SPS = Buffer.from('6742c00dd9014167e58840000003004000000f23c50ab920', 'hex');
const PPS = Buffer.from('68cb83cb20', 'hex');
const description = decoderConfiguration([SPS, PPS])!;
const START = 158_727_600_000_000;

const sampleOf = (id: number, pts: number, size: number) =>
  toSample(concatBytes([Uint8Array.of(0, 0, 1, 0x65), new Uint8Array(size).fill(0x55)]), {
    id,
    timestamp: Math.round((pts * 100) / 9) as Micros,
    pts: pts as Ticks,
    repeat: false,
  });

/** What mp4box, which shares nothing with our writer, makes of the bytes. */
function judge(bytes: Uint8Array): {
  tracks: readonly { [key: string]: unknown }[];
  samples: Sample[];
  file: ReturnType<typeof createFile>;
} {
  const file = createFile();
  let tracks: readonly { [key: string]: unknown }[] = [];
  const samples: Sample[] = [];
  file.onError = (module: string, message: string) => {
    throw new Error(`${module}: ${message}`);
  };
  file.onReady = (info) => {
    tracks = info.tracks as unknown as typeof tracks;
    file.setExtractionOptions(1, null, { nbSamples: 1 });
    file.start();
  };
  file.onSamples = (_id, _user, list) => samples.push(...list);
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes.slice().buffer as ArrayBuffer, 0));
  file.flush();
  return { tracks, samples, file };
}

describe('initSegment', () => {
  it('describes one H.264 track to a foreign reader', () => {
    const { tracks, file } = judge(initSegment({ width: 322, height: 180, description }));
    expect(tracks).toHaveLength(1);
    expect(tracks[0]).toMatchObject({
      id: 1,
      codec: 'avc1.42c00d',
      timescale: 90_000,
      track_width: 322,
      track_height: 180,
      video: { width: 322, height: 180 },
      language: 'und',
    });
    expect(file.boxes.map((box) => box.type)).toEqual(['ftyp', 'moov']);
  });

  it('carries the configuration record unchanged and BT.709 limited range', () => {
    const init = Buffer.from(initSegment({ width: 16, height: 16, description }));
    expect(init.includes(Buffer.from(description))).toBe(true);
    const colr = init.indexOf('colrnclx');
    expect(init.subarray(colr + 8, colr + 15).toString('hex')).toBe('00010001000100');
  });

  it('is the same bytes for the same track: its name is made from them', () => {
    const track = { width: 640, height: 360, description };
    expect(initSegment(track)).toEqual(initSegment({ ...track }));
    expect(initSegment(track)).not.toEqual(initSegment({ ...track, height: 362 }));
  });
});

describe('fragment', () => {
  it('holds one sample at its 64-bit time, for a foreign reader and for ours', () => {
    const frames = [
      { id: 41, pts: START, duration: 3001, key: true },
      { id: 42, pts: START + 3001, duration: 1440, key: false },
      { id: 44, pts: START + 4441, duration: 5490, key: false },
    ];
    const bytes = concatBytes([
      initSegment({ width: 320, height: 180, description }),
      ...frames.map(({ id, pts, duration, key }, i) => fragment(i + 1, pts as Ticks, duration, key, sampleOf(id, pts, 20 + i))),
    ]);
    const { samples } = judge(bytes);
    expect(samples.map(({ cts, dts, duration, is_sync }) => ({ cts, dts, duration, is_sync }))).toEqual(
      frames.map(({ pts, duration, key }) => ({ cts: pts, dts: pts, duration, is_sync: key })),
    );
    expect(samples.map((sample) => Buffer.from(sample.data!).toString('hex'))).toEqual(
      frames.map(({ id, pts }, i) => Buffer.from(sampleOf(id, pts, 20 + i)).toString('hex')),
    );
    expect(readIdentities(bytes).map(({ pts, duration, identity }) => ({ id: identity.id, pts, duration }))).toEqual(
      frames.map(({ id, pts, duration }) => ({ id, pts, duration })),
    );
  });

  it('survives every time, size and sequence number', () => {
    const each = fc.record({
      sequence: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      pts: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      duration: fc.integer({ min: 0, max: 0xffffffff }),
      key: fc.boolean(),
      sample: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    });
    fc.assert(
      fc.property(each, ({ sequence, pts, duration, key, sample }) => {
        const bytes = fragment(sequence, pts as Ticks, duration, key, sample);
        const [read, ...more] = readSamples(bytes);
        expect(more).toEqual([]);
        expect(read).toEqual({ pts, duration, offset: bytes.length - sample.length, size: sample.length });
        expect([...bytes.subarray(read!.offset)]).toEqual([...sample]);
      }),
    );
  });

  it('differs in the four bytes of its duration only, and withDuration changes just those in a copy', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 0xffffffff }), (a, b) => {
        const sample = sampleOf(1, START, 9);
        const live = fragment(5, START as Ticks, a, true, sample);
        const stored = fragment(5, START as Ticks, b, true, sample);
        for (let i = 0; i < live.length; i++) {
          if (i < SAMPLE_DURATION_OFFSET || i >= SAMPLE_DURATION_OFFSET + 4) expect(live[i]).toBe(stored[i]);
        }
        const before = live.slice();
        expect(withDuration(live, b)).toEqual(stored);
        expect(live).toEqual(before);
      }),
      { numRuns: 30 },
    );
    const [read] = readSamples(fragment(1, 0 as Ticks, PROVISIONAL_DURATION, true, Uint8Array.of(1)));
    expect(read!.duration).toBe(90_000);
  });

  it('patches a fragment that is a view into a larger buffer', () => {
    const whole = fragment(1, 0 as Ticks, 1, true, Uint8Array.of(1, 2, 3));
    const padded = concatBytes([new Uint8Array(7), whole]);
    expect(withDuration(padded.subarray(7), 77)).toEqual(fragment(1, 0 as Ticks, 77, true, Uint8Array.of(1, 2, 3)));
  });
});
