import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { FORMAT_NAMES, FORMATS, frameBytes } from '../core/frame.ts';
import { type FrameHeaderFields, FrameSplitter, MAX_METADATA_BYTES, readFrameHeader, writeFrameHeader } from './frame-header.ts';
import { rowBytes, stridedBytes } from './raw.ts';

const raw: fc.Arbitrary<FrameHeaderFields> = fc
  .record({
    format: fc.constantFrom(...FORMAT_NAMES),
    width: fc.integer({ min: 1, max: 40 }),
    height: fc.integer({ min: 1, max: 12 }),
    padding: fc.integer({ min: 0, max: 9 }),
    id: fc.maxSafeNat(),
    timestamp: fc.maxSafeInteger(),
    metadata: fc.option(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean())), { nil: null }),
    flags: fc.integer({ min: 0, max: 0xffff }),
  })
  .map(({ padding, ...rest }) => {
    const stride = rowBytes(rest.format, rest.width) + padding;
    const payloadBytes = stridedBytes(rest.format, rest.width, rest.height, stride);
    return { ...rest, stride, payloadBytes, significantBits: FORMATS[rest.format].depth };
  });

const encoded: fc.Arbitrary<FrameHeaderFields> = fc.record({
  encoding: fc.constantFrom('jpeg', 'png', 'lz4', 'zstd'),
  format: fc.constantFrom('gray', 'rgb24', 'gray16le'),
  width: fc.integer({ min: 1, max: 16_384 }),
  height: fc.integer({ min: 1, max: 16_384 }),
  stride: fc.constant(0),
  payloadBytes: fc.integer({ min: 1, max: 300 }),
});

function message(fields: FrameHeaderFields, fill: number): Uint8Array {
  const header = writeFrameHeader(fields);
  const bytes = new Uint8Array(header.length + fields.payloadBytes).fill(fill, header.length);
  bytes.set(header);
  return bytes;
}

function patched(fields: FrameHeaderFields, patch: (view: DataView) => void): Uint8Array {
  const bytes = writeFrameHeader(fields);
  patch(new DataView(bytes.buffer));
  return bytes;
}

const good: FrameHeaderFields = { format: 'rgb24', width: 4, height: 2, payloadBytes: 24 };

describe('frame header', () => {
  it('gives back what was written', () => {
    fc.assert(
      fc.property(fc.oneof(raw, encoded), (fields) => {
        const bytes = writeFrameHeader(fields);
        expect(bytes.length % 8).toBe(0);
        const read = readFrameHeader(bytes);
        expect(read).toMatchObject({ ...fields, metadata: fields.metadata ?? null, headerBytes: bytes.length });
      }),
    );
  });

  it('lies as in CONTRACT, byte for byte', () => {
    const bytes = writeFrameHeader({ ...good, id: 0x1122334455, timestamp: 1_763_640_000_120_000, metadata: { a: 1 }, significantBits: 8 });
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '534c4631' +
        '3800' +
        '00' +
        '02' +
        '04000000' +
        '02000000' +
        '0c000000' +
        '18000000' +
        '5544332211000000' +
        Buffer.from(BigInt64Array.of(1_763_640_000_120_000n).buffer).toString('hex') +
        '07000000' +
        '0800' +
        '0000' +
        Buffer.from('{"a":1}').toString('hex') +
        '00',
    );
  });

  it.each<[string, Uint8Array, string]>([
    ['short', new Uint8Array(47), 'length: 47 received; expected at least 48'],
    ['magic', patched(good, (v) => v.setUint8(3, 0x32)), 'magic: 53 4c 46 32 received'],
    ['header bytes', patched(good, (v) => v.setUint16(4, 44, true)), 'header bytes: 44 received; expected a multiple of 8, at least 48'],
    ['header beyond the message', patched(good, (v) => v.setUint16(4, 56, true)), 'header bytes: 56 received; expected at most the 48'],
    ['metadata too long', patched(good, (v) => v.setUint32(40, 70_000, true)), 'metadata bytes: 70000 received; expected at most 65480'],
    ['encoding', patched(good, (v) => v.setUint8(6, 9)), 'encoding: 9 received'],
    ['filter on raw', patched(good, (v) => v.setUint8(6, 0x80)), 'filter bit'],
    ['format', patched(good, (v) => v.setUint8(7, 10)), 'format: 10 received; expected 0 gray, 1 gray16le'],
    ['zero width', patched(good, (v) => v.setUint32(8, 0, true)), 'width: 0 received; expected 1 to 16384'],
    ['huge height', patched(good, (v) => v.setUint32(12, 16_385, true)), 'height: 16385 received'],
    ['stride', patched(good, (v) => v.setUint32(16, 11, true)), 'stride: 11 received; expected at least 12'],
    ['payload', patched(good, (v) => v.setUint32(20, 23, true)), 'expected 24 bytes (4x2 rgb24, stride 12), received 23'],
    ['id', patched(good, (v) => v.setBigUint64(24, 2n ** 53n, true)), 'frame id: 9007199254740992 received'],
    ['bits', patched(good, (v) => v.setUint16(44, 9, true)), 'significant bits: 9 received; expected 0 to 8'],
    ['metadata no JSON', patched({ ...good, metadata: { a: 1 } }, (v) => v.setUint8(48, 0x41)), 'metadata: text that is not JSON'],
  ])('refuses: %s', (_name, bytes, text) => {
    expect(() => readFrameHeader(bytes)).toThrow(text);
  });

  it('refuses metadata that is no object or too long', () => {
    const bytes = writeFrameHeader({ ...good, metadata: { a: 1 } });
    bytes.set(new TextEncoder().encode('[1,2,3]'), 48);
    expect(() => readFrameHeader(bytes)).toThrow('metadata: an array received; expected a JSON object');
    expect(() => writeFrameHeader({ ...good, metadata: { a: 'x'.repeat(MAX_METADATA_BYTES) } })).toThrow('at most 65480');
    const longest = writeFrameHeader({ ...good, metadata: { a: 'x'.repeat(MAX_METADATA_BYTES - 8) } });
    expect(readFrameHeader(longest).headerBytes).toBe(65_528);
  });

  it('takes stride 0 for tight rows and size 0 in JPEG and PNG', () => {
    expect(readFrameHeader(writeFrameHeader({ ...good, stride: 0 })).stride).toBe(12);
    expect(readFrameHeader(writeFrameHeader({ ...good, width: 0, height: 0, encoding: 'jpeg' })).width).toBe(0);
    expect(() => readFrameHeader(writeFrameHeader({ ...good, width: 0, height: 0, encoding: 'zstd' }))).toThrow('width');
  });

  it('throws nothing but bad-frame on any bytes', () => {
    const mutated = fc.tuple(raw, fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 6 })).map(([fields, edits]) => {
      const bytes = writeFrameHeader(fields);
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated), (bytes) => {
        try {
          const header = readFrameHeader(bytes);
          expect(header.headerBytes).toBeLessThanOrEqual(bytes.length);
          if (header.encoding === 'raw')
            expect(header.payloadBytes).toBeGreaterThanOrEqual(frameBytes(header.format, header.width, header.height));
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
          expect((error as SluiceError).code).toBe('bad-frame');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('FrameSplitter', () => {
  it('finds the same frames however the body is cut', () => {
    const body = fc.array(fc.oneof(raw, encoded), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(body, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 }), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map((fields, i) => message(fields, i + 1)));
        const splitter = new FrameSplitter({ maxFrameBytes: 1 << 20, allocate: (n) => new Uint8Array(n).fill(99) });
        const found: { header: unknown; payload: Uint8Array }[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % cuts.length]!;
          found.push(...splitter.push(bytes.subarray(at, at + size)));
          at += size;
        }
        splitter.finish();
        expect(found.length).toBe(frames.length);
        found.forEach(({ header, payload }, i) => {
          expect(header).toMatchObject({ ...frames[i], metadata: frames[i]!.metadata ?? null });
          expect(payload.length).toBe(frames[i]!.payloadBytes);
          expect(payload.every((byte) => byte === i + 1)).toBe(true);
        });
      }),
    );
  });

  it('refuses a frame above the limit before its payload arrives', () => {
    const splitter = new FrameSplitter({ maxFrameBytes: 23 });
    expect(() => splitter.push(writeFrameHeader(good))).toThrow('payload bytes: 24 received; at most 23');
  });

  it('refuses what is no frame after 48 bytes', () => {
    const splitter = new FrameSplitter({ maxFrameBytes: 100 });
    expect(() => splitter.push(new Uint8Array(48).fill(0x20))).toThrow('magic: 20 20 20 20');
  });

  it('says that the body ended inside a frame', () => {
    const bytes = message(good, 7);
    const inPayload = new FrameSplitter({ maxFrameBytes: 100 });
    inPayload.push(bytes.subarray(0, bytes.length - 1));
    expect(() => inPayload.finish()).toThrow('after 23 bytes received; expected 24 bytes');
    const inHeader = new FrameSplitter({ maxFrameBytes: 100 });
    inHeader.push(bytes.subarray(0, 47));
    expect(() => inHeader.finish()).toThrow('after 47 bytes');
  });
});
