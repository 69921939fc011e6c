import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePlaylist } from '../../test/playlists.ts';
import { type MediaPlaylist, renderMediaPlaylist, renderMultivariantPlaylist, type SegmentEntry } from './m3u8.ts';

const START = 1_763_640_000_000;

function segment(i: number, fields: Partial<SegmentEntry> = {}): SegmentEntry {
  return {
    uri: `s${i}-0123abcd.m4s`,
    duration: 2,
    programDateTime: START + i * 2000,
    discontinuity: false,
    gap: false,
    map: i === 0 ? 'init-0123abcd.mp4' : null,
    parts: [],
    open: false,
    ...fields,
  };
}

const parts = (i: number, count: number) =>
  Array.from({ length: count }, (_, k) => ({ uri: `p${i}.${k}.m4s`, duration: 0.2, independent: k === 0 }));

function playlist(fields: Partial<MediaPlaylist> = {}): MediaPlaylist {
  return {
    targetDuration: 2,
    partTarget: 0.21,
    partHoldBack: 0.63,
    mediaSequence: 881_820_000,
    discontinuitySequence: 0,
    segments: [segment(0), segment(1), segment(2, { parts: parts(2, 10) }), segment(3, { parts: parts(3, 2), open: true })],
    preloadHint: 'p3.2.m4s',
    skipped: 0,
    dateRanges: [],
    removedDateRanges: null,
    canSkipUntil: 12,
    ended: false,
    renditionReports: [],
    ...fields,
  };
}

describe('media playlist', () => {
  it('passes both parsers with parts, hint and server control', () => {
    const parsed = parsePlaylist(renderMediaPlaylist(playlist()));
    expect(parsed.mediaSequence).toBe(881_820_000);
    expect(parsed.targetDuration).toBe(2);
    expect(parsed.partTargetDuration).toBe(0.21);
    expect(parsed.serverControl).toMatchObject({ canBlockReload: true, canSkipUntil: 12, partHoldBack: 0.63, holdBack: 6 });
    expect(parsed.segments.map(({ uri }) => uri)).toEqual([0, 1, 2].map((i) => `s${i}-0123abcd.m4s`));
    expect(parsed.segments[2]!.parts).toHaveLength(10);
    expect(parsed.segments[2]!.parts![0]).toMatchObject({ uri: 'p2.0.m4s', duration: 0.2, independent: true });
    expect(parsed.preloadSegment!.parts).toHaveLength(2);
    expect(parsed.preloadSegment!.preloadHints).toMatchObject([{ type: 'PART', uri: 'p3.2.m4s' }]);
    expect(parsed.segments.map((each) => each.dateTimeObject!.getTime())).toEqual([0, 2000, 4000].map((ms) => START + ms));
    expect(parsed.endList).toBeFalsy();
  });

  it('without low latency has no tag that an old player does not know', () => {
    const text = renderMediaPlaylist(playlist({ partTarget: 0, segments: [segment(0), segment(1)], preloadHint: null }));
    expect(parsePlaylist(text).segments).toHaveLength(2);
    expect(text).not.toMatch(/PART|SERVER-CONTROL|PRELOAD|SKIP|RENDITION-REPORT/);
    expect(text).toContain('#EXT-X-VERSION:7\n');
  });

  it('marks gaps, discontinuities and a new init segment', () => {
    const parsed = parsePlaylist(
      renderMediaPlaylist(
        playlist({
          discontinuitySequence: 4,
          segments: [segment(0), segment(1, { gap: true }), segment(2, { discontinuity: true, map: 'init-ffffffff.mp4' })],
          preloadHint: null,
        }),
      ),
    );
    expect(parsed.discontinuitySequence).toBe(4);
    expect(parsed.segments.map(({ discontinuity, map, timeline }) => ({ discontinuity, map: map?.uri, timeline }))).toEqual([
      { discontinuity: undefined, map: 'init-0123abcd.mp4', timeline: 4 },
      { discontinuity: undefined, map: 'init-0123abcd.mp4', timeline: 4 },
      { discontinuity: true, map: 'init-ffffffff.mp4', timeline: 5 },
    ]);
    expect(parsed.gaps).toEqual([false, true, false]);
  });

  it('as a delta update says how many segments it leaves out and is a version that may', () => {
    const text = renderMediaPlaylist(playlist({ skipped: 40, segments: [segment(40), segment(41)] }));
    const parsed = parsePlaylist(text);
    expect(parsed.skip).toEqual({ skippedSegments: 40 });
    expect(parsed.segments).toHaveLength(2);
    expect(Number(/#EXT-X-VERSION:(\d+)/.exec(text)![1])).toBeGreaterThanOrEqual(9);
  });

  it('at its end has ENDLIST and nothing that promises more', () => {
    const text = renderMediaPlaylist(
      playlist({ ended: true, renditionReports: [{ uri: '../x.m3u8', lastMsn: 3, lastPart: 1 }], segments: [segment(0), segment(1)] }),
    );
    expect(parsePlaylist(text).endList).toBe(true);
    expect(text).not.toMatch(/PRELOAD-HINT|RENDITION-REPORT|CAN-BLOCK-RELOAD/);
    expect(text.trimEnd().split('\n').at(-1)).toBe('#EXT-X-ENDLIST');
  });

  it('reports the state of other renditions', () => {
    const text = renderMediaPlaylist(playlist({ renditionReports: [{ uri: '../low/media.m3u8', lastMsn: 881_820_003, lastPart: 4 }] }));
    expect(text).toContain('#EXT-X-RENDITION-REPORT:URI="../low/media.m3u8",LAST-MSN=881820003,LAST-PART=4\n');
    parsePlaylist(text);
  });

  it('keeps durations to less than half a tick of 90 kHz', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 225_000 }), (ticks) => {
        const text = renderMediaPlaylist(playlist({ segments: [segment(0, { duration: ticks / 90_000 })], preloadHint: null }));
        const extinf = Number(/#EXTINF:([\d.]+),/.exec(text)![1]);
        expect(Math.round(extinf * 90_000)).toBe(ticks);
        expect(Math.abs(extinf * 90_000 - ticks)).toBeLessThan(0.5);
      }),
    );
  });

  it('passes both parsers whatever is in it', () => {
    const entry = fc.record({
      duration: fc.integer({ min: 3000, max: 224_999 }).map((ticks) => ticks / 90_000),
      gap: fc.boolean(),
      discontinuity: fc.boolean(),
      parts: fc.integer({ min: 0, max: 11 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 12 }), fc.integer({ min: 0, max: 11 }), fc.boolean(), (list, open, ended) => {
        const segments = list.map(({ parts: count, ...fields }, i) =>
          segment(i, {
            ...fields,
            discontinuity: i > 0 && fields.discontinuity,
            parts: fields.gap || i < list.length - 2 ? [] : parts(i, count),
          }),
        );
        if (open && !ended) segments.push(segment(list.length, { open: true, parts: parts(list.length, open) }));
        const parsed = parsePlaylist(renderMediaPlaylist(playlist({ segments, ended, preloadHint: ended ? null : 'next.m4s' })));
        expect(parsed.segments).toHaveLength(list.length);
        expect(parsed.gaps).toEqual(list.map((each) => each.gap));
      }),
      { numRuns: 60 },
    );
  });
});

describe('multivariant playlist', () => {
  it('passes both parsers and names codec, size and rate', () => {
    const text = renderMultivariantPlaylist([
      {
        uri: 'video/media.m3u8?v=1',
        bandwidth: 3e6 + 0.4,
        averageBandwidth: 2e6,
        codecs: 'avc1.42c01f',
        size: { width: 1280, height: 720 },
        frameRate: 30,
      },
      { uri: 'low/media.m3u8', bandwidth: 5e5, averageBandwidth: 4e5, codecs: 'avc1.42c00d', size: { width: 320, height: 180 } },
    ]);
    const [high, low] = parsePlaylist(text).playlists!;
    expect(high).toMatchObject({
      uri: 'video/media.m3u8?v=1',
      attributes: {
        BANDWIDTH: 3_000_000,
        'AVERAGE-BANDWIDTH': '2000000',
        CODECS: 'avc1.42c01f',
        RESOLUTION: { width: 1280, height: 720 },
        'FRAME-RATE': 30,
      },
    });
    expect(low!.attributes['FRAME-RATE']).toBe(undefined);
  });
});
