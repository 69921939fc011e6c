// The table of built-ins that stand in the way of the picture. A new one is one file with `processor` in the contract of `define.ts` and one
// row here.
import type { AnyProcessor } from '../define.ts';

interface InlineRow {
  readonly load: () => Promise<{ readonly processor: AnyProcessor }>;
}

export const INLINE = {
  onnx: { load: () => import('../onnx/onnx.ts') },
  pass: { load: () => import('./pass.ts') },
  'grey-tint': { load: () => import('./grey-tint.ts') },
  'brightness-contrast': { load: () => import('./brightness-contrast.ts') },
  crop: { load: () => import('./crop.ts') },
  resize: { load: () => import('./resize.ts') },
  text: { load: () => import('./text.ts') },
  timecode: { load: () => import('./timecode.ts') },
  boxes: { load: () => import('./boxes.ts') },
  background: { load: () => import('./background.ts') },
  difference: { load: () => import('./difference.ts') },
  'publish-only': { load: () => import('./publish-only.ts') },
  generate: { load: () => import('./generate.ts') },
  http: { load: () => import('./http.ts') },
} as const satisfies Record<string, InlineRow>;

export type InlineName = keyof typeof INLINE;

/** Names of the built-ins, in the order of the table. */
export const INLINE_NAMES = Object.keys(INLINE) as InlineName[];

/** A built-in by its name. */
export async function inlineProcessor(use: InlineName): Promise<AnyProcessor> {
  return (await INLINE[use].load()).processor;
}
