// A processor from a file, as docs/processors.md describes it, or an object or class with marked handlers. It is read into this very program.
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SluiceError } from '../core/errors.ts';
import { processorOf } from '../processors/handlers.ts';
import { importFailure } from '../processors/import-failure.ts';
import { hookUserImports } from '../processors/user-imports.ts';
import { findHandlers } from './handlers.ts';
import { type OwnParts, partsOfDefinition, partsOfHandlers } from './own-processor.ts';

const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
const LIBRARY = new URL(`../index${extension}`, import.meta.url).href;

/** Throws `processor-failed` where there is no such file, it cannot be read, or it exports no processor. */
export async function readProcessorFile(file: string, cwd = process.cwd()): Promise<OwnParts> {
  hookUserImports(LIBRARY, 'missing');
  const path = resolve(cwd, file);
  const name = basename(path).replace(/\.\w+$/, '');
  if (!existsSync(path)) throw new SluiceError('processor-failed', `there is no file ${path}`);
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    throw new SluiceError('processor-failed', importFailure(path, error), {}, error);
  }
  const { default: main } = module;
  const marked = typeof main === 'object' && main !== null ? tryHandlers(main) : null;
  return marked ? partsOfHandlers(marked, name) : partsOfDefinition(processorOf(module, name), name);
}

/** Marked handlers need not have the names that a definition has. */
function tryHandlers(found: object): ReturnType<typeof findHandlers> | null {
  const names = ['video', 'audio', 'generate'];
  if (names.some((name) => typeof (found as Record<string, unknown>)[name] === 'function')) return null;
  try {
    return findHandlers(found);
  } catch {
    return null;
  }
}
