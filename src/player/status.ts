// What the player says about itself: one state and one sentence, from all that is known. Pure.
import type { StreamState } from '../api/schema.ts';

export type PlayerState = 'idle' | 'loading' | 'waiting' | 'playing' | 'paused' | 'stalled' | 'error';

/** Why nothing can be had from the server. */
export type Trouble = 'unknown-stream' | 'refused' | 'away';

export interface Situation {
  readonly hasSource: boolean;
  /** What the viewer asked for. */
  readonly paused: boolean;
  readonly seeking: boolean;
  /** The browser wants a click first. */
  readonly blocked: boolean;
  readonly ended: boolean;
  /** ms since the last new frame; `null` before the first. */
  readonly sinceFrameMs: number | null;
  /** From when on a missing frame is worth a word, in ms. */
  readonly stallMs: number;
  readonly trouble: Trouble | null;
  readonly streamState: StreamState | null;
  /** A transport was opened and has shown nothing yet, or waits to be opened again. */
  readonly connecting: boolean;
  /** Whether the server too has had no frame for a while; `null`: not known. */
  readonly sourceSilent: boolean | null;
  /** The server's sentence about the stream's state. */
  readonly reason: string | null;
  readonly name: string;
  readonly host: string;
  /** Why no transport works, if none does. */
  readonly transportTrouble: string | null;
}

export interface Status {
  readonly state: PlayerState;
  /** A sentence for people; empty when there is nothing to say. */
  readonly message: string;
}

/** Trouble shows at once where there is no picture; a running one is not covered before it stands still. */
const HOLD_MS = 1500;

export function describe(s: Situation): Status {
  if (!s.hasSource) return { state: 'idle', message: 'No stream is chosen.' };
  const still = s.sinceFrameMs === null || s.sinceFrameMs > HOLD_MS;
  if (s.trouble && (s.trouble !== 'away' || still) && !(s.paused && s.sinceFrameMs !== null))
    return { state: 'error', message: troubleText(s) };
  if (s.blocked) return { state: 'paused', message: 'This browser wants a click before it plays.' };
  if (s.seeking && s.sinceFrameMs === null) return { state: 'loading', message: 'Looking for the frame…' };
  if (s.paused) return { state: 'paused', message: '' };
  if (s.sinceFrameMs !== null && s.sinceFrameMs < s.stallMs) return { state: 'playing', message: '' };

  const reason = s.reason ? ` ${sentence(s.reason)}` : '';
  const silence = s.sinceFrameMs === null ? 'No picture' : `No picture for ${Math.floor(s.sinceFrameMs / 1000)} s`;
  switch (s.streamState) {
    case 'waiting':
      return { state: 'waiting', message: `“${s.name}” is waiting for its program.` };
    case 'stopped':
      return { state: 'waiting', message: `“${s.name}” is stopped.` };
    case 'failed':
      return {
        state: 'error',
        message: `The source of “${s.name}” failed.${reason}${/again|attempt/.test(reason) ? '' : ' It is tried again.'}`,
      };
    case 'lost':
      return { state: 'stalled', message: `${silence}: the source has stopped.${reason}` };
    case 'asleep':
    case 'starting':
      if (s.transportTrouble) return { state: 'error', message: s.transportTrouble };
      if (s.sinceFrameMs === null) return { state: 'loading', message: 'The source is starting…' };
      return { state: 'stalled', message: `${silence}: the source is starting.` };
    case 'live':
    case null:
      if (s.transportTrouble) return { state: 'error', message: s.transportTrouble };
      if (s.ended) return { state: 'waiting', message: `“${s.name}” has ended.` };
      if (s.sinceFrameMs === null) return { state: 'loading', message: 'Connecting…' };
      if (s.connecting) return { state: 'loading', message: 'Connecting again…' };
      return { state: 'stalled', message: `${silence}: ${cause(s.sourceSilent)}.` };
  }
}

function cause(sourceSilent: boolean | null): string {
  if (sourceSilent === null) return 'the source has stopped, or the connection is too slow';
  return sourceSilent ? 'the source has stopped' : 'the connection or this computer is too slow';
}

function troubleText(s: Situation): string {
  switch (s.trouble) {
    case 'unknown-stream':
      return `There is no stream “${s.name}” on ${s.host}. It is shown as soon as there is one.`;
    case 'refused':
      return `The server ${s.host} refuses to show “${s.name}”: a token is missing or wrong.${s.reason ? ` ${sentence(s.reason)}` : ''}`;
    default:
      return `The server ${s.host} cannot be reached. Trying again…`;
  }
}

function sentence(text: string): string {
  const trimmed = text.trim();
  // An address keeps its small letters.
  const first = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed.slice(0, 1) : trimmed.slice(0, 1).toUpperCase();
  return `${first}${trimmed.slice(1)}${/[.!?…]$/.test(trimmed) ? '' : '.'}`;
}
