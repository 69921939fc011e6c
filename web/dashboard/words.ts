// Numbers, sizes, times and states in plain words. Pure.
import type { StreamInfo, StreamState, StreamStats } from '../../src/api/schema.ts';
import { bytesText } from '../../src/core/bytes-text.ts';

/** 1_234_567 → `1,234,567`, whatever the language of the system: the page is in English. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-GB');
}

/** `1 viewer`, `2 viewers`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** 29.97 → `30`, 7.5 → `7.5`, 0.2 → `0.2`: at most one digit of fraction, none where it says nothing. */
export function fpsText(fps: number): string {
  return fps >= 9.95 ? String(Math.round(fps)) : fps.toFixed(1).replace(/\.0$/, '');
}

/** A length of time: `850 ms`, `9.4 s`, `42 s`, `10 min`, `2 h 5 min`, `3 d`. */
export function durationText(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1).replace(/\.0$/, '')} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1).replace(/\.0$/, '')} s`;
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.round(hours / 24)} d`;
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}

/** A length as a clock shows it: `0:09`, `12:34`, `1:02:03`. */
export function lengthText(ms: number): string {
  const seconds = Math.floor(ms / 1000 + 0.0005);
  const two = (value: number) => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** How long ago a moment was: `now`, `12 s ago`, `2 h 5 min ago`; of later ones `in 3 s`. */
export function agoText(ms: number): string {
  if (ms <= -1000) return `in ${durationText(Math.floor(-ms / 1000) * 1000)}`;
  return ms < 1000 ? 'now' : `${durationText(Math.floor(ms / 1000) * 1000)} ago`;
}

/** Bits per second: `2.4 Mbit/s`. */
export function bitrateText(bitsPerSecond: number): string {
  if (bitsPerSecond >= 999_500) return `${(bitsPerSecond / 1e6).toFixed(bitsPerSecond >= 9.95e6 ? 0 : 1)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

/** Time of day in the viewer's zone. */
export function clockText(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}

interface StateWords {
  readonly label: string;
  readonly hint: string;
}

/** What each state means to somebody who looks at the page. */
export const STATE_WORDS: Record<StreamState, StateWords> = {
  live: { label: 'Live', hint: 'Pictures are coming in.' },
  asleep: { label: 'Asleep', hint: 'Nobody watches. It starts by itself as soon as somebody does.' },
  starting: { label: 'Starting', hint: 'The source is being opened.' },
  waiting: { label: 'Waiting', hint: 'Waiting for a program to push the first picture.' },
  lost: { label: 'No picture', hint: 'No picture has come for 10 s.' },
  failed: { label: 'Failed', hint: 'The source cannot be read. It is tried again by itself.' },
  stopped: { label: 'Stopped', hint: 'Stopped by hand. Press Start to go on.' },
};

/** One line about a stream whose picture does not move: the server's reason if it gave one. */
export function stateHint(info: StreamInfo): string {
  return info.reason ? sentence(info.reason) : STATE_WORDS[info.state].hint;
}

/** A reason of the server as a sentence of the page: capital and full stop. Addresses and names at its start stay as they are. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  const start = /^[a-z]+[ ,]/.test(trimmed) ? trimmed.charAt(0).toUpperCase() + trimmed.slice(1) : trimmed;
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}

/** What is kept of a stream, as a length of time in ms. */
export function keptMs(dvr: { start: number | null; end: number | null }): number {
  return dvr.start !== null && dvr.end !== null ? Math.max(0, (dvr.end - dvr.start) / 1000) : 0;
}

/** What removing a stream loses, as the end of the sentence "Removing it deletes …". */
export function lossText(info: StreamInfo): string {
  const kept = keptMs(info.dvr);
  const parts = ['its settings'];
  if (kept > 0 || info.dvr.bytes > 0) {
    parts.unshift(`the last ${durationText(kept)} of pictures (${bytesText(info.dvr.bytes)})`);
  }
  return parts.join(' and ');
}

/** A row of the account that is kept of a stream's frames. */
export interface LedgerRow {
  readonly label: string;
  readonly count: number;
  /** Share of the captured frames, 0 to 1. */
  readonly share: number;
  readonly kind: 'good' | 'lost';
}

/** Names of stages, policies and reasons of drops, for people. Others are shown as they are, with spaces. */
const DROP_WORDS: Record<string, string> = {
  ring: 'every memory slot was in use',
  ids: 'no frame id was free',
  decode: 'it could not be decoded',
  'not-rising': 'its time was not after the one before',
  future: 'its time lies in the future',
  newest: 'a newer one came first',
  latest: 'a newer one came first',
  'queue-full': 'the queue was full',
  stopped: 'the stream ended',
  seen: 'looked at before',
  keyframe: 'skipped up to the next key frame',
  late: 'its time was over',
  'too-early': 'its time was not after the one before',
  thinned: 'above the frame rate asked for',
  left: 'the viewer went away',
};

const OUTPUT_WORDS: Record<string, string> = {
  hls: 'HLS',
  'ws-jpeg': 'JPEG (WebSocket)',
  'ws-h264': 'H.264 (WebSocket)',
  mjpeg: 'MJPEG',
  snapshot: 'snapshots',
  thumbnail: 'small on the wall',
  webrtc: 'WebRTC',
  trickle: 'trickle',
};

/** An output by the name that people know. */
export function outputText(name: string): string {
  return OUTPUT_WORDS[name] ?? name;
}

/** A codec by the name that people know: `avc1.42c01f` → `H.264`. */
export function codecText(codec: string): string {
  if (/^(avc|h264)/i.test(codec)) return 'H.264';
  return /^m?jpeg$/i.test(codec) ? 'JPEG' : codec;
}

/** A reason of a drop in words. */
export function dropText(reason: string): string {
  return DROP_WORDS[reason] ?? reason.replace(/[-_.]/g, ' ');
}

/** The ledger as rows: what became of every captured frame. The counts sum to `captured`, or the last row says what is missing. */
export function ledgerRows(ledger: StreamStats['ledger']): LedgerRow[] {
  const total = ledger.captured || 1;
  const row = (label: string, count: number, kind: LedgerRow['kind']): LedgerRow => ({ label, count, share: count / total, kind });
  const rows = [row('passed on', ledger.published, 'good')];
  for (const [reason, count] of Object.entries(ledger.refused)) {
    if (count) rows.push(row(`refused: ${dropText(reason)}`, count, 'lost'));
  }
  for (const [stage, count] of Object.entries(ledger.dropped)) {
    if (count) rows.push(row(`dropped: ${dropText(stage)}`, count, 'lost'));
  }
  const missing = ledger.captured - rows.reduce((sum, each) => sum + each.count, 0);
  if (missing) rows.push(row('not accounted for', missing, 'lost'));
  return rows;
}

/** What became of the frames of a processor: parts of a bar, in the order of the ledger. */
export interface FateRow {
  readonly label: string;
  readonly count: number;
  /** Share of the frames that came, 0 to 1. */
  readonly share: number;
  readonly kind: 'good' | 'plain' | 'left' | 'bad' | 'running';
}

const FAULT_WORDS: Record<string, string> = {
  error: 'it reported an error',
  timeout: 'it took too long',
  crash: 'it ended or took too much memory',
};

/** The ledger of a processor as rows; the counts sum to `offered`, or the last row says what is missing. */
export function fateRows(processor: StreamStats['processors'][number]): FateRow[] {
  const { offered, place } = processor;
  const rows: FateRow[] = [];
  const add = (label: string, count: number, kind: FateRow['kind']) => {
    if (count) rows.push({ label, count, share: count / (offered || 1), kind });
  };
  add(place === 'inline' ? 'changed' : 'looked at', processor.processed, 'good');
  add('let through as they were', processor.passed, 'plain');
  add('withheld', processor.withheld, 'left');
  for (const [reason, count] of Object.entries(processor.dropped)) add(`left out: ${dropText(reason)}`, count, 'left');
  for (const [fault, count] of Object.entries(processor.faults)) add(`failed: ${FAULT_WORDS[fault] ?? fault}`, count, 'bad');
  add('under way', processor.inFlight, 'running');
  add('not accounted for', offered - rows.reduce((sum, { count }) => sum + count, 0), 'bad');
  return rows;
}

/** How a processor is now, in a few words. */
export function processorText(processor: StreamStats['processors'][number]): string {
  const { state, progress } = processor;
  if (state === 'loading') {
    const share = progress?.share === null || progress?.share === undefined ? '' : ` (${Math.round(progress.share * 100)} %)`;
    return progress ? `loading: ${progress.message}${share}` : 'loading';
  }
  return { off: 'asleep', running: 'running', failed: 'failed' }[state];
}

/** Frames that a rendition should have encoded and did not; those above its frame rate are left out on purpose. */
export function lostIn(rendition: StreamStats['renditions'][number]): number {
  const dropped = Object.entries(rendition.dropped).reduce((sum, [policy, count]) => sum + (policy === 'thinned' ? 0 : count), 0);
  return dropped + rendition.failed;
}
