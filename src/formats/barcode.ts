// Barcode v1: a frame number and a capture time as 64 x 2 cells along the top edge of a picture, so that whoever sees the picture can
// tell which frame it is, however it came there.
//
//   cell size  = width / 64; strip height = 2 cells
//   each row   = finder [W B W B] + 56 data bits + finder [B W B W]
//   112 bits   = frame number u32 | capture time u48 (units of 100 µs since the Unix epoch) | tag u16 | CRC-16 of the 12 bytes before
//
// The finders give the local levels of black and white, so that range errors and loss of contrast cancel; the CRC (CCITT, start 0xffff)
// refuses torn, blended and half decoded pictures.

const COLUMNS = 64;
const ROWS = 2;
const BYTES = 14;
const HEAD = [1, 0, 1, 0] as const;
const TAIL = [0, 1, 0, 1] as const;
/** Smaller differences of white and black (8-bit levels) are no barcode. */
const MIN_CONTRAST = 24;

/** What a barcode says. */
export interface Barcode {
  /** Frame id modulo 2^32. */
  readonly frame: number;
  /** Capture time in ms since the Unix epoch, in steps of 0.1. */
  readonly timeMs: number;
  /** 16 free bits; the pattern source writes 1. */
  readonly tag: number;
}

function crc16(bytes: Uint8Array, length: number): number {
  let crc = 0xffff;
  for (let i = 0; i < length; i++) {
    crc ^= bytes[i]! << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

/** The 128 cells of a barcode, row by row; 1 = white. */
export function encodeCells(code: Barcode): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  const time = Math.round(code.timeMs * 10);
  view.setUint32(0, code.frame % 2 ** 32);
  view.setUint16(4, Math.floor(time / 2 ** 32));
  view.setUint32(6, time % 2 ** 32);
  view.setUint16(10, code.tag);
  view.setUint16(12, crc16(bytes, 12));
  const cells = new Uint8Array(COLUMNS * ROWS);
  for (let row = 0; row < ROWS; row++) {
    const at = row * COLUMNS;
    cells.set(HEAD, at);
    cells.set(TAIL, at + 60);
    for (let i = 0; i < 56; i++) {
      const bit = row * 56 + i;
      cells[at + 4 + i] = (bytes[bit >> 3]! >> (7 - (bit & 7))) & 1;
    }
  }
  return cells;
}

/** Reads the mean levels of the 128 cells (row by row, any range); `null` = no valid barcode. */
export function decodeCells(levels: ArrayLike<number>): Barcode | null {
  if (levels.length < COLUMNS * ROWS) return null;
  const bytes = new Uint8Array(BYTES);
  for (let row = 0; row < ROWS; row++) {
    const at = row * COLUMNS;
    let white = 0;
    let black = 0;
    for (let i = 0; i < 4; i++) {
      const [head, tail] = [levels[at + i]!, levels[at + 60 + i]!];
      if (HEAD[i]) white += head;
      else black += head;
      if (TAIL[i]) white += tail;
      else black += tail;
    }
    white /= 4;
    black /= 4;
    // Written so that NaN fails.
    if (!(white - black >= MIN_CONTRAST)) return null;
    const threshold = (white + black) / 2;
    for (let i = 0; i < 4; i++) {
      if (levels[at + i]! > threshold !== (HEAD[i] === 1) || levels[at + 60 + i]! > threshold !== (TAIL[i] === 1)) return null;
    }
    for (let i = 0; i < 56; i++) {
      const bit = row * 56 + i;
      if (levels[at + 4 + i]! > threshold) bytes[bit >> 3]! |= 0x80 >> (bit & 7);
    }
  }
  const view = new DataView(bytes.buffer);
  if (crc16(bytes, 12) !== view.getUint16(12)) return null;
  return { frame: view.getUint32(0), timeMs: (view.getUint16(4) * 2 ** 32 + view.getUint32(6)) / 10, tag: view.getUint16(10) };
}

/** Rows of pixels that the strip takes in a picture of this width; 0 if the picture is too narrow (below 64 pixels) to hold it. */
export function barcodeHeight(width: number): number {
  return width < COLUMNS ? 0 : Math.max(ROWS, Math.round((width * ROWS) / COLUMNS));
}

/**
 * Draws the strip into a packed picture (or one plane) without row padding.
 *
 * @param samples bytes or 16-bit samples of the picture
 * @param channels samples of one pixel; all get the same level, so that the strip is gray
 * @returns false if the picture is too small; nothing is drawn then
 */
export function drawBarcode(
  samples: Uint8Array | Uint16Array,
  width: number,
  channels: number,
  code: Barcode,
  black = 0,
  white = 255,
): boolean {
  const height = barcodeHeight(width);
  const stride = width * channels;
  if (height === 0 || samples.length < height * stride) return false;
  const cells = encodeCells(code);
  for (let row = 0; row < ROWS; row++) {
    const first = Math.ceil((row * height) / ROWS);
    const end = Math.ceil(((row + 1) * height) / ROWS);
    const at = first * stride;
    for (let column = 0; column < COLUMNS; column++) {
      const from = Math.ceil((column * width) / COLUMNS) * channels;
      const to = Math.ceil(((column + 1) * width) / COLUMNS) * channels;
      samples.fill(cells[row * COLUMNS + column] ? white : black, at + from, at + to);
    }
    for (let y = first + 1; y < end; y++) samples.copyWithin(y * stride, at, at + stride);
  }
  return true;
}

/**
 * Reads the strip of a packed picture (or one plane) without row padding: mean over the middle half of each cell. With three or four
 * channels (red, green, blue first) the luma counts.
 */
export function readBarcode(samples: Uint8Array | Uint16Array, width: number, channels = 1): Barcode | null {
  const height = barcodeHeight(width);
  if (height === 0 || samples.length < height * width * channels) return null;
  const levels = new Float64Array(COLUMNS * ROWS);
  for (let row = 0; row < ROWS; row++) {
    const [top, bottom] = middle((row * height) / ROWS, ((row + 1) * height) / ROWS);
    for (let column = 0; column < COLUMNS; column++) {
      const [left, right] = middle((column * width) / COLUMNS, ((column + 1) * width) / COLUMNS);
      let sum = 0;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const at = (y * width + x) * channels;
          sum += channels < 3 ? samples[at]! : 0.299 * samples[at]! + 0.587 * samples[at + 1]! + 0.114 * samples[at + 2]!;
        }
      }
      levels[row * COLUMNS + column] = sum / ((bottom - top) * (right - left));
    }
  }
  return decodeCells(levels);
}

/** Whole pixels of the middle half of a cell: at least one, and one whose centre-left lies inside the cell. */
function middle(from: number, to: number): [number, number] {
  const quarter = (to - from) / 4;
  const first = Math.max(Math.ceil(from), Math.floor(from + quarter));
  return [first, Math.max(first + 1, Math.floor(to - quarter))];
}
