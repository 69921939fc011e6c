// Which hls.js plays a stream: the light one, or the whole one where sound is a track of its own, which the light one leaves out.
import type * as Engine from 'hls.js';
import type { TransportContext } from './transport.ts';

/** A playlist that was fetched ahead: hls.js gets it without asking for it again. */
export interface FetchedPlaylist {
  readonly url: string;
  readonly text: string;
}

const SOUND = /^#EXT-X-MEDIA:TYPE=AUDIO/m;

/** Loads the engine that the stream needs. `null`: this browser has no Media Source. */
export async function loadEngine(context: TransportContext): Promise<{ engine: typeof Engine; first: FetchedPlaylist | null } | null> {
  if (!('MediaSource' in globalThis) && !('ManagedMediaSource' in globalThis)) return null;
  // Both on their way at once: most streams have no sound.
  const light = import('hls.js/light');
  const first = await fetchPlaylist(context.address.live('hls/index.m3u8'));
  const engine = first && SOUND.test(first.text) ? await import('hls.js') : await light;
  return engine.default.isSupported() ? { engine, first } : null;
}

/** What cannot be fetched is left to hls.js, which tries again and says why. */
async function fetchPlaylist(url: string): Promise<FetchedPlaylist | null> {
  const answer = await fetch(url).catch(() => null);
  const text = answer?.ok ? await answer.text().catch(() => null) : null;
  return text === null ? null : { url, text };
}
