// QR code of a short text (ISO/IEC 18004:2015): byte mode, error correction level M, versions 1 to 10. No package of the project makes one.

/** True is dark. Square, without the quiet zone of 4 modules. */
export type QrCode = readonly (readonly boolean[])[];

/** By version: codewords of error correction in each block, and the data codewords of the blocks (table 9, level M). */
const BLOCKS: readonly (readonly [ec: number, data: readonly number[]])[] = [
  [10, [16]],
  [16, [28]],
  [26, [44]],
  [18, [32, 32]],
  [24, [43, 43]],
  [16, [27, 27, 27, 27]],
  [18, [31, 31, 31, 31]],
  [22, [38, 38, 39, 39]],
  [22, [36, 36, 36, 37, 37]],
  [26, [43, 43, 43, 43, 44]],
];
/** Centres of the alignment patterns by version (annex E). */
const ALIGNMENT: readonly (readonly number[])[] = [
  [],
  [6, 18],
  [6, 22],
  [6, 26],
  [6, 30],
  [6, 34],
  [6, 22, 38],
  [6, 24, 42],
  [6, 26, 46],
  [6, 28, 50],
];
/** The longest text, bytes in UTF-8. */
export const MOST_BYTES = 213;

/** Makes the code. Throws a RangeError if the text is longer than `MOST_BYTES`. */
export function qrCode(text: string): QrCode {
  const bytes = new TextEncoder().encode(text);
  const index = BLOCKS.findIndex(([, data], i) => bytes.length + (i < 9 ? 2 : 3) <= sum(data));
  if (index < 0) throw new RangeError(`a QR code of ${bytes.length} bytes; at most ${MOST_BYTES} fit`);
  const version = index + 1;
  const codewords = interleave(dataOf(bytes, version), version);
  const codes = MASKS.map((_, mask) => draw(codewords, version, mask));
  return codes.reduce((best, code) => (penalty(code) < penalty(best) ? code : best));
}

/** Mode, length, bytes, terminator and padding (7.4). */
function dataOf(bytes: Uint8Array, version: number): number[] {
  const bits: number[] = [];
  const put = (value: number, length: number) => {
    for (let i = length - 1; i >= 0; i--) bits.push((value >> i) & 1);
  };
  put(4, 4);
  put(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) put(byte, 8);
  const length = sum(BLOCKS[version - 1]![1]);
  put(0, Math.min(4, length * 8 - bits.length));
  while (bits.length % 8) bits.push(0);
  const data = Array.from({ length: bits.length / 8 }, (_, i) => bits.slice(i * 8, i * 8 + 8).reduce((value, bit) => value * 2 + bit, 0));
  for (let pad = 0xec; data.length < length; pad ^= 0xec ^ 0x11) data.push(pad);
  return data;
}

/** Blocks with their error correction, one codeword of each in turn (7.6). */
function interleave(data: readonly number[], version: number): number[] {
  const [ec, lengths] = BLOCKS[version - 1]!;
  const blocks = lengths.map((length, i) => data.slice(sum(lengths.slice(0, i))).slice(0, length));
  const checks = blocks.map((block) => reedSolomon(block, ec));
  const inTurn = (rows: readonly (readonly number[])[]) =>
    Array.from({ length: Math.max(...rows.map((row) => row.length)) }, (_, i) => rows.flatMap((row) => row.slice(i, i + 1))).flat();
  return [...inTurn(blocks), ...inTurn(checks)];
}

/** Product in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1 (7.5.2). */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) product = (product << 1) ^ ((product >> 7) * 0x11d) ^ (((b >> bit) & 1) * a);
  return product;
}

function reedSolomon(data: readonly number[], length: number): number[] {
  let divisor = [1];
  for (let i = 0, root = 1; i < length; i++, root = multiply(root, 2)) {
    const by = root;
    divisor = [...divisor, 0].map((value, j) => value ^ (j ? multiply(divisor[j - 1]!, by) : 0));
  }
  const rest = [...data, ...new Array<number>(length).fill(0)];
  for (let i = 0; i < data.length; i++) {
    const factor = rest[i]!;
    for (const [j, value] of divisor.entries()) rest[i + j]! ^= multiply(value, factor);
  }
  return rest.slice(data.length);
}

const MASKS: readonly ((row: number, column: number) => boolean)[] = [
  (r, c) => (r + c) % 2 === 0,
  (r) => r % 2 === 0,
  (_r, c) => c % 3 === 0,
  (r, c) => (r + c) % 3 === 0,
  (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0,
  (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
  (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0,
  (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
];

function draw(codewords: readonly number[], version: number, mask: number): boolean[][] {
  const size = 17 + 4 * version;
  const code: (boolean | null)[][] = Array.from({ length: size }, () => new Array<null>(size).fill(null));
  const set = (row: number, column: number, dark: boolean) => {
    if (row >= 0 && column >= 0 && row < size && column < size) code[row]![column] = dark;
  };
  for (let i = 0; i < size; i++) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  // Each pattern is a ring in a ring: which ring a module lies in decides.
  const rings = (row: number, column: number, radius: number, light: readonly number[]) => {
    for (let dr = -radius; dr <= radius; dr++) {
      for (let dc = -radius; dc <= radius; dc++) set(row + dr, column + dc, !light.includes(Math.max(Math.abs(dr), Math.abs(dc))));
    }
  };
  const centres = ALIGNMENT[version - 1]!;
  // None where the three corners are.
  const corner = (row: number, column: number) => (row === 6 && column === 6) || row + column === 6 + centres.at(-1)!;
  for (const row of centres) {
    for (const column of centres) if (!(corner(row, column) && Math.min(row, column) === 6)) rings(row, column, 2, [1]);
  }
  for (const [row, column] of [
    [3, 3],
    [3, size - 4],
    [size - 4, 3],
  ] as const) {
    rings(row, column, 4, [2, 4]);
  }
  drawFormat(set, size, mask);
  if (version >= 7) drawVersion(set, size, version);
  let bit = 0;
  for (let right = size - 1; right > 0; right -= right === 8 ? 3 : 2) {
    // Column 6 is the timing pattern's: pairs to the left of it lie one further.
    const upward = ((size - 1 - (right < 6 ? right + 1 : right)) >> 1) % 2 === 0;
    for (let i = 0; i < size; i++) {
      for (const column of [right, right - 1]) {
        const row = upward ? size - 1 - i : i;
        if (code[row]![column] !== null) continue;
        const dark = ((codewords[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
        bit++;
        set(row, column, (dark === 1) !== MASKS[mask]!(row, column));
      }
    }
  }
  return code as boolean[][];
}

/** Remainder of a polynomial over GF(2), appended to it. */
function withCheck(value: number, generator: number, length: number): number {
  let rest = value;
  for (let i = 0; i < length; i++) rest = (rest << 1) ^ ((rest >> (length - 1)) * generator);
  return (value << length) | rest;
}

type Set = (row: number, column: number, dark: boolean) => void;

/** Level M is 00 (7.9). */
function drawFormat(set: Set, size: number, mask: number): void {
  const bits = withCheck(mask, 0x537, 10) ^ 0x5412;
  const dark = (i: number) => ((bits >> i) & 1) === 1;
  for (let i = 0; i < 15; i++) {
    set(i < 6 ? i : i < 8 ? i + 1 : size - 15 + i, 8, dark(i));
    set(8, i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i, dark(i));
  }
  set(size - 8, 8, true);
}

function drawVersion(set: Set, size: number, version: number): void {
  const bits = withCheck(version, 0x1f25, 12);
  for (let i = 0; i < 18; i++) {
    const dark = ((bits >> i) & 1) === 1;
    set(size - 11 + (i % 3), Math.floor(i / 3), dark);
    set(Math.floor(i / 3), size - 11 + (i % 3), dark);
  }
}

/** How hard a code is to read (7.8.3): long runs, blocks, what looks like a corner, and too much of one colour. */
function penalty(code: QrCode): number {
  const size = code.length;
  const turned = code.map((_, i) => code.map((row) => row[i]!));
  let points = 0;
  for (const lines of [code, turned]) {
    for (const line of lines) {
      const text = line.map((dark) => (dark ? 1 : 0)).join('');
      for (const run of text.match(/0{5,}|1{5,}/g) ?? []) points += run.length - 2;
      points += 40 * (text.match(/(?=00001011101|10111010000)/g) ?? []).length;
    }
  }
  let dark = 0;
  for (let r = 0; r < size; r++) {
    for (let c = 0; c < size; c++) {
      if (code[r]![c]) dark++;
      const same = code[r]![c];
      if (r && c && code[r - 1]![c] === same && code[r]![c - 1] === same && code[r - 1]![c - 1] === same) points += 3;
    }
  }
  return points + 10 * Math.floor(Math.abs((dark * 20) / size ** 2 - 10));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0);
}

/** The quiet zone, modules. */
const QUIET = 4;

/** For a terminal: two modules in each character, black on white whatever the colours of the terminal are. */
export function qrText(code: QrCode): string {
  const side = code.length + 2 * QUIET;
  const dark = (row: number, column: number) => code[row - QUIET]?.[column - QUIET] ?? false;
  const lines = Array.from({ length: Math.ceil(side / 2) }, (_, i) => {
    const chars = Array.from({ length: side }, (_, column) => ' ▄▀█'[(dark(2 * i, column) ? 2 : 0) + (dark(2 * i + 1, column) ? 1 : 0)]);
    return `\u001b[30;107m${chars.join('')}\u001b[0m`;
  });
  return lines.join('\n');
}

/** For a page. */
export function qrSvg(code: QrCode, title: string): string {
  const side = code.length + 2 * QUIET;
  const path = code.flatMap((row, r) => row.flatMap((dark, c) => (dark ? [`M${c + QUIET} ${r + QUIET}h1v1h-1z`] : []))).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" role="img" aria-label="${title}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${side}v${side}H0z"/><path d="${path}"/></svg>`;
}
