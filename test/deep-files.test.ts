// Files at full depth, with a foreign program at the other end: TIFFs that it writes are played back, snapshots of ours are read by it.
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FORMATS, frameBytes } from '../src/core/frame.ts';
import { openTiffClip } from '../src/sources/recording/tiff-clip.ts';
import { testServer } from './server.ts';
import { python, runPython } from './tifffile.ts';

const FOREIGN = `
import hashlib, json, sys, numpy as np, tifffile
folder, rng = sys.argv[1], np.random.default_rng(7)
def pages(dtype, *shape):
    if np.dtype(dtype).kind == 'f': return rng.random((5, *shape), dtype)
    return rng.integers(0, np.iinfo(dtype).max, (5, *shape), dtype)
cases = {
  'gray': (pages('u1', 33, 20), {}),
  'gray16': (pages('u2', 33, 20), {}),
  'float': (pages('f4', 33, 20), {}),
  'rgb': (pages('u1', 33, 20, 3), dict(photometric='rgb', planarconfig='contig')),
  'rgb48': (pages('u2', 33, 20, 3), dict(photometric='rgb', planarconfig='contig')),
  'big-endian': (pages('u2', 33, 20), dict(byteorder='>')),
  'bigtiff': (pages('u2', 33, 20), dict(bigtiff=True)),
  'deflate': (pages('u2', 33, 20), dict(compression='zlib')),
  'predictor': (pages('u2', 33, 20), dict(compression='zlib', predictor=True)),
  'strips': (pages('u2', 33, 20), dict(rowsperstrip=7)),
  'tiles': (pages('u2', 33, 20), dict(tile=(16, 16), compression='zlib')),
  'imagej': (pages('u2', 33, 20), dict(imagej=True)),
  'ome': (pages('u2', 33, 20), dict(ome=True, metadata={'axes': 'TYX', 'Plane': {'DeltaT': [0, 0.2, 0.5, 0.75, 0.8]}})),
  'white is zero': (pages('u1', 33, 20), dict(photometric='miniswhite')),
}
told = {}
for name, (data, options) in cases.items():
    tifffile.imwrite(f'{folder}/{name}.tiff', data, **options)
    shown = 255 - data if name == 'white is zero' else data
    told[name] = [hashlib.sha256(np.ascontiguousarray(page).tobytes()).hexdigest() for page in shown]
print(json.dumps(told))
`;

it.skipIf(!python)('pages that tifffile writes come as they are, in each form', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'foreign-'));
  try {
    const told = (await runPython(FOREIGN, folder)) as Record<string, string[]>;
    for (const [name, hashes] of Object.entries(told)) {
      await using clip = await openTiffClip(await open(join(folder, `${name}.tiff`)), 10);
      const [found, times]: [string[], number[]] = [[], []];
      for await (const frame of clip.frames()) {
        const pixels = new Uint8Array(frameBytes(frame.format, frame.width, frame.height));
        await frame.read(pixels);
        found.push(createHash('sha256').update(pixels).digest('hex'));
        times.push(frame.time);
      }
      expect(found, name).toEqual(hashes);
      expect(times, name).toEqual(name === 'ome' ? [0, 200_000, 500_000, 750_000, 800_000] : [0, 100_000, 200_000, 300_000, 400_000]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

const SNAPSHOTS = `
import hashlib, json, sys, numpy as np, tifffile
told = {}
for name in sys.argv[2:]:
    with tifffile.TiffFile(f'{sys.argv[1]}/{name}.tiff') as tif:
        page = tif.pages[0]
        tiff = page.asarray()
        x = page.tags['XResolution'].value
        told[name] = dict(id=json.loads(page.description)['id'], unit=int(page.tags['ResolutionUnit'].value), um=10000 * x[1] / x[0])
    npy = np.load(f'{sys.argv[1]}/{name}.npy')
    told[name] |= dict(same=bool((npy == tiff).all()), dtype=str(npy.dtype), shape=npy.shape, hash=hashlib.sha256(npy.tobytes()).hexdigest())
print(json.dumps(told))
`;

it.skipIf(!python)(
  'snapshots keep every bit of every format, with their identity and the size of a pixel',
  { timeout: 60_000 },
  async () => {
    await using server = await testServer({ streams: { scope: { source: { type: 'push' }, pixelSize: 0.65, dvr: { mode: 'off' } } } });
    const folder = await mkdtemp(join(tmpdir(), 'snapshots-'));
    const [width, height] = [40, 24];
    const expected: Record<string, object> = {};
    try {
      for (const [format, dtype, bits] of [
        ['gray', 'uint8', 8],
        ['gray16le', 'uint16', 12],
        ['gray16le', 'uint16', 16],
        ['grayf32le', 'float32', 32],
        ['rgb24', 'uint8', 8],
        ['rgb48le', 'uint16', 16],
        ['bayer_rggb16le', 'uint16', 14],
      ] as const) {
        const { channels, bytesPerPixel } = FORMATS[format];
        const samples = width * height * channels;
        const values = Array.from({ length: samples }, (_, i) => (format === 'grayf32le' ? i / 7 - 20 : (i * 40_503) % 2 ** bits));
        const array =
          bytesPerPixel / channels === 1
            ? Uint8Array.from(values)
            : format === 'grayf32le'
              ? Float32Array.from(values)
              : Uint16Array.from(values);
        const body = new Uint8Array(array.buffer);
        const query = `format=${format}&width=${width}&height=${height}`;
        const headers = { 'content-type': 'application/octet-stream' };
        const { id } = await server.json<{ id: number }>(`/api/streams/scope/frames?${query}`, { method: 'POST', headers, body });
        const name = `${format}-${bits}`;
        for (const type of ['tiff', 'npy']) {
          const answer = await server.fetch(`/live/scope/snapshot.${type}`);
          expect(answer.headers.get('content-disposition')).toMatch(
            new RegExp(`filename="scope_\\d{8}T\\d{6}\\.\\d{3}Z_f${id}\\.${type}"$`),
          );
          expect(answer.headers.get('x-sluice-frame')).toBe(String(id));
          await writeFile(join(folder, `${name}.${type}`), new Uint8Array(await answer.arrayBuffer()));
        }
        const hash = createHash('sha256').update(body).digest('hex');
        expected[name] = {
          id,
          unit: 3,
          um: expect.closeTo(0.65, 6),
          same: true,
          dtype,
          shape: channels === 1 ? [height, width] : [height, width, 3],
          hash,
        };
      }
      expect(await runPython(SNAPSHOTS, folder, ...Object.keys(expected))).toEqual(expected);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
