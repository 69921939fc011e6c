import fc from 'fast-check';
import { createFile, MP4BoxBuffer, type Sample } from 'mp4box';
import { describe, expect, it } from 'vitest';
import { concatBytes } from './bytes.ts';
import { decoderConfiguration } from './h264.ts';
import { type Mp4File, mp4Head } from './mp4.ts';

// Parameter sets of x264, 320x180 Constrained Baseline.
const SPS = Buffer.from('6742c00dd9014167e58840000003004000000f23c50ab920', 'hex');
const PPS = Buffer.from('68cb83cb20', 'hex');
const track = { width: 320, height: 180, description: decoderConfiguration([SPS, PPS])! };

const fileOf = (fields: Partial<Mp4File>): Mp4File => ({
  track,
  samples: { durations: [3000], sizes: [5], keys: [true] },
  chunks: [1],
  hidden: 0,
  created: 1_763_640_000_250_000,
  title: 'scope',
  comment: '{"stream":"scope"}',
  ...fields,
});

/** Lists of whole chunks that sum up to `count` samples. */
function chunksOf(count: number, each: number): number[] {
  return Array.from({ length: Math.ceil(count / each) }, (_, i) => Math.min(each, count - i * each));
}

describe('mp4Head', () => {
  it('leads mp4box to every sample, its time and the edit, whatever the tables hold', () => {
    const sample = fc.record({
      duration: fc.integer({ min: 1, max: 0x7fffffff }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 30 }),
      key: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 9 }), (list, perChunk) => {
        const durations = list.map((each) => each.duration);
        const hidden = durations[0]! - 1;
        const samples = { durations, sizes: list.map((each) => each.bytes.length), keys: list.map((each) => each.key) };
        const head = mp4Head(fileOf({ samples, chunks: chunksOf(list.length, perChunk), hidden }));
        const bytes = concatBytes([head, ...list.map((each) => each.bytes)]);
        const file = createFile();
        const found: Sample[] = [];
        file.onReady = () => {
          file.setExtractionOptions(1, null, { nbSamples: 1000 });
          file.start();
        };
        file.onSamples = (_id, _user, some) => found.push(...some);
        file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes.slice().buffer as ArrayBuffer, 0));
        file.flush();
        expect(file.boxes.map((box) => box.type)).toEqual(['ftyp', 'moov', 'mdat']);
        expect(found.map((each) => [...each.data!])).toEqual(list.map((each) => [...each.bytes]));
        let at = 0;
        for (const [i, each] of found.entries()) {
          expect([each.dts, each.cts, each.duration, each.is_sync]).toEqual([at, at, durations[i], list[i]!.key]);
          at += durations[i]!;
        }
        const { elst } = (file.moov as unknown as { traks: { edts: { elst: { entries: Record<string, number>[] } } }[] }).traks[0]!.edts;
        expect(elst.entries.map((entry) => [Number(entry.segment_duration), Number(entry.media_time)])).toEqual([[at - hidden, hidden]]);
      }),
      { numRuns: 60 },
    );
  });

  it('goes to 64 bits where a file is beyond 4 GB', () => {
    const sizes = [0xf000_0000, 0x2000_0000, 7];
    const head = Buffer.from(mp4Head(fileOf({ samples: { durations: [1, 1, 1], sizes, keys: [true, true, true] }, chunks: [1, 2] })));
    expect(head.includes('stco')).toBe(false);
    const table = head.indexOf('co64');
    expect(head.readUInt32BE(table + 8)).toBe(2);
    expect([head.readBigUInt64BE(table + 12), head.readBigUInt64BE(table + 20)]).toEqual([
      BigInt(head.length),
      BigInt(head.length) + 0xf000_0000n,
    ]);
    expect(head.readUInt32BE(head.length - 16)).toBe(1);
    expect(head.readBigUInt64BE(head.length - 8)).toBe(16n + 0x1_1000_0007n);
  });
});
