// Debian's python3-tifffile, which scientists read TIFF with, as a judge of our files.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';
import { pythonWith } from './python.ts';

/** A Python with it and numpy; `null` = there is none. */
export const python = pythonWith('tifffile');

const LOOK = `
import hashlib, json, sys, tifffile
with tifffile.TiffFile(sys.argv[1]) as tif:
    series = tif.series[0]
    frames = []
    for page in (each.aspage() for each in tif.pages):
        own = json.loads(page.tags[65001].value)
        frames.append([own['id'], own['timestamp'], hashlib.sha256(page.asarray().tobytes()).hexdigest()])
    ome = tif.ome_metadata
    print(json.dumps({ 'ome': tif.is_ome, 'big': tif.is_bigtiff, 'axes': series.axes, 'shape': series.shape, 'dtype': str(series.dtype),
      'frames': frames, 'xml': ome[:2000] if ome else None, 'planes': ome.count('<Plane ') if ome else 0 }))
`;

export interface Seen {
  readonly ome: boolean;
  readonly big: boolean;
  readonly axes: string;
  readonly shape: number[];
  readonly dtype: string;
  readonly frames: [id: number, timestamp: number, hash: string][];
  readonly xml: string | null;
  readonly planes: number;
}

/** What tifffile finds in a file. */
export async function look(path: string): Promise<Seen> {
  return (await runPython(LOOK, path)) as Seen;
}

/** What a program prints as JSON. */
export async function runPython(program: string, ...args: string[]): Promise<unknown> {
  const child = spawn(python!, ['-c', program, ...args]);
  let [output, errors] = ['', ''];
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (errors += data));
  const [code] = await once(child, 'close');
  expect(code, errors).toBe(0);
  return JSON.parse(output);
}
