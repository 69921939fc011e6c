// What belongs to the pictures of a player: its stream's markers and gaps, and which marker the picture has just reached.
import type { Timeline } from '../api/schema.ts';
import type { Marker } from '../api/timeline.ts';
import { Emitter } from '../core/emitter.ts';
import { MarkerPasses } from './marker-passes.ts';
import type { Player } from './player.ts';
import { StreamMarkers } from './stream-markers.ts';
import { TimelineApi } from './timeline-api.ts';

export interface PlayerTimelineEvents {
  /** The shown frame has reached or passed this marker. */
  marker: Marker;
  /** The list of markers is another one. */
  change: readonly Marker[];
}

const LOOK_MS = 1000;
const GAPS_EVERY = 10;

export class PlayerTimeline extends Emitter<PlayerTimelineEvents> {
  readonly api: TimelineApi;
  readonly markers: StreamMarkers;
  readonly #player: Player;
  readonly #passes = new MarkerPasses();
  readonly #abort = new AbortController();
  readonly #off: (() => void)[];
  readonly #timer: ReturnType<typeof setInterval>;
  #gaps: Timeline['gaps'] = [];
  #looks = 0;

  constructor(player: Player) {
    super();
    this.#player = player;
    this.api = new TimelineApi(player.address);
    this.markers = new StreamMarkers(player.address.name, this.api, player.events);
    this.#off = [
      player.on('frame', (frame) => {
        for (const marker of this.#passes.shown(frame, performance.now(), player.seeking, this.markers.list)) this.emit('marker', marker);
      }),
      this.markers.on('change', (list) => this.emit('change', list)),
      this.markers.on('news', (marker) => {
        if (this.#passes.isLate(marker, player.live)) this.emit('marker', marker);
      }),
    ];
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  open(): void {
    this.markers.open();
    this.#look();
  }

  close(): void {
    this.#abort.abort();
    clearInterval(this.#timer);
    for (const off of this.#off) off();
    this.markers.close();
  }

  /** Spans without a picture, µs. */
  get gaps(): Timeline['gaps'] {
    return this.#gaps;
  }

  /** The nearest marker after (1) or before (-1) the shown frame; `null` if there is none in what is kept. */
  neighbour(step: 1 | -1): Marker | null {
    const frame = this.#player.shownFrame;
    const range = this.#player.range();
    if (!frame) return null;
    const compare = (marker: Marker) => (marker.frame === null ? marker.timestamp - frame.timestamp : marker.frame - frame.id);
    const inside = (marker: Marker) => !range || (marker.timestamp >= range.start && marker.timestamp <= range.end);
    const { list } = this.markers;
    return (
      (step === 1
        ? list.find((marker) => compare(marker) > 0 && inside(marker))
        : list.findLast((marker) => compare(marker) < 0 && inside(marker))) ?? null
    );
  }

  /** Markers at the shown frame. */
  atShown(): Marker[] {
    const frame = this.#player.shownFrame;
    return frame ? this.markers.list.filter((marker) => marker.frame === frame.id) : [];
  }

  /** The newest span that has no end yet and began before the shown frame. */
  openSpan(): Marker | null {
    const frame = this.#player.shownFrame;
    return this.markers.list.findLast((marker) => marker.open && frame !== null && marker.timestamp <= frame.timestamp) ?? null;
  }

  #look(): void {
    const range = this.#player.range();
    if (!range) return;
    this.markers.keepFrom(range.start);
    if (this.#looks++ % GAPS_EVERY || document.hidden) return;
    this.api.gaps(this.#abort.signal).then(
      (gaps) => {
        this.#gaps = gaps;
      },
      // The next look asks again.
      () => {},
    );
  }
}
