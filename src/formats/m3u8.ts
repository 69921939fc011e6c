// Playlists of HLS (RFC 8216 and draft-pantos-hls-rfc8216bis): pure rendering of a model; times in seconds.
import { type DateRangeEntry, quoted, renderDateRange } from './m3u8-daterange.ts';

/** A partial segment (rfc8216bis 4.4.4.9). */
export interface PartEntry {
  readonly uri: string;
  readonly duration: number;
  /** Contains a key frame. */
  readonly independent: boolean;
}

/** A media segment, or the gap in its place. */
export interface SegmentEntry {
  readonly uri: string;
  readonly duration: number;
  /** PROGRAM-DATE-TIME of its first frame, ms UTC; `null` leaves the tag out. */
  readonly programDateTime: number | null;
  /** The segment does not continue the one before (4.4.4.3). */
  readonly discontinuity: boolean;
  /** There is no media here (4.4.4.7). */
  readonly gap: boolean;
  /** Init segment that holds from here on (4.4.4.5). */
  readonly map: string | null;
  readonly parts: readonly PartEntry[];
  /** Still growing: parts only, no EXTINF yet. */
  readonly open: boolean;
}

export interface MediaPlaylist {
  /** Seconds, an integer no segment's rounded duration exceeds (4.4.3.1). */
  readonly targetDuration: number;
  /** Seconds; 0 renders a plain playlist without any low-latency tag. */
  readonly partTarget: number;
  readonly partHoldBack: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly segments: readonly SegmentEntry[];
  /** Address of the next part (4.4.5.3); `null` = none. */
  readonly preloadHint: string | null;
  /** Segments left out at the start by a delta update (4.4.5.2); 0 = full playlist. */
  readonly skipped: number;
  /** Events; in a delta update that leaves out known ones, only those that are new. */
  readonly dateRanges: readonly DateRangeEntry[];
  /** Ids of events that went lately, in a delta update that leaves out known ones (4.4.5.2); `null` = it does not. */
  readonly removedDateRanges: readonly string[] | null;
  readonly canSkipUntil: number;
  readonly ended: boolean;
  /** State of the other renditions of the multivariant playlist (4.4.5.4). */
  readonly renditionReports: readonly { uri: string; lastMsn: number; lastPart: number }[];
}

/**
 * Durations to the nanosecond: hls.js adds them up and forgives a difference of 1.5 µs to what really lies in the buffer. Rounded to
 * 10 µs, it took the end of a segment for not yet loaded now and then and stopped for seconds (seen in Chromium).
 */
const seconds = (value: number) => value.toFixed(9);

/** Media playlist. With `skipped` > 0 it is a delta update: `segments` then holds only those after the skipped ones. */
export function renderMediaPlaylist(playlist: MediaPlaylist): string {
  const live = playlist.partTarget > 0;
  const lines = [
    '#EXTM3U',
    // 9 for delta updates and parts; 7 would do for fMP4 with EXT-X-MAP, 6 is what EXT-X-MAP asks for.
    `#EXT-X-VERSION:${live ? 9 : 7}`,
    `#EXT-X-TARGETDURATION:${playlist.targetDuration}`,
  ];
  if (live && !playlist.ended) {
    lines.push(
      `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${playlist.canSkipUntil.toFixed(1)},CAN-SKIP-DATERANGES=YES,PART-HOLD-BACK=${playlist.partHoldBack.toFixed(3)},HOLD-BACK=${(playlist.targetDuration * 3).toFixed(1)}`,
    );
  }
  if (live) lines.push(`#EXT-X-PART-INF:PART-TARGET=${playlist.partTarget.toFixed(3)}`);
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`);
  if (playlist.discontinuitySequence > 0) lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`);
  if (playlist.skipped > 0) {
    const removed = playlist.removedDateRanges && `,RECENTLY-REMOVED-DATERANGES=${quotedList(playlist.removedDateRanges)}`;
    lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${playlist.skipped}${removed ?? ''}`);
  }
  for (const range of playlist.dateRanges) lines.push(renderDateRange(range));
  for (const segment of playlist.segments) {
    if (segment.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
    if (segment.map !== null) lines.push(`#EXT-X-MAP:URI="${segment.map}"`);
    if (segment.programDateTime !== null) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.programDateTime).toISOString()}`);
    if (live) {
      for (const part of segment.parts) {
        lines.push(`#EXT-X-PART:DURATION=${seconds(part.duration)},URI="${part.uri}"${part.independent ? ',INDEPENDENT=YES' : ''}`);
      }
    }
    if (segment.open) continue;
    if (segment.gap) lines.push('#EXT-X-GAP');
    lines.push(`#EXTINF:${seconds(segment.duration)},`, segment.uri);
  }
  if (playlist.ended) lines.push('#EXT-X-ENDLIST');
  else if (live) {
    if (playlist.preloadHint !== null) lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${playlist.preloadHint}"`);
    for (const report of playlist.renditionReports) {
      lines.push(`#EXT-X-RENDITION-REPORT:URI="${report.uri}",LAST-MSN=${report.lastMsn},LAST-PART=${report.lastPart}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Ids in a quoted-string, tabs between them. */
function quotedList(ids: readonly string[]): string {
  return `"${ids.map((id) => quoted(id).slice(1, -1)).join('\t')}"`;
}

export interface Variant {
  readonly uri: string;
  /** Peak bits per second. */
  readonly bandwidth: number;
  readonly averageBandwidth: number;
  readonly codecs: string;
  /** Pixels; absent where there are no pictures. */
  readonly size?: { readonly width: number; readonly height: number };
  /** Frames per second; 0 or absent leaves the attribute out. */
  readonly frameRate?: number;
  /** Group of its sound. */
  readonly audio?: string;
}

/** Sound in a playlist of its own (rfc8216bis 4.4.6.1). */
export interface SoundRendition {
  readonly group: string;
  readonly name: string;
  readonly uri: string;
}

/** Multivariant playlist (rfc8216bis 4.4.6). */
export function renderMultivariantPlaylist(variants: readonly Variant[], sounds: readonly SoundRendition[] = []): string {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:9', '#EXT-X-INDEPENDENT-SEGMENTS'];
  for (const { group, name, uri } of sounds) {
    lines.push(`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="${group}",NAME="${name}",DEFAULT=YES,AUTOSELECT=YES,URI="${uri}"`);
  }
  for (const variant of variants) {
    const size = variant.size ? `,RESOLUTION=${variant.size.width}x${variant.size.height}` : '';
    const rate = variant.frameRate ? `,FRAME-RATE=${variant.frameRate.toFixed(3)}` : '';
    const audio = variant.audio ? `,AUDIO="${variant.audio}"` : '';
    lines.push(
      `#EXT-X-STREAM-INF:BANDWIDTH=${Math.round(variant.bandwidth)},AVERAGE-BANDWIDTH=${Math.round(variant.averageBandwidth)},CODECS="${variant.codecs}"${size}${rate}${audio}`,
      variant.uri,
    );
  }
  return `${lines.join('\n')}\n`;
}
