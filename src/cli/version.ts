// The version of this package, wherever it lies: as source, compiled, installed.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder with our package.json. */
export function packageRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = readManifest(folder);
    if (manifest?.name === 'sluice') return folder;
    if (dirname(folder) === folder) return process.cwd();
  }
}

/** Such as `0.1.0`. */
export function packageVersion(): string {
  return readManifest(packageRoot())?.version ?? 'unknown';
}

function readManifest(folder: string): { name?: string; version?: string } | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string; version?: string };
  } catch {
    return null;
  }
}
