// The table of sources. A new source is one file, one row here and one row of parameters in api/schema.ts.
import type { RunSource } from './source.ts';

interface SourceRow {
  /** `pool`: shares a media worker. `own`: blocks its thread, so it gets one. `push`: frames come from outside, nothing runs. */
  readonly thread: 'pool' | 'own' | 'push';
  /** Params that can change while it runs; with others it begins anew. */
  readonly live?: readonly string[];
  /** Loaded in the worker only: the main thread never loads native media code. */
  readonly load?: () => Promise<{ run: RunSource<never> }>;
}

export const SOURCES = {
  pattern: { thread: 'pool', load: () => import('./pattern.ts') },
  ffmpeg: { thread: 'own', load: () => import('./ffmpeg.ts') },
  recording: { thread: 'own', load: () => import('./recording.ts') },
  trickle: { thread: 'own', live: ['width', 'height', 'fps'], load: () => import('./trickle.ts') },
  push: { thread: 'push' },
} as const satisfies Record<string, SourceRow>;

/** Row of a source type; the type comes from a parsed configuration. */
export function sourceRow(type: keyof typeof SOURCES): SourceRow {
  return SOURCES[type];
}

/** Params of a source type that can change while it runs; of types without a row none. */
export function liveParamsOf(type: string): readonly string[] {
  return Object.hasOwn(SOURCES, type) ? (sourceRow(type as keyof typeof SOURCES).live ?? []) : [];
}
