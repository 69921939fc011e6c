// The table of processors. A new built-in is one file, one row here and one row of parameters in api/schema.ts.
import type { OpenProcessor, ProcessorSession } from './processor.ts';

interface ProcessorRow {
  /** Loaded in the worker only. */
  readonly load: () => Promise<{ open: OpenProcessor<never> }>;
}

export const PROCESSORS = {
  'color-patch': { load: () => import('./color-patch.ts') },
  motion: { load: () => import('./motion.ts') },
  brightness: { load: () => import('./brightness.ts') },
  focus: { load: () => import('./focus.ts') },
  histogram: { load: () => import('./histogram.ts') },
} as const satisfies Record<string, ProcessorRow>;

/** Opens a built-in with the params that its schema gave. */
export async function openProcessor(use: keyof typeof PROCESSORS, params: unknown): Promise<ProcessorSession> {
  const { open } = await PROCESSORS[use].load();
  return (open as OpenProcessor<unknown>)(params);
}
