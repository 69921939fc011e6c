import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { ascii, concatBytes } from './bytes.ts';
import { type MultipartPart, MultipartReader, multipartBoundary } from './multipart-read.ts';

const BOUNDARY = 'frame-x7';

function encode(bodies: readonly Uint8Array[], options: { length: boolean; end?: boolean; preamble?: string }): Uint8Array {
  const parts = bodies.flatMap((body, i) => [
    ascii(
      `--${BOUNDARY}\r\nContent-Type: image/jpeg\r\nX-Sluice-Frame: ${i + 1}\r\n${options.length ? `Content-Length: ${body.length}\r\n` : ''}\r\n`,
    ),
    body,
    ascii('\r\n'),
  ]);
  // Without a length, only the next boundary ends a part.
  return concatBytes([ascii(options.preamble ?? ''), ...parts, ascii(options.end === false ? `--${BOUNDARY}\r\n` : `--${BOUNDARY}--\r\n`)]);
}

/** Cuts into chunks at the given places and reads them one after the other. */
function readInPieces(bytes: Uint8Array, cuts: readonly number[], reader = new MultipartReader(BOUNDARY)): MultipartPart[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const found: MultipartPart[] = [];
  let from = 0;
  for (const to of [...places, bytes.length]) {
    found.push(...reader.push(bytes.subarray(from, to)));
    from = to;
  }
  return found;
}

describe('MultipartReader', () => {
  test('gives the same parts however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }),
        fc.array(fc.nat(2000), { maxLength: 12 }),
        fc.constantFrom('', '\r\n', 'hello\r\n'),
        (bodies, cuts, preamble) => {
          const found = readInPieces(encode(bodies, { length: true, preamble }), cuts);
          expect(found.map((part) => [...part.body])).toEqual(bodies.map((body) => [...body]));
          expect(found.map((part) => part.headers.get('x-sluice-frame'))).toEqual(bodies.map((_, i) => String(i + 1)));
        },
      ),
    );
  });

  test('without Content-Length the next boundary ends a part', () => {
    fc.assert(
      fc.property(
        // No dash: a body that contains the boundary could not be told apart.
        fc.array(
          fc.array(
            fc.integer({ min: 0, max: 255 }).filter((byte) => byte !== 45),
            { maxLength: 60 },
          ),
          { minLength: 1, maxLength: 5 },
        ),
        fc.array(fc.nat(800), { maxLength: 8 }),
        fc.boolean(),
        (bodies, cuts, end) => {
          const found = readInPieces(
            encode(
              bodies.map((body) => Uint8Array.from(body)),
              { length: false, end },
            ),
            cuts,
          );
          expect(found.map((part) => [...part.body])).toEqual(bodies);
        },
      ),
    );
  });

  test('byte by byte', () => {
    const bytes = encode([ascii('one'), ascii('two')], { length: true });
    expect(
      readInPieces(
        bytes,
        Array.from({ length: bytes.length }, (_, i) => i),
      ).map((part) => String.fromCharCode(...part.body)),
    ).toEqual(['one', 'two']);
  });

  test('ends at the closing boundary and ignores what follows', () => {
    const reader = new MultipartReader(BOUNDARY);
    reader.push(encode([ascii('a')], { length: true }));
    expect(reader.ended).toBe(true);
    expect(reader.push(encode([ascii('b')], { length: true }))).toEqual([]);
  });

  test('a boundary that is given with its dashes is the same', () => {
    const reader = new MultipartReader(`--${BOUNDARY}`);
    expect(reader.push(encode([ascii('a')], { length: true }))).toHaveLength(1);
  });

  test('refuses what is too large, by its promise and by its bytes', () => {
    const limits = { maxBodyBytes: 1000 };
    const promised = ascii(`--${BOUNDARY}\r\nContent-Length: 1001\r\n\r\n`);
    expect(() => new MultipartReader(BOUNDARY, limits).push(promised)).toThrow('1001 bytes received; at most 1000');
    const endless = concatBytes([ascii(`--${BOUNDARY}\r\n\r\n`), new Uint8Array(1100)]);
    expect(() => new MultipartReader(BOUNDARY, limits).push(endless)).toThrow(SluiceError);
    const header = ascii(`--${BOUNDARY}\r\nX: ${'y'.repeat(20_000)}`);
    expect(() => new MultipartReader(BOUNDARY).push(header)).toThrow('part header');
  });

  test('foreign bytes: nothing but a SluiceError, and memory stays bounded', () => {
    const pieces = fc.array(
      fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(ascii(`--${BOUNDARY}`), ascii('\r\n'), ascii('Content-Length: 5\r\n'))),
      {
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(pieces, (chunks) => {
        const reader = new MultipartReader(BOUNDARY, { maxBodyBytes: 100 });
        try {
          for (const chunk of chunks) for (const part of reader.push(chunk)) expect(part.body.length).toBeLessThanOrEqual(100);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
    );
  });
});

describe('multipartBoundary', () => {
  test.each([
    ['multipart/x-mixed-replace; boundary=frame', 'frame'],
    ['multipart/x-mixed-replace;boundary="a b"', 'a b'],
    ['Multipart/X; charset=utf-8; Boundary=--f', '--f'],
    ['image/jpeg', null],
    ['multipart/mixed', null],
  ])('%s', (type, boundary) => expect(multipartBoundary(type)).toBe(boundary));
});
