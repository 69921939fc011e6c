// The params of a stream that act on its input and output and not on the user's function, as `readParams` has checked them.
import type { Params } from './processor.ts';

export interface InputParams {
  /** Pixels; `null` = as the input has them. */
  readonly size: { readonly width: number; readonly height: number } | null;
  /** Frames per second; `null` = all. */
  readonly maxFramerate: number | null;
  /** The output is as large as the first processed picture; otherwise as large as the input. */
  readonly detectOutResolution: boolean;
}

export function inputParamsOf({ width, height, max_framerate, detect_out_resolution }: Params): InputParams {
  return {
    size: typeof width === 'number' && typeof height === 'number' ? { width, height } : null,
    maxFramerate: typeof max_framerate === 'number' ? max_framerate : null,
    detectOutResolution: detect_out_resolution !== false,
  };
}

/** The loading overlay by hand: true or "true" is on, anything else off; `null` = not said. */
export function showLoadingOf({ show_loading: value }: Params): boolean | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value.toLowerCase() === 'true' : Boolean(value);
}
