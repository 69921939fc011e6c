import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { isWav, readPcm, readWav } from './wav.ts';

/** A WAV file of some coding. */
function wav(code: number, bits: number, channels: number, data: Uint8Array, rate = 8000): Uint8Array {
  const file = Buffer.alloc(44 + 10 + data.length);
  file.write('RIFF');
  file.writeUInt32LE(file.length - 8, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(code, 20);
  file.writeUInt16LE(channels, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt16LE(bits, 34);
  // A chunk that says nothing of the sound stands before it.
  file.write('LIST', 36);
  file.writeUInt32LE(1, 40);
  file.write('data', 46);
  file.writeUInt32LE(data.length, 50);
  file.set(data, 54);
  return file;
}

const bytes = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

describe('WAV', () => {
  it('is read in every usual coding', () => {
    const s16 = readWav(wav(1, 16, 2, bytes(Int16Array.of(1, -2, 3, -4))));
    expect(s16).toMatchObject({ rate: 8000, channels: 2, format: 's16', samples: 2 });
    expect([...s16.data[0]!]).toEqual([1, -2, 3, -4]);
    const f32 = readWav(wav(3, 32, 2, bytes(Float32Array.of(0.5, -0.5, 1, Number.NaN))));
    expect(f32.data.map((plane) => [...plane])).toEqual([
      [0.5, 1],
      [-0.5, 0],
    ]);
    expect([...readWav(wav(1, 8, 1, Uint8Array.of(0, 128, 192))).data[0]!]).toEqual([-1, 0, 0.5]);
    expect([...readWav(wav(1, 24, 1, Uint8Array.of(0, 0, 64, 0, 0, 192))).data[0]!]).toEqual([0.5, -0.5]);
    expect([...readWav(wav(1, 32, 1, bytes(Int32Array.of(2 ** 30, -(2 ** 30))))).data[0]!]).toEqual([0.5, -0.5]);
  });

  it('says what it cannot read', () => {
    expect(() => readWav(wav(2, 4, 1, new Uint8Array(8)))).toThrow(/coding 2 of 4 bits; expected PCM/);
    expect(() => readWav(wav(1, 16, 0, new Uint8Array(8)))).toThrow(/0 channels/);
    expect(() => readWav(wav(1, 16, 1, new Uint8Array(8), 100))).toThrow(/100 Hz; allowed are 8000 to 192000/);
    expect(() => readPcm(new Uint8Array(6), 's16', 8000, 2)).toThrow(/6 bytes received; expected a multiple of 4/);
  });

  it('ends as sound or as a SluiceError, whatever comes', () => {
    const head = fc.constantFrom(
      ...[1, 3, 2, 0xfffe].flatMap((code) => [0, 8, 16, 24, 32].map((bits) => wav(code, bits, 2, new Uint8Array(9)))),
    );
    const spoiled = fc
      .tuple(head, fc.array(fc.tuple(fc.nat(62), fc.nat(255)), { maxLength: 6 }), fc.nat(63))
      .map(([file, changes, cut]) => {
        const copy = file.slice(0, cut);
        for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
        return copy;
      });
    fc.assert(
      fc.property(spoiled, (file) => {
        expect(typeof isWav(file)).toBe('boolean');
        try {
          const { samples, data, channels, format } = readWav(file);
          expect(data[0]!.length).toBe(format === 's16' ? samples * channels : samples);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
    );
  });
});
