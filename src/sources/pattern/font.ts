// Digits and a few signs as 5 x 7 dots, for the clock in the test picture.

/** Dots of a character with one empty column and one empty row on each side. */
export const GLYPH_WIDTH = 7;
export const GLYPH_HEIGHT = 9;

const DOTS: Record<string, string> = {
  '0': '.###. #...# #..## #.#.# ##..# #...# .###.',
  '1': '..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.',
  '2': '.###. #...# ....# ...#. ..#.. .#... #####',
  '3': '##### ...#. ..#.. ...#. ....# #...# .###.',
  '4': '...#. ..##. .#.#. #..#. ##### ...#. ...#.',
  '5': '##### #.... ####. ....# ....# #...# .###.',
  '6': '..##. .#... #.... ####. #...# #...# .###.',
  '7': '##### ....# ...#. ..#.. ..#.. ..#.. ..#..',
  '8': '.###. #...# #...# .###. #...# #...# .###.',
  '9': '.###. #...# #...# .#### ....# ...#. .##..',
  ':': '..... ..#.. ..#.. ..... ..#.. ..#.. .....',
  '.': '..... ..... ..... ..... ..... .##.. .##..',
  '#': '.#.#. .#.#. ##### .#.#. ##### .#.#. .#.#.',
};

/** Packed rgb24 picture of a character, white on black, `scale` pixels per dot. Unknown characters are blank. */
export function glyph(character: string, scale: number): Uint8Array {
  const wide = GLYPH_WIDTH * scale;
  const picture = new Uint8Array(wide * GLYPH_HEIGHT * scale * 3);
  const rows = DOTS[character]?.split(' ') ?? [];
  rows.forEach((dots, row) => {
    for (let column = 0; column < dots.length; column++) {
      if (dots[column] !== '#') continue;
      for (let y = 0; y < scale; y++) {
        const at = (((row + 1) * scale + y) * wide + (column + 1) * scale) * 3;
        picture.fill(255, at, at + scale * 3);
      }
    }
  });
  return picture;
}
