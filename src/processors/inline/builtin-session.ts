// Built-ins run as users' processors do.
import { SluiceError } from '../../core/errors.ts';
import { DefinitionSession } from '../definition-session.ts';
import type { Session, SessionHost, SessionSpec } from '../session.ts';
import { INLINE, type InlineName, inlineProcessor } from './index.ts';

export async function openSession(spec: SessionSpec, host: SessionHost): Promise<Session> {
  if (!Object.hasOwn(INLINE, spec.use)) throw new SluiceError('processor-failed', `${spec.use}: there is no such processor`);
  return new DefinitionSession(await inlineProcessor(spec.use as InlineName), spec, host);
}
