import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePlaylist } from '../../test/playlists.ts';
import { type MediaPlaylist, renderMediaPlaylist } from './m3u8.ts';
import { type DateRangeEntry, dateRangeId, renderDateRange } from './m3u8-daterange.ts';

const START = 1_763_640_000_000;

const range = (fields: Partial<DateRangeEntry> = {}): DateRangeEntry => ({
  id: 'm1',
  class: 'spike',
  start: START + 250,
  end: null,
  instant: true,
  attributes: { FRAME: 1234, LABEL: 'Spike' },
  ...fields,
});

const playlist = (fields: Partial<MediaPlaylist>): string =>
  renderMediaPlaylist({
    targetDuration: 2,
    partTarget: 0.21,
    partHoldBack: 0.63,
    mediaSequence: 881_820_000,
    discontinuitySequence: 0,
    segments: [0, 1].map((i) => ({
      uri: `s${i}.m4s`,
      duration: 2,
      programDateTime: START + i * 2000,
      discontinuity: false,
      gap: false,
      map: i === 0 ? 'init.mp4' : null,
      parts: [],
      open: false,
    })),
    preloadHint: null,
    skipped: 0,
    dateRanges: [],
    removedDateRanges: null,
    canSkipUntil: 12,
    ended: false,
    renditionReports: [],
    ...fields,
  });

describe('EXT-X-DATERANGE', () => {
  it('of an instant has no length, of an open span no end, of a span its end', () => {
    expect(renderDateRange(range())).toBe(
      '#EXT-X-DATERANGE:ID="m1",CLASS="spike",START-DATE="2025-11-20T12:00:00.250Z",DURATION=0,X-FRAME=1234,X-LABEL="Spike"',
    );
    expect(renderDateRange(range({ instant: false }))).not.toMatch(/DURATION|END/);
    expect(renderDateRange(range({ instant: false, end: START + 1250 }))).toContain(',END-DATE="2025-11-20T12:00:01.250Z",');
    // An end before the start is no end that a parser accepts (4.4.5.1).
    expect(renderDateRange(range({ instant: false, end: START }))).toContain(',END-DATE="2025-11-20T12:00:00.250Z",');
  });

  it('passes the parsers whatever people write into labels and ids', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), { maxLength: 5 }), (texts) => {
        // hls-parser takes an apostrophe for a quotation mark; the grammar does not (4.2).
        const plain = texts.map((text) => text.replaceAll("'", ''));
        const ids = plain.map((text, i) => dateRangeId(`${i}${text}`));
        const text = playlist({ dateRanges: plain.map((label, i) => range({ id: ids[i]!, attributes: { LABEL: label } })) });
        const parsed = parsePlaylist(text);
        expect(parsed.dateRanges!.map((each) => each.id)).toEqual(ids);
        expect(parsed.segments).toHaveLength(2);
        expect(text.split('\n').filter((line) => line && !/^#EXT|^s\d\.m4s$/.test(line))).toEqual([]);
        expect(text).not.toContain('{$');
      }),
      { numRuns: 200 },
    );
  });

  it('gives every text an id of its own', () => {
    const odd = ['a', 'a"', 'a%22', 'a\n', 'a%0A', 'a~2', 'a%7E2', '{$a}', 'é', '\u2028'];
    expect(new Set(odd.map(dateRangeId)).size).toBe(odd.length);
    // A tilde is what numbers the states of a marker.
    expect(dateRangeId('a~2')).toBe('a%7E2');
    expect(dateRangeId('run 7/spike, é')).toBe('run 7/spike, é');
    expect(() => dateRangeId('\ud800"')).not.toThrow();
  });

  it('in a delta update that leaves out known ranges names those that went', () => {
    const parsed = parsePlaylist(playlist({ skipped: 7, dateRanges: [range()], removedDateRanges: ['m7', 'm 8'] }));
    expect(parsed.skip).toEqual({ skippedSegments: 7, recentlyRemovedDateranges: ['m7', 'm 8'] });
    expect(parsed.dateRanges).toHaveLength(1);
    expect(playlist({ skipped: 7, removedDateRanges: [] })).toContain('RECENTLY-REMOVED-DATERANGES=""\n');
    expect(playlist({ skipped: 7 })).not.toContain('RECENTLY-REMOVED');
  });
});
