import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { readItem } from './items.ts';
import { frame } from './node.ts';

const shape = { width: 4, height: 2 };
const NOW = 1_795_224_671_061_341;

describe('what a node yields', () => {
  it('plain pixels have the declared shape; their kind says the format', () => {
    expect(readItem(new Uint8Array(8), shape).frame?.picture).toMatchObject({ format: 'gray', width: 4, height: 2, significantBits: 8 });
    expect(readItem(new Uint16Array(8), shape).frame?.picture).toMatchObject({ format: 'gray16le', significantBits: 16 });
    expect(readItem(new Float32Array(8), shape).frame?.picture.format).toBe('grayf32le');
    const rgb = readItem(new Uint8Array(24), { ...shape, format: 'rgb24' }).frame!;
    expect(rgb.picture.format).toBe('rgb24');
    expect(rgb.timestamp).toBe(null);
  });

  it('takes the bytes of the array and no others', () => {
    const memory = new Uint16Array([1, 2, 3, 4, 5]);
    expect(readItem(frame(memory.subarray(1, 4), { width: 3, height: 1 }), {}).frame?.picture.data).toEqual(
      new Uint8Array([2, 0, 3, 0, 4, 0]),
    );
  });

  it('a frame says more of itself than the node does', () => {
    const item = readItem(
      frame(new Uint8Array(12), { width: 2, height: 2, format: 'rgb24', timestamp: NOW, metadata: { z: 1 }, stride: 6 }),
      shape,
    );
    expect(item.frame).toMatchObject({ timestamp: NOW, metadata: { z: 1 }, stride: 6, picture: { width: 2, height: 2, format: 'rgb24' } });
  });

  it('reads several parts of one instant in any order', () => {
    const item = readItem(
      [
        { metrics: { mean: 3, trace: new Float32Array([1, 2]), gap: null } },
        new Uint8Array(8),
        { marker: { label: 'a' } },
        { data: [{ n: 1 }] },
      ],
      shape,
    );
    expect(item.frame).not.toBe(null);
    expect(item.metrics).toEqual([{ values: { mean: 3, trace: [1, 2], gap: null } }]);
    expect(item.markers).toEqual([{ label: 'a' }]);
    expect(item.data).toEqual([{ n: 1 }]);
    expect(
      readItem({ pixels: new Uint8Array(8), metrics: { a: 1 }, marker: [{ label: 'a' }, { label: 'b' }] }, shape).markers,
    ).toHaveLength(2);
  });

  it('a time beside a frame is the time of the frame; alone, that of the numbers', () => {
    expect(readItem({ metrics: { a: 1 }, timestamp: NOW }, {}).metrics).toEqual([{ values: { a: 1 }, timestamp: NOW }]);
    expect(readItem({ pixels: new Uint8Array(8), metrics: { a: 1 }, timestamp: NOW }, shape).metrics).toEqual([{ values: { a: 1 } }]);
  });

  it.each([
    ['hello', /string hello was yielded; expected pixels/],
    [undefined, /undefined was yielded/],
    [null, /null was yielded/],
    [new Float64Array(8), /Float64Array was yielded/],
    [new ArrayBuffer(8), /none of pixels, metrics, marker, data, acquisition was yielded/],
    [[[1, 2]], /Array was yielded/],
    [{ metric: { a: 1 } }, /the key "metric" was yielded; allowed are pixels, /],
    [{ metrics: { a: '1' } }, /metrics\.a: string 1 received; expected a number/],
    [{ pixels: [1, 2] }, /pixels: Array received/],
    [[new Uint8Array(8), new Uint8Array(8)], /2 frames in one yield/],
    [frame(new Uint8Array(8), { width: 0 }), /width: 0 received/],
    [frame(new Uint8Array(8), { timestamp: 1763640000.12 }), /looks like seconds/],
    [frame(new Uint8Array(8), { format: 'grey' as never }), /"grey" is not a pixel format/],
  ])('says what is wrong with item %#', (item, message) => {
    expect(() => readItem(item, shape)).toThrow(message);
    expect(() => readItem(item, shape)).toThrow(SluiceError);
  });

  it('wants a size for pixels', () => {
    expect(() => readItem(new Uint8Array(8), {})).toThrow(/width: nothing received/);
  });

  it('throws nothing but SluiceErrors, whatever comes', () => {
    fc.assert(
      fc.property(fc.anything({ withTypedArray: true, withNullPrototype: true }), (item) => {
        try {
          readItem(item, shape);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
    );
  });
});
