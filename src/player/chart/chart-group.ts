// What the charts of one player have in common: the shown frame, the cursor, the zoom. Charts without a player share them by stream.
import type { SluicePlayer } from '../element.ts';

/** A span of capture times, µs. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type Motion = 'live' | 'playing' | 'paused';

/** What a chart does when something changes for all. */
export interface GroupMember {
  /** Another frame is on the screen. */
  onShown(): void;
  onCursor(): void;
  onZoom(): void;
}

export interface Shown {
  readonly id: number;
  readonly timestamp: number;
}

/** The least that a zoom can show: below, the times of samples could not be told apart. */
const LEAST_SPAN_US = 1000;

export class ChartGroup {
  readonly player: SluicePlayer | null;
  readonly #members = new Set<GroupMember>();
  #zoom: Span | null = null;
  #cursor: number | null = null;
  #shown: Shown | null = null;

  constructor(player: SluicePlayer | null) {
    this.player = player;
    this.#shown = player?.shownFrame ?? null;
  }

  get zoom(): Span | null {
    return this.#zoom;
  }

  /** The time under the pointer, or where the keys went; µs. */
  get cursor(): number | null {
    return this.#cursor;
  }

  get shown(): Shown | null {
    return this.#shown;
  }

  /** Charts run on with the time, unless a player that is paused or plays the past leads them. */
  get motion(): Motion {
    const { player } = this;
    return !player?.shownFrame || player.live ? 'live' : player.paused ? 'paused' : 'playing';
  }

  join(member: GroupMember): void {
    this.#members.add(member);
    if (this.#members.size === 1) this.player?.addEventListener('frame', this.#onFrame);
  }

  leave(member: GroupMember): void {
    this.#members.delete(member);
    if (this.#members.size === 0) this.player?.removeEventListener('frame', this.#onFrame);
  }

  zoomTo(span: Span | null): void {
    if (span && span.end - span.start < LEAST_SPAN_US) {
      const middle = (span.start + span.end) / 2;
      span = { start: middle - LEAST_SPAN_US / 2, end: middle + LEAST_SPAN_US / 2 };
    }
    this.#zoom = span;
    for (const member of this.#members) member.onZoom();
  }

  pointAt(time: number | null): void {
    if (time === this.#cursor) return;
    this.#cursor = time;
    for (const member of this.#members) member.onCursor();
  }

  #onFrame = (): void => {
    const shown = this.player?.shownFrame ?? null;
    if (!shown || (shown.id === this.#shown?.id && shown.timestamp === this.#shown.timestamp)) return;
    const before = this.#shown;
    this.#shown = shown;
    if (before) this.#follow(before, shown);
    for (const member of this.#members) member.onShown();
  };

  /** A zoom that the shown frame leaves goes with it. */
  #follow(before: Shown, shown: Shown): void {
    const zoom = this.#zoom;
    if (!zoom || this.player?.live) return;
    const was = before.timestamp >= zoom.start && before.timestamp <= zoom.end;
    if (!was || (shown.timestamp >= zoom.start && shown.timestamp <= zoom.end)) return;
    const half = (zoom.end - zoom.start) / 2;
    this.#zoom = { start: shown.timestamp - half, end: shown.timestamp + half };
  }
}

const ofPlayers = new WeakMap<Element, ChartGroup>();
const ofStreams = new Map<string, ChartGroup>();

/** The group of a player, or of a stream where there is no player. */
export function groupOf(player: SluicePlayer | null, stream: string): ChartGroup {
  const known = player ? ofPlayers.get(player) : ofStreams.get(stream);
  if (known) return known;
  const group = new ChartGroup(player);
  if (player) ofPlayers.set(player, group);
  else ofStreams.set(stream, group);
  return group;
}

/** Right edge of a chart that is not zoomed. `edge` is where it was, `now` the newest time there is; all µs. */
export function followEdge(edge: number | null, window: number, shown: number | null, motion: Motion, now: number): number {
  if (motion === 'live' || shown === null) return now;
  const before = Math.min(edge ?? now, now);
  const room = window * 0.1;
  // A jump puts the shown frame into the middle.
  if (shown < before - window || shown > before + room) return Math.min(now, shown + window / 2);
  if (motion === 'playing' && shown > before - room) return Math.min(now, shown + room);
  return Math.max(before, shown);
}
