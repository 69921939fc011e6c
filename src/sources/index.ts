// The table of sources. A new source is one file, one row here and one row of parameters in api/schema.ts.
import type { RunSource } from './source.ts';

interface SourceRow {
  /** `pool`: shares a media worker. `own`: blocks its thread, so it gets one. `push`: frames come from outside, nothing runs. */
  readonly thread: 'pool' | 'own' | 'push';
  /** Loaded in the worker only: the main thread never loads native media code. */
  readonly load?: () => Promise<{ run: RunSource<never> }>;
}

export const SOURCES = {
  pattern: { thread: 'pool', load: () => import('./pattern.ts') },
  ffmpeg: { thread: 'own', load: () => import('./ffmpeg.ts') },
  recording: { thread: 'own', load: () => import('./recording.ts') },
  push: { thread: 'push' },
} as const satisfies Record<string, SourceRow>;

/** Row of a source type; the type comes from a parsed configuration. */
export function sourceRow(type: keyof typeof SOURCES): SourceRow {
  return SOURCES[type];
}
