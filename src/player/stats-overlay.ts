// The statistics over the picture: which frame it is, when it was taken, how late it is shown, and what it costs. Every figure is counted or
// measured; where a way does not tell one there is a dash.
import { bitrateText, lengthText, timeText, utcText, zoneOffset, zoneText } from './clock-text.ts';
import { make } from './dom.ts';
import { bufferText, fpsText, lossText, NOT_KNOWN, qualityText, resendText, viewersText } from './figure-text.ts';
import { setGraded } from './hud.ts';
import type { Player, PlayerStats } from './player.ts';
import type { Stage } from './stage.ts';

/** Names of the rows, and what they say of a player. A new row is one row here. */
const ROWS: Readonly<Record<string, (player: Player, stats: PlayerStats, stage: Stage) => string>> = {
  Frame: ({ shownFrame }) => (shownFrame ? String(shownFrame.id) : 'not known yet'),
  Captured: ({ shownFrame }) => {
    if (!shownFrame) return NOT_KNOWN;
    const offset = zoneOffset(shownFrame.timestamp);
    return `${timeText(shownFrame.timestamp, offset)} ${zoneText(offset)}`;
  },
  UTC: ({ shownFrame }) => (shownFrame ? utcText(shownFrame.timestamp).replace(' UTC', '') : NOT_KNOWN),
  Rate: (_player, { fps }) => fpsText(fps),
  Freezes: (_player, { freezes, frozenMs }) => (freezes ? `${freezes}, ${lengthText(frozenMs)} in all` : 'none'),
  Dropped: (_player, { dropped, droppedPerSecond }) => `${dropped}${droppedPerSecond ? ` (${droppedPerSecond.toFixed(1)}/s)` : ''}`,
  'Bit rate': (_player, { bitrate }) => (bitrate === null ? NOT_KNOWN : bitrateText(bitrate)),
  Picture: (_player, _stats, stage) => {
    const size = stage.size();
    return size ? `${size.width} × ${size.height}` : NOT_KNOWN;
  },
  Quality: (_player, { quality }) => qualityText(quality) || NOT_KNOWN,
  Loss: (_player, { lost }) => lossText(lost),
  Resends: (_player, stats) => resendText(stats, stats.resendsPerSecond),
  Buffer: (_player, stats) => bufferText(stats),
  Transport: (_player, { transport, decoder, network }) =>
    [transport, ...(decoder.startsWith(transport) ? [decoder.slice(transport.length).trim()] : [decoder]), network?.path]
      .filter(Boolean)
      .join(', '),
  Why: (_player, { reason }) => reason || NOT_KNOWN,
  Viewers: (_player, { viewers }) => viewersText(viewers),
  Clock: (_player, { clockOffsetMs, clockDoubtMs, roundTripMs }) => clockText(clockOffsetMs, clockDoubtMs, roundTripMs),
};

export class StatsOverlay {
  readonly element = make('div', { class: 'stats', part: 'stats', role: 'group', 'aria-label': 'Statistics', hidden: '' });
  readonly #values = new Map<string, HTMLElement>();
  readonly #p50 = make('span');
  readonly #p95 = make('span');
  readonly #behind = make('span');

  /** @param actions buttons under the figures */
  constructor(...actions: readonly HTMLElement[]) {
    const list = make('dl', {}, make('dt', {}, 'Latency'), make('dd', { class: 'graded' }, this.#p50, this.#p95, this.#behind));
    for (const row of Object.keys(ROWS)) {
      const value = make('dd', {}, NOT_KNOWN);
      this.#values.set(row, value);
      list.append(make('dt', {}, row), value);
    }
    this.element.append(list, ...actions);
  }

  get visible(): boolean {
    return !this.element.hidden;
  }

  toggle(): void {
    this.element.hidden = !this.element.hidden;
  }

  /** Writes the figures of the moment. Call it a few times a second. */
  update(player: Player, stage: Stage): void {
    if (!this.visible) return;
    const stats = player.stats();
    if (!stats) return;
    const latency = player.live ? stats.latency : null;
    this.#p50.hidden = this.#p95.hidden = !latency;
    this.#behind.hidden = latency !== null;
    setGraded(this.#p50, latency?.p50 ?? null, 'p50');
    setGraded(this.#p95, latency?.p95 ?? null, 'p95');
    set(this.#behind, stats.behindMs === null ? 'not known yet' : `${lengthText(stats.behindMs)} behind live`);
    for (const [row, text] of Object.entries(ROWS)) set(this.#values.get(row)!, text(player, stats, stage));
  }
}

function set(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** How far the server's clock is from this computer's: `+3.2 ms ± 0.8, round trip 1.6 ms`. */
function clockText(offsetMs: number | null, doubtMs: number | null, roundTripMs: number | null): string {
  if (offsetMs === null || doubtMs === null || roundTripMs === null) return 'not known yet';
  const sign = offsetMs < 0 ? '−' : '+';
  const size = Math.abs(offsetMs);
  const offset = size < 1000 ? `${size.toFixed(1)} ms` : lengthText(size);
  return `${sign}${offset} ± ${doubtMs.toFixed(1)}, round trip ${roundTripMs.toFixed(1)} ms`;
}
