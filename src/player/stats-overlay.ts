// The statistics over the picture: which frame it is, when it was taken, how late it is shown, and what it costs.
import { bitrateText, lengthText, timeText, utcText, zoneOffset, zoneText } from './clock-text.ts';
import { make } from './dom.ts';
import type { Player } from './player.ts';
import type { Stage } from './stage.ts';

/** Rates are means over so many samples of the overlay, taken four times a second. */
const SAMPLES = 12;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
  readonly shown: number;
  readonly dropped: number;
}

export class StatsOverlay {
  readonly element = make('dl', { class: 'stats', part: 'stats', hidden: '' });
  readonly #values = new Map<string, HTMLElement>();
  #samples: Sample[] = [];
  #transport = '';

  constructor() {
    const rows = ['Frame', 'Captured', 'UTC', 'Latency', 'Rate', 'Dropped', 'Bit rate', 'Picture', 'Transport', 'Buffer', 'Clock'];
    for (const row of rows) {
      const value = make('dd', {}, '–');
      this.#values.set(row, value);
      this.element.append(make('dt', {}, row), value);
    }
  }

  get visible(): boolean {
    return !this.element.hidden;
  }

  toggle(): void {
    this.element.hidden = !this.element.hidden;
  }

  /** Writes the figures of the moment. Call it a few times a second. */
  update(player: Player, stage: Stage): void {
    const stats = player.stats();
    if (!stats) return;
    if (stats.transport !== this.#transport) this.#samples = [];
    this.#transport = stats.transport;
    const { bytes, shown, dropped } = stats;
    const last = this.#samples.at(-1);
    if (last && (bytes < last.bytes || shown < last.shown)) this.#samples = [];
    this.#samples.push({ atMs: performance.now(), bytes, shown, dropped });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    if (!this.visible) return;

    const first = this.#samples[0]!;
    const seconds = Math.max(0.001, (performance.now() - first.atMs) / 1000);
    const frame = player.shownFrame;
    this.#set('Frame', frame ? String(frame.id) : 'not known yet');
    const offset = frame ? zoneOffset(frame.timestamp) : 0;
    this.#set('Captured', frame ? `${timeText(frame.timestamp, offset)} ${zoneText(offset)}` : '–');
    this.#set('UTC', frame ? utcText(frame.timestamp).replace(' UTC', '') : '–');
    this.#set(
      'Latency',
      player.live && stats.latencyMs !== null ? `${stats.latencyMs.toFixed(0)} ms glass to glass` : behind(stats.behindMs),
    );
    this.#set('Rate', `${((shown - first.shown) / seconds).toFixed(1)} fps`);
    this.#set('Dropped', `${dropped} (${((dropped - first.dropped) / seconds).toFixed(1)}/s)`);
    this.#set('Bit rate', bitrateText(((bytes - first.bytes) * 8) / seconds));
    const size = stage.size();
    this.#set('Picture', size ? `${size.width} × ${size.height}` : '–');
    this.#set('Transport', `${stats.transport}, ${stats.decoder}`);
    this.#set(
      'Buffer',
      stats.bufferedSeconds === null ? 'none' : `${stats.bufferedSeconds.toFixed(2)} s, speed ${stats.playbackRate.toFixed(2)}`,
    );
    this.#set('Clock', clockText(stats.clockOffsetMs, stats.clockDoubtMs, stats.roundTripMs));
  }

  #set(row: string, text: string): void {
    const value = this.#values.get(row)!;
    if (value.textContent !== text) value.textContent = text;
  }
}

/** How far the server's clock is from this computer's: `+3.2 ms ± 0.8, round trip 1.6 ms`. */
function clockText(offsetMs: number | null, doubtMs: number | null, roundTripMs: number | null): string {
  if (offsetMs === null || doubtMs === null || roundTripMs === null) return 'not known yet';
  const sign = offsetMs < 0 ? '−' : '+';
  const size = Math.abs(offsetMs);
  const offset = size < 1000 ? `${size.toFixed(1)} ms` : lengthText(size);
  return `${sign}${offset} ± ${doubtMs.toFixed(1)}, round trip ${roundTripMs.toFixed(1)} ms`;
}

function behind(ms: number | null): string {
  return ms === null ? 'not known yet' : `${lengthText(ms)} behind live`;
}
