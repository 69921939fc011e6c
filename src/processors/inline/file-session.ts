// A user's own file. It is imported anew in the thread that runs it, so a change holds from the next start of the processor on.
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SluiceError } from '../../core/errors.ts';
import { DefinitionSession } from '../definition-session.ts';
import { processorOf } from '../handlers.ts';
import { importFailure } from '../import-failure.ts';
import type { Session, SessionHost, SessionSpec } from '../session.ts';
import { hookUserImports } from '../user-imports.ts';

const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
const OWN = new URL(`../user${extension}`, import.meta.url).href;

export async function openSession(spec: SessionSpec, host: SessionHost): Promise<Session> {
  // `sluice` is this program, wherever the file lies.
  hookUserImports(OWN, 'always');
  const name = basename(spec.use);
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(pathToFileURL(spec.use).href);
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    const missing = code === 'ERR_MODULE_NOT_FOUND' && message?.startsWith(`Cannot find module '${spec.use}'`);
    throw new SluiceError('processor-failed', missing ? `there is no file ${spec.use}` : importFailure(spec.use, error), {}, error);
  }
  return new DefinitionSession(processorOf(module, name.replace(/\.\w+$/, '')), spec, host);
}
