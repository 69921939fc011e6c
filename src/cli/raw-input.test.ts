import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { parseY4mHeader, RawReader, type RawShape, shapeBytes } from './raw-input.ts';

const encode = (text: string) => new TextEncoder().encode(text);

function join(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The bytes in pieces that end at the given places. */
async function* pieces(bytes: Uint8Array, cuts: readonly number[] = []): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]) {
    if (cut > from) yield bytes.slice(from, cut);
    from = cut;
  }
}

async function readAll(bytes: Uint8Array, raw: RawShape | null, cuts?: readonly number[]) {
  const reader = new RawReader(pieces(bytes, cuts));
  const stream = await reader.open(raw);
  const frames: Uint8Array[] = [];
  for (;;) {
    const frame = new Uint8Array(shapeBytes(stream.shape));
    if (!(await reader.next(frame))) return { stream, frames };
    frames.push(frame);
  }
}

const frame = (seed: number, length: number) => Uint8Array.from({ length }, (_, index) => (seed * 31 + index * 7) & 255);

describe('RawReader', () => {
  it('reads y4m in whatever pieces it comes', async () => {
    const [a, b] = [frame(1, 24), frame(2, 24)];
    const bytes = join(
      encode('YUV4MPEG2 W4 H4 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG\n'),
      encode('FRAME\n'),
      a,
      encode('FRAME Ixyz\n'),
      b,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
        const { stream, frames } = await readAll(bytes, null, cuts);
        expect(stream).toEqual({ kind: 'y4m', shape: { format: 'yuv420p', width: 4, height: 4 }, fps: 30000 / 1001 });
        expect(frames).toEqual([a, b]);
      }),
    );
  });

  it('reads bare frames of the stated size', async () => {
    const shape: RawShape = { format: 'rgb24', width: 3, height: 2 };
    const bytes = join(frame(1, 18), frame(2, 18), frame(3, 18));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
        expect((await readAll(bytes, shape, cuts)).frames).toEqual([frame(1, 18), frame(2, 18), frame(3, 18)]);
      }),
    );
  });

  const refusals: [name: string, bytes: Uint8Array, raw: RawShape | null, message: RegExp][] = [
    ['nothing', new Uint8Array(0), null, /nothing received/],
    ['bytes without a description', new Uint8Array(100), null, /no y4m received; raw frames need --size WxH/],
    ['a JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0, 0, 0, 0), null, /JPEG received/],
    [
      'a frame that is cut off',
      new Uint8Array(20),
      { format: 'gray', width: 4, height: 4 },
      /ended inside a frame: 4 bytes received; expected 16/,
    ],
    [
      'a y4m frame that is cut off',
      join(encode('YUV4MPEG2 W2 H2 Cmono\nFRAME\n'), new Uint8Array(3)),
      null,
      /3 bytes received; expected 4/,
    ],
    ['y4m without FRAME', join(encode('YUV4MPEG2 W2 H2 Cmono\n'), new Uint8Array(9)), null, /where the next FRAME should begin/],
    ['a line without an end', encode(`YUV4MPEG2 ${'W'.repeat(5000)}`), null, /a header line without an end/],
    ['4:4:4', encode('YUV4MPEG2 W2 H2 C444\n'), null, /C444 received; expected C with one of 420, 420jpeg/],
    ['a size of zero', encode('YUV4MPEG2 W0 H2\n'), null, /y4m width: "0" received; expected 1 to 16384/],
    ['no height', encode('YUV4MPEG2 W2\n'), null, /y4m height: "" received/],
  ];
  it.each(refusals)('refuses %s', async (_, bytes, raw, message) => {
    await expect(readAll(bytes, raw)).rejects.toThrow(message);
    await expect(readAll(bytes, raw)).rejects.toBeInstanceOf(SluiceError);
  });

  it('takes any bytes without an unforeseen error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), fc.boolean(), async (noise, y4m, raw) => {
        const bytes = y4m ? join(encode('YUV4MPEG2 W2 H2 Cmono\nFRAME\n'), noise) : noise;
        try {
          await readAll(bytes, raw ? { format: 'gray', width: 2, height: 2 } : null);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
    );
  });
});

describe('parseY4mHeader', () => {
  it.each([
    ['YUV4MPEG2 W640 H480', { format: 'yuv420p', width: 640, height: 480 }, null],
    ['YUV4MPEG2 W640 H480 F25:1 Cmono', { format: 'gray', width: 640, height: 480 }, 25],
    ['YUV4MPEG2 H2 W1 F0:0 Cmono16', { format: 'gray16le', width: 1, height: 2 }, null],
    ['YUV4MPEG2 W1 H2 C420mpeg2 Fx', { format: 'yuv420p', width: 1, height: 2 }, null],
  ])('%s', (line, shape, fps) => {
    expect(parseY4mHeader(line)).toEqual({ kind: 'y4m', shape, fps });
  });

  it('takes any line without an unforeseen error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 80 }), (tail) => {
        try {
          const { width, height } = parseY4mHeader(`YUV4MPEG2 ${tail}`).shape;
          expect(width * height).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
    );
  });
});
