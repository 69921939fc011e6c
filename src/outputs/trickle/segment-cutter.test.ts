import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../core/errors.ts';
import type { Packet } from '../../core/packet.ts';
import { TsDemuxer } from '../../formats/mpegts-demux.ts';
import type { SegmentWriter } from '../../trickle/segments.ts';
import { type OutUnit, SegmentCutter, type SoundTrack } from './segment-cutter.ts';

const SECOND = 90_000;

interface Written {
  bytes: Buffer;
  ended: boolean;
}

/** Keeps segments in memory; `refuse` makes them fail, `gone` the channel. */
function bench(length = 2, expected?: SoundTrack) {
  const segments: Written[] = [];
  const lost: string[] = [];
  const state = { refuse: false, gone: false, keys: 0, told: false };
  const next = (): SegmentWriter => {
    if (state.gone) throw new SluiceError('gone', 'the channel was deleted');
    const written: Written = { bytes: Buffer.alloc(0), ended: false };
    segments.push(written);
    return {
      seq: segments.length - 1,
      write(chunk) {
        if (state.refuse) return false;
        written.bytes = Buffer.concat([written.bytes, chunk]);
        return true;
      },
      end: async () => {
        written.ended = true;
        return 'done';
      },
      drop: () => {},
    };
  };
  const cutter = new SegmentCutter({
    publisher: { next },
    length: length * SECOND,
    expectedSound: () => expected,
    needKey: () => void state.keys++,
    onWritten: () => {},
    onLost: (_, why) => lost.push(why),
    onGone: () => {
      state.told = true;
    },
  });
  const source = {} as Packet;
  const unit = (at: number, key: boolean, more: Partial<OutUnit> = {}): OutUnit => {
    const ticks = Math.round(at * SECOND);
    return {
      pts: ticks,
      at: ticks,
      key,
      data: Uint8Array.of(0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, key ? 0x65 : 0x41, 1, 2, 3),
      source,
      ...more,
    };
  };
  return {
    ...{ cutter, segments, lost, state },
    picture: (at: number, key = false, more: Partial<OutUnit> = {}) => cutter.picture(unit(at, key, more)),
    sound: (at: number, channels = 2) =>
      cutter.sound(unit(at, true, { data: Uint8Array.of(0xfc, 1, 2), sound: { codec: 'opus', channels } })),
    /** What each segment holds, in order: `V` a key picture, `v` another, `a` sound. */
    get words() {
      return segments.map(({ bytes }) => {
        const demuxer = new TsDemuxer();
        const units = [...demuxer.push(bytes), ...demuxer.flush()];
        return units.map(({ track, key }) => (track.kind === 'audio' ? 'a' : key ? 'V' : 'v')).join('');
      });
    },
  };
}

describe('segments', () => {
  it('begin with a key picture once the last is long enough, however uneven the times are', () => {
    const { picture, segments } = bench();
    picture(10.01, true);
    picture(10.5);
    picture(11.02, true);
    picture(11.99, true);
    picture(12.5);
    picture(14.01, true);
    expect(segments.map(({ ended }) => ended)).toEqual([true, true, false]);
  });

  it('hold pictures and sound as they come, and never let a picture wait', () => {
    const b = bench();
    b.sound(9.98);
    b.picture(10, true);
    b.sound(10.0);
    b.picture(10.04);
    b.sound(10.02);
    expect(b.lost).toEqual(['early']);
    b.picture(12, true);
    b.sound(11.99);
    expect(b.words).toEqual(['Vava', 'Va']);
  });

  it('tell of sound that is known to come before its first packet is there', () => {
    const b = bench(2, { codec: 'opus', channels: 2 });
    b.picture(10, true);
    b.sound(10.01);
    b.picture(10.04);
    expect(b.words).toEqual(['Vav']);
    expect(b.state.keys).toBe(0);
  });

  it('begin anew with the tracks that there are when sound comes later', () => {
    const b = bench();
    b.picture(10, true);
    b.sound(10.1);
    expect(b.state.keys).toBe(1);
    b.sound(10.12);
    expect(b.state.keys).toBe(1);
    b.picture(10.13);
    b.picture(10.16, true);
    b.sound(10.16);
    b.sound(10.18, 1);
    b.picture(10.2, true);
    b.sound(10.2, 1);
    expect(b.words).toEqual(['Vv', 'Va', 'Va']);
    expect(b.lost).toEqual(['early', 'early', 'early']);
  });

  it('are cut where there is sound alone, after 2.1 s of waiting for a picture', () => {
    const b = bench();
    for (let i = 0; i <= 300; i++) b.sound(i / 50);
    expect(b.segments.length).toBe(4);
    expect(b.words.map((word) => word.length)).toEqual([100, 100, 100, 1]);
    expect(b.lost).toEqual([]);
  });

  it('go on with sound when the pictures stop, and begin with a key when they come again', () => {
    const b = bench();
    b.sound(-0.02);
    b.picture(0, true);
    for (let i = 0; i < 250; i++) b.sound(i / 50);
    // Until 2.1 s in the segment of the picture, then one each 2 s.
    expect(b.words).toEqual([`V${'a'.repeat(105)}`, 'a'.repeat(100), 'a'.repeat(45)]);
    b.picture(5);
    expect(b.lost).toEqual(['early', 'key']);
    expect(b.state.keys).toBe(1);
    b.picture(5.1, true);
    b.sound(5);
    expect(b.words.at(-1)).toBe('Va');
    // Where sound has stopped, its track is told of no more.
    b.picture(7.2, true);
    expect(b.words.at(-1)).toBe('V');
  });

  it('begin with new parameter sets at once', () => {
    const b = bench();
    b.picture(0, true);
    b.picture(0.5, true);
    b.picture(0.6, true, { fresh: true });
    expect(b.words).toEqual(['VV', 'V']);
  });

  it('are given up where the other side does not keep up, and begin anew with a key picture', () => {
    const b = bench();
    b.picture(0, true);
    b.state.refuse = true;
    b.picture(0.1);
    b.picture(0.2);
    b.state.refuse = false;
    expect(b.state.keys).toBe(1);
    b.picture(0.3, true);
    b.picture(0.4);
    expect(b.lost).toEqual(['given-up', 'key']);
    expect(b.words).toEqual(['V', 'Vv']);
    // Sound alone does not begin a segment for each packet.
    const alone = bench();
    alone.state.refuse = true;
    for (let i = 0; i < 300; i++) alone.sound(i / 50);
    expect(alone.segments.length).toBe(3);
  });

  it('tell when the channel is gone', async () => {
    const b = bench();
    b.picture(0, true);
    b.state.gone = true;
    b.picture(2, true);
    expect(b.state.told).toBe(true);
    expect(b.lost).toEqual(['given-up']);
    await b.cutter.end();
  });
});
