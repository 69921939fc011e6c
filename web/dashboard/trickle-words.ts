// How a trickle channel stands, in words. Pure.
import type { TrickleLink } from '../../src/api/schema.ts';

/** A segment this old is none that is being written: they last some seconds at most, ms. */
const STILL_MS = 30_000;

export type LinkState = TrickleLink['state'] | 'still';

export const LINK_WORDS: Record<LinkState, { readonly label: string; readonly hint: string }> = {
  asleep: { label: 'Asleep', hint: 'Nobody watches: it is read as soon as somebody does.' },
  connecting: { label: 'Connecting', hint: 'No segment yet.' },
  live: { label: 'Live', hint: 'Segments go over.' },
  still: { label: 'Nothing new', hint: 'No segment has begun for half a minute.' },
  waiting: { label: 'Not connected', hint: 'It is tried again by itself.' },
  ended: { label: 'Ended', hint: 'The other side has closed the channel.' },
};

/** @param now server's time, ms */
export function linkState({ state, began }: Pick<TrickleLink, 'state' | 'began'>, now: number): LinkState {
  return state === 'live' && began !== null && now - began / 1000 > STILL_MS ? 'still' : state;
}

/** Age of a segment: `0.4 s`, `12.0 s`, `2 min`. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 90) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
