// What the player tells the server about its pictures, for the figures of /metrics: a few numbers every 5 s while live pictures are shown, over
// the page's events socket. Nothing about who watches.
import type { ViewerReport } from '../api/schema.ts';
import type { PageEvents } from './page-events.ts';
import type { Player, PlayerStats } from './player.ts';

const EVERY_MS = 5000;
const SAMPLES = 20;

export interface ReporterOptions {
  readonly player: Player;
  readonly events: PageEvents;
  /** Name of the stream. */
  readonly stream: string;
  /** Width of the picture in pixels; `null` while there is none. */
  readonly width: () => number | null;
}

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #before: { readonly atMs: number; readonly stats: PlayerStats } | null = null;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#report(), EVERY_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #report(): void {
    const { player, events, stream, width } = this.#options;
    const { transport } = player;
    const now = performance.now();
    const stats = player.live && player.state === 'playing' ? player.stats() : null;
    const before = this.#before;
    this.#before = stats && { atMs: now, stats };
    // Only of one transport at a time, and of time in which it was live from end to end.
    if (!transport || !stats || !before || before.stats.openedMs !== stats.openedMs) return;
    events.report(
      reportOf(stream, transport, before.stats, stats, (now - before.atMs) / 1000, player.latencies(before.atMs, SAMPLES), width()),
    );
  }
}

const within = (value: number, most: number) => Math.max(0, Math.min(most, value));

/** The report about the time between two sets of figures. Pure. */
export function reportOf(
  stream: string,
  transport: ViewerReport['transport'],
  before: PlayerStats,
  now: PlayerStats,
  seconds: number,
  latencies: readonly number[],
  width: number | null,
): ViewerReport {
  const tenths = (value: number) => Math.round(value * 10) / 10;
  const { network } = now;
  return {
    type: 'report',
    stream,
    transport,
    seconds: within(tenths(seconds), 120),
    latencyMs: latencies.map((ms) => within(tenths(ms), 600_000)),
    fps: within(tenths((now.shown - before.shown) / seconds), 1000),
    bitrate: within(Math.round(((now.bytes - before.bytes) * 8) / seconds), 10e9),
    width: width && Math.round(within(width, 65_535)),
    quality: now.quality?.jpeg ?? null,
    dropped: within(now.dropped - before.dropped, 200_000),
    freezes: within(now.freezes - before.freezes, 1000),
    frozenSeconds: within(tenths((now.frozenMs - before.frozenMs) / 1000), 120),
    lost: now.lost,
    resends: network && within(network.resends - (before.network?.resends ?? 0), 1_000_000),
    jitterBufferMs: network?.bufferMs == null ? null : within(tenths(network.bufferMs), 60_000),
  };
}
