import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { FORMAT_NAMES, FORMATS, frameBytes, type Picture } from '../core/frame.ts';
import { dtypeAndShape, isNpy, npyToPicture, readNpy, writeNpy } from './npy.ts';

function npy(header: string, data: Uint8Array, version = 1): Uint8Array {
  const text = Buffer.from(header, 'latin1');
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, text.length & 255, text.length >> 8]);
  return Uint8Array.from(Buffer.concat([head, ...(version === 1 ? [] : [Buffer.alloc(2)]), text, data]));
}

const dict = (descr: string, shape: string, fortran = false) =>
  `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }\n`;

const bytesOf = (view: Uint16Array | Float32Array | Float64Array) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** The pixel values of a picture, whatever their size. */
function values(picture: Picture): number[] {
  const copy = new Uint8Array(picture.data);
  const { depth } = FORMATS[picture.format];
  return [...(depth === 8 ? copy : depth === 16 ? new Uint16Array(copy.buffer) : new Float32Array(copy.buffer))];
}

describe('npyToPicture', () => {
  it.each([1, 2, 3])('reads version %i', (version) => {
    const picture = npyToPicture(npy(dict('|u1', '(2, 3)'), Uint8Array.of(1, 2, 3, 4, 5, 6), version));
    expect(picture).toEqual({ format: 'gray', width: 3, height: 2, data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  });

  it('gives a view where nothing has to be changed', () => {
    const file = npy(dict('<u2', '(2, 2)'), new Uint8Array(8));
    expect(npyToPicture(file).data.buffer).toBe(file.buffer);
  });

  it('takes each element type in either byte order', () => {
    const shorts = bytesOf(Uint16Array.of(1, 256, 65_535, 7));
    expect(values(npyToPicture(npy(dict('<u2', '(2, 2)'), shorts)))).toEqual([1, 256, 65_535, 7]);
    expect(values(npyToPicture(npy(dict('>u2', '(2, 2)'), Buffer.from(shorts).swap16())))).toEqual([1, 256, 65_535, 7]);
    const floats = Float32Array.of(0, -1.5, Number.NaN, Number.POSITIVE_INFINITY);
    expect(values(npyToPicture(npy(dict('<f4', '(2, 2, 1)'), bytesOf(floats))))).toEqual([...floats]);
    expect(values(npyToPicture(npy(dict('>f4', '(2, 2)'), Buffer.from(bytesOf(floats.slice())).swap32())))).toEqual([...floats]);
    const doubles = Float64Array.from(floats);
    expect(values(npyToPicture(npy(dict('<f8', '(2, 2)'), bytesOf(doubles))))).toEqual([...floats]);
    expect(values(npyToPicture(npy(dict('>f8', '(2, 2)'), Buffer.from(bytesOf(doubles.slice())).swap64())))).toEqual([...floats]);
    expect(npyToPicture(npy(dict('|b1', '(1, 3)'), Uint8Array.of(0, 1, 1))).data).toEqual(Uint8Array.of(0, 255, 255));
  });

  it('reads the two orders of the same array as the same picture', () => {
    const channels = fc.constantFrom(0, 1, 3, 4);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 7 }),
        channels,
        fc.constantFrom('u1', 'u2', 'f4'),
        (h, w, c, code) => {
          const depth = Math.max(1, c);
          const order = Array.from({ length: h * w * depth }, (_, i) => i);
          const write = (list: number[]) => {
            if (code === 'u1') return Uint8Array.from(list);
            return bytesOf(code === 'u2' ? Uint16Array.from(list) : Float32Array.from(list, (v) => v / 200));
          };
          const fortran: number[] = [];
          for (let z = 0; z < depth; z++) for (let x = 0; x < w; x++) for (let y = 0; y < h; y++) fortran.push((y * w + x) * depth + z);
          const shape = c === 0 ? `(${h}, ${w})` : `(${h}, ${w}, ${c})`;
          const a = npyToPicture(npy(dict(`<${code}`, shape), write(order)));
          const b = npyToPicture(npy(dict(`<${code}`, shape, true), write(fortran)));
          expect(b).toEqual(a);
          expect(a.data.length).toBe(frameBytes(a.format, w, h));
        },
      ),
    );
  });

  it('makes colour floats 8-bit, from 0 to 1 or from 0 to 255', () => {
    const one = npyToPicture(npy(dict('<f4', '(1, 2, 3)'), bytesOf(Float32Array.of(0, 0.5, 1, -1, 1.5, Number.NaN))));
    expect(one).toMatchObject({ format: 'rgb24', data: Uint8Array.of(0, 128, 255, 0, 255, 0) });
    const many = npyToPicture(npy(dict('<f4', '(1, 1, 4)'), bytesOf(Float32Array.of(0, 100, 300, 255))));
    expect(many).toMatchObject({ format: 'rgba', data: Uint8Array.of(0, 100, 255, 255) });
  });

  it('drops the alpha of 16 bits', () => {
    const picture = npyToPicture(npy(dict('<u2', '(1, 2, 4)'), bytesOf(Uint16Array.of(1, 2, 3, 4, 5, 6, 7, 8))));
    expect(picture.format).toBe('rgb48le');
    expect(values(picture)).toEqual([1, 2, 3, 5, 6, 7]);
  });

  it.each([
    ['shape', dict('|u1', '(3, 4, 5)'), 60, 'shape (3, 4, 5) received; expected (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)'],
    ['channels first', dict('|u1', '(3, 4, 5)'), 60, 'channels come last'],
    ['one axis', dict('|u1', '(4,)'), 4, 'shape (4,) received'],
    ['no axis', dict('|u1', '()'), 1, 'shape () received'],
    ['empty', dict('|u1', '(0, 4)'), 0, 'shape (0, 4) received'],
    ['too large', dict('|u1', '(1, 16385)'), 16_385, 'from 1 to 16384'],
    ['dtype', dict('<i8', '(1, 1)'), 8, 'dtype "<i8" (int64) received; expected bool, uint8, uint16, float32, float64'],
    ['object', dict('|O', '(1, 1)'), 8, 'dtype "|O" received'],
    ['fields', `{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1), }`, 4, 'dtype with fields received'],
    ['length', dict('<u2', '(2, 2)'), 7, 'expected 8 bytes of elements ((2, 2) uint16), received 7'],
    ['huge length', dict('<u2', '(999999999999999, 999999999999999)'), 7, 'received 7'],
    ['code', `{'descr': __import__('os'), 'fortran_order': False, 'shape': (1, 1)}`, 1, 'expected a quoted string'],
    ['key', `{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1), 'x': 1}`, 1, 'expected the keys descr, fortran_order and shape'],
    ['key missing', `{'descr': '|u1', 'shape': (1, 1)}`, 1, 'expected the keys'],
    ['rest', `{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1)} 1`, 1, 'nothing behind the dictionary'],
    ['negative', `{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 1)}`, 1, 'a tuple of integers'],
  ])('refuses: %s', (_name, header, length, text) => {
    expect(() => npyToPicture(npy(header, new Uint8Array(length)))).toThrow(text);
  });

  it('refuses other versions and cut headers', () => {
    expect(() => readNpy(npy(dict('|u1', '(1, 1)'), new Uint8Array(1), 4))).toThrow('version 4.0 received; expected 1, 2 or 3');
    expect(() => readNpy(npy(dict('|u1', '(1, 1)'), new Uint8Array(1)).subarray(0, 30))).toThrow('only 20 bytes received');
    expect(() => readNpy(new Uint8Array(20))).toThrow('not an .npy file');
  });

  it('throws nothing but bad-frame on any header', () => {
    const token = fc.constantFrom(
      "'descr'",
      "'fortran_order'",
      "'shape'",
      ': ',
      ', ',
      '{',
      '}',
      '(',
      ')',
      'True',
      'False',
      "'<u2'",
      '2',
      '[',
      "'",
    );
    const header = fc.oneof(
      fc.array(token, { maxLength: 20 }).map((parts) => parts.join('')),
      fc.tuple(fc.nat(60), fc.string({ maxLength: 2 })).map(([at, text]) => {
        const good = dict('<u2', '(2, 2)');
        return good.slice(0, at) + text + good.slice(at + text.length);
      }),
    );
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 9 }), (text, data) => {
        try {
          const picture = npyToPicture(npy(text, data));
          expect(picture.data.length).toBe(frameBytes(picture.format, picture.width, picture.height));
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
          expect((error as SluiceError).code).toBe('bad-frame');
        }
      }),
      { numRuns: 500 },
    );
  });
});

const packed = FORMAT_NAMES.filter((format) => FORMATS[format].bytesPerPixel > 0);

function sample(format: (typeof packed)[number], width: number, height: number): Picture {
  const data = new Uint8Array(frameBytes(format, width, height)).map((_, i) => (i * 37) & 63);
  return { format, width, height, data };
}

describe('writeNpy', () => {
  it.each(packed)('keeps every value of %s', (format) => {
    const picture = sample(format, 5, 3);
    const file = writeNpy(picture);
    expect(isNpy(file)).toBe(true);
    const read = readNpy(file);
    const { dtype, shape } = dtypeAndShape(format, 5, 3);
    expect({ dtype: read.dtype, shape: read.shape }).toEqual({ dtype, shape });
    expect((file.length - read.data.length) % 64).toBe(0);
    const expected = format === 'bgr24' ? picture.data.map((_, i, all) => all[i - (i % 3) + 2 - (i % 3)]!) : picture.data;
    expect(read.data).toEqual(expected);
  });

  it('refuses planar pictures and names their array for the time after conversion', () => {
    expect(() => writeNpy({ format: 'nv12', width: 2, height: 2, data: new Uint8Array(6) })).toThrow('format: nv12');
    expect(dtypeAndShape('yuv420p', 4, 2)).toEqual({ dtype: 'uint8', shape: [2, 4, 3] });
  });
});

const python = process.env.PYTHON ?? 'python3';
const numpy = spawnSync(python, ['-c', 'import numpy; print(numpy.__version__)'], { encoding: 'utf8' });
const hasNumpy = numpy.status === 0;
if (!hasNumpy) console.warn(`SKIPPED: npy against NumPy itself (${python} cannot import numpy; set PYTHON to one that can)`);

describe.skipIf(!hasNumpy)('against NumPy', () => {
  function run(script: string, input: Uint8Array = new Uint8Array(0)): Buffer {
    const { status, stdout, stderr } = spawnSync(python, ['-c', `import io, sys, json, numpy as np\n${script}`], {
      input,
      maxBuffer: 1 << 24,
    });
    expect(status, stderr.toString()).toBe(0);
    return stdout;
  }

  const prefixed = (bytes: Uint8Array) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return Buffer.concat([length, bytes]);
  };

  it('reads what np.save wrote: each element type, shape and order', () => {
    const dtypes = ['bool', 'uint8', '<u2', '>u2', '<f4', '>f4', '<f8', '>f8'];
    const out = run(`
for dtype in ${JSON.stringify(dtypes)}:
    for shape in [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)]:
        a = (np.arange(np.prod(shape)) % 2).reshape(shape).astype(dtype)
        for b in (np.ascontiguousarray(a), np.asfortranarray(a)):
            f = io.BytesIO(); np.save(f, b); d = f.getvalue()
            sys.stdout.buffer.write(len(d).to_bytes(4, 'little') + d)`);
    const pictures: Picture[] = [];
    for (let at = 0; at < out.length; ) {
      const length = out.readUInt32LE(at);
      pictures.push(npyToPicture(out.subarray(at + 4, at + 4 + length)));
      at += 4 + length;
    }
    expect(pictures.length).toBe(dtypes.length * 8);
    for (const [i, picture] of pictures.entries()) {
      const dtype = dtypes[i >> 3]!;
      const channels = [1, 1, 3, 4][(i >> 1) & 3]!;
      const one = dtype === 'bool' || (dtype.includes('f') && channels > 1) ? 255 : 1;
      let expected = Array.from({ length: 35 * channels }, (_, n) => (n % 2) * one);
      if (channels === 4 && dtype.includes('u2')) expected = expected.filter((_, n) => n % 4 !== 3);
      expect(values(picture), `${dtype}, ${channels} channels`).toEqual(expected);
    }
  });

  it('np.load reads what was written in each format', () => {
    const pictures = packed.map((format) => sample(format, 6, 4));
    const out = run(
      `
source, found = sys.stdin.buffer, []
while (head := source.read(4)):
    a = np.load(io.BytesIO(source.read(int.from_bytes(head, 'little'))), allow_pickle=False)
    found.append([str(a.dtype), list(a.shape), a.ravel().tolist()])
print(json.dumps(found))`,
      Buffer.concat(pictures.map((picture) => prefixed(writeNpy(picture)))),
    );
    const expected = pictures.map((picture) => {
      const { dtype, shape } = dtypeAndShape(picture.format, 6, 4);
      const list = values(picture);
      return [dtype, shape, picture.format === 'bgr24' ? list.map((_, i) => list[i - (i % 3) + 2 - (i % 3)]!) : list];
    });
    expect(JSON.parse(out.toString())).toEqual(expected);
  });
});
