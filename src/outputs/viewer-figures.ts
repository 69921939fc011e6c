// What players report about their pictures, summed up over all viewers of one output of one stream. The number of series depends on streams
// and outputs alone, never on viewers.
import type { ViewerReport } from '../api/schema.ts';
import { Histogram, type HistogramCounts } from '../pipeline/histogram.ts';

const FPS = [1, 5, 10, 15, 20, 24, 25, 27, 30, 45, 60, 90, 120];
const BITRATE = [1e5, 2.5e5, 5e5, 1e6, 2e6, 4e6, 8e6, 16e6, 32e6, 64e6, 128e6];
const WIDTH = [160, 320, 480, 640, 960, 1280, 1920, 2560, 3840];
const QUALITY = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100];
const LOSS = [0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
const BUFFER = [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5];

type Values = (report: ViewerReport) => number | null;

/** Histograms: one value of each report. A new figure is one row. */
const DISTRIBUTIONS: readonly { name: string; help: string; limits: readonly number[]; of: Values }[] = [
  { name: 'sluice_viewer_fps', help: 'New frames shown per second.', limits: FPS, of: ({ fps }) => fps },
  { name: 'sluice_viewer_bits_per_second', help: 'Media received.', limits: BITRATE, of: ({ bitrate }) => bitrate },
  { name: 'sluice_viewer_width_pixels', help: 'Width of the picture received.', limits: WIDTH, of: ({ width }) => width },
  { name: 'sluice_viewer_jpeg_quality', help: 'JPEG quality received.', limits: QUALITY, of: ({ quality }) => quality },
  { name: 'sluice_viewer_loss_ratio', help: 'Share of packets lost.', limits: LOSS, of: ({ lost }) => lost },
  {
    name: 'sluice_viewer_jitter_buffer_seconds',
    help: 'How long pictures were held back against jitter.',
    limits: BUFFER,
    of: ({ jitterBufferMs }) => jitterBufferMs && jitterBufferMs / 1000,
  },
];

/** Sums over all reports. */
const SUMS: readonly { name: string; help: string; of: Values }[] = [
  { name: 'sluice_viewer_watched_seconds_total', help: 'Time that the reports tell of.', of: ({ seconds }) => seconds },
  { name: 'sluice_viewer_freezes_total', help: 'Times that a picture stood still.', of: ({ freezes }) => freezes },
  { name: 'sluice_viewer_frozen_seconds_total', help: 'Time that pictures stood still.', of: ({ frozenSeconds }) => frozenSeconds },
  { name: 'sluice_viewer_dropped_frames_total', help: 'Frames that came and were not shown.', of: ({ dropped }) => dropped },
  { name: 'sluice_viewer_resends_total', help: 'Packets that came again.', of: ({ resends }) => resends },
];

/** A figure as `/metrics` tells it. */
export type ViewerFigure = { readonly name: string; readonly help: string } & (
  | { readonly type: 'histogram'; readonly counts: HistogramCounts }
  | { readonly type: 'counter'; readonly value: number }
);

export class ViewerFigures {
  readonly #histograms = DISTRIBUTIONS.map(({ limits }) => new Histogram(limits));
  readonly #sums = SUMS.map(() => 0);

  add(report: ViewerReport): void {
    DISTRIBUTIONS.forEach(({ of }, i) => {
      const value = of(report);
      if (value !== null) this.#histograms[i]!.add(value);
    });
    SUMS.forEach(({ of }, i) => {
      this.#sums[i]! += of(report) ?? 0;
    });
  }

  get figures(): ViewerFigure[] {
    return [
      ...DISTRIBUTIONS.map(({ name, help }, i) => ({ name, help, type: 'histogram', counts: this.#histograms[i]!.counts }) as const),
      ...SUMS.map(({ name, help }, i) => ({ name, help, type: 'counter', value: this.#sums[i]! }) as const),
    ];
  }
}
