// Colours of charts: those of the page's theme, one for each series, and the map from numbers to colours.

export interface Theme {
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  readonly series: readonly string[];
}

/** Distinct also for those who see few colours: they differ in lightness in the order of use. */
const ON_DARK = ['#58c4ff', '#ffb454', '#7ddf8a', '#ff8fa3', '#c9a6ff', '#e8e07a', '#5fe0d0', '#d0a184'];
const ON_LIGHT = ['#0b6bcb', '#b35900', '#1a7434', '#c2255c', '#6b3fc4', '#7a6a00', '#0b7a75', '#7a4a2b'];

/** The colours that hold for an element now: custom properties of the page, else those of its background. */
export function themeOf(host: HTMLElement): Theme {
  const style = getComputedStyle(host);
  const value = (name: string, other: string) => style.getPropertyValue(name).trim() || other;
  const text = value('--_text', '#000');
  const series = isLight(text) ? ON_DARK : ON_LIGHT;
  return {
    text,
    muted: value('--_muted', text),
    grid: value('--_grid', text),
    series: series.map((colour, at) => value(`--sluice-series-${at + 1}`, colour)),
  };
}

/** Whether a colour of text is light, so that what it stands on is dark. */
export function isLight(colour: string): boolean {
  const canvas = new OffscreenCanvas(1, 1);
  const context = canvas.getContext('2d')!;
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
  return red * 0.299 + green * 0.587 + blue * 0.114 > 128;
}

/** Corners of the map: dark violet over blue, green-blue and green to yellow, lighter at every step. */
const CORNERS: readonly (readonly [number, number, number])[] = [
  [58, 10, 82],
  [62, 50, 130],
  [44, 88, 143],
  [30, 122, 143],
  [26, 155, 137],
  [66, 187, 114],
  [134, 212, 73],
  [196, 225, 48],
  [250, 232, 60],
];

/** 256 colours as the bytes of a canvas (R, G, B, A), from the least to the greatest value. */
export function colourMap(): Uint32Array {
  const bytes = new Uint8ClampedArray(256 * 4);
  for (let level = 0; level < 256; level++) {
    const place = (level / 255) * (CORNERS.length - 1);
    const corner = Math.min(CORNERS.length - 2, Math.floor(place));
    for (let channel = 0; channel < 3; channel++) {
      const from = CORNERS[corner]![channel]!;
      bytes[level * 4 + channel] = from + (CORNERS[corner + 1]![channel]! - from) * (place - corner);
    }
    bytes[level * 4 + 3] = 255;
  }
  return new Uint32Array(bytes.buffer);
}
