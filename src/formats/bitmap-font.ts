// A small font of points for text burnt into pictures: 5x7, drawn for this project. No letter needs more than a few pixels to be read.

/** Points of a glyph: columns, and rows from the top of a line: 3 for accents, 7, 2 below the line. */
export const GLYPH_WIDTH = 5;
export const LINE_HEIGHT = 12;
/** From one glyph to the next, from one line to the next. */
export const ADVANCE = 6;
export const LINE_ADVANCE = 13;

/** Above the letter. */
const TOP = 3;

/** Rows from the top, a digit of base 32 each: its five bits are the points, the highest on the left. Trailing empty rows are left out. */
const GLYPHS: Readonly<Record<string, string>> = {
  ' ': '',
  '!': '4444404',
  '"': 'aa',
  '#': 'aavavaa',
  $: '4fke5u4',
  '%': 'op248j3',
  '&': 'cik8lid',
  "'": '44',
  '(': '2488842',
  ')': '8422248',
  '*': '04lel4',
  '+': '044v44',
  ',': '00000448',
  '-': '000v',
  '.': '00000cc',
  '/': '01248g',
  0: 'ehjlphe',
  1: '4c4444e',
  2: 'eh1248v',
  3: 'v2421he',
  4: '26aiv22',
  5: 'vgu11he',
  6: '68guhhe',
  7: 'v124888',
  8: 'ehhehhe',
  9: 'ehhf12c',
  ':': '0cc0cc',
  ';': '0cc0c48',
  '<': '248g842',
  '=': '00v0v',
  '>': '8421248',
  '?': 'eh12404',
  '@': 'eh1dlle',
  A: 'ehhvhhh',
  B: 'uhhuhhu',
  C: 'ehggghe',
  D: 'sihhhis',
  E: 'vgguggv',
  F: 'vgguggg',
  G: 'ehgnhhf',
  H: 'hhhvhhh',
  I: 'e44444e',
  J: '72222ic',
  K: 'hikokih',
  L: 'ggggggv',
  M: 'hrllhhh',
  N: 'hhpljhh',
  O: 'ehhhhhe',
  P: 'uhhuggg',
  Q: 'ehhhlid',
  R: 'uhhukih',
  S: 'fgge11u',
  T: 'v444444',
  U: 'hhhhhhe',
  V: 'hhhhha4',
  W: 'hhhllla',
  X: 'hha4ahh',
  Y: 'hhha444',
  Z: 'v1248gv',
  '[': 'e88888e',
  '\\': '0g8421',
  ']': 'e22222e',
  '^': '4ah',
  _: '000000v',
  '`': '842',
  a: '00e1fhf',
  b: 'ggmphhu',
  c: '00egghe',
  d: '11djhhf',
  e: '00ehvge',
  f: '698s888',
  g: '00fhhhf1e',
  h: 'ggmphhh',
  i: '40c444e',
  j: '2062222ic',
  k: 'ggikoki',
  l: 'c44444e',
  m: '00qllhh',
  n: '00mphhh',
  o: '00ehhhe',
  p: '00uhhhugg',
  q: '00fhhhf11',
  r: '00mpggg',
  s: '00fge1u',
  t: '88s8896',
  u: '00hhhjd',
  v: '00hhha4',
  w: '00hhlla',
  x: '00ha4ah',
  y: '00hhhhf1e',
  z: '00v248v',
  '{': '2448442',
  '|': '4444444',
  '}': '8442448',
  '~': '008l2',
  '°': 'ciic',
  µ: '00hhhjtgg',
  μ: '00hhhjtgg',
  ß: 'ciikiik',
  ø: '00fjlpu',
  Ø: '1ejlphu',
  æ: '00q5fkf',
  '×': '0ha4ah',
  '±': '44v440v',
  '·': '0004',
  '–': '000v',
  '—': '000v',
  '…': '000000l',
  '€': '69s8s96',
  '²': 'c248u',
  '³': 's2c2s',
};

/** Two rows, by combining mark. */
const ABOVE: Readonly<Record<string, string>> = {
  '\u0300': '84',
  '\u0301': '24',
  '\u0302': '4a',
  '\u0303': 'dm',
  '\u0308': 'a0',
  '\u030a': 'cc',
  '\u030c': 'a4',
};
const CEDILLA = '\u0327';
const UNKNOWN = 'vhhhhhv';

const cache = new Map<string, Uint8Array>();

/** Rows of a character as bits, the leftmost of five in bit 4; a character that is not known is an empty box. `LINE_HEIGHT` rows. */
export function glyph(character: string): Uint8Array {
  const known = cache.get(character);
  if (known) return known;
  const [base = '', ...marks] = character.normalize('NFD');
  const rows = new Uint8Array(LINE_HEIGHT);
  put(rows, Object.hasOwn(GLYPHS, character) ? GLYPHS[character]! : (GLYPHS[base] ?? UNKNOWN), TOP);
  for (const mark of marks) {
    if (mark === CEDILLA) put(rows, '48', TOP + 7);
    const above = ABOVE[mark];
    if (!above) continue;
    // A dot goes; small letters have their accent lower.
    if (base === 'i' || base === 'j') rows.fill(0, TOP, TOP + 2);
    put(rows, above, rows[TOP] === 0 ? TOP - 1 : TOP - 3);
  }
  // Whatever is written, memory stays small.
  if (cache.size < 1000) cache.set(character, rows);
  return rows;
}

function put(rows: Uint8Array, digits: string, from: number): void {
  for (let i = 0; i < digits.length; i++) rows[from + i]! |= Number.parseInt(digits[i]!, 32);
}

/** Size of a text of one or several lines, in points. */
export function textSize(text: string): { width: number; height: number } {
  const lines = text.split('\n');
  const longest = Math.max(...lines.map((line) => [...line.normalize('NFC')].length));
  return { width: Math.max(0, longest * ADVANCE - (ADVANCE - GLYPH_WIDTH)), height: (lines.length - 1) * LINE_ADVANCE + LINE_HEIGHT };
}

/** Calls `dot` for each point of a text, in points from its top left. */
export function drawText(text: string, dot: (x: number, y: number) => void): void {
  for (const [line, content] of text.split('\n').entries()) {
    for (const [column, character] of [...content.normalize('NFC')].entries()) {
      const rows = glyph(character);
      for (let y = 0; y < LINE_HEIGHT; y++) {
        for (let x = 0; x < GLYPH_WIDTH; x++) if (rows[y]! & (16 >> x)) dot(column * ADVANCE + x, line * LINE_ADVANCE + y);
      }
    }
  }
}
