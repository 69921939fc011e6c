// Two parsers that share nothing with our writer: whatever we render must pass both.
import HLS from 'hls-parser';
import { Parser } from 'm3u8-parser';
import { expect } from 'vitest';

/** A segment as m3u8-parser gives it. */
export interface ParsedSegment {
  readonly uri: string;
  readonly duration: number;
  readonly timeline: number;
  readonly discontinuity?: boolean;
  readonly map?: { readonly uri: string };
  readonly dateTimeObject?: Date;
  readonly parts?: readonly { readonly uri: string; readonly duration: number; readonly independent?: boolean }[];
}

/** A media playlist as m3u8-parser gives it. */
export interface ParsedPlaylist {
  readonly segments: readonly ParsedSegment[];
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly targetDuration: number;
  readonly endList?: boolean;
  readonly partTargetDuration?: number;
  readonly serverControl?: Readonly<Record<string, unknown>>;
  readonly skip?: { readonly skippedSegments: number; readonly recentlyRemovedDateranges?: readonly string[] };
  readonly dateRanges?: readonly (Readonly<Record<string, unknown>> & { readonly id: string; readonly startDate: Date })[];
  readonly preloadSegment?: Omit<ParsedSegment, 'uri' | 'duration'> & {
    readonly preloadHints?: readonly { readonly type: string; readonly uri: string }[];
  };
  /** Which segments are gaps (as hls-parser says; empty for a delta update). */
  readonly gaps: readonly boolean[];
  readonly playlists?: readonly { readonly uri: string; readonly attributes: Readonly<Record<string, unknown>> }[];
}

/** `irregular`: frames may last so long that no cut of them fills 85 % of a part; this one rule is then not asked for. */
function parseStrictly(text: string, irregular: boolean): ReturnType<typeof HLS.parse> {
  try {
    HLS.setOptions({ strictMode: true, silent: true });
    return HLS.parse(text);
  } catch (error) {
    if (!irregular || !String(error).includes('at least 85% of PART-TARGET')) throw error;
    HLS.setOptions({ strictMode: false, silent: true });
    return HLS.parse(text);
  }
}

/** Parses with both; fails on any complaint. A delta update goes through m3u8-parser alone: the other needs what was skipped. */
export function parsePlaylist(text: string, options: { readonly irregular?: boolean } = {}): ParsedPlaylist {
  const parser = new Parser();
  const complaints: string[] = [];
  parser.on('warn', (event: { message: string }) => complaints.push(event.message));
  parser.push(text);
  parser.end();
  const manifest = parser.manifest as unknown as Omit<ParsedPlaylist, 'gaps'>;
  let gaps: boolean[] = [];
  expect(complaints).toEqual([]);
  if (!text.includes('#EXT-X-SKIP')) {
    const other = parseStrictly(text, options.irregular === true);
    if (!other.isMasterPlaylist) {
      const media = other as { segments: { uri: string; duration: number; gap?: boolean }[]; mediaSequenceBase?: number };
      const whole = media.segments.filter((segment) => segment.uri);
      gaps = whole.map((segment) => segment.gap === true);
      expect(whole.map(({ uri, duration }) => ({ uri, duration }))).toEqual(
        manifest.segments.map(({ uri, duration }) => ({ uri, duration })),
      );
      expect(media.mediaSequenceBase ?? 0).toBe(manifest.mediaSequence);
    }
  }
  return { ...manifest, gaps };
}
