// The table of kinds of processors that stand in the way of the picture. A new kind is one file with `openSession` and one row here.
import { SluiceError } from '../core/errors.ts';
import type { OpenSession, Session, SessionHost, SessionSpec } from './session.ts';

interface SessionRow {
  /** Loaded in the thread that runs it only. */
  readonly load: () => Promise<{ openSession: OpenSession }>;
}

/** `builtin`: a row of `INLINE`. `file`: a user's module. `external`: a process of any language. */
export const SESSIONS: Readonly<Record<string, SessionRow>> = {
  builtin: { load: () => import('./inline/builtin-session.ts') },
  file: { load: () => import('./inline/file-session.ts') },
  external: { load: () => import('./external/session.ts') },
};

export async function openSession(spec: SessionSpec, host: SessionHost): Promise<Session> {
  const row = SESSIONS[spec.kind];
  if (!row) throw new SluiceError('processor-failed', `${spec.kind}: no such kind of processor`);
  return (await row.load()).openSession(spec, host);
}
