// 75 % colour bars with a gray ramp, the capture time and frame id in large characters, and a line that sweeps across once in 4 s.
import { formatMicros } from '../../core/time.ts';
import { GLYPH_HEIGHT, GLYPH_WIDTH, glyph } from './font.ts';
import type { MakePattern } from './kind.ts';

/** White, yellow, cyan, green, magenta, red, blue at 75 %: bits of red, green, blue. */
const BARS = [7, 6, 3, 2, 5, 4, 1];
const LEVEL = 191;
const SWEEP_S = 4;
/** Characters of the longest line: the time of day with milliseconds. */
const LINE = 'HH:MM:SS.mmm'.length;

export const testbars: MakePattern = (width, height) => {
  const stride = width * 3;
  const background = new Uint8Array(stride * height);
  const ramp = Math.floor(height * 0.75);
  for (let x = 0; x < width; x++) {
    const bar = BARS[Math.floor((x * BARS.length) / width)]!;
    background.set([bar & 4 ? LEVEL : 0, bar & 2 ? LEVEL : 0, bar & 1 ? LEVEL : 0], x * 3);
  }
  for (let y = 1; y < ramp; y++) background.copyWithin(y * stride, 0, stride);
  for (let x = 0; x < width; x++)
    background.fill(Math.round((x * 255) / Math.max(1, width - 1)), ramp * stride + x * 3, ramp * stride + x * 3 + 3);
  for (let y = ramp + 1; y < height; y++) background.copyWithin(y * stride, ramp * stride, ramp * stride + stride);

  const scale = Math.max(1, Math.floor(width / ((LINE + 2) * GLYPH_WIDTH)));
  const glyphs = new Map<string, Uint8Array>();
  const line = Math.max(1, Math.round(width / 160));
  const white = new Uint8Array(line * 3).fill(255);

  function write(pixels: Uint8Array | Uint16Array, text: string, y: number): void {
    const wide = GLYPH_WIDTH * scale;
    const high = GLYPH_HEIGHT * scale;
    if (y < 0 || y + high > height) return;
    let x = (width - text.length * wide) >> 1;
    for (const character of text) {
      if (x >= 0 && x + wide <= width) {
        const picture = glyphs.get(character) ?? glyph(character, scale);
        glyphs.set(character, picture);
        for (let row = 0; row < high; row++) {
          pixels.set(picture.subarray(row * wide * 3, (row + 1) * wide * 3), (y + row) * stride + x * 3);
        }
      }
      x += wide;
    }
  }

  return {
    format: 'rgb24',
    significantBits: 8,
    black: 0,
    white: 255,
    draw(pixels, { id, timestamp, elapsed }) {
      pixels.set(background);
      const x = Math.floor(((elapsed % SWEEP_S) / SWEEP_S) * (width - line));
      for (let y = 0; y < height; y++) pixels.set(white, y * stride + x * 3);
      const middle = height >> 1;
      write(pixels, formatMicros(timestamp).slice(11, 23), middle - (GLYPH_HEIGHT + 1) * scale);
      write(pixels, `#${id}`, middle + scale);
    },
  };
};
