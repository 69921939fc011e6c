// The markers of the last minutes in memory: playlists and packets ask for them far more often than a disk should be asked.
import type { Marker } from '../api/timeline.ts';

export class RecentMarkers {
  /** How long they stay behind their end, µs. */
  static readonly KEEP_US = 10 * 60 * 1_000_000;
  static readonly LIMIT = 5000;
  readonly #markers = new Map<string, Marker>();

  set(marker: Marker): void {
    this.#markers.delete(marker.id);
    this.#markers.set(marker.id, marker);
    // The one that was changed longest ago goes.
    if (this.#markers.size > RecentMarkers.LIMIT) this.#markers.delete(this.#markers.keys().next().value!);
  }

  remove(id: string): void {
    this.#markers.delete(id);
  }

  /** Markers that share an instant with [start, end], by start. */
  overlapping(start: number, end: number): Marker[] {
    const found = [...this.#markers.values()].filter((marker) => marker.timestamp <= end && lastOf(marker) >= start);
    return found.sort((a, b) => a.timestamp - b.timestamp || (a.id < b.id ? -1 : 1));
  }

  /** Forgets what ended long before `now`. */
  forget(now: number): void {
    for (const [id, marker] of this.#markers) if (lastOf(marker) < now - RecentMarkers.KEEP_US) this.#markers.delete(id);
  }
}

function lastOf({ timestamp, end, open }: Marker): number {
  return end ?? (open ? Number.POSITIVE_INFINITY : timestamp);
}
