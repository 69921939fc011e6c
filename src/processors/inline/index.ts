// The table of built-ins that stand in the way of the picture. A new one is one file with `processor` in the contract of `define.ts` and one
// row here.
import type { AnyProcessor } from '../define.ts';

interface InlineRow {
  readonly load: () => Promise<{ readonly processor: AnyProcessor }>;
}

export const INLINE = {
  pass: { load: () => import('./pass.ts') },
} as const satisfies Record<string, InlineRow>;

export type InlineName = keyof typeof INLINE;

/** Names of the built-ins, in the order of the table. */
export const INLINE_NAMES = Object.keys(INLINE) as InlineName[];

/** A built-in by its name. */
export async function inlineProcessor(use: InlineName): Promise<AnyProcessor> {
  return (await INLINE[use].load()).processor;
}
