// A user's own file. It is imported anew in the thread that runs it, so a change holds from the next start of the processor on.
import { registerHooks } from 'node:module';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SluiceError } from '../../core/errors.ts';
import { DefinitionSession } from '../definition-session.ts';
import { processorOf } from '../handlers.ts';
import type { Session, SessionHost, SessionSpec } from '../session.ts';

const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
const OWN = new URL(`../user${extension}`, import.meta.url).href;
let hooked = false;

/** `sluice` is this program, wherever the file lies; `zod` is ours where the file has none. */
function hookImports(): void {
  if (hooked) return;
  hooked = true;
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === 'sluice') return { url: OWN, shortCircuit: true };
      if (specifier !== 'zod') return next(specifier, context);
      try {
        return next(specifier, context);
      } catch {
        return { url: import.meta.resolve('zod'), shortCircuit: true };
      }
    },
  });
}

export async function openSession(spec: SessionSpec, host: SessionHost): Promise<Session> {
  hookImports();
  const name = basename(spec.use);
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(pathToFileURL(spec.use).href);
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    const missing = code === 'ERR_MODULE_NOT_FOUND' && message?.startsWith(`Cannot find module '${spec.use}'`);
    throw new SluiceError(
      'processor-failed',
      missing ? `there is no file ${spec.use}` : `${name} cannot be read: ${String(message ?? error).split('\n')[0]}`,
      {},
      error,
    );
  }
  return new DefinitionSession(processorOf(module, name.replace(/\.\w+$/, '')), spec, host);
}
