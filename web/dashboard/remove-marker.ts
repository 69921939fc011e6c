// Deleting a marker: gone from the table at once, from the server when its time for undoing is over.
import { signal } from '@preact/signals';
import type { Marker } from '../../src/api/timeline.ts';
import { SluiceError, toSluiceError } from '../../src/core/errors.ts';
import { Removals, UNDO_MS } from './removals.ts';
import { announce, client } from './store.ts';
import { showError, showToast } from './toasts.tsx';

/** `STREAM/ID` of a marker. */
export type Doomed = string;

/** Markers whose deletion is under way: hidden already, still there on the server. */
export const doomed = signal<ReadonlySet<Doomed>>(new Set());

interface Waiting {
  readonly stream: string;
  readonly marker: Marker;
  readonly onGone: () => void;
}
const waiting = new Map<Doomed, Waiting>();

const removals = new Removals({
  send: async (key, keepalive) => {
    const item = waiting.get(key);
    if (!item) return;
    waiting.delete(key);
    try {
      await client.removeMarker(item.stream, item.marker.id, { keepalive });
    } catch (error) {
      // Somebody else was faster: what was wanted is so.
      if (!(error instanceof SluiceError && error.code === 'unknown-marker'))
        throw new Error(`${nameOf(item.marker)} was not deleted: ${toSluiceError(error).message}`);
    }
    item.onGone();
  },
  onChange: (keys) => {
    doomed.value = keys;
  },
  onError: (_key, error) => showError(error instanceof Error ? error.message : String(error)),
});

addEventListener('pagehide', () => removals.flush());

/** Deletes a marker; for 10 s it can be taken back. `onGone`: it is gone on the server. */
export function removeMarker(stream: string, marker: Marker, onGone: () => void): void {
  const key = `${stream}/${marker.id}`;
  waiting.set(key, { stream, marker, onGone });
  removals.schedule(key);
  const text = `${nameOf(marker)} is deleted.`;
  announce(text);
  const hide = showToast({
    id: `marker:${key}`,
    kind: 'removal',
    text,
    lifeMs: UNDO_MS,
    action: {
      label: 'Undo',
      run: () => {
        hide();
        if (removals.undo(key)) announce(`${nameOf(marker)} is back.`);
      },
    },
  });
}

function nameOf(marker: Marker): string {
  return `“${marker.label || marker.kind}”`;
}
