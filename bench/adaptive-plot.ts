// What a viewer got over time, as a small SVG without any library.

/** One second of a viewer. */
export interface Sample {
  /** Width of the way, Mbit/s. */
  readonly mbit: number;
  readonly fps: number;
  /** 1 to 100. */
  readonly quality: number;
  /** Pixels. */
  readonly width: number;
  /** Mbit/s that arrived. */
  readonly sent: number;
  /** Capture to arrival, ms. */
  readonly delay: number;
  /** Pictures per second of a viewer beside it. */
  readonly free: number;
  /** Longest time without a picture, ms. */
  readonly longest: number;
}

const WIDTH = 900;
const LEFT = 130;
const PLOT = WIDTH - LEFT - 20;
const HEIGHT = 90;
const GAP = 26;

interface Row {
  readonly label: string;
  readonly of: (sample: Sample) => number;
  readonly colour: string;
  readonly most: number;
  /** Second line in the same row. */
  readonly beside?: (sample: Sample) => number;
}

/** Draws quality, width, frames per second and bit rate, one below the other. */
export function plot(samples: readonly Sample[], seconds: number): string {
  const widest = Math.max(...samples.map(({ width }) => width));
  const rows: Row[] = [
    { label: 'quality', of: ({ quality }) => quality, colour: '#0b6bcb', most: 100 },
    { label: 'width, pixels', of: ({ width }) => width, colour: '#7a3fb8', most: widest },
    { label: 'frames per second', of: ({ fps }) => fps, colour: '#b3261e', most: 36, beside: ({ free }) => free },
    { label: 'Mbit/s', of: ({ sent }) => sent, colour: '#1b7a43', most: Math.max(...samples.map(({ sent }) => sent)) * 1.1 },
  ];
  const height = rows.length * (HEIGHT + GAP) + 40;
  const x = (i: number) => LEFT + (i / samples.length) * PLOT;
  const parts: string[] = [];
  for (let i = 0; i < samples.length; i += seconds) {
    const edge = x(i).toFixed(1);
    parts.push(`<path d="M${edge} 24V${height - 24}" stroke="#888" stroke-dasharray="4 4"/>`);
    parts.push(`<text x="${(x(i) + 6).toFixed(1)}" y="16" font-weight="600">${samples[i]!.mbit} Mbit/s</text>`);
    parts.push(`<text x="${edge}" y="${height - 8}">${i} s</text>`);
  }
  for (const [n, { label, of, colour, most, beside }] of rows.entries()) {
    const top = 28 + n * (HEIGHT + GAP);
    const y = (value: number) => (top + HEIGHT - (Math.min(value, most) / most) * HEIGHT).toFixed(1);
    const line = (value: (sample: Sample) => number) =>
      samples.map((sample, i) => `${i ? 'L' : 'M'}${x(i + 0.5).toFixed(1)} ${y(value(sample))}`).join('');
    parts.push(`<path d="M${LEFT} ${top}V${top + HEIGHT}H${LEFT + PLOT}" stroke="#888" fill="none"/>`);
    parts.push(`<text x="${LEFT - 8}" y="${top + 10}" text-anchor="end">${Math.round(most)}</text>`);
    parts.push(`<text x="${LEFT - 8}" y="${top + HEIGHT}" text-anchor="end">0</text>`);
    parts.push(`<text x="${LEFT - 8}" y="${top + HEIGHT / 2}" text-anchor="end" fill="${colour}" font-weight="600">${label}</text>`);
    if (beside) parts.push(`<path d="${line(beside)}" stroke="#999" fill="none"/>`);
    parts.push(`<path d="${line(of)}" stroke="${colour}" stroke-width="1.6" fill="none"/>`);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#333">
<title>Adaptive JPEG: quality, width, frames per second and bit rate over time</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${parts.join('\n')}
</svg>
`;
}
