import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { missingTool, pythonWith } from '../../test/python.ts';
import { concatBytes } from './bytes.ts';
import { type ZipWritten, zipDescriptor, zipDirectory, zipHead } from './zip.ts';

const python = pythonWith();
if (!python) missingTool('Python 3.9');

/** An archive with every second file deflated. */
function archive(files: readonly { name: string; content: Uint8Array; modified: number }[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const written: ZipWritten[] = [];
  let at = 0;
  for (const [i, { name, content, modified }] of files.entries()) {
    const method = i % 2 ? 'deflated' : 'stored';
    const packed = i % 2 ? new Uint8Array(deflateRawSync(content)) : content;
    const entry = { name, modified, method, crc: crc32(content), size: content.length, packed: packed.length } as const;
    written.push({ ...entry, offset: at });
    const pieces = i % 2 ? [zipHead(entry), packed, zipDescriptor(entry)] : [zipHead(entry, entry), packed];
    parts.push(...pieces);
    at += pieces.reduce((sum, piece) => sum + piece.length, 0);
  }
  return concatBytes([...parts, zipDirectory(written, at)]);
}

const SCRIPT = `
import base64, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    print(json.dumps([[i.filename, base64.b64encode(z.read(i)).decode(), list(i.date_time)] for i in z.infolist()]))
`;

it.skipIf(!python)('is read by Python, whatever lies in it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-zip-'));
  try {
    const path = join(folder, 'x.zip');
    const file = fc.record({
      name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((name) => name.replace(/[\0/\\]/g, '_')),
      content: fc.uint8Array({ maxLength: 300 }),
      modified: fc.integer({ min: 1_000_000_000_000, max: 3_000_000_000_000 }),
    });
    fc.assert(
      fc.property(fc.array(file, { maxLength: 5 }), (files) => {
        writeFileSync(path, archive(files));
        const done = spawnSync(python!, ['-c', SCRIPT, path], { encoding: 'utf8', maxBuffer: 1e8 });
        expect(done.stderr).toBe('');
        const found = JSON.parse(done.stdout) as [string, string, number[]][];
        expect(found.map(([name, content]) => [name, content])).toEqual(
          files.map(({ name, content }) => [name, Buffer.from(content).toString('base64')]),
        );
        for (const [i, [, , date]] of found.entries()) {
          const [year, month, day, hour, minute, second] = date;
          const read = Date.UTC(year!, month! - 1, day!, hour!, minute!, second!);
          expect(files[i]!.modified - read).toBeGreaterThanOrEqual(0);
          expect(files[i]!.modified - read).toBeLessThan(2000);
        }
      }),
      { numRuns: 12 },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
